//! Where an endpoint is: the text that names it, and what an id stands for on each system and in each dialect.
//!
//! Nothing here touches the file system or the network. What must be known about the machine, the caller says in
//! an [`Environment`].
//!
//! ```
//! use ipc_proto::{Config, Dialect, endpoint::{self, Endpoint, Environment}};
//!
//! assert_eq!("world".parse(), Ok(Endpoint::Id("world".into())));
//! assert_eq!("tcp:[::1]:8000".parse(), Ok(Endpoint::Tcp { host: "::1".into(), port: 8000 }));
//!
//! let mut here = Environment::default();
//! here.runtime_dir = Some("/run/user/1000".into());
//! let config = Config::default();
//! assert_eq!(endpoint::local_path(&config, &here, Dialect::Modern, "world"), "/run/user/1000/node-ipc/app.world");
//! assert_eq!(endpoint::local_path(&config, &here, Dialect::Classic, "world"), "/tmp/app.world");
//! ```

mod address;
mod paths;

use alloc::{borrow::ToOwned, format, string::String};
use core::{fmt, str::FromStr};

pub use address::{DEFAULT_HOST, DEFAULT_PORT, host_port, host_port_or};
pub use paths::{
    CLASSIC_ROOT, Environment, PIPE_PREFIX, both_paths, check_path, client_paths, local_endpoint, local_path,
    modern_root, pipe_name, server_id, server_path, socket_root,
};

use crate::error::ConfigError;

/// Something to connect to or to listen on, and its form as text.
///
/// | text | endpoint |
/// |---|---|
/// | `world` | [`Endpoint::Id`]: every text without a scheme of this table, `foo:bar` included |
/// | `unix:PATH` | [`Endpoint::Path`] |
/// | `abstract:NAME` | [`Endpoint::Abstract`] |
/// | `pipe:NAME`, `\\.\pipe\NAME` | [`Endpoint::Pipe`] |
/// | `tcp:HOST:PORT` | [`Endpoint::Tcp`], see [`host_port`] for what may be left out |
/// | `tls:…`, `udp4:…`, `udp6:…` | the same for the other transports |
///
/// Schemes are lower case. Writing an endpoint and reading it back gives the same endpoint, unless it was built by
/// hand from parts that reading would refuse (an id that begins with a scheme, say).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// A name in the socket root; see [`local_path`].
    Id(String),
    /// A Unix socket in the file system. On Windows a process serves and dials the pipe that [`local_endpoint`] makes
    /// of it.
    Path(String),
    /// A Linux socket outside the file system: the name without its leading NUL.
    Abstract(String),
    /// A Windows named pipe: the name without [`PIPE_PREFIX`]; see [`pipe_name`].
    Pipe(String),
    /// A TCP address.
    Tcp {
        /// A host name or an address; IPv6 without brackets.
        host: String,
        /// The port; 0 lets the system choose when listening.
        port: u16,
    },
    /// A TCP address spoken to over TLS.
    Tls {
        /// A host name or an address; IPv6 without brackets.
        host: String,
        /// The port; 0 lets the system choose when listening.
        port: u16,
    },
    /// A UDP address in IPv4.
    Udp4 {
        /// A host name or an IPv4 address.
        host: String,
        /// The port; 0 lets the system choose.
        port: u16,
    },
    /// A UDP address in IPv6.
    Udp6 {
        /// A host name or an IPv6 address without brackets.
        host: String,
        /// The port; 0 lets the system choose.
        port: u16,
    },
}

impl FromStr for Endpoint {
    type Err = ConfigError;

