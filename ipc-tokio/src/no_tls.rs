//! What stands in for TLS where the feature is off: nothing that can exist.

use std::{net::SocketAddr, sync::Arc};

use ipc_proto::{Config, ConfigError, IoError, drive::Reload, endpoint::Endpoint, facade::Error};
use tokio::net::TcpStream;

use crate::io::Io;

#[derive(Clone, Debug, Default)]
pub(crate) struct Own {}

#[derive(Clone, Debug)]
pub(crate) enum Connector {}

impl Connector {
    pub(crate) fn new(endpoints: &[Endpoint], _config: &Arc<Config>, _own: &Own) -> Result<Option<Self>, Error> {
        match endpoints.iter().find(|endpoint| matches!(endpoint, Endpoint::Tls { .. })) {
            Some(endpoint) => Err(missing(&endpoint.to_string())),
            None => Ok(None),
        }
    }

    pub(crate) async fn connect(&self, _socket: TcpStream, _host: &str) -> Result<Io, IoError> {
        match *self {}
    }

    pub(crate) fn reload(&self) -> Option<Arc<dyn Reload>> {
        match *self {}
    }
}

#[derive(Debug)]
pub(crate) enum Acceptor {}

impl Acceptor {
    pub(crate) fn new(_config: &Config, _own: &Own) -> Result<Self, Error> {
        Err(missing("tls"))
    }

    pub(crate) fn accept(&self, _socket: TcpStream, _peer: SocketAddr) -> Io {
        match *self {}
    }

    pub(crate) fn reload(&self) -> Option<Arc<dyn Reload>> {
        match *self {}
    }
}

fn missing(endpoint: &str) -> Error {
    ConfigError::new("endpoint", endpoint, "turn on the feature tls of ipc-tokio").into()
}
