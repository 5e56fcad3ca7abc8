//! Dialling with tokio.

use ipc_os::Dialling;
use ipc_proto::{Interface, IoError, endpoint::Endpoint, facade::Error};
use tokio::net::TcpStream;

use crate::{
    io::Io,
    tcp,
    tls::{self, Connector},
};

/// A way to the first of several endpoints that answers.
pub type Dial = Dialling<Connect>;

/// How this crate connects.
#[derive(Debug)]
pub struct Connect;

impl ipc_os::Connect for Connect {
    type Io = Io;
    type Socket = TcpStream;
    type Connector = Connector;

    #[cfg(unix)]
    async fn local(&self, endpoint: &Endpoint) -> Result<Io, IoError> {
        Ok(Io::Unix(tokio::net::UnixStream::from_std(ipc_os::connect_local(endpoint)?)?))
    }

    #[cfg(windows)]
    async fn local(&self, endpoint: &Endpoint) -> Result<Io, IoError> {
        crate::pipe::connect(endpoint).await.map(Io::Pipe)
    }

    #[cfg(not(any(unix, windows)))]
    async fn local(&self, _endpoint: &Endpoint) -> Result<Io, IoError> {
        // `check` has refused it.
        Err(std::io::Error::from(std::io::ErrorKind::Unsupported).into())
    }

    async fn tcp(&self, host: &str, port: u16, interface: &Interface) -> Result<TcpStream, IoError> {
        tcp::connect(host, port, interface).await
    }

    fn plain(socket: TcpStream) -> Io {
        Io::Tcp(socket)
    }

    async fn secure(&self, connector: &Connector, socket: TcpStream, host: &str) -> Result<Io, IoError> {
        tls::connect(connector, socket, host).await
    }
}

/// Whether this crate can reach `endpoint` on this system.
pub(crate) fn check(endpoint: &Endpoint) -> Result<(), Error> {
    Ok(ipc_os::check_local(endpoint, "ipc-tokio")?)
}
