//! TLS over tokio's TCP sockets.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::BytesMut;
pub(crate) use ipc_os::tls::{Acceptor, Connector, Own};
use ipc_os::tls::{SecureStream, Session};
use ipc_proto::IoError;
use tokio::{io::AsyncWrite, net::TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector, rustls::pki_types::CertificateDer};

use crate::{io::Io, runtime::Clock};

/// A TCP socket under TLS, before and after its handshake.
pub type TlsIo = Session<TlsStream>;

/// A TCP socket with an established session.
#[derive(Debug)]
pub struct TlsStream(tokio_rustls::TlsStream<TcpStream>);

impl TlsStream {
    fn pin(&mut self) -> Pin<&mut tokio_rustls::TlsStream<TcpStream>> {
        Pin::new(&mut self.0)
    }
}

impl SecureStream for TlsStream {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        tokio_util::io::poll_read_buf(self.pin(), cx, buffer)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.pin().poll_write(cx, bytes)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pin().poll_flush(cx)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pin().poll_shutdown(cx)
    }

    fn peer_certificates(&self) -> Option<&[CertificateDer<'static>]> {
        self.0.get_ref().1.peer_certificates()
    }
}

/// Makes a session of a connection to `host`.
pub(crate) async fn connect(connector: &Connector, socket: TcpStream, host: &str) -> Result<Io, IoError> {
    let (config, name) = connector.session(host)?;
    let peer = socket.peer_addr().ok();
    let handshake = TlsConnector::from(config).connect(name, socket);
    let handshake = async { Ok(TlsStream(handshake.await?.into())) };
    Session::open((host, peer), connector.timeout(), Clock::start(), handshake).await.map(Io::Tls)
}

/// A connection from `peer` whose handshake begins when it is polled, and whose time is running.
pub(crate) fn accept(acceptor: &Acceptor, socket: TcpStream, peer: SocketAddr) -> Io {
    let handshake = TlsAcceptor::from(acceptor.config()).accept(socket);
    let handshake = async { Ok(TlsStream(handshake.await?.into())) };
    Io::Tls(Session::opening(peer, acceptor.timeout(), Clock::start(), handshake))
}
