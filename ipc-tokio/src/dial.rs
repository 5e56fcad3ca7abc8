//! Dialling with tokio.

use std::{
    io,
    sync::Arc,
    task::{Context, Poll},
};

use ipc_os::Dialling;
use ipc_proto::{
    Config, IoError,
    drive::{self, Reload},
    endpoint::Endpoint,
    facade::Error,
};

use crate::{
    io::Io,
    tcp,
    tls::{self, Connector, Own},
};

/// A way to the first of several endpoints that answers.
#[derive(Debug)]
pub struct Dial(Dialling<Connect>);

impl Dial {
    pub(crate) fn new(endpoints: &[Endpoint], config: Arc<Config>, own: &Own) -> Result<Self, Error> {
        endpoints.iter().try_for_each(check)?;
        let tls = own.connector(endpoints, &config)?;
        Ok(Self(Dialling::new(endpoints, Connect { config, tls })))
    }
}

impl drive::Dial for Dial {
    type Io = Io;

    fn start(&mut self) {
        self.0.start();
    }

    fn cancel(&mut self) {
        self.0.cancel();
    }

    fn poll_dial(&mut self, cx: &mut Context<'_>) -> Poll<Result<Io, IoError>> {
        self.0.poll_dial(cx)
    }

    fn reload(&self) -> Option<Arc<dyn Reload>> {
        self.0.reload()
    }
}

#[derive(Clone)]
struct Connect {
    config: Arc<Config>,
    tls: Option<Connector>,
}

impl ipc_os::Connect for Connect {
    type Io = Io;

    async fn connect(&self, endpoint: &Endpoint) -> Result<Io, IoError> {
        match (endpoint, &self.tls) {
            #[cfg(unix)]
            (Endpoint::Path(path), _) => unix(ipc_os::connect_path(path)),
            #[cfg(unix)]
            (Endpoint::Abstract(name), _) => unix(ipc_os::connect_abstract(name)),
            (Endpoint::Tcp { host, port }, _) => tcp::connect(host, *port, &self.config.interface).await.map(Io::Tcp),
            (Endpoint::Tls { host, port }, Some(connector)) => {
                let socket = tcp::connect(host, *port, &self.config.interface).await?;
                tls::connect(connector, socket, host).await
            }
            // `check` has refused all others.
            _ => Err(io::Error::from(io::ErrorKind::Unsupported).into()),
        }
    }

    fn reload(&self) -> Option<Arc<dyn Reload>> {
        self.tls.as_ref().and_then(Connector::reload)
    }
}

#[cfg(unix)]
fn unix(stream: io::Result<std::os::unix::net::UnixStream>) -> Result<Io, IoError> {
    Ok(Io::Unix(tokio::net::UnixStream::from_std(stream?)?))
}

/// Whether this crate can reach `endpoint` on this system.
pub(crate) fn check(endpoint: &Endpoint) -> Result<(), Error> {
    let hint = "ipc-tokio speaks over Unix sockets (unix:PATH, abstract:NAME), TCP (tcp:HOST:PORT) and TLS \
                (tls:HOST:PORT) here";
    Ok(ipc_os::check_stream(endpoint, hint)?)
}
