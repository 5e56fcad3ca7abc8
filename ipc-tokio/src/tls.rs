//! TLS over tokio's TCP sockets.

use std::{
    fmt,
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, BytesMut};
use ipc_os::tls::{self, Reloadable};
use ipc_proto::{
    Code, Config, ConfigError, IoError, Outbox, PeerInfo, Profile, TlsOptions,
    drive::{Reload, Transport},
    endpoint::Endpoint,
    facade::Error,
};
use tokio::{io::AsyncWrite, net::TcpStream};
use tokio_rustls::{
    TlsAcceptor, TlsConnector, TlsStream,
    rustls::{ClientConfig, ServerConfig, pki_types::CertificateDer},
};

use crate::io::Io;

/// How much a session is offered at a time: what an error in the middle leaves in doubt.
const OFFER: usize = 64 << 10;

type Handshake = Pin<Box<dyn Future<Output = Result<TlsStream<TcpStream>, IoError>> + Send>>;

enum State {
    Opening(Handshake),
    Open(Box<TlsStream<TcpStream>>),
    Failed,
}

/// A TCP socket under TLS.
pub struct TlsIo {
    state: State,
    peer: Option<SocketAddr>,
}

impl TlsIo {
    /// The other side's certificates, its own first; `None` where it has shown none, or not yet.
    #[must_use]
    pub fn peer_certificates(&self) -> Option<&[CertificateDer<'static>]> {
        match &self.state {
            State::Open(stream) => stream.get_ref().1.peer_certificates(),
            State::Opening(_) | State::Failed => None,
        }
    }

    fn stream(&mut self) -> Result<Pin<&mut TlsStream<TcpStream>>, IoError> {
        match &mut self.state {
            State::Open(stream) => Ok(Pin::new(stream.as_mut())),
            State::Opening(_) | State::Failed => Err(io::Error::from(io::ErrorKind::NotConnected).into()),
        }
    }
}

impl Transport for TlsIo {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        if let State::Opening(handshake) = &mut self.state {
            let (state, result) = match ready!(handshake.as_mut().poll(cx)) {
                Ok(stream) => (State::Open(Box::new(stream)), Ok(())),
                Err(error) => (State::Failed, Err(error)),
            };
            self.state = state;
            return Poll::Ready(result);
        }
        Poll::Ready(self.stream().map(drop))
    }

    fn is_session(&self) -> bool {
        true
    }

    fn peer_info(&self) -> PeerInfo {
        self.peer.map(PeerInfo::network).unwrap_or_default()
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<Result<usize, IoError>> {
        tokio_util::io::poll_read_buf(self.stream()?, cx, buffer).map_err(|error| tls::session_error(&error))
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, outbox: &mut Outbox) -> Poll<Result<(), IoError>> {
        let offered = outbox.chunk().len().min(OFFER);
        let (taken, result) = match ready!(self.stream()?.poll_write(cx, &outbox.chunk()[..offered])) {
            Ok(n) => (n, Ok(())),
            // Where the session fails while it writes, it may have taken all of it.
            Err(error) => (offered, Err(tls::session_error(&error))),
        };
        outbox.advance(taken);
        Poll::Ready(result)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        self.stream()?.poll_flush(cx).map_err(|error| tls::session_error(&error))
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        self.stream()?.poll_shutdown(cx).map_err(|error| tls::session_error(&error))
    }
}

impl fmt::Debug for TlsIo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let socket = match &self.state {
            State::Open(stream) => Some(stream.get_ref().0),
            State::Opening(_) | State::Failed => None,
        };
        f.debug_tuple("TlsIo").field(&socket).finish()
    }
}

/// rustls configurations of the application's own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Own {
    pub(crate) client: Option<Arc<ClientConfig>>,
    pub(crate) server: Option<Arc<ServerConfig>>,
}

/// A configuration in use: the application's own, or one from files.
#[derive(Clone, Debug)]
enum Source<T> {
    Own(Arc<T>),
    Files(Arc<Reloadable<T>>),
}

