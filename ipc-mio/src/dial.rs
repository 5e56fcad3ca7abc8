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
    Config, ConfigError, Interface, IoError,
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
        let tls = own.connector(endpoints, config)?;
        let connect = Connect { reactor: Arc::clone(reactor), known: Mutex::default() };
        connect.look_up(endpoints, &config.interface);
        Ok(Self { attempts: Dialling::new(connect, endpoints, config, tls) })
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

/// How this crate connects.
struct Connect {
    reactor: Arc<Reactor>,
    /// Addresses of hosts that were found.
    known: Mutex<BTreeMap<String, Vec<SocketAddr>>>,
}

impl Connect {
    fn look_up(&self, endpoints: &[Endpoint], interface: &Interface) {
        for endpoint in endpoints {
            if let Endpoint::Tcp { host, port } | Endpoint::Tls { host, port } = endpoint {
                // What fails here fails again at the attempt, which reports it.
                drop(self.addresses(host, *port, interface));
            }
        }
    }

    fn addresses(&self, host: &str, port: u16, interface: &Interface) -> Result<Vec<SocketAddr>, IoError> {
        if let Some(known) = lock(&self.known).get(host) {
            return Ok(known.iter().map(|address| SocketAddr::new(address.ip(), port)).collect());
        }
        let found = ipc_os::look_up_tcp(host, port, interface)?;
        lock(&self.known).insert(host.to_owned(), found.clone());
        Ok(found)
    }

    async fn dial(&self, remote: SocketAddr, interface: &Interface) -> Result<Source<TcpStream>, IoError> {
        let socket = ipc_os::dial_tcp(remote, interface)?;
        let mut source = Source::new(&self.reactor, TcpStream::from_std(socket))?;
        poll_fn(|cx| source.poll_write(cx, is_connected)).await?;
        Ok(source)
    }
}

impl ipc_os::Connect for Connect {
    type Io = Io;
    type Socket = Source<TcpStream>;
    type Connector = Connector;

    #[cfg(unix)]
    async fn local(&self, endpoint: &Endpoint) -> Result<Io, IoError> {
        let stream = mio::net::UnixStream::from_std(ipc_os::connect_local(endpoint)?);
        Ok(streams::unix(Source::new(&self.reactor, stream)?))
    }

    #[cfg(windows)]
    async fn local(&self, endpoint: &Endpoint) -> Result<Io, IoError> {
        crate::pipe::connect(&self.reactor, endpoint).await.map(Io::Pipe)
    }

    #[cfg(not(any(unix, windows)))]
    async fn local(&self, _endpoint: &Endpoint) -> Result<Io, IoError> {
        // `check` has refused it.
        Err(io::Error::from(io::ErrorKind::Unsupported).into())
    }

    async fn tcp(&self, host: &str, port: u16, interface: &Interface) -> Result<Source<TcpStream>, IoError> {
        let addresses = self.addresses(host, port, interface)?;
        ipc_os::first_that_answers(addresses, |remote| self.dial(remote, interface)).await
    }

    fn plain(socket: Source<TcpStream>) -> Io {
        streams::tcp(socket)
    }

    async fn secure(&self, connector: &Connector, socket: Source<TcpStream>, host: &str) -> Result<Io, IoError> {
        tls::connect(connector, &self.reactor, socket, host).await
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
    Ok(ipc_os::check_local(endpoint, "ipc-mio")?)
}
