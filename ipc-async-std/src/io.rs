//! async-io's byte streams as transports.

#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::{
    fmt,
    io::{self, IoSlice, Read, Write},
    net::{Shutdown, TcpStream},
    task::{Context, Poll, ready},
};

use async_io::Async;
use bytes::BytesMut;
use ipc_os::Intake;
use ipc_proto::{IoError, Outbox, PeerInfo, drive::Transport};

use crate::socket::Socket;

/// A connected socket of any kind.
#[derive(Debug)]
#[non_exhaustive]
pub enum Io {
    /// A Unix socket.
    #[cfg(unix)]
    Unix(Stream<UnixStream>),
    /// A TCP socket, without Nagle's delay.
    Tcp(Stream<TcpStream>),
    /// A TCP socket under TLS.
    #[cfg(feature = "tls")]
    Tls(crate::tls::TlsIo),
}

/// Asks whichever it is.
macro_rules! each {
    ($this:expr, $io:ident => $what:expr) => {
        match $this {
            #[cfg(unix)]
            Io::Unix($io) => $what,
            Io::Tcp($io) => $what,
            #[cfg(feature = "tls")]
            Io::Tls($io) => $what,
        }
    };
}

impl Transport for Io {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        each!(self, io => io.poll_ready(cx))
    }

    fn is_session(&self) -> bool {
        each!(self, io => io.is_session())
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<Result<usize, IoError>> {
        each!(self, io => io.poll_recv(cx, buffer))
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, outbox: &mut Outbox) -> Poll<Result<(), IoError>> {
        each!(self, io => io.poll_send(cx, outbox))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        each!(self, io => io.poll_flush(cx))
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        each!(self, io => io.poll_shutdown(cx))
    }

    fn peer_info(&self) -> PeerInfo {
        each!(self, io => io.peer_info())
    }
}

/// A stream socket without a session.
#[derive(Debug)]
pub struct Stream<T> {
    socket: Socket<T>,
    intake: Intake,
}

impl<T> Stream<T> {
    pub(crate) fn new(io: Async<T>) -> Self {
        Self { socket: Socket::new(io), intake: Intake::default() }
    }

    /// The socket itself, to look at its options. It does not block.
    #[must_use]
    pub fn get_ref(&self) -> &T {
        self.socket.get_ref()
    }
}

impl<T: StreamSocket> Transport for Stream<T>
where
    for<'a> &'a T: Read + Write,
{
    fn poll_recv(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<Result<usize, IoError>> {
        ready!(self.socket.poll_readable(cx))?;
        let Self { socket, intake } = self;
        intake.poll_recv(buffer, |room| socket.poll_read_with(cx, |mut io| io.read(room))).map_err(IoError::from)
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, outbox: &mut Outbox) -> Poll<Result<(), IoError>> {
        let socket = &mut self.socket;
        ipc_os::poll_send(outbox, |pieces| socket.poll_write_with(cx, |io| write(io, pieces))).map_err(IoError::from)
    }

    fn poll_shutdown(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        Poll::Ready(shut(self.get_ref()).map_err(IoError::from))
    }

    fn peer_info(&self) -> PeerInfo {
        self.get_ref().peer().unwrap_or_default()
    }
}

fn write(mut io: impl Write, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
    match pieces {
        [piece] => io.write(piece),
        pieces => io.write_vectored(pieces),
    }
}

/// Ends the writing half; one whose peer is gone has ended.
pub(crate) fn shut(socket: &impl StreamSocket) -> io::Result<()> {
    match socket.shut_write() {
        Err(error) if error.kind() != io::ErrorKind::NotConnected => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// What the standard library has on each kind of stream, but in no trait.
pub(crate) trait StreamSocket: fmt::Debug {
    fn shut_write(&self) -> io::Result<()>;
    fn peer(&self) -> io::Result<PeerInfo>;
}

impl StreamSocket for TcpStream {
    fn shut_write(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }

    fn peer(&self) -> io::Result<PeerInfo> {
        self.peer_addr().map(PeerInfo::network)
    }
}

#[cfg(unix)]
impl StreamSocket for UnixStream {
    fn shut_write(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }

    fn peer(&self) -> io::Result<PeerInfo> {
        ipc_os::peer_credentials(self).map(|peer| PeerInfo::process(peer.uid, peer.gid, peer.pid))
    }
}
