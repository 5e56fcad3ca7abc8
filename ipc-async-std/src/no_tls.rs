//! What stands in for TLS where the feature is off: nothing that can exist.

use std::net::{SocketAddr, TcpStream};

use async_io::Async;
pub(crate) use ipc_os::no_tls::{Acceptor, Connector, Own};
use ipc_proto::IoError;

use crate::io::Io;

pub(crate) async fn connect(connector: &Connector, _: Async<TcpStream>, _: &str) -> Result<Io, IoError> {
    match *connector {}
}

pub(crate) const fn accept(acceptor: &Acceptor, _socket: Async<TcpStream>, _peer: SocketAddr) -> Io {
    match *acceptor {}
}
