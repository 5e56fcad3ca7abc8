//! Dialling with mio.

use std::{
    collections::BTreeMap,
    future::poll_fn,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use ipc_os::Dialling;
use ipc_proto::{
    Config, ConfigError, IoError,
    drive::{self, Reload},
    endpoint::Endpoint,
    facade::Error,
};
use mio::net::TcpStream;

use crate::{
    io::{self as streams, Io},
    lock,
    reactor::Reactor,
    source::{Done, Source},
    tls::{self, Connector, Own},
};

/// A way to the first of several endpoints that answers.
///
/// Host names are looked up when it is made, which blocks for as long as the system's resolver takes, and from then on
/// the addresses are kept. A name that was not found is looked up again at each attempt.
#[derive(Debug)]
pub struct Dial {
    attempts: Dialling<Connect>,
}

impl Dial {
    pub(crate) fn new(
        reactor: &Arc<Reactor>,
        endpoints: &[Endpoint],
        config: &Arc<Config>,
        own: &Own,
    ) -> Result<Self, Error> {
        endpoints.iter().try_for_each(check)?;
        if reactor.slots().granted() == 0 {
            return Err(ConfigError::new("tokens", "0", "grant at least one for the connection").into());
        }
        let (reactor, config) = (Arc::clone(reactor), Arc::clone(config));
        let connect = Connect { tls: own.connector(endpoints, &config)?, reactor, config, known: Arc::default() };
        connect.look_up(endpoints);
        Ok(Self { attempts: Dialling::new(endpoints, connect) })
    }
}

impl drive::Dial for Dial {
    type Io = Io;

    fn start(&mut self) {
        self.attempts.start();
    }

    fn cancel(&mut self) {
        self.attempts.cancel();
    }

    fn poll_dial(&mut self, cx: &mut Context<'_>) -> Poll<Result<Io, IoError>> {
        self.attempts.poll_dial(cx)
    }

    fn reload(&self) -> Option<Arc<dyn Reload>> {
        self.attempts.reload()
    }
}

/// One attempt after the other.
#[derive(Clone)]
struct Connect {
    reactor: Arc<Reactor>,
    config: Arc<Config>,
    tls: Option<Connector>,
    /// Addresses of hosts that were found.
    known: Arc<Mutex<BTreeMap<String, Vec<SocketAddr>>>>,
}

impl Connect {
    fn look_up(&self, endpoints: &[Endpoint]) {
        for endpoint in endpoints {
            if let Endpoint::Tcp { host, port } | Endpoint::Tls { host, port } = endpoint {
                // What fails here fails again at the attempt, which reports it.
                drop(self.addresses(host, *port));
            }
        }
    }

    fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, IoError> {
        if let Some(known) = lock(&self.known).get(host) {
            return Ok(known.iter().map(|address| SocketAddr::new(address.ip(), port)).collect());
        }
        let found = ipc_os::look_up_tcp(host, port, &self.config.interface)?;
        lock(&self.known).insert(host.to_owned(), found.clone());
        Ok(found)
    }

    async fn tcp(&self, host: &str, port: u16) -> Result<Source<TcpStream>, IoError> {
        ipc_os::first_that_answers(self.addresses(host, port)?, |remote| self.dial(remote)).await
    }

    async fn dial(&self, remote: SocketAddr) -> Result<Source<TcpStream>, IoError> {
        let socket = ipc_os::dial_tcp(remote, &self.config.interface)?;
        let mut source = Source::new(&self.reactor, TcpStream::from_std(socket))?;
        poll_fn(|cx| source.poll_write(cx, is_connected)).await?;
        Ok(source)
    }

    #[cfg(unix)]
    fn unix(&self, connected: io::Result<std::os::unix::net::UnixStream>) -> Result<Io, IoError> {
        let stream = mio::net::UnixStream::from_std(connected?);
        Ok(streams::unix(Source::new(&self.reactor, stream)?))
    }
}

impl ipc_os::Connect for Connect {
    type Io = Io;

    async fn connect(&self, endpoint: &Endpoint) -> Result<Io, IoError> {
        match endpoint {
            #[cfg(unix)]
            Endpoint::Path(path) => self.unix(ipc_os::connect_path(path)),
            #[cfg(unix)]
            Endpoint::Abstract(name) => self.unix(ipc_os::connect_abstract(name)),
            Endpoint::Tcp { host, port } => self.tcp(host, *port).await.map(streams::tcp),
            Endpoint::Tls { host, port } => {
                // There is one wherever one of the endpoints needs it.
                let connector = self.tls.as_ref().ok_or(io::ErrorKind::Unsupported).map_err(io::Error::from)?;
                tls::connect(connector, &self.reactor, self.tcp(host, *port).await?, host).await
            }
            // `check` has refused all others.
            _ => Err(io::Error::from(io::ErrorKind::Unsupported).into()),
        }
    }

    fn reload(&self) -> Option<Arc<dyn Reload>> {
        self.tls.as_ref()?.reload()
    }
}

/// Whether connecting has come to its end; until then it blocks.
fn is_connected(socket: &TcpStream) -> io::Result<Done<()>> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    match socket.peer_addr() {
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Err(io::ErrorKind::WouldBlock.into()),
        result => result.map(drop).map(Done::more),
    }
}

/// Whether this crate can reach `endpoint` on this system.
pub(crate) fn check(endpoint: &Endpoint) -> Result<(), Error> {
    let hint = "ipc-mio speaks over Unix sockets (unix:PATH, abstract:NAME), TCP (tcp:HOST:PORT) and TLS \
                (tls:HOST:PORT) here";
    Ok(ipc_os::check_stream(endpoint, hint)?)
}
