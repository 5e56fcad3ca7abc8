//! Dialling with tokio.

use std::{io, sync::Arc};

use ipc_os::Dialling;
use ipc_proto::{Config, IoError, drive::Reload, endpoint::Endpoint, facade::Error};

use crate::{
    io::Io,
    tcp,
    tls::{self, Connector, Own},
};

/// A way to the first of several endpoints that answers.
pub type Dial = Dialling<Connect>;

/// How this crate connects.
#[derive(Clone, Debug)]
pub struct Connect {
    config: Arc<Config>,
    tls: Option<Connector>,
}

pub(crate) fn dial(endpoints: &[Endpoint], config: &Arc<Config>, own: &Own) -> Result<Dial, Error> {
    endpoints.iter().try_for_each(check)?;
    let tls = own.connector(endpoints, config)?;
    Ok(Dialling::new(endpoints, Connect { config: Arc::clone(config), tls }))
}

impl ipc_os::Connect for Connect {
    type Io = Io;

    async fn local(&self, endpoint: &Endpoint) -> Result<Io, IoError> {
        #[cfg(unix)]
        return Ok(Io::Unix(tokio::net::UnixStream::from_std(ipc_os::connect_local(endpoint)?)?));
        // `check` has refused it.
        #[cfg(not(unix))]
        return Err(unsupported());
    }

    async fn tcp(&self, host: &str, port: u16) -> Result<Io, IoError> {
        tcp::connect(host, port, &self.config.interface).await.map(Io::Tcp)
    }

    async fn tls(&self, host: &str, port: u16) -> Result<Io, IoError> {
        // There is one wherever one of the endpoints needs it.
        let Some(connector) = &self.tls else { return Err(unsupported()) };
        tls::connect(connector, tcp::connect(host, port, &self.config.interface).await?, host).await
    }

    fn reload(&self) -> Option<Arc<dyn Reload>> {
        self.tls.as_ref().and_then(Connector::reload)
    }
}

fn unsupported() -> IoError {
    io::Error::from(io::ErrorKind::Unsupported).into()
}

/// Whether this crate can reach `endpoint` on this system.
pub(crate) fn check(endpoint: &Endpoint) -> Result<(), Error> {
    let hint = "ipc-tokio speaks over Unix sockets (unix:PATH, abstract:NAME), TCP (tcp:HOST:PORT) and TLS \
                (tls:HOST:PORT) here";
    Ok(ipc_os::check_stream(endpoint, hint)?)
}
