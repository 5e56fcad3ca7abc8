//! What stands in for TLS where the feature is off: nothing that can exist.

use std::{net::SocketAddr, sync::Arc};

pub(crate) use ipc_os::no_tls::{Acceptor, Connector, Own};
use ipc_proto::IoError;
use mio::net::TcpStream;

use crate::{io::Io, reactor::Reactor, source::Source};

pub(crate) async fn connect(
    connector: &Connector,
    _reactor: &Arc<Reactor>,
    _source: Source<TcpStream>,
    _host: &str,
) -> Result<Io, IoError> {
    match *connector {}
}

pub(crate) fn accept(
    acceptor: &Acceptor,
    _reactor: &Arc<Reactor>,
    _source: Source<TcpStream>,
    _peer: SocketAddr,
) -> Result<Io, IoError> {
    match *acceptor {}
}
