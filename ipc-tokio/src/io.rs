//! tokio's byte streams as transports.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{BufMut, BytesMut};
use ipc_proto::{IoError, Outbox, PeerInfo, drive::Transport};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

/// A connected socket of any kind.
#[derive(Debug)]
#[non_exhaustive]
pub enum Io {
    /// A Unix socket.
    #[cfg(unix)]
    Unix(tokio::net::UnixStream),
    /// A named pipe.
    #[cfg(windows)]
    Pipe(crate::pipe::PipeIo),
    /// A TCP socket, without Nagle's delay.
    Tcp(TcpStream),
    /// A TCP socket under TLS.
    #[cfg(feature = "tls")]
    Tls(crate::tls::TlsIo),
}

/// Runs one expression on whichever socket it is, and the other one on what is a transport itself.
macro_rules! on_stream {
    ($io:expr, $stream:ident => $what:expr, $session:ident => $other:expr) => {
        match $io {
            #[cfg(unix)]
            Io::Unix($stream) => $what,
            Io::Tcp($stream) => $what,
            #[cfg(windows)]
            Io::Pipe($session) => $other,
            #[cfg(feature = "tls")]
            Io::Tls($session) => $other,
        }
    };
}

/// Without Nagle's delay.
pub(crate) fn prompt(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl Transport for Io {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        on_stream!(self, _stream => nothing(cx), session => session.poll_ready(cx))
    }

    fn is_session(&self) -> bool {
        on_stream!(self, _stream => false, session => session.is_session())
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        on_stream!(self, _stream => nothing(cx), session => session.poll_flush(cx))
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<Result<usize, IoError>> {
        on_stream!(self,
            stream => recv(stream, cx, buffer).map_err(IoError::from),
            session => session.poll_recv(cx, buffer))
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, outbox: &mut Outbox) -> Poll<Result<(), IoError>> {
        on_stream!(self,
            stream => send(stream, cx, outbox).map_err(IoError::from),
            session => session.poll_send(cx, outbox))
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        on_stream!(self,
            stream => Pin::new(stream).poll_shutdown(cx).map_err(IoError::from),
            session => session.poll_shutdown(cx))
    }

    fn peer_info(&self) -> PeerInfo {
        let known = match self {
            #[cfg(unix)]
            Self::Unix(stream) => {
                ipc_os::peer_credentials(stream).map(|peer| PeerInfo::process(peer.uid, peer.gid, peer.pid))
            }
            Self::Tcp(stream) => stream.peer_addr().map(PeerInfo::network),
            #[cfg(windows)]
            Self::Pipe(pipe) => return pipe.peer_info(),
            #[cfg(feature = "tls")]
            Self::Tls(session) => return session.peer_info(),
        };
        known.unwrap_or_default()
    }
}

/// What a socket has to do that its system does for it.
const fn nothing(_cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
    Poll::Ready(Ok(()))
}

fn recv<S: AsyncRead + Unpin>(stream: &mut S, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
    // A buffer that was used before may be larger than what the core asked for.
    tokio_util::io::poll_read_buf(Pin::new(stream), cx, &mut buffer.limit(ipc_os::MOST_READ))
}

/// What tokio's streams have in common and no trait says.
trait TryWrite {
    fn try_write(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize>;
    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

macro_rules! try_write {
    ($stream:ty) => {
        impl TryWrite for $stream {
            fn try_write(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
                match pieces {
                    [piece] => self.try_write(piece),
                    pieces => self.try_write_vectored(pieces),
                }
            }

            fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.poll_write_ready(cx)
            }
        }
    };
}

#[cfg(unix)]
try_write!(tokio::net::UnixStream);
try_write!(TcpStream);

/// Writes without taking from the budget that tokio gives a task: one that broadcasts writes to more connections than
/// that, and a connection's own task takes its share anyway.
fn send(stream: &impl TryWrite, cx: &mut Context<'_>, outbox: &mut Outbox) -> Poll<io::Result<()>> {
    ipc_os::poll_send(outbox, |pieces| {
        loop {
            match stream.try_write(pieces) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready!(stream.poll_writable(cx))?,
                result => return Poll::Ready(result),
            }
        }
    })
}
