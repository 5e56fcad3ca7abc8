//! What TLS is told: files, texts and switches, by node-ipc's names. Nothing here reads a file.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};
use core::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, de};

use super::{Config, Dialect, Profile};
use crate::{
    connection::Side,
    endpoint::Endpoint,
    error::{Code, ConfigError},
};

/// How to speak TLS: node-ipc's `tls` object.
///
/// Certificates and keys are PEM, in files or as text; a file wins over a text. There is no certificate by
/// default, and none is built in. Certificates of the other side are verified, always.
///
/// ```
/// use ipc_proto::{Config, TlsOptions};
///
/// let server = TlsOptions::default().private("server.key".to_owned()).public("server.pem".to_owned());
/// let client = TlsOptions::default().trust("ca.pem").server_name("world.example".to_owned());
/// let config = Config::default().tls(client);
/// # let _ = (server, config);
/// ```
///
/// It deserialises from node-ipc's names: `private`, `public`, `trustedConnections`, `key`, `cert`, `ca`,
/// `requestCert`, `rejectUnauthorized`, `servername`, `minVersion`, `maxVersion`, `handshakeTimeout`
/// (milliseconds) and `dhparam`. A name that is none of these is an error: Node hands it to OpenSSL, and leaving
/// out what it asks for could make a connection weaker than its owner thinks.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
#[non_exhaustive]
pub struct TlsOptions {
    /// The file of the private key, in any of PEM's unencrypted forms.
    pub private: Option<String>,
    /// The file of the certificate, followed by those between it and the authority's.
    pub public: Option<String>,
    /// Files of the authorities that the other side's certificate may come from. Without these and without
    /// [`ca`](Self::ca) a client trusts what the system trusts, and a server can ask for no certificates.
    #[serde(deserialize_with = "one_or_many")]
    pub trusted_connections: Vec<String>,
    /// The private key as text.
    pub key: Option<String>,
    /// The certificate as text.
    pub cert: Option<String>,
    /// Authorities as text, beside those of [`trusted_connections`](Self::trusted_connections).
    #[serde(deserialize_with = "one_or_many")]
    pub ca: Vec<String>,
    /// Whether a server asks for certificates. `None` (the default): in Modern, if it has authorities to check
    /// them with; in Classic, no.
    pub request_cert: Option<bool>,
    /// Whether who has no certificate is refused; the default is yes. A server that is told `false` takes clients
    /// without one, while one that is shown must still be good. A client cannot be told `false` here.
    pub reject_unauthorized: Option<bool>,
    /// The name that a client asks for and that the server's certificate must be for. `None` (the default): the
    /// host that was connected to. Node: `servername`.
    #[serde(rename = "servername")]
    pub server_name: Option<String>,
    /// The oldest version to speak. Default TLS 1.2.
    pub min_version: TlsVersion,
    /// The newest version to speak. Default TLS 1.3.
    #[serde(deserialize_with = "max_version")]
    pub max_version: TlsVersion,
    /// How long a handshake may take, on either side. Default 10 s.
    #[serde(deserialize_with = "millis")]
    pub handshake_timeout: Duration,
    /// Taken so that a config can be shared with Node, and not used: keys are exchanged over elliptic curves only.
    pub dhparam: Option<String>,
}

/// A version of TLS. Older ones are not spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2, Node's `TLSv1.2`; as a minimum also what is older there.
    #[serde(rename = "TLSv1.2", alias = "TLSv1", alias = "TLSv1.1")]
    V1_2,
    /// TLS 1.3, Node's `TLSv1.3`.
    #[serde(rename = "TLSv1.3")]
    V1_3,
}

impl Default for TlsOptions {
    fn default() -> Self {
        Self {
            private: None,
            public: None,
            trusted_connections: Vec::new(),
            key: None,
            cert: None,
            ca: Vec::new(),
            request_cert: None,
            reject_unauthorized: None,
            server_name: None,
            min_version: TlsVersion::V1_2,
            max_version: TlsVersion::V1_3,
            handshake_timeout: Duration::from_secs(10),
            dhparam: None,
        }
    }
}

impl TlsOptions {
    setters! {
        private: Option<String>,
        public: Option<String>,
        key: Option<String>,
        cert: Option<String>,
        request_cert: Option<bool>,
        reject_unauthorized: Option<bool>,
        server_name: Option<String>,
        min_version: TlsVersion,
        max_version: TlsVersion,
        handshake_timeout: Duration,
    }