impl<T: Send + Sync + 'static> Source<T> {
    fn new(
        own: Option<&Arc<T>>,
        config: &Config,
        load: impl Fn(&TlsOptions) -> Result<Arc<T>, ConfigError> + Send + Sync + 'static,
    ) -> Result<Self, ConfigError> {
        if let Some(own) = own {
            return trusted(config).map(|()| Self::Own(Arc::clone(own)));
        }
        let options = config.tls.clone().unwrap_or_default();
        Ok(Self::Files(Arc::new(Reloadable::new(move || load(&options))?)))
    }

    fn get(&self) -> Arc<T> {
        match self {
            Self::Own(own) => Arc::clone(own),
            Self::Files(files) => files.get(),
        }
    }

    fn reload(&self) -> Option<Arc<dyn Reload>> {
        match self {
            Self::Own(_) => None,
            Self::Files(files) => Some(Arc::<Reloadable<T>>::clone(files)),
        }
    }
}

/// Assured has to know that both sides prove who they are, which a configuration of somebody else's does not say.
fn trusted(config: &Config) -> Result<(), ConfigError> {
    if config.profile != Profile::Assured {
        return Ok(());
    }
    let hint = "it takes certificates from the options of tls only, and no TLS configuration of your own";
    Err(ConfigError::new("profile", "assured", hint).with_code(Code::AssuredTls))
}

fn handshake_timeout(config: &Config) -> Duration {
    config.tls.as_ref().map_or_else(|| TlsOptions::default().handshake_timeout, |options| options.handshake_timeout)
}

async fn within<S: Into<TlsStream<TcpStream>>>(
    limit: Duration,
    peer: impl fmt::Display,
    handshake: impl Future<Output = io::Result<S>>,
) -> Result<TlsStream<TcpStream>, IoError> {
    match tokio::time::timeout(limit, handshake).await {
        Ok(Ok(stream)) => Ok(stream.into()),
        Ok(Err(error)) => Err(tls::handshake_error(peer, &error)),
        Err(_) => Err(tls::timed_out(peer)),
    }
}

/// The client's side of handshakes.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    source: Source<ClientConfig>,
    config: Arc<Config>,
}

impl Connector {
    /// `None` where none of `endpoints` speaks TLS.
    pub(crate) fn new(endpoints: &[Endpoint], config: &Arc<Config>, own: &Own) -> Result<Option<Self>, Error> {
        let hosts = endpoints.iter().filter_map(|endpoint| match endpoint {
            Endpoint::Tls { host, .. } => Some(host),
            _ => None,
        });
        let mut connector = None;
        for host in hosts {
            tls::server_name(config.tls.as_ref(), host)?;
            if connector.is_none() {
                let dialect = config.dialect;
                let load = move |options: &TlsOptions| tls::client_config(options, dialect);
                let source = Source::new(own.client.as_ref(), config, load)?;
                connector = Some(Self { source, config: Arc::clone(config) });
            }
        }
        Ok(connector)
    }

    /// Makes a session of a connection to `host`.
    pub(crate) async fn connect(&self, socket: TcpStream, host: &str) -> Result<Io, IoError> {
        let name = tls::server_name(self.config.tls.as_ref(), host)
            .map_err(|error| IoError::new("EINVAL", error.to_string()))?;
        let handshake = TlsConnector::from(self.source.get()).connect(name, socket);
        let stream = within(handshake_timeout(&self.config), host, handshake).await?;
        let peer = stream.get_ref().0.peer_addr().ok();
        Ok(Io::Tls(TlsIo { state: State::Open(Box::new(stream)), peer }))
    }

    pub(crate) fn reload(&self) -> Option<Arc<dyn Reload>> {
        self.source.reload()
    }
}

/// The server's side of handshakes.
#[derive(Debug)]
pub(crate) struct Acceptor {
    source: Source<ServerConfig>,
    limit: Duration,
}

impl Acceptor {
    pub(crate) fn new(config: &Config, own: &Own) -> Result<Self, Error> {
        let dialect = config.dialect;
        let load = move |options: &TlsOptions| tls::server_config(options, dialect);
        let source = Source::new(own.server.as_ref(), config, load)?;
        Ok(Self { source, limit: handshake_timeout(config) })
    }

    /// A connection from `peer` whose handshake begins when it is polled, and whose time is running.
    pub(crate) fn accept(&self, socket: TcpStream, peer: SocketAddr) -> Io {
        let handshake = TlsAcceptor::from(self.source.get()).accept(socket);
        let state = State::Opening(Box::pin(within(self.limit, peer, handshake)));
        Io::Tls(TlsIo { state, peer: Some(peer) })
    }

    pub(crate) fn reload(&self) -> Option<Arc<dyn Reload>> {
        self.source.reload()
    }
}
