//! tokio's byte streams as transports.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BytesMut};
use ipc_proto::{IoError, Outbox, PeerInfo, drive::Transport};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

/// How many pieces of what waits go into one write.
const PIECES: usize = 16;

/// A connected socket of any kind.
#[derive(Debug)]
#[non_exhaustive]
pub enum Io {
    /// A Unix socket.
    #[cfg(unix)]
    Unix(tokio::net::UnixStream),
    /// A TCP socket, without Nagle's delay.
    Tcp(TcpStream),
}

/// Runs the same expression on whichever stream it is.
macro_rules! on_stream {
    ($io:expr, $stream:ident => $what:expr) => {
        match $io {
            #[cfg(unix)]
            Io::Unix($stream) => $what,
            Io::Tcp($stream) => $what,
        }
    };
}

impl Io {
    pub(crate) fn tcp(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self::Tcp(stream))
    }
}

impl Transport for Io {
    fn poll_recv(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<Result<usize, IoError>> {
        on_stream!(self, stream => recv(stream, cx, buffer)).map_err(IoError::from)
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, outbox: &mut Outbox) -> Poll<Result<(), IoError>> {
        on_stream!(self, stream => send(stream, cx, outbox)).map_err(IoError::from)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        on_stream!(self, stream => Pin::new(stream).poll_shutdown(cx)).map_err(IoError::from)
    }

    fn peer_info(&self) -> PeerInfo {
        let known = match self {
            #[cfg(unix)]
            Self::Unix(stream) => {
                ipc_os::peer_credentials(stream).map(|peer| PeerInfo::process(peer.uid, peer.gid, peer.pid))
            }
            Self::Tcp(stream) => stream.peer_addr().map(PeerInfo::network),
        };
        known.unwrap_or_default()
    }
}

fn recv<S: AsyncRead + Unpin>(stream: &mut S, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
    tokio_util::io::poll_read_buf(Pin::new(stream), cx, buffer)
}

fn send<S: AsyncWrite + Unpin>(stream: &mut S, cx: &mut Context<'_>, outbox: &mut Outbox) -> Poll<io::Result<()>> {
    let mut slices = [IoSlice::new(&[]); PIECES];
    let written = match outbox.chunks_vectored(&mut slices) {
        1 => ready!(Pin::new(stream).poll_write(cx, outbox.chunk()))?,
        pieces => ready!(Pin::new(stream).poll_write_vectored(cx, &slices[..pieces]))?,
    };
    if written == 0 {
        return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
    }
    outbox.advance(written);
    Poll::Ready(Ok(()))
}
