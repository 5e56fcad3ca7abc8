//! mio's byte streams as transports.

use std::{
    fmt,
    io::{self, Read, Write},
    net::Shutdown,
    task::{Context, Poll},
};

use bytes::BytesMut;
use ipc_os::Intake;
use ipc_proto::{IoError, Outbox, PeerInfo, drive::Transport};
use mio::{event, net::TcpStream};

use crate::source::{Done, Source, blocking};

/// A connected socket of any kind.
#[derive(Debug)]
#[non_exhaustive]
pub enum Io {
    /// A Unix socket.
    #[cfg(unix)]
    Unix(Wire<mio::net::UnixStream>),
    /// A named pipe.
    #[cfg(windows)]
    Pipe(crate::pipe::PipeIo),
    /// A TCP socket, without Nagle's delay.
    Tcp(Wire<TcpStream>),
    /// A TCP socket under TLS.
    #[cfg(feature = "tls")]
    Tls(crate::tls::TlsIo),
}

impl Io {
    fn transport(&self) -> &dyn Transport {
        match self {
            #[cfg(unix)]
            Self::Unix(wire) => wire,
            #[cfg(windows)]
            Self::Pipe(pipe) => pipe,
            Self::Tcp(wire) => wire,
            #[cfg(feature = "tls")]
            Self::Tls(session) => session,
        }
    }

    fn transport_mut(&mut self) -> &mut dyn Transport {
        match self {
            #[cfg(unix)]
            Self::Unix(wire) => wire,
            #[cfg(windows)]
            Self::Pipe(pipe) => pipe,
            Self::Tcp(wire) => wire,
            #[cfg(feature = "tls")]
            Self::Tls(session) => session,
        }
    }
}

impl Transport for Io {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        self.transport_mut().poll_ready(cx)
    }

    fn is_session(&self) -> bool {
        self.transport().is_session()
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<Result<usize, IoError>> {
        self.transport_mut().poll_recv(cx, buffer)
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, outbox: &mut Outbox) -> Poll<Result<(), IoError>> {
        self.transport_mut().poll_send(cx, outbox)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        self.transport_mut().poll_flush(cx)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        self.transport_mut().poll_shutdown(cx)
    }

    fn peer_info(&self) -> PeerInfo {
        self.transport().peer_info()
    }
}

/// A connected socket without a session.
pub struct Wire<S: event::Source> {
    source: Source<S>,
    intake: Intake,
    peer: PeerInfo,
}

impl<S: event::Source> Wire<S> {
    /// mio's socket.
    #[must_use]
    pub const fn socket(&self) -> &S {
        self.source.socket()
    }
}

#[cfg(unix)]
pub(crate) fn unix(source: Source<mio::net::UnixStream>) -> Io {
    let known = ipc_os::peer_credentials(source.socket());
    let peer = known.map(|peer| PeerInfo::process(peer.uid, peer.gid, peer.pid)).unwrap_or_default();
    Io::Unix(Wire { source, intake: Intake::default(), peer })
}

pub(crate) fn tcp(source: Source<TcpStream>) -> Io {
    let peer = source.socket().peer_addr().map(PeerInfo::network).unwrap_or_default();
    Io::Tcp(Wire { source, intake: Intake::default(), peer })
}

/// What mio's streams have in common and no trait says.
pub(crate) trait HalfClose {
    fn end_writing(&self) -> io::Result<()>;
}

#[cfg(unix)]
impl HalfClose for mio::net::UnixStream {
    fn end_writing(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

impl HalfClose for TcpStream {
    fn end_writing(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

impl<S: event::Source + HalfClose> Transport for Wire<S>
where
    for<'s> &'s S: Read + Write,
{
    fn poll_recv(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<Result<usize, IoError>> {
        let Self { source, intake, .. } = self;
        // Room is made only where there may be something to read.
        let received = source.poll_read(cx, |mut socket: &S| {
            let mut asked = 0;
            let read = intake.poll_recv(buffer, |room| {
                asked = room.len();
                Poll::Ready(socket.read(room))
            });
            blocking(read).map(|read| Done::part(read, asked))
        });
        received.map_err(IoError::from)
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, outbox: &mut Outbox) -> Poll<Result<(), IoError>> {
        let sent = ipc_os::poll_send(outbox, |pieces| {
            self.source.poll_write(cx, |mut socket: &S| {
                let written = match pieces {
                    [one] => socket.write(one),
                    several => socket.write_vectored(several),
                };
                written.map(|written| Done::part(written, pieces.iter().map(|piece| piece.len()).sum()))
            })
        });
        sent.map_err(IoError::from)
    }

    fn poll_shutdown(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        Poll::Ready(self.socket().end_writing().map_err(IoError::from))
    }

    fn peer_info(&self) -> PeerInfo {
        self.peer
    }
}

impl<S: event::Source + fmt::Debug> fmt::Debug for Wire<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.socket().fmt(f)
    }
}
