//! Dialling with async-io.

use std::net::TcpStream;

use async_io::Async;
use ipc_os::Dialling;
use ipc_proto::{Interface, IoError, endpoint::Endpoint, facade::Error};

use crate::{
    io::{Io, Stream},
    tcp,
    tls::{self, Connector},
};

/// A way to the first of several endpoints that answers.
pub type Dial = Dialling<Connect>;

/// How this crate connects.
#[derive(Debug)]
pub struct Connect;

impl ipc_os::Connect for Connect {
    type Socket = Async<TcpStream>;
    type Io = Io;
    type Connector = Connector;

    #[cfg(unix)]
    async fn local(&self, endpoint: &Endpoint) -> Result<Io, IoError> {
        Ok(Io::Unix(Stream::new(Async::new_nonblocking(ipc_os::connect_local(endpoint)?)?)))
    }

    #[cfg(not(unix))]
    async fn local(&self, _endpoint: &Endpoint) -> Result<Io, IoError> {
        // `check` has refused it.
        Err(std::io::Error::from(std::io::ErrorKind::Unsupported).into())
    }

    async fn tcp(&self, host: &str, port: u16, interface: &Interface) -> Result<Async<TcpStream>, IoError> {
        tcp::connect(host, port, interface).await
    }

    fn plain(socket: Async<TcpStream>) -> Io {
        Io::Tcp(Stream::new(socket))
    }

    async fn secure(&self, connector: &Connector, socket: Async<TcpStream>, host: &str) -> Result<Io, IoError> {
        tls::connect(connector, socket, host).await
    }
}

/// Whether this crate can reach `endpoint` on this system.
pub(crate) fn check(endpoint: &Endpoint) -> Result<(), Error> {
    let hint = if cfg!(windows) {
        "ipc-async-std speaks over TCP (tcp:HOST:PORT) and TLS (tls:HOST:PORT) here: async-io has no named pipes, \
         ipc-tokio and ipc-mio have them"
    } else {
        "ipc-async-std speaks over Unix sockets (unix:PATH, abstract:NAME), TCP (tcp:HOST:PORT) and TLS \
         (tls:HOST:PORT) here"
    };
    Ok(ipc_os::check_stream(endpoint, hint)?)
}
