//! TLS over mio's TCP sockets, by rustls directly.

use std::{
    fmt,
    io::{self, BufRead, IoSlice, Read, Write},
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, BytesMut};
use ipc_os::tls;
pub(crate) use ipc_os::tls::{Acceptor, Connector, Own};
use ipc_proto::{
    IoError, Outbox, PeerInfo, Timestamp,
    drive::{Clock as _, Transport},
};
use mio::net::TcpStream;
use rustls::{ClientConnection, Connection, ServerConnection, pki_types::CertificateDer};

use crate::{
    io::{HalfClose, Io},
    reactor::Reactor,
    source::{Done, Source},
    time::Clock,
};

/// How much a session is offered at a time: what an error in the middle leaves in doubt.
const OFFER: usize = 64 << 10;

/// A TCP socket under TLS.
pub struct TlsIo {
    session: Connection,
    source: Source<TcpStream>,
    peer: Option<SocketAddr>,
    /// Until the session is established.
    opening: Option<Opening>,
    /// The closing alert is on its way.
    ended: bool,
}

/// A handshake that is under way.
struct Opening {
    /// Whom it is with, for errors.
    with: String,
    limit: Duration,
    /// Its time runs from the first poll on.
    until: Option<Timestamp>,
    clock: Clock,
}

impl Opening {
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let now = self.clock.now();
        let until = *self.until.get_or_insert_with(|| now.saturating_add(self.limit));
        self.clock.poll_until(cx, until)
    }
}

/// What a session reads from and writes to.
struct Pipe<'s, 'c, 'w> {
    source: &'s mut Source<TcpStream>,
    cx: &'c Context<'w>,
}

/// What blocks for a session is pending for a task.
fn blocking<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

fn pending<T>(result: io::Result<T>) -> Poll<io::Result<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        result => Poll::Ready(result),
    }
}

impl Read for Pipe<'_, '_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        blocking(self.source.poll_read(self.cx, |mut socket| {
            let asked = buffer.len();
            socket.read(buffer).map(|read| Done::part(read, asked))
        }))
    }
}

impl Write for Pipe<'_, '_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let asked = slices.iter().map(|slice| slice.len()).sum();
        blocking(self.source.poll_write(self.cx, |mut socket| {
            socket.write_vectored(slices).map(|written| Done::part(written, asked))
        }))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl TlsIo {
    /// The other side's certificates, its own first; `None` where it has shown none, or not yet.
    #[must_use]
    pub fn peer_certificates(&self) -> Option<&[CertificateDer<'static>]> {
        self.session.peer_certificates()
    }

    fn new(session: Connection, source: Source<TcpStream>, opening: Opening) -> Self {
        let peer = source.socket().peer_addr().ok();
        Self { session, source, peer, opening: Some(opening), ended: false }
    }

    /// Writes what the session has for the wire.
    fn poll_out(&mut self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        while self.session.wants_write() {
            let written = self.session.write_tls(&mut Pipe { source: &mut self.source, cx });
            if ready!(pending(written))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads from the wire, and says how much; 0 is its end.
    fn poll_in(&mut self, cx: &Context<'_>) -> Poll<io::Result<usize>> {
        let read = ready!(pending(self.session.read_tls(&mut Pipe { source: &mut self.source, cx })))?;
        if let Err(error) = self.session.process_new_packets() {
            // The peer is told why, as far as that goes without waiting.
            let _ = self.poll_out(cx);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, error)));
        }
        Poll::Ready(Ok(read))
    }

    fn poll_handshake(&mut self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        while self.session.is_handshaking() {
            ready!(self.poll_out(cx))?;
            if self.session.is_handshaking() && ready!(self.poll_in(cx))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
        }
        self.poll_out(cx)
    }

    /// What was decrypted, as much of it as `buffer` has room for; 0 is the end of the session.
    fn take_plain(&mut self, buffer: &mut BytesMut) -> io::Result<usize> {
        let room = buffer.capacity() - buffer.len();
        let mut reader = self.session.reader();
        let plain = reader.fill_buf()?;
        let taken = plain.len().min(room);
        buffer.extend_from_slice(&plain[..taken]);
        reader.consume(taken);
        Ok(taken)
    }

    fn poll_plain(&mut self, cx: &Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        loop {
            if let Poll::Ready(result) = pending(self.take_plain(buffer)) {
                return Poll::Ready(result);
            }
            ready!(self.poll_in(cx))?;
        }
    }

    /// Gives the session as much of `plain` as it takes, and the wire as much of that as it takes.
    fn poll_encrypt(&mut self, cx: &Context<'_>, plain: &[u8]) -> Poll<io::Result<usize>> {
        let mut taken = 0;
        while taken < plain.len() {
            taken += self.session.writer().write(&plain[taken..])?;
            if self.poll_out(cx)?.is_pending() {
                break;
            }
        }
        if taken == 0 { Poll::Pending } else { Poll::Ready(Ok(taken)) }
    }

    fn poll_end(&mut self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        if !self.ended {
            self.session.send_close_notify();
            self.ended = true;
        }
        ready!(self.poll_out(cx))?;
        // A peer that has hung up already wants no goodbye.
        let result = self.source.socket().end_writing();
        Poll::Ready(result.or_else(|error| if error.kind() == io::ErrorKind::NotConnected { Ok(()) } else { Err(error) }))
    }
}

