//! Listening at an endpoint, whatever its kind.

use std::io;

use ipc_proto::{BindError, Config, ConfigError, IoError, endpoint::Endpoint};

use crate::{Inherited, tcp};

/// A socket that listens without blocking, for a runtime to take.
#[derive(Debug)]
pub struct Bound {
    /// Removes the socket's file when it is dropped; `None` where there is no file, or it is another's. Drop it before
    /// the socket: the file goes while it still listens, so that no client finds a dead one.
    #[cfg(unix)]
    pub guard: Option<crate::SocketGuard>,
    /// What listens. TLS listens on TCP.
    pub socket: Inherited,
    /// Where it listens, with the port that the system picked.
    pub endpoint: Endpoint,
}

/// Whether a client or a server of byte streams can have `endpoint` on this system. For kinds that the adapter does
/// not know, `hint` says what to take instead.
///
/// TLS passes: where it is not built in, that is said when it is set up. So do local sockets on Unix only. An adapter
/// that has named pipes lets them pass before it asks here.
///
/// # Errors
///
/// [`ConfigError`] for an endpoint of another kind, and for a path that no socket can have.
pub fn check_stream(endpoint: &Endpoint, hint: &str) -> Result<(), ConfigError> {
    let hint = match endpoint {
        #[cfg(unix)]
        Endpoint::Path(path) => return ipc_proto::endpoint::check_path(path, crate::path_limit()),
        #[cfg(any(target_os = "linux", target_os = "android"))]
        Endpoint::Abstract(name) => return ipc_proto::endpoint::check_path(name, crate::path_limit()),
        Endpoint::Tcp { .. } | Endpoint::Tls { .. } => return Ok(()),
        Endpoint::Udp4 { .. } | Endpoint::Udp6 { .. } => {
            "UDP has no clients and no connections: serve it on both sides, and speak first with Server::udp_peer"
        }
        _ => hint,
    };
    Err(ConfigError::new("endpoint", endpoint.to_string(), hint))
}

/// As [`check_stream`], for the crate `adapter`, which has the local kind of each system: Unix sockets, or named pipes on
/// Windows.
///
/// # Errors
///
/// As [`check_stream`], and [`ConfigError`] for a name that no pipe can have.
pub fn check_local(endpoint: &Endpoint, adapter: &str) -> Result<(), ConfigError> {
    #[cfg(windows)]
    if let Endpoint::Pipe(name) = endpoint {
        return ipc_proto::endpoint::pipe_name(name).map(drop);
    }
    let local = if cfg!(windows) { "named pipes (pipe:NAME)" } else { "Unix sockets (unix:PATH, abstract:NAME)" };
    let hint = format!("{adapter} speaks over {local}, TCP (tcp:HOST:PORT) and TLS (tls:HOST:PORT) here");
    check_stream(endpoint, &hint)
}

/// Listens at `endpoint`: as [`bind_local`](crate::bind_local), [`bind_abstract`](crate::bind_abstract) or, for TCP and
/// TLS, [`bind_tcp`](crate::bind_tcp), which with [`Config::reuse_port`] is
/// [`bind_tcp_reusing_port`](crate::bind_tcp_reusing_port).
///
/// # Errors
///
/// As those; `ENOTSUP` for an endpoint that [`check_stream`] refuses.
pub fn bind(endpoint: &Endpoint, config: &Config) -> Result<Bound, BindError> {
    match endpoint {
        #[cfg(unix)]
        Endpoint::Path(path) => {
            let crate::LocalListener { listener, guard } = crate::bind_local(path, config)?;
            Ok(Bound { guard: Some(guard), ..Bound::new(listener, endpoint.clone()) })
        }
        #[cfg(any(target_os = "linux", target_os = "android"))]
        Endpoint::Abstract(name) => Ok(Bound::new(crate::bind_abstract(name, config)?, endpoint.clone())),
        Endpoint::Tcp { host, port } | Endpoint::Tls { host, port } => {
            let listener =
                if config.reuse_port { tcp::bind_tcp_reusing_port(host, *port) } else { tcp::bind_tcp(host, *port) }?;
            let port = listener.local_addr().map_err(|error| failed(endpoint, error))?.port();
            let secure = matches!(endpoint, Endpoint::Tls { .. });
            Ok(Bound::new(listener, network(host.clone(), port, secure)))
        }
        _ => Err(failed(endpoint, io::ErrorKind::Unsupported.into())),
    }
}