    /// Reads the forms of the table above.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the id, path, name or host is empty or cannot be one, or the port is no port.
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        if text.starts_with(PIPE_PREFIX) {
            return pipe(text);
        }
        match text.split_once(':') {
            Some(("unix", path)) => check_text("path", path).map(Self::Path),
            Some(("abstract", name)) => check_text("abstract name", name).map(Self::Abstract),
            Some(("pipe", name)) => pipe(name),
            Some(("tcp", rest)) => host_port(rest).map(|(host, port)| Self::Tcp { host, port }),
            Some(("tls", rest)) => host_port(rest).map(|(host, port)| Self::Tls { host, port }),
            Some(("udp4", rest)) => host_port(rest).map(|(host, port)| Self::Udp4 { host, port }),
            Some(("udp6", rest)) => {
                host_port_or(rest, "::1", DEFAULT_PORT).map(|(host, port)| Self::Udp6 { host, port })
            }
            Some(_) | None => check_id(text).map(|()| Self::Id(text.to_owned())),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => f.write_str(id),
            Self::Path(path) => write!(f, "unix:{path}"),
            Self::Abstract(name) => write!(f, "abstract:{name}"),
            Self::Pipe(name) => write!(f, "pipe:{name}"),
            Self::Tcp { host, port } => address::write(f, "tcp", host, *port),
            Self::Tls { host, port } => address::write(f, "tls", host, *port),
            Self::Udp4 { host, port } => address::write(f, "udp4", host, *port),
            Self::Udp6 { host, port } => address::write(f, "udp6", host, *port),
        }
    }
}

impl Endpoint {
    /// The same with another port; paths and names have none.
    #[must_use]
    pub fn with_port(mut self, number: u16) -> Self {
        match &mut self {
            Self::Tcp { port, .. } | Self::Tls { port, .. } | Self::Udp4 { port, .. } | Self::Udp6 { port, .. } => {
                *port = number;
            }
            Self::Id(_) | Self::Path(_) | Self::Abstract(_) | Self::Pipe(_) => {}
        }
        self
    }
}

/// Refuses what cannot be an id: it is a part of a file name, so not empty, without a slash and without a NUL.
///
/// # Errors
///
/// [`ConfigError`] says how to name a path instead.
pub fn check_id(id: &str) -> Result<(), ConfigError> {
    if id.contains('/') {
        return Err(ConfigError::new("id", id, format!("an id has no slash; write unix:{id} to name a path")));
    }
    check_text("id", id).map(drop)
}

/// A text that the system can take as a name: neither empty nor with a NUL in it.
fn check_text(option: &'static str, text: &str) -> Result<String, ConfigError> {
    if text.is_empty() {
        return Err(ConfigError::new(option, text, "write at least one character"));
    }
    if text.contains('\0') {
        return Err(ConfigError::new(option, text, "remove the NUL character"));
    }
    Ok(text.to_owned())
}