impl Transport for TlsIo {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        let Some(mut opening) = self.opening.take() else { return Poll::Ready(Ok(())) };
        if let Poll::Ready(result) = self.poll_handshake(cx) {
            return Poll::Ready(result.map_err(|error| tls::handshake_error(opening.with, &error)));
        }
        if opening.poll_late(cx).is_ready() {
            return Poll::Ready(Err(tls::timed_out(opening.with)));
        }
        self.opening = Some(opening);
        Poll::Pending
    }

    fn is_session(&self) -> bool {
        true
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<Result<usize, IoError>> {
        self.poll_plain(cx, buffer).map_err(failed)
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, outbox: &mut Outbox) -> Poll<Result<(), IoError>> {
        let chunk = outbox.chunk();
        let offered = &chunk[..chunk.len().min(OFFER)];
        let result = ready!(self.poll_encrypt(cx, offered));
        // Where the session fails while it writes, it may have taken all of it.
        let taken = *result.as_ref().unwrap_or(&offered.len());
        outbox.advance(taken);
        Poll::Ready(result.map(drop).map_err(failed))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        self.poll_out(cx).map_err(failed)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        self.poll_end(cx).map_err(failed)
    }

    fn peer_info(&self) -> PeerInfo {
        self.peer.map_or_else(PeerInfo::default, PeerInfo::network)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is mapped over errors")]
fn failed(error: io::Error) -> IoError {
    tls::session_error(&error)
}

impl fmt::Debug for TlsIo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TlsIo").field(self.source.socket()).finish()
    }
}

/// Makes a session of a connection to `host`.
pub(crate) async fn connect(
    connector: &Connector,
    reactor: &Arc<Reactor>,
    source: Source<TcpStream>,
    host: &str,
) -> Result<Io, IoError> {
    let (config, name) = connector.session(host)?;
    let session = ClientConnection::new(config, name).map_err(|error| refused(host, error))?;
    let opening = Opening::new(reactor, host, connector.timeout());
    let mut io = TlsIo::new(session.into(), source, opening);
    std::future::poll_fn(|cx| io.poll_ready(cx)).await?;
    Ok(Io::Tls(Box::new(io)))
}

/// A connection from `peer` whose handshake begins when it is polled.
pub(crate) fn accept(
    acceptor: &Acceptor,
    reactor: &Arc<Reactor>,
    source: Source<TcpStream>,
    peer: SocketAddr,
) -> Result<Io, IoError> {
    let session = ServerConnection::new(acceptor.config()).map_err(|error| refused(peer, error))?;
    let opening = Opening::new(reactor, peer, acceptor.timeout());
    Ok(Io::Tls(Box::new(TlsIo::new(session.into(), source, opening))))
}

impl Opening {
    fn new(reactor: &Arc<Reactor>, with: impl fmt::Display, limit: Duration) -> Self {
        Self { with: with.to_string(), limit, until: None, clock: Clock::new(reactor) }
    }
}

fn refused(with: impl fmt::Display, error: rustls::Error) -> IoError {
    tls::handshake_error(with, &io::Error::new(io::ErrorKind::InvalidData, error))
}
