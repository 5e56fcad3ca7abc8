//! TLS over async-io's TCP sockets.

use std::{
    io::{self, IoSlice, Read, Write},
    net::{SocketAddr, TcpStream},
    pin::Pin,
    task::{Context, Poll},
};

use async_io::Async;
use bytes::BytesMut;
use futures_io::{AsyncRead, AsyncWrite};
use futures_rustls::{TlsAcceptor, TlsConnector, rustls::pki_types::CertificateDer};
pub(crate) use ipc_os::tls::{Acceptor, Connector, Own};
use ipc_os::{
    Intake,
    tls::{SecureStream, Session},
};
use ipc_proto::IoError;

use crate::{
    clock::Clock,
    io::{self as plain, Io},
    socket::Socket,
};

/// A TCP socket under TLS, before and after its handshake.
pub type TlsIo = Session<TlsStream>;

/// A TCP socket with an established session.
#[derive(Debug)]
pub struct TlsStream {
    stream: futures_rustls::TlsStream<Wire>,
    intake: Intake,
}

impl TlsStream {
    fn new(stream: impl Into<futures_rustls::TlsStream<Wire>>) -> Self {
        Self { stream: stream.into(), intake: Intake::default() }
    }
}

impl SecureStream for TlsStream {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        let Self { stream, intake } = self;
        intake.poll_recv(buffer, |room| Pin::new(stream).poll_read(cx, room))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }

    fn peer_certificates(&self) -> Option<&[CertificateDer<'static>]> {
        self.stream.get_ref().1.peer_certificates()
    }
}

/// The socket under a session. Unlike async-io's own, closing it ends its writing half.
#[derive(Debug)]
struct Wire(Socket<TcpStream>);

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        self.0.poll_read_with(cx, |mut socket| socket.read(room))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.poll_write_with(cx, |mut socket| socket.write(bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_write_with(cx, |mut socket| socket.write_vectored(pieces))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(plain::shut(self.0.get_ref()))
    }
}

/// Makes a session of a connection to `host`.
pub(crate) async fn connect(connector: &Connector, socket: Async<TcpStream>, host: &str) -> Result<Io, IoError> {
    let (config, name) = connector.session(host)?;
    let peer = socket.get_ref().peer_addr().ok();
    let handshake = TlsConnector::from(config).connect(name, Wire(Socket::new(socket)));
    let stream = async { handshake.await.map(TlsStream::new) };
    Session::open((host, peer), connector.timeout(), Clock::start(), stream).await.map(Io::Tls)
}

/// A connection from `peer` whose handshake begins when it is polled, and whose time is running.
pub(crate) fn accept(acceptor: &Acceptor, socket: Async<TcpStream>, peer: SocketAddr) -> Io {
    let handshake = TlsAcceptor::from(acceptor.config()).accept(Wire(Socket::new(socket)));
    let stream = async { handshake.await.map(TlsStream::new) };
    Io::Tls(Session::opening(peer, acceptor.timeout(), Clock::start(), stream))
}
