//! Serving on a socket that somebody else bound, and what the options say about where to serve.

use alloc::{
    string::{String, ToString},
    vec,
};
use std::net::TcpListener;
#[cfg(unix)]
use std::os::unix::net::{SocketAddr, UnixListener};

use super::{Error, Ipc, Listener, Runtime, Server, checked};
use crate::{
    bind_error::BindError,
    config::{Config, Profile},
    endpoint::Endpoint,
    error::ConfigError,
};

/// A socket that listens already: inherited from the parent process, from the system's service manager, or passed over
/// by another process.
#[derive(Debug)]
#[non_exhaustive]
pub enum Inherited {
    /// A Unix socket.
    #[cfg(unix)]
    Unix(UnixListener),
    /// A TCP socket.
    Tcp(TcpListener),
}

impl Inherited {
    /// Where it listens.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the system does not say, [`Error::Config`] for a Unix socket without a name.
    pub fn endpoint(&self) -> Result<Endpoint, Error> {
        match self {
            #[cfg(unix)]
            Self::Unix(listener) => unix_endpoint(&listener.local_addr()?),
            Self::Tcp(listener) => {
                let address = listener.local_addr()?;
                Ok(Endpoint::Tcp { host: address.ip().to_string(), port: address.port() })
            }
        }
    }
}

#[cfg(unix)]
fn unix_endpoint(address: &SocketAddr) -> Result<Endpoint, Error> {
    let path = address.as_pathname().map(|path| Endpoint::Path(path.to_string_lossy().into()));
    let nameless = || ConfigError::new("listener", "a socket without a name", "bind it first");
    Ok(path.or_else(|| abstract_endpoint(address)).ok_or_else(nameless)?)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn abstract_endpoint(address: &SocketAddr) -> Option<Endpoint> {
    #[cfg(target_os = "android")]
    use std::os::android::net::SocketAddrExt;
    #[cfg(target_os = "linux")]
    use std::os::linux::net::SocketAddrExt;

    address.as_abstract_name().map(|name| Endpoint::Abstract(String::from_utf8_lossy(name).into()))
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
const fn abstract_endpoint(_address: &SocketAddr) -> Option<Endpoint> {
    None
}

#[cfg(unix)]
impl From<UnixListener> for Inherited {
    fn from(listener: UnixListener) -> Self {
        Self::Unix(listener)
    }
}

impl From<TcpListener> for Inherited {
    fn from(listener: TcpListener) -> Self {
        Self::Tcp(listener)
    }
}

impl<R: Runtime> Ipc<R> {
    /// Serves on a socket that listens already, for several processes on one endpoint, or one that starts when it is
    /// first connected to. What several processes accept from one socket, the system shares out among them.
    ///
    /// The socket's file belongs to whoever bound it and is never removed here, whatever
    /// [`unlink`](Config#structfield.unlink) says; nor are its permissions changed.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a bad option, [`Error::Bind`] in Assured, which trusts no socket that others have bound,
    /// [`Error::Io`] for a socket that cannot be used.
    pub fn serve_listener(&self, socket: impl Into<Inherited>) -> Result<Server<R>, Error> {
        let listener = self.listen_on(socket)?;
        let config = checked(self.config())?;
        Ok(Server::start(&self.runtime, vec![listener], config, None))
    }

    /// As [`serve_listener`](Self::serve_listener), for connections that are yours to place.
    ///
    /// # Errors
    ///
    /// As [`serve_listener`](Self::serve_listener).
    pub fn listen_on(&self, socket: impl Into<Inherited>) -> Result<Listener<R>, Error> {
        let (config, socket) = (checked(self.config())?, socket.into());
        let endpoint = socket.endpoint()?;
        if matches!(config.profile, Profile::Assured) {
            return Err(BindError::Assured { endpoint: endpoint.to_string() }.into());
        }
        check_users(&self.runtime, &endpoint, &config)?;
        let accept = self.runtime.adopt(socket, &config)?;
        Ok(Listener::adopted(self.runtime.clone(), accept, config))
    }
}

/// Whether the options about servers can be kept at `endpoint`.
pub(super) fn check_served<R: Runtime>(runtime: &R, endpoint: &Endpoint, config: &Config) -> Result<(), ConfigError> {
    check_users(runtime, endpoint, config)?;
    if config.reuse_port && !matches!(endpoint, Endpoint::Tcp { .. } | Endpoint::Tls { .. }) {
        let hint = "only TCP ports can be shared; for other endpoints, bind once and pass the listener on";
        return Err(ConfigError::new("reuse_port", endpoint.to_string(), hint));
    }
    Ok(())
}

fn check_users<R: Runtime>(runtime: &R, endpoint: &Endpoint, config: &Config) -> Result<(), ConfigError> {
    if config.allowed_uids.is_some() && !runtime.knows_users(endpoint) {
        let hint = "nobody says which user connects there; serve on a Unix socket, or leave the option out";
        return Err(ConfigError::new("allowed_uids", endpoint.to_string(), hint));
    }
    Ok(())
}