    /// Adds a file to [`trusted_connections`](Self#structfield.trusted_connections).
    #[must_use]
    pub fn trust(mut self, file: impl Into<String>) -> Self {
        self.trusted_connections.push(file.into());
        self
    }

    /// Adds a text to [`ca`](Self#structfield.ca).
    #[must_use]
    pub fn ca(mut self, pem: impl Into<String>) -> Self {
        self.ca.push(pem.into());
        self
    }

    /// Whether authorities are named.
    #[must_use]
    pub fn has_authorities(&self) -> bool {
        !self.ca.is_empty() || !self.trusted_connections.is_empty()
    }

    /// Whether a server asks for certificates.
    #[must_use]
    pub fn asks_for_certificates(&self, dialect: Dialect) -> bool {
        self.request_cert.unwrap_or_else(|| dialect == Dialect::Modern && self.has_authorities())
    }

    /// Whether a server refuses clients that have none.
    #[must_use]
    pub fn requires_certificates(&self, dialect: Dialect) -> bool {
        self.asks_for_certificates(dialect) && self.reject_unauthorized != Some(false)
    }

    /// Checks every option against every other, for one side. What is in the files is not looked at.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with the code [`Code::TlsConfiguration`] names the option and the way out.
    pub fn validate(&self, side: Side, dialect: Dialect) -> Result<(), ConfigError> {
        if self.min_version > self.max_version {
            return Err(bad("tls.minVersion", "TLSv1.3", "it is above tls.maxVersion"));
        }
        match side {
            Side::Client => self.validate_client(),
            Side::Server => self.validate_server(dialect),
        }
    }

    fn validate_client(&self) -> Result<(), ConfigError> {
        if self.reject_unauthorized == Some(false) {
            let hint = "a client always verifies the server: name its authority in tls.trustedConnections or tls.ca, \
                        or hand the adapter a TLS configuration of your own";
            return Err(bad("tls.rejectUnauthorized", "false", hint));
        }
        match (self.has_key(), self.has_certificate()) {
            (true, false) => Err(missing("tls.public", "name the file of the certificate that goes with the key")),
            (false, true) => Err(missing("tls.private", "name the file of the key that goes with the certificate")),
            (true, true) | (false, false) => Ok(()),
        }
    }

    fn validate_server(&self, dialect: Dialect) -> Result<(), ConfigError> {
        if !self.has_key() {
            return Err(missing("tls.private", "a server needs a key: name its PEM file here, or give it in tls.key"));
        }
        if !self.has_certificate() {
            let hint = "a server needs a certificate: name its PEM file here, or give it in tls.cert";
            return Err(missing("tls.public", hint));
        }
        if self.asks_for_certificates(dialect) && !self.has_authorities() {
            let hint = "certificates are asked for, and nothing says whose are good: name the authority's PEM file";
            return Err(missing("tls.trustedConnections", hint));
        }
        Ok(())
    }

    const fn has_key(&self) -> bool {
        self.private.is_some() || self.key.is_some()
    }

    const fn has_certificate(&self) -> bool {
        self.public.is_some() || self.cert.is_some()
    }

    /// Whether both sides prove who they are, by authorities that are named: what Assured asks of TLS.
    fn is_mutual(&self, side: Side, dialect: Dialect) -> bool {
        let proves = self.has_key() && self.has_certificate() && self.has_authorities();
        let refuses = match side {
            Side::Client => self.reject_unauthorized != Some(false),
            Side::Server => self.requires_certificates(dialect),
        };
        proves && refuses
    }
}