fn pipe(name: &str) -> Result<Endpoint, ConfigError> {
    // Written twice it is still no part of the name, or the name would not be read back as it is written.
    let name = name.trim_start_matches(PIPE_PREFIX);
    pipe_name(name)?;
    Ok(Endpoint::Pipe(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn tcp(host: &str, port: u16) -> Endpoint {
        Endpoint::Tcp { host: host.to_owned(), port }
    }

    #[test]
    fn texts_and_their_endpoints() {
        let cases = [
            ("world", Endpoint::Id("world".into())),
            ("foo:bar", Endpoint::Id("foo:bar".into())),
            ("TCP:x", Endpoint::Id("TCP:x".into())),
            ("tcp", Endpoint::Id("tcp".into())),
            ("unix:/tmp/app.world", Endpoint::Path("/tmp/app.world".into())),
            ("unix:a:b", Endpoint::Path("a:b".into())),
            ("abstract:world", Endpoint::Abstract("world".into())),
            ("pipe:tmp-app.world", Endpoint::Pipe("tmp-app.world".into())),
            (r"\\.\pipe\tmp-app.world", Endpoint::Pipe("tmp-app.world".into())),
            (r"pipe:\\.\pipe\w", Endpoint::Pipe("w".into())),
            ("tcp:localhost:9000", tcp("localhost", 9000)),
            ("tcp:[::1]:8000", tcp("::1", 8000)),
            ("tcp:0", tcp("127.0.0.1", 0)),
            ("tcp:example.org", tcp("example.org", 8000)),
            ("tls:h:65535", Endpoint::Tls { host: "h".into(), port: 65535 }),
            ("udp4:127.0.0.1:1", Endpoint::Udp4 { host: "127.0.0.1".into(), port: 1 }),
            ("udp6:[::1]:1", Endpoint::Udp6 { host: "::1".into(), port: 1 }),
            ("udp6:1", Endpoint::Udp6 { host: "::1".into(), port: 1 }),
        ];
        for (text, endpoint) in cases {
            assert_eq!(text.parse::<Endpoint>(), Ok(endpoint.clone()), "{text}");
            assert_eq!(endpoint.to_string().parse(), Ok(endpoint), "{text}");
        }
    }

    #[test]
    fn only_addresses_have_ports() {
        for (text, moved) in [
            ("tcp:h:1", "tcp:h:7"),
            ("tls:h:1", "tls:h:7"),
            ("udp4:h:1", "udp4:h:7"),
            ("udp6:[::1]:1", "udp6:[::1]:7"),
            ("unix:/a", "unix:/a"),
            ("abstract:a", "abstract:a"),
            ("pipe:a", "pipe:a"),
            ("a", "a"),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().with_port(7).to_string(), moved);
        }
    }

    #[test]
    fn refused_texts_say_the_way_out() {
        let cases = [
            ("", "id", "at least one"),
            ("/tmp/x", "id", "write unix:/tmp/x to name a path"),
            ("a\0b", "id", "NUL"),
            ("unix:", "path", "at least one"),
            ("unix:a\0", "path", "NUL"),
            ("abstract:", "abstract name", "at least one"),
            ("pipe:", "pipe name", "at least one"),
            (r"\\.\pipe\", "pipe name", "at least one"),
            (r"pipe:a\b", "pipe name", "backslash"),
            ("tcp:", "host", "127.0.0.1"),
            ("tcp:h:70000", "port", "65535"),
        ];
        for (text, option, hint) in cases {
            let error = text.parse::<Endpoint>().expect_err(text);
            assert_eq!(error.option(), option, "{text}");
            assert!(error.to_string().contains(hint), "{text}: {error}");
        }
    }
}

#[cfg(all(test, feature = "std"))]
mod properties {
    use alloc::string::ToString;

    use proptest::prelude::*;

    use super::*;

    fn host() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-z][a-z0-9.-]{0,20}",
            any::<core::net::Ipv4Addr>().prop_map(|address| address.to_string()),
            any::<core::net::Ipv6Addr>().prop_map(|address| address.to_string()),
        ]
    }

    fn endpoint() -> impl Strategy<Value = Endpoint> {
        prop_oneof![
            "[^/\0:]{1,20}(:[^/\0]{0,5})?".prop_map(|id| Endpoint::Id(format!("x{id}"))),
            "[^\0]{1,40}".prop_map(Endpoint::Path),
            "[^\0]{1,40}".prop_map(Endpoint::Abstract),
            r"[^\\\x00]{1,20}[^\\/\x00]".prop_map(Endpoint::Pipe),
            (host(), any::<u16>()).prop_map(|(host, port)| Endpoint::Tcp { host, port }),
            (host(), any::<u16>()).prop_map(|(host, port)| Endpoint::Tls { host, port }),
            (host(), any::<u16>()).prop_map(|(host, port)| Endpoint::Udp4 { host, port }),
            (host(), any::<u16>()).prop_map(|(host, port)| Endpoint::Udp6 { host, port }),
        ]
    }

    #[test]
    fn a_prefix_written_twice_is_no_part_of_the_name() {
        let twice = [PIPE_PREFIX, PIPE_PREFIX, "x"].concat();
        for text in [twice.clone(), ["pipe:", &twice].concat()] {
            assert_eq!(text.parse(), Ok(Endpoint::Pipe("x".into())));
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(endpoint in endpoint()) {
            prop_assert_eq!(endpoint.to_string().parse(), Ok(endpoint));
        }

        #[test]
        fn what_is_read_is_written_the_same(text in r"((unix|abstract|pipe|tcp|tls|udp4|udp6):)?[]:0-9a-f./%\\\[ é]{0,16}") {
            // Most texts are refused or are ids; what is neither must survive the way back.
            if let Ok(endpoint) = text.parse::<Endpoint>() {
                prop_assert_eq!(endpoint.to_string().parse(), Ok(endpoint));
            }
        }
    }
}
