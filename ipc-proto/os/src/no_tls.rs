//! What stands in for [`tls`](crate::tls) in an adapter whose feature `tls` is off: nothing that can exist.
//!
//! It is always there, since features add up: another crate of the program may have TLS where this adapter has not.

use std::sync::Arc;

use ipc_proto::{Config, ConfigError, drive::Reload, endpoint::Endpoint};

use crate::Reloads;

/// No configurations of the application's own.
#[derive(Clone, Debug, Default)]
pub struct Own {}

impl Own {
    /// `None`, since none of `endpoints` speaks TLS.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] where one of them does: it names the feature.
    pub fn connector(&self, endpoints: &[Endpoint], _config: &Arc<Config>) -> Result<Option<Connector>, ConfigError> {
        endpoints.iter().try_for_each(refuse).map(|()| None)
    }

    /// `None`, since `endpoint` does not speak TLS.
    ///
    /// # Errors
    ///
    /// As [`connector`](Self::connector).
    pub fn acceptor(&self, endpoint: &Endpoint, _config: &Config) -> Result<Option<Acceptor>, ConfigError> {
        refuse(endpoint).map(|()| None)
    }
}

fn refuse(endpoint: &Endpoint) -> Result<(), ConfigError> {
    if matches!(endpoint, Endpoint::Tls { .. }) {
        let hint = "turn on the feature tls of the crate that binds the runtime: ipc-tokio, ipc-async-std or ipc-mio";
        return Err(ConfigError::new("endpoint", endpoint.to_string(), hint));
    }
    Ok(())
}

/// The client's side of handshakes, of which there are none.
#[derive(Clone, Copy, Debug)]
pub enum Connector {}

impl Reloads for Connector {
    fn reload(&self) -> Option<Arc<dyn Reload>> {
        match *self {}
    }
}

/// The server's side of handshakes, of which there are none.
#[derive(Clone, Copy, Debug)]
pub enum Acceptor {}

impl Reloads for Acceptor {
    fn reload(&self) -> Option<Arc<dyn Reload>> {
        match *self {}
    }
}