/// Binds a UDP socket at `endpoint`, as [`bind_udp`](crate::bind_udp).
///
/// # Errors
///
/// As that; `ENOTSUP` for an endpoint of another kind.
pub fn bind_datagram(endpoint: &Endpoint) -> Result<std::net::UdpSocket, BindError> {
    match endpoint {
        Endpoint::Udp4 { host, port } => tcp::bind_udp(host, *port, false),
        Endpoint::Udp6 { host, port } => tcp::bind_udp(host, *port, true),
        _ => Err(failed(endpoint, io::ErrorKind::Unsupported.into())),
    }
}

fn failed(endpoint: &Endpoint, error: io::Error) -> BindError {
    BindError::Io { endpoint: endpoint.to_string(), source: IoError::from(error) }
}

const fn network(host: String, port: u16, secure: bool) -> Endpoint {
    if secure { Endpoint::Tls { host, port } } else { Endpoint::Tcp { host, port } }
}

impl Bound {
    fn new(socket: impl Into<Inherited>, endpoint: Endpoint) -> Self {
        Self {
            socket: socket.into(),
            endpoint,
            #[cfg(unix)]
            guard: None,
        }
    }
}

impl Inherited {
    /// Takes the socket over: from here on it does not block. One of TCP is spoken to over TLS when [`Config::tls`] is
    /// set. Its file, if it has one, is not this one's to remove.
    ///
    /// # Errors
    ///
    /// As [`endpoint`](Self::endpoint).
    pub fn adopt(self, config: &Config) -> Result<Bound, BindError> {
        let endpoint = match self.endpoint()? {
            Endpoint::Tcp { host, port } => network(host, port, config.tls.is_some()),
            endpoint => endpoint,
        };
        match &self {
            #[cfg(unix)]
            Self::Unix(listener) => listener.set_nonblocking(true),
            Self::Tcp(listener) => listener.set_nonblocking(true),
        }
        .map_err(|error| failed(&endpoint, error))?;
        Ok(Bound::new(self, endpoint))
    }
}

#[cfg(test)]
#[cfg_attr(not(unix), allow(irrefutable_let_patterns, reason = "only Unix has several kinds of listeners"))]
mod tests {
    use std::net::TcpListener;

    use ipc_proto::TlsOptions;

    use super::*;

    fn endpoint(text: &str) -> Endpoint {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_bound_says_where() {
        let config = Config::default();
        for kind in ["tcp", "tls"] {
            let bound = bind(&endpoint(&format!("{kind}:127.0.0.1:0")), &config).unwrap();
            let Inherited::Tcp(listener) = &bound.socket else { panic!("{bound:?}") };
            let port = listener.local_addr().unwrap().port();
            assert_eq!(bound.endpoint, endpoint(&format!("{kind}:127.0.0.1:{port}")));
        }
        assert_eq!(bind(&endpoint("udp4:127.0.0.1:0"), &config).unwrap_err().code(), "ENOTSUP");
        assert_eq!(bind_datagram(&endpoint("tcp:127.0.0.1:0")).unwrap_err().code(), "ENOTSUP");
    }

    #[cfg(unix)]
    #[test]
    fn a_local_socket_goes_with_its_guard() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s").to_str().unwrap().to_owned();
        let bound = bind(&Endpoint::Path(path.clone()), &Config::default()).unwrap();
        assert!(matches!(bound.socket, Inherited::Unix(_)) && bound.guard.is_some());
        drop(bound);
        assert!(!std::path::Path::new(&path).exists());
    }

    #[test]
    fn a_listener_from_elsewhere_does_not_block_and_speaks_what_the_config_says() {
        for (config, secure) in [(Config::default(), false), (Config::default().tls(TlsOptions::default()), true)] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let bound = Inherited::from(listener).adopt(&config).unwrap();
            assert_eq!(matches!(bound.endpoint, Endpoint::Tls { .. }), secure);
            let Inherited::Tcp(listener) = &bound.socket else { panic!("{bound:?}") };
            assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        }
    }

    #[test]
    fn what_has_no_streams_is_refused_with_a_way_out() {
        let refused = [("udp4:127.0.0.1:1", "udp_peer"), ("pipe:p", "take this instead"), ("unix:", "path")];
        for (text, told) in refused {
            let Ok(endpoint) = text.parse() else { continue };
            let error = check_stream(&endpoint, "take this instead").unwrap_err();
            assert!(error.to_string().contains(told), "{error}");
        }
        for text in ["tcp:h:1", "tls:h:1"] {
            check_stream(&endpoint(text), "").unwrap();
        }
    }
}
