//! Dialling with async-io.

use std::{io, sync::Arc};

use ipc_os::Dialling;
use ipc_proto::{Config, IoError, drive::Reload, endpoint::Endpoint, facade::Error};

use crate::{
    io::{Io, Stream},
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
        return Ok(Io::Unix(Stream::new(async_io::Async::new_nonblocking(ipc_os::connect_local(endpoint)?)?)));
        // `check` has refused it.
        #[cfg(not(unix))]
        return Err(unsupported());
    }

    async fn tcp(&self, host: &str, port: u16) -> Result<Io, IoError> {
        let socket = tcp::connect(host, port, &self.config.interface).await?;
        Ok(Io::Tcp(Stream::new(socket)))
    }

    async fn tls(&self, host: &str, port: u16) -> Result<Io, IoError> {
        // There is one wherever one of the endpoints needs it.
        let Some(connector) = &self.tls else { return Err(unsupported()) };
        let socket = tcp::connect(host, port, &self.config.interface).await?;
        tls::connect(connector, socket, host).await
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
    let hint = if cfg!(windows) {
        "ipc-async-std speaks over TCP (tcp:HOST:PORT) and TLS (tls:HOST:PORT) here: async-io has no named pipes, \
         ipc-tokio and ipc-mio have them"
    } else {
        "ipc-async-std speaks over Unix sockets (unix:PATH, abstract:NAME), TCP (tcp:HOST:PORT) and TLS \
         (tls:HOST:PORT) here"
    };
    Ok(ipc_os::check_stream(endpoint, hint)?)
}
