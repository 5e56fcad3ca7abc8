//! Dialling with tokio.

use std::{
    fmt,
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use ipc_proto::{
    Config, ConfigError, IoError,
    drive::{self, Reload},
    endpoint::Endpoint,
    facade::{self, Error},
};
use tokio::net::TcpStream;

use crate::{
    io::{Io, prompt},
    tcp,
    tls::{Connector, Own},
};

type Attempt = Pin<Box<dyn Future<Output = Result<Io, IoError>> + Send>>;

/// A way to the first of several endpoints that answers.
pub struct Dial {
    endpoints: Vec<Endpoint>,
    config: Arc<Config>,
    tls: Option<Connector>,
    attempt: Option<Attempt>,
}

impl Dial {
    pub(crate) fn new(endpoints: &[Endpoint], config: Arc<Config>, own: &Own) -> Result<Self, Error> {
        endpoints.iter().try_for_each(check)?;
        let tls = Connector::new(endpoints, &config, own)?;
        Ok(Self { endpoints: endpoints.to_vec(), config, tls, attempt: None })
    }
}

impl drive::Dial for Dial {
    type Io = Io;

    fn start(&mut self) {
        self.attempt = Some(Box::pin(first(self.endpoints.clone(), Arc::clone(&self.config), self.tls.clone())));
    }

    fn cancel(&mut self) {
        self.attempt = None;
    }

    fn poll_dial(&mut self, cx: &mut Context<'_>) -> Poll<Result<Io, IoError>> {
        match &mut self.attempt {
            Some(attempt) => attempt.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }

    fn reload(&self) -> Option<Arc<dyn Reload>> {
        self.tls.as_ref().and_then(Connector::reload)
    }
}

impl fmt::Debug for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Dial").field(&self.endpoints).finish()
    }
}

async fn first(endpoints: Vec<Endpoint>, config: Arc<Config>, tls: Option<Connector>) -> Result<Io, IoError> {
    let mut failed = None;
    for endpoint in endpoints {
        match connect(&endpoint, &config, tls.as_ref()).await {
            Ok(io) => return Ok(io),
            Err(error) => failed = Some(facade::telling(failed, error)),
        }
    }
    Err(failed.unwrap_or_else(|| io::Error::from(io::ErrorKind::NotFound).into()))
}

async fn connect(endpoint: &Endpoint, config: &Config, tls: Option<&Connector>) -> Result<Io, IoError> {
    match endpoint {
        #[cfg(unix)]
        Endpoint::Path(path) => Ok(Io::Unix(tokio::net::UnixStream::connect(path).await?)),
        #[cfg(any(target_os = "linux", target_os = "android"))]
        Endpoint::Abstract(name) => Ok(Io::Unix(tokio::net::UnixStream::connect(format!("\0{name}")).await?)),
        Endpoint::Tcp { host, port } => Ok(Io::Tcp(dial_tcp(host, *port, config).await?)),
        Endpoint::Tls { host, port } => match tls {
            Some(tls) => tls.connect(dial_tcp(host, *port, config).await?, host).await,
            // There is one wherever one of the endpoints needs it.
            None => Err(io::Error::from(io::ErrorKind::Unsupported).into()),
        },
        // `check` has refused all others.
        _ => Err(io::Error::from(io::ErrorKind::Unsupported).into()),
    }
}

async fn dial_tcp(host: &str, port: u16, config: &Config) -> Result<TcpStream, IoError> {
    Ok(prompt(tcp::connect(host, port, &config.interface).await?)?)
}

/// Whether this crate can reach `endpoint` on this system.
pub(crate) fn check(endpoint: &Endpoint) -> Result<(), Error> {
    let hint = match endpoint {
        #[cfg(unix)]
        Endpoint::Path(path) => return Ok(ipc_proto::endpoint::check_path(path, ipc_os::path_limit())?),
        #[cfg(any(target_os = "linux", target_os = "android"))]
        Endpoint::Abstract(name) => return Ok(ipc_proto::endpoint::check_path(name, ipc_os::path_limit())?),
        Endpoint::Tcp { .. } => return Ok(()),
        // Where it is not built in, that is said when it is set up.
        Endpoint::Tls { .. } => return Ok(()),
        Endpoint::Udp4 { .. } | Endpoint::Udp6 { .. } => {
            "UDP has no clients and no connections: serve it on both sides, and speak first with Server::udp_peer"
        }
        _ => {
            "ipc-tokio speaks over Unix sockets (unix:PATH, abstract:NAME), TCP (tcp:HOST:PORT) and TLS (tls:HOST:PORT) \
             here"
        }
    };
    Err(ConfigError::new("endpoint", endpoint.to_string(), hint).into())
}
