//! mio's UDP socket.

use std::{
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
};

use ipc_proto::{IoError, drive::DatagramSocket, endpoint::Endpoint, facade::Error};
use mio::net::UdpSocket;

use crate::{
    reactor::Reactor,
    source::{Done, Source},
};

/// A bound UDP socket.
#[derive(Debug)]
pub struct Datagram {
    source: Source<UdpSocket>,
    local: SocketAddr,
}

impl Datagram {
    pub(crate) fn bind(reactor: &Arc<Reactor>, endpoint: &Endpoint) -> Result<Self, Error> {
        let socket = UdpSocket::from_std(ipc_os::bind_datagram(endpoint)?);
        Ok(Self { local: socket.local_addr()?, source: Source::new(reactor, socket)? })
    }
}

impl DatagramSocket for Datagram {
    fn poll_recv_from(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<(usize, SocketAddr), IoError>> {
        let received = self.source.poll_read(cx, |socket| socket.recv_from(buffer).map(Done::more));
        received.map_err(IoError::from)
    }

    fn poll_send_to(&mut self, cx: &mut Context<'_>, datagram: &[u8], to: SocketAddr) -> Poll<Result<(), IoError>> {
        // A datagram goes whole or not at all.
        let sent = self.source.poll_write(cx, |socket| socket.send_to(datagram, to).map(Done::more));
        sent.map_ok(drop).map_err(IoError::from)
    }

    fn local_addr(&self) -> SocketAddr {
        self.local
    }
}
