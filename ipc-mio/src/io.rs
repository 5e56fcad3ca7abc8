//! mio's byte streams as transports.

use std::{
    cell::RefCell,
    fmt,
    io::{self, IoSlice, Read, Write},
    net::Shutdown,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BytesMut};
use ipc_proto::{IoError, Outbox, PeerInfo, drive::Transport};
use mio::{event, net::TcpStream};

use crate::source::{Done, Source};

/// How many pieces of what waits go into one write.
const PIECES: usize = 16;
/// As much as one read takes.
const READ: usize = 64 << 10;

thread_local! {
    /// Where reads go first: a socket fills initialised memory only, and to initialise a buffer's spare room for each
    /// read costs more than to copy what came.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into());
}

/// A connected socket of any kind.
#[derive(Debug)]
#[non_exhaustive]
pub enum Io {
    /// A Unix socket.
    #[cfg(unix)]
    Unix(Wire<mio::net::UnixStream>),
    /// A TCP socket, without Nagle's delay.
    Tcp(Wire<TcpStream>),
    /// A TCP socket under TLS.
    #[cfg(feature = "tls")]
    Tls(Box<crate::tls::TlsIo>),
}

impl Io {
    fn transport(&self) -> &dyn Transport {
        match self {
            #[cfg(unix)]
            Self::Unix(wire) => wire,
            Self::Tcp(wire) => wire,
            #[cfg(feature = "tls")]
            Self::Tls(session) => &**session,
        }
    }

    fn transport_mut(&mut self) -> &mut dyn Transport {
        match self {
            #[cfg(unix)]
            Self::Unix(wire) => wire,
            Self::Tcp(wire) => wire,
            #[cfg(feature = "tls")]
            Self::Tls(session) => &mut **session,
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
    Io::Unix(Wire { source, peer })
}

pub(crate) fn tcp(source: Source<TcpStream>) -> Io {
    let peer = source.socket().peer_addr().map(PeerInfo::network).unwrap_or_default();
    Io::Tcp(Wire { source, peer })
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
        let room = (buffer.capacity() - buffer.len()).min(READ);
        SCRATCH.with_borrow_mut(|scratch| {
            let read = ready!(self.source.poll_read(cx, |mut socket: &S| {
                socket.read(&mut scratch[..room]).map(|read| Done::part(read, room))
            }))?;
            buffer.extend_from_slice(&scratch[..read]);
            Poll::Ready(Ok(read))
        })
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, outbox: &mut Outbox) -> Poll<Result<(), IoError>> {
        let mut slices = [IoSlice::new(&[]); PIECES];
        let pieces = outbox.chunks_vectored(&mut slices);
        let waiting: usize = slices[..pieces].iter().map(|slice| slice.len()).sum();
        let written = ready!(self.source.poll_write(cx, |mut socket: &S| {
            let written = match &slices[..pieces] {
                [one] => socket.write(one),
                several => socket.write_vectored(several),
            };
            written.map(|written| Done::part(written, waiting))
        }))?;
        outbox.advance(written);
        // The machine writes only what is there.
        Poll::Ready(if written > 0 { Ok(()) } else { Err(io::Error::from(io::ErrorKind::WriteZero).into()) })
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
