//! Listeners that somebody else bound.

use std::net::TcpListener;
#[cfg(unix)]
use std::os::unix::net::{SocketAddr, UnixListener};

#[cfg(unix)]
use ipc_proto::ConfigError;
use ipc_proto::{BindError, IoError, endpoint::Endpoint};

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
    /// [`BindError::Io`] when the system does not say, [`BindError::Config`] for a Unix socket without a name.
    pub fn endpoint(&self) -> Result<Endpoint, BindError> {
        match self {
            #[cfg(unix)]
            Self::Unix(listener) => unix_endpoint(&listener.local_addr().map_err(unknown)?),
            Self::Tcp(listener) => {
                let address = listener.local_addr().map_err(unknown)?;
                Ok(Endpoint::Tcp { host: address.ip().to_string(), port: address.port() })
            }
        }
    }
}

fn unknown(error: std::io::Error) -> BindError {
    BindError::Io { endpoint: "the inherited listener".to_owned(), source: IoError::from(error) }
}

#[cfg(unix)]
fn unix_endpoint(address: &SocketAddr) -> Result<Endpoint, BindError> {
    let path = address.as_pathname().map(|path| Endpoint::Path(path.to_string_lossy().into()));
    let nameless = || ConfigError::new("listener", "a socket without a name", "bind it first");
    path.or_else(|| abstract_endpoint(address)).ok_or_else(|| nameless().into())
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
