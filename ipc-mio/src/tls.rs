//! TLS over mio's TCP sockets, by rustls directly.

use std::{
    fmt,
    future::poll_fn,
    io::{self, BufRead, IoSlice, Read, Write},
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::BytesMut;
use ipc_os::tls::{self, SecureStream, Session};
pub(crate) use ipc_os::tls::{Acceptor, Connector, Own};
use ipc_proto::IoError;
use mio::net::TcpStream;
use rustls::{ClientConnection, Connection, ServerConnection, pki_types::CertificateDer};

use crate::{
    io::{HalfClose, Io},
    reactor::Reactor,
    source::{Done, Source, blocking},
    time::Clock,
};

/// A TCP socket under TLS, before and after its handshake.
pub type TlsIo = Session<TlsStream>;

/// A TCP socket with a session.
pub struct TlsStream {
    session: Connection,
    source: Source<TcpStream>,
    /// The closing alert is on its way.
    ended: bool,
}

/// What a session reads from and writes to.
struct Pipe<'s, 'c, 'w> {
    source: &'s mut Source<TcpStream>,
    cx: &'c Context<'w>,
}

/// What blocks for a session is pending for a task.
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
        blocking(
            self.source.poll_write(self.cx, |mut socket| {
                socket.write_vectored(slices).map(|written| Done::part(written, asked))
            }),
        )
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl TlsStream {
    /// Makes a session by a handshake.
    async fn establish(session: impl Into<Connection>, source: Source<TcpStream>) -> io::Result<Self> {
        let mut stream = Self { session: session.into(), source, ended: false };
        poll_fn(|cx| stream.poll_handshake(cx)).await?;
        Ok(stream)
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
            return Poll::Ready(Err(invalid(error)));
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
}

impl SecureStream for TlsStream {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        loop {
            if let Poll::Ready(result) = pending(self.take_plain(buffer)) {
                return Poll::Ready(result);
            }
            ready!(self.poll_in(cx))?;
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut taken = 0;
        while taken < bytes.len() {
            taken += self.session.writer().write(&bytes[taken..])?;
            if self.poll_out(cx)?.is_pending() {
                break;
            }
        }
        if taken == 0 { Poll::Pending } else { Poll::Ready(Ok(taken)) }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_out(cx)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.ended {
            self.session.send_close_notify();
            self.ended = true;
        }
        ready!(self.poll_out(cx))?;
        match self.source.socket().end_writing() {
            // A peer that has hung up already wants no goodbye.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            result => Poll::Ready(result),
        }
    }

    fn peer_certificates(&self) -> Option<&[CertificateDer<'static>]> {
        self.session.peer_certificates()
    }
}

impl fmt::Debug for TlsStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TlsStream").field(self.source.socket()).finish()
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
    let session = ClientConnection::new(config, name).map_err(|error| tls::handshake_error(host, &invalid(error)))?;
    let peer = source.socket().peer_addr().ok();
    let handshake = TlsStream::establish(session, source);
    Session::open((host, peer), connector.timeout(), Clock::new(reactor), handshake).await.map(Io::Tls)
}

/// A connection from `peer` whose handshake begins when it is polled, and whose time is running.
pub(crate) fn accept(
    acceptor: &Acceptor,
    reactor: &Arc<Reactor>,
    source: Source<TcpStream>,
    peer: SocketAddr,
) -> Result<Io, IoError> {
    let session =
        ServerConnection::new(acceptor.config()).map_err(|error| tls::handshake_error(peer, &invalid(error)))?;
    let handshake = TlsStream::establish(session, source);
    Ok(Io::Tls(Session::opening(peer, acceptor.timeout(), Clock::new(reactor), handshake)))
}

fn invalid(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
