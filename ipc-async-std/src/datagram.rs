//! async-io's UDP socket.

use std::{
    net::{SocketAddr, UdpSocket},
    task::{Context, Poll},
};

use async_io::Async;
use ipc_proto::{IoError, drive::DatagramSocket, facade::Error};

use crate::socket::Socket;

/// A bound UDP socket.
#[derive(Debug)]
pub struct Datagram {
    socket: Socket<UdpSocket>,
    local: SocketAddr,
}

impl Datagram {
    pub(crate) fn new(socket: UdpSocket) -> Result<Self, Error> {
        Ok(Self { local: socket.local_addr()?, socket: Socket::new(Async::new_nonblocking(socket)?) })
    }
}

impl DatagramSocket for Datagram {
    fn poll_recv_from(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<(usize, SocketAddr), IoError>> {
        self.socket.poll_read_with(cx, |socket| socket.recv_from(buffer)).map_err(IoError::from)
    }

    fn poll_send_to(&mut self, cx: &mut Context<'_>, datagram: &[u8], to: SocketAddr) -> Poll<Result<(), IoError>> {
        let sent = self.socket.poll_write_with(cx, |socket| socket.send_to(datagram, to));
        sent.map_ok(drop).map_err(IoError::from)
    }

    fn local_addr(&self) -> SocketAddr {
        self.local
    }
}
