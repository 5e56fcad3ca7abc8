//! What stands in for TLS where the feature is off: nothing that can exist.

use std::net::SocketAddr;

pub(crate) use ipc_os::no_tls::{Acceptor, Connector, Own};
use ipc_proto::IoError;
use tokio::net::TcpStream;

use crate::io::Io;

pub(crate) async fn connect(connector: &Connector, _socket: TcpStream, _host: &str) -> Result<Io, IoError> {
    match *connector {}
}

pub(crate) const fn accept(acceptor: &Acceptor, _socket: TcpStream, _peer: SocketAddr) -> Io {
    match *acceptor {}
}
