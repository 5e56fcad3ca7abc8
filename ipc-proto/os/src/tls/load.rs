//! rustls configurations from options.

use std::sync::Arc;

use ipc_proto::{ConfigError, Dialect, Side, TlsOptions, TlsVersion};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion,
    crypto::{CryptoProvider, ring},
    pki_types::ServerName,
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
    version,
};

use super::pem::{self, bad};

/// What a client speaks TLS by. It verifies the server, always: by the authorities of the options, or by those of
/// the system where none are named.
///
/// # Errors
///
/// [`ConfigError`] with the code `ERR_IPC_TLS_CONFIGURATION` names the option and the file.
pub fn client_config(options: &TlsOptions, dialect: Dialect) -> Result<Arc<ClientConfig>, ConfigError> {
    options.validate(Side::Client, dialect)?;
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&versions(options))
        .map_err(|error| bad("tls.minVersion", "", &error.to_string()))?
        .with_root_certificates(client_roots(options)?);
    let config = match (pem::chain(options)?, pem::key(options)?) {
        (Some(chain), Some(key)) => {
            builder.with_client_auth_cert(chain, key).map_err(|error| bad_pair(options, &error))?
        }
        _ => builder.with_no_client_auth(),
    };
    Ok(Arc::new(config))
}

/// What a server speaks TLS by. Whether it asks for certificates is
/// [`TlsOptions::asks_for_certificates`]'s answer.
///
/// # Errors
///
/// As [`client_config`].
pub fn server_config(options: &TlsOptions, dialect: Dialect) -> Result<Arc<ServerConfig>, ConfigError> {
    options.validate(Side::Server, dialect)?;
    let builder = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&versions(options))
        .map_err(|error| bad("tls.minVersion", "", &error.to_string()))?;
    let builder = if options.asks_for_certificates(dialect) {
        builder.with_client_cert_verifier(verifier(options, dialect)?)
    } else {
        builder.with_no_client_auth()
    };
    let chain = pem::chain(options)?.unwrap_or_default();
    let key = pem::key(options)?.ok_or_else(|| bad("tls.private", "", "a server needs a key"))?;
    let config = builder.with_single_cert(chain, key).map_err(|error| bad_pair(options, &error))?;
    Ok(Arc::new(config))
}

/// The name that the certificate of the server at `host` must be for.
///
/// # Errors
///
/// [`ConfigError`] for one that is neither a host name nor an address.
pub fn server_name(options: Option<&TlsOptions>, host: &str) -> Result<ServerName<'static>, ConfigError> {
    let configured = options.and_then(|options| options.server_name.as_deref());
    // A zone (fe80::1%eth0) says how to get there, not who is there.
    let name = configured.unwrap_or_else(|| host.split_once('%').map_or(host, |(address, _)| address));
    let refuse = |_| bad("tls.servername", name, "it is neither a host name nor an address; set one that is");
    ServerName::try_from(name.to_owned()).map_err(refuse)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn versions(options: &TlsOptions) -> Vec<&'static SupportedProtocolVersion> {
    [(TlsVersion::V1_2, &version::TLS12), (TlsVersion::V1_3, &version::TLS13)]
        .into_iter()
        .filter(|(version, _)| (options.min_version..=options.max_version).contains(version))
        .map(|(_, supported)| supported)
        .collect()
}

fn client_roots(options: &TlsOptions) -> Result<RootCertStore, ConfigError> {
    if options.has_authorities() {
        return named_roots(options);
    }
    let mut roots = RootCertStore::empty();
    // One bad certificate in the system's store is not a reason to trust none of the others.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        let hint =
            "this system names no authorities: name the PEM file of the one that signed the server's certificate";
        return Err(bad("tls.trustedConnections", "", hint));
    }
    Ok(roots)
}

fn named_roots(options: &TlsOptions) -> Result<RootCertStore, ConfigError> {
    let mut roots = RootCertStore::empty();
    pem::authorities(options, |certificate| roots.add(certificate))?;
    Ok(roots)
}

fn verifier(options: &TlsOptions, dialect: Dialect) -> Result<Arc<dyn ClientCertVerifier>, ConfigError> {
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(named_roots(options)?), provider());
    let required = options.requires_certificates(dialect);
    let builder = if required { builder } else { builder.allow_unauthenticated() };
    builder.build().map_err(|error| bad("tls.trustedConnections", "", &error.to_string()))
}

fn bad_pair(options: &TlsOptions, error: &rustls::Error) -> ConfigError {
    let place = options.public.as_deref().unwrap_or("(text)");
    bad("tls.public", place, &format!("certificate and key cannot be used together: {error}"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use ipc_proto::Code;
    use rcgen::{CertifiedKey, generate_simple_self_signed};

    use super::*;

    fn pair() -> (String, String) {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (cert.pem(), signing_key.serialize_pem())
    }

    #[test]
    fn files_and_texts_do_alike() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (cert, key) = pair();
        fs::write(path("c.pem"), &cert).unwrap();
        fs::write(path("k.pem"), &key).unwrap();
        let files = TlsOptions::default().public(path("c.pem")).private(path("k.pem")).trust(path("c.pem"));
        let texts = TlsOptions::default().cert(cert.clone()).key(key).ca(cert);
        for options in [files, texts] {
            for dialect in [Dialect::Modern, Dialect::Classic] {
                server_config(&options, dialect).unwrap();
                client_config(&options, dialect).unwrap();
            }
        }
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty.pem").to_str().unwrap().to_owned();
        fs::write(&empty, "nothing").unwrap();
        let (cert, key) = pair();
        let (_, other_key) = pair();
        let good = || TlsOptions::default().cert(cert.clone()).key(key.clone());
        let cases = [
            (good().private("/no/such/key.pem".to_owned()), "tls.private", "/no/such/key.pem"),
            (good().public("/no/such/cert.pem".to_owned()), "tls.public", "/no/such/cert.pem"),
            (good().trust("/no/such/ca.pem"), "tls.trustedConnections", "/no/such/ca.pem"),
            (good().private(empty.clone()), "tls.private", "no PEM private key"),
            (good().public(empty.clone()), "tls.public", "no PEM certificate"),
            (good().trust(empty), "tls.trustedConnections", "no PEM certificate"),
            (good().ca("nothing"), "tls.ca", "no PEM certificate"),
            (good().key(other_key), "tls.public", "together"),
            (TlsOptions::default(), "tls.private", "needs a key"),
        ];
        for (options, option, told) in cases {
            let error = server_config(&options, Dialect::Modern).expect_err(option);
            assert_eq!((error.option(), error.code()), (option, Some(Code::TlsConfiguration)));
            let text = error.to_string();
            assert!(text.contains(told), "{text}");
            assert!(!text.contains("PRIVATE KEY"), "{text}");
        }
    }

    #[test]
    fn a_server_is_known_by_its_host_or_the_name_that_is_set() {
        let named = TlsOptions::default().server_name("world.example".to_owned());
        assert_eq!(server_name(Some(&named), "127.0.0.1").unwrap().to_str(), "world.example");
        assert_eq!(server_name(None, "127.0.0.1").unwrap().to_str(), "127.0.0.1");
        assert_eq!(server_name(Some(&TlsOptions::default()), "fe80::1%eth0").unwrap().to_str(), "fe80::1");
        assert_eq!(server_name(None, "a b").unwrap_err().option(), "tls.servername");
    }
}