impl fmt::Debug for TlsOptions {
    /// A key given as text does not appear.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsOptions")
            .field("private", &self.private)
            .field("public", &self.public)
            .field("trusted_connections", &self.trusted_connections)
            .field("key", &self.key.as_ref().map(|_| "(hidden)"))
            .field("request_cert", &self.request_cert)
            .field("reject_unauthorized", &self.reject_unauthorized)
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// Checks that the profile allows an endpoint: Assured leaves the machine over mutual TLS only, as in node-ipc
    /// 14.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with the code [`Code::AssuredTransport`] for TCP and UDP, and with [`Code::AssuredTls`] for
    /// TLS where one side would not have to prove who it is.
    pub fn check_transport(&self, endpoint: &Endpoint, side: Side) -> Result<(), ConfigError> {
        if self.profile != Profile::Assured {
            return Ok(());
        }
        let refused = |hint: &str, code| Err(ConfigError::new("profile", "assured", hint).with_code(code));
        match endpoint {
            Endpoint::Id(_) | Endpoint::Path(_) | Endpoint::Abstract(_) | Endpoint::Pipe(_) => Ok(()),
            Endpoint::Tls { .. } if self.tls.as_ref().is_some_and(|tls| tls.is_mutual(side, self.dialect)) => Ok(()),
            Endpoint::Tls { .. } => refused(
                "it speaks TLS only where both sides prove who they are: set private, public and trustedConnections \
                 of tls, requestCert at a server, and leave rejectUnauthorized on",
                Code::AssuredTls,
            ),
            Endpoint::Tcp { .. } | Endpoint::Udp4 { .. } | Endpoint::Udp6 { .. } => {
                refused(&format!("{endpoint} proves nobody: set tls, or use a local socket"), Code::AssuredTransport)
            }
        }
    }
}

fn bad(option: &'static str, value: &str, hint: &str) -> ConfigError {
    ConfigError::new(option, value, hint).with_code(Code::TlsConfiguration)
}

fn missing(option: &'static str, hint: &str) -> ConfigError {
    bad(option, "", hint)
}

/// A string, or a list of them.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct Texts;

    impl<'de> de::Visitor<'de> for Texts {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string or a list of strings")
        }

        fn visit_unit<E>(self) -> Result<Vec<String>, E> {
            Ok(Vec::new())
        }

        fn visit_str<E>(self, text: &str) -> Result<Vec<String>, E> {
            Ok(Vec::from([text.to_owned()]))
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, mut texts: A) -> Result<Vec<String>, A::Error> {
            let mut all = Vec::new();
            while let Some(text) = texts.next_element()? {
                all.push(text);
            }
            Ok(all)
        }
    }

    deserializer.deserialize_any(Texts)
}

/// As a maximum, a version that is not spoken leaves none.
fn max_version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TlsVersion, D::Error> {
    #[derive(Deserialize)]
    enum Newest {
        #[serde(rename = "TLSv1.2")]
        V1_2,
        #[serde(rename = "TLSv1.3")]
        V1_3,
    }

    Newest::deserialize(deserializer).map(|newest| match newest {
        Newest::V1_2 => TlsVersion::V1_2,
        Newest::V1_3 => TlsVersion::V1_3,
    })
}

