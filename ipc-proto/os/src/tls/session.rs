//! Sessions as transports, over whatever an asynchronous runtime makes of rustls.

use std::{
    fmt,
    future::Future,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, BytesMut};
use ipc_proto::{
    IoError, Outbox, PeerInfo, Timestamp,
    drive::{Clock, Transport},
};
use rustls::pki_types::CertificateDer;

use super::{handshake_error, session_error, timed_out};

/// How much a session is offered at a time: what an error in the middle leaves in doubt.
const OFFER: usize = 64 << 10;

/// A byte stream under an established session, as a runtime has it.
pub trait SecureStream: fmt::Debug + Send + Unpin + 'static {
    /// Reads into the spare room of `buffer`; 0 is the end of the session.
    ///
    /// # Errors
    ///
    /// What the session or the socket failed with.
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>>;

    /// Takes some of `bytes` into the session.
    ///
    /// # Errors
    ///
    /// As [`poll_read`](Self::poll_read).
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;

    /// Writes what the session holds.
    ///
    /// # Errors
    ///
    /// As [`poll_read`](Self::poll_read).
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Ends the session's writing half, and the socket's.
    ///
    /// # Errors
    ///
    /// As [`poll_read`](Self::poll_read).
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// The other side's certificates, its own first.
    fn peer_certificates(&self) -> Option<&[CertificateDer<'static>]>;
}

/// A socket under TLS.
pub struct Session<S> {
    state: State<S>,
    peer: Option<SocketAddr>,
}

enum State<S> {
    Opening(Pin<Box<dyn Future<Output = Result<S, IoError>> + Send>>),
    Open(Box<S>),
    Failed,
}

impl<S: SecureStream> Session<S> {
    /// A session with `peer` whose handshake is made while it is polled, and whose time is running.
    pub fn opening(
        peer: SocketAddr,
        limit: Duration,
        clock: impl Clock + Send + 'static,
        handshake: impl Future<Output = io::Result<S>> + Send + 'static,
    ) -> Self {
        let handshake = within(peer.to_string(), limit, clock, handshake);
        Self { state: State::Opening(Box::pin(handshake)), peer: Some(peer) }
    }

    /// The session with `host`, which is at `peer`, after its handshake.
    ///
    /// # Errors
    ///
    /// [`IoError`] for a handshake that failed, or took longer than `limit`.
    pub async fn open(
        (host, peer): (&str, Option<SocketAddr>),
        limit: Duration,
        clock: impl Clock + Send,
        handshake: impl Future<Output = io::Result<S>> + Send,
    ) -> Result<Self, IoError> {
        let stream = within(host.to_owned(), limit, clock, handshake).await?;
        Ok(Self { state: State::Open(Box::new(stream)), peer })
    }

    /// The other side's certificates, its own first; `None` where it has shown none, or not yet.
    #[must_use]
    pub fn peer_certificates(&self) -> Option<&[CertificateDer<'static>]> {
        match &self.state {
            State::Open(stream) => stream.peer_certificates(),
            State::Opening(_) | State::Failed => None,
        }
    }

    fn stream(&mut self) -> Result<&mut S, IoError> {
        match &mut self.state {
            State::Open(stream) => Ok(stream),
            State::Opening(_) | State::Failed => Err(io::Error::from(io::ErrorKind::NotConnected).into()),
        }
    }
}

/// Waits for `handshake` until `limit` has passed from now on.
fn within<S>(
    peer: String,
    limit: Duration,
    mut clock: impl Clock + Send,
    handshake: impl Future<Output = io::Result<S>> + Send,
) -> impl Future<Output = Result<S, IoError>> + Send {
    let until = Timestamp::new(clock.now().since_epoch().saturating_add(limit));
    async move {
        let mut handshake = pin!(handshake);
        std::future::poll_fn(|cx| match handshake.as_mut().poll(cx) {
            Poll::Ready(result) => Poll::Ready(result.map_err(|error| handshake_error(&peer, &error))),
            Poll::Pending => clock.poll_until(cx, until).map(|()| Err(timed_out(&peer))),
        })
        .await
    }
}

impl<S: SecureStream> Transport for Session<S> {
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
        self.stream()?.poll_read(cx, buffer).map_err(|error| session_error(&error))
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, outbox: &mut Outbox) -> Poll<Result<(), IoError>> {
        let offered = outbox.chunk().len().min(OFFER);
        let (taken, result) = match ready!(self.stream()?.poll_write(cx, &outbox.chunk()[..offered])) {
            Ok(n) => (n, Ok(())),
            // Where the session fails while it writes, it may have taken all of it.
            Err(error) => (offered, Err(session_error(&error))),
        };
        outbox.advance(taken);
        Poll::Ready(result)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        self.stream()?.poll_flush(cx).map_err(|error| session_error(&error))
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        self.stream()?.poll_close(cx).map_err(|error| session_error(&error))
    }
}

impl<S: SecureStream> fmt::Debug for Session<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stream = match &self.state {
            State::Open(stream) => Some(stream),
            State::Opening(_) | State::Failed => None,
        };
        f.debug_struct("Session").field("peer", &self.peer).field("stream", &stream).finish()
    }
}
