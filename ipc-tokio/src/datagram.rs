//! tokio's UDP socket.

use std::{
    net::SocketAddr,
    task::{Context, Poll, ready},
};

use ipc_proto::{IoError, drive::DatagramSocket, endpoint::Endpoint, facade::Error};
use tokio::{io::ReadBuf, net::UdpSocket};

/// A bound UDP socket.
#[derive(Debug)]
pub struct Datagram {
    socket: UdpSocket,
    local: SocketAddr,
}

impl Datagram {
    pub(crate) fn bind(endpoint: &Endpoint) -> Result<Self, Error> {
        let socket = ipc_os::bind_datagram(endpoint)?;
        Ok(Self { local: socket.local_addr()?, socket: UdpSocket::from_std(socket)? })
    }
}

impl DatagramSocket for Datagram {
    fn poll_recv_from(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<(usize, SocketAddr), IoError>> {
        let mut buffer = ReadBuf::new(buffer);
        let from = ready!(self.socket.poll_recv_from(cx, &mut buffer))?;
        Poll::Ready(Ok((buffer.filled().len(), from)))
    }

    fn poll_send_to(&mut self, cx: &mut Context<'_>, datagram: &[u8], to: SocketAddr) -> Poll<Result<(), IoError>> {
        self.socket.poll_send_to(cx, datagram, to).map_ok(drop).map_err(IoError::from)
    }

    fn local_addr(&self) -> SocketAddr {
        self.local
    }
}