fn millis<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn from_json(text: &str) -> Result<TlsOptions, serde_json::Error> {
        serde_json::from_str(text)
    }

    fn identity() -> TlsOptions {
        TlsOptions::default().private("k.pem".to_owned()).public("c.pem".to_owned())
    }

    #[test]
    fn node_ipcs_names_are_read() {
        let text = r#"{"private":"k","public":"c","trustedConnections":"a","key":"K","cert":"C","ca":["A","B"],
            "requestCert":true,"rejectUnauthorized":false,"servername":"s","minVersion":"TLSv1",
            "maxVersion":"TLSv1.2","handshakeTimeout":5,"dhparam":"d"}"#;
        let mut expected = TlsOptions::default()
            .private("k".to_owned())
            .public("c".to_owned())
            .trust("a")
            .key("K".to_owned())
            .cert("C".to_owned())
            .ca("A")
            .ca("B")
            .request_cert(true)
            .reject_unauthorized(false)
            .server_name("s".to_owned())
            .max_version(TlsVersion::V1_2)
            .handshake_timeout(Duration::from_millis(5));
        expected.dhparam = Some("d".to_owned());
        assert_eq!(from_json(text).unwrap(), expected);
        assert_eq!(from_json("{}").unwrap(), TlsOptions::default());
        let many = from_json(r#"{"trustedConnections":["a","b"]}"#).unwrap();
        assert_eq!(many.trusted_connections, ["a", "b"]);
    }

    #[test]
    fn what_cannot_be_kept_is_refused_and_not_left_out() {
        let cases = [
            ("true", "TlsOptions"),
            (r#"{"ciphers":"x"}"#, "ciphers"),
            (r#"{"maxVersion":"TLSv1.1"}"#, "TLSv1.1"),
            (r#"{"ca":5}"#, "list of strings"),
        ];
        for (text, named) in cases {
            let error = from_json(text).expect_err(text).to_string();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn each_side_is_checked() {
        let trusting = || identity().trust("a.pem");
        let cases = [
            (Side::Server, Dialect::Modern, TlsOptions::default(), Some("tls.private")),
            (Side::Server, Dialect::Modern, TlsOptions::default().key("K".to_owned()), Some("tls.public")),
            (Side::Server, Dialect::Modern, identity(), None),
            (Side::Server, Dialect::Classic, identity().request_cert(true), Some("tls.trustedConnections")),
            (Side::Server, Dialect::Classic, trusting().request_cert(true), None),
            (Side::Client, Dialect::Modern, TlsOptions::default(), None),
            (Side::Client, Dialect::Modern, TlsOptions::default().key("K".to_owned()), Some("tls.public")),
            (Side::Client, Dialect::Modern, TlsOptions::default().cert("C".to_owned()), Some("tls.private")),
            (Side::Client, Dialect::Modern, trusting().reject_unauthorized(false), Some("tls.rejectUnauthorized")),
            (
                Side::Client,
                Dialect::Modern,
                trusting().min_version(TlsVersion::V1_3).max_version(TlsVersion::V1_2),
                Some("tls.minVersion"),
            ),
        ];
        for (side, dialect, options, option) in cases {
            let error = options.validate(side, dialect).err();
            assert_eq!(error.as_ref().map(ConfigError::option), option, "{side:?} {options:?}");
            assert!(error.is_none_or(|error| error.code() == Some(Code::TlsConfiguration)));
        }
    }

    #[test]
    fn the_dialects_differ_in_when_they_ask_for_certificates() {
        let trusting = identity().trust("a.pem");
        assert!(trusting.requires_certificates(Dialect::Modern));
        assert!(!trusting.asks_for_certificates(Dialect::Classic));
        assert!(trusting.clone().request_cert(true).requires_certificates(Dialect::Classic));
        assert!(!identity().asks_for_certificates(Dialect::Modern));
        let optional = trusting.reject_unauthorized(false);
        assert!(optional.asks_for_certificates(Dialect::Modern) && !optional.requires_certificates(Dialect::Modern));
    }

    #[test]
    fn assured_leaves_the_machine_over_mutual_tls_only() {
        let assured = |tls: Option<TlsOptions>| Config::default().profile(Profile::Assured).allow("a").tls(tls);
        let mutual = identity().ca("A");
        let cases = [
            ("world", Side::Server, None, None),
            ("unix:/s", Side::Client, None, None),
            ("tcp:h:1", Side::Client, Some(mutual.clone()), Some(Code::AssuredTransport)),
            ("tcp:h:1", Side::Server, None, Some(Code::AssuredTransport)),
            ("udp4:h:1", Side::Server, Some(mutual.clone()), Some(Code::AssuredTransport)),
            ("udp6:[::1]:1", Side::Server, None, Some(Code::AssuredTransport)),
            ("tls:h:1", Side::Client, Some(mutual.clone()), None),
            ("tls:h:1", Side::Server, Some(mutual.clone()), None),
            ("tls:h:1", Side::Server, None, Some(Code::AssuredTls)),
            ("tls:h:1", Side::Server, Some(identity()), Some(Code::AssuredTls)),
            ("tls:h:1", Side::Client, Some(TlsOptions::default().ca("A")), Some(Code::AssuredTls)),
            ("tls:h:1", Side::Server, Some(mutual.clone().request_cert(false)), Some(Code::AssuredTls)),
            ("tls:h:1", Side::Server, Some(mutual.reject_unauthorized(false)), Some(Code::AssuredTls)),
        ];
        for (endpoint, side, tls, code) in cases {
            let endpoint: Endpoint = endpoint.parse().unwrap();
            let error = assured(tls.clone()).check_transport(&endpoint, side).err();
            assert_eq!(error.and_then(|error| error.code()), code, "{endpoint} {side:?}");
            assert_eq!(Config::default().tls(tls).check_transport(&endpoint, side), Ok(()));
        }
    }

    #[test]
    fn keys_are_not_printed() {
        let text = format!("{:?}", identity().key("SECRET".to_owned()));
        assert!(text.contains("k.pem") && !text.contains("SECRET"), "{text}");
    }
}
