//! TLS over tokio's TCP sockets.

use std::{
    fmt,
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, BytesMut};
use ipc_os::tls;
pub(crate) use ipc_os::tls::{Acceptor, Connector, Own};
use ipc_proto::{IoError, Outbox, PeerInfo, drive::Transport};
use tokio::{io::AsyncWrite, net::TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream, rustls::pki_types::CertificateDer};

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

/// Makes a session of a connection to `host`.
pub(crate) async fn connect(connector: &Connector, socket: TcpStream, host: &str) -> Result<Io, IoError> {
    let (config, name) = connector.session(host)?;
    let handshake = TlsConnector::from(config).connect(name, socket);
    let stream = within(connector.timeout(), host, handshake).await?;
    let peer = stream.get_ref().0.peer_addr().ok();
    Ok(Io::Tls(TlsIo { state: State::Open(Box::new(stream)), peer }))
}

/// A connection from `peer` whose handshake begins when it is polled, and whose time is running.
pub(crate) fn accept(acceptor: &Acceptor, socket: TcpStream, peer: SocketAddr) -> Io {
    let handshake = TlsAcceptor::from(acceptor.config()).accept(socket);
    let state = State::Opening(Box::pin(within(acceptor.timeout(), peer, handshake)));
    Io::Tls(TlsIo { state, peer: Some(peer) })
}
