//! Recording UDP: one socket that is spoken to, and one of our own for each who speaks, so that answers find back.

use std::{
    future::poll_fn,
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
};

use ipc_conformance::host::Host;
use ipc_proto::{Config, IoError, drive::DatagramSocket, endpoint::Endpoint};

use super::{
    PAUSE,
    log::{Line, Log},
};
use crate::{
    failure::Failure,
    link::{look_up, way_to},
    warn,
};

/// As long as the longest datagram.
const BUFFER: usize = 64 << 10;

/// How many are remembered who spoke; the one who came first is forgotten for another.
const MOST: usize = 256;

pub(super) struct Relay<H: Host> {
    host: H,
    config: Arc<Config>,
    log: Log,
    front: H::Datagram,
    server: SocketAddr,
    backs: Vec<Back<H>>,
    opened: u32,
    buffer: Vec<u8>,
}

/// What stands for a client towards the server.
struct Back<H: Host> {
    client: SocketAddr,
    conn: u32,
    socket: H::Datagram,
}

/// Where a datagram came from.
enum From {
    Client(SocketAddr),
    /// To the socket with this place in the list.
    Server(usize),
}

/// Where the server is, if `to` says.
pub(super) fn target(to: &Endpoint) -> Result<SocketAddr, Failure> {
    match to {
        Endpoint::Udp4 { host, port } => Ok(look_up(host, *port, false)?),
        Endpoint::Udp6 { host, port } => Ok(look_up(host, *port, true)?),
        other => Err(Failure::usage(format_args!("{other}: what comes by UDP goes on by UDP"))),
    }
}

impl<H: Host> Relay<H> {
    pub(super) fn new(host: H, config: Arc<Config>, log: Log, front: H::Datagram, server: SocketAddr) -> Self {
        Self { host, config, log, front, server, backs: Vec::new(), opened: 0, buffer: vec![0; BUFFER] }
    }

    /// Goes on until a line cannot be written.
    pub(super) async fn run(&mut self) -> Failure {
        loop {
            let step = match poll_fn(|cx| self.poll_recv(cx)).await {
                Ok((len, From::Client(client))) => self.pass_up(len, client).await,
                Ok((len, From::Server(at))) => self.pass_down(len, at).await,
                Err(error) => {
                    warn(format_args!("cannot receive: {error}"));
                    self.host.sleep(PAUSE).await;
                    Ok(())
                }
            };
            if let Err(failure) = step {
                return failure;
            }
        }
    }

    /// The next datagram, in the buffer.
    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<(usize, From), IoError>> {
        if let Poll::Ready(came) = self.front.poll_recv_from(cx, &mut self.buffer) {
            return Poll::Ready(came.map(|(len, client)| (len, From::Client(client))));
        }
        for (at, back) in self.backs.iter_mut().enumerate() {
            while let Poll::Ready((len, from)) = back.socket.poll_recv_from(cx, &mut self.buffer)? {
                // Nobody else is asked.
                if from == self.server {
                    return Poll::Ready(Ok((len, From::Server(at))));
                }
            }
        }
        Poll::Pending
    }

    async fn pass_up(&mut self, len: usize, client: SocketAddr) -> Result<(), Failure> {
        let at = match self.backs.iter().position(|back| back.client == client) {
            Some(at) => at,
            None => self.add(client).await?,
        };
        let (back, datagram) = (&mut self.backs[at], &self.buffer[..len]);
        self.log.write(&Line::bytes(back.conn, "c2s", datagram))?;
        send(&mut back.socket, datagram, self.server).await;
        Ok(())
    }

    async fn pass_down(&mut self, len: usize, at: usize) -> Result<(), Failure> {
        let (back, datagram) = (&self.backs[at], &self.buffer[..len]);
        self.log.write(&Line::bytes(back.conn, "s2c", datagram))?;
        send(&mut self.front, datagram, back.client).await;
        Ok(())
    }

    /// Takes in one who spoke for the first time.
    async fn add(&mut self, client: SocketAddr) -> Result<usize, Failure> {
        let here = way_to(self.server).map_err(Failure::system)?;
        let socket = self.host.bind_datagram(&here, &self.config).await?;
        if self.backs.len() == MOST {
            self.backs.remove(0);
        }
        self.backs.push(Back { client, conn: self.opened, socket });
        self.opened += 1;
        Ok(self.backs.len() - 1)
    }
}

/// A datagram that cannot be sent is lost, as on any network.
async fn send(socket: &mut impl DatagramSocket, datagram: &[u8], to: SocketAddr) {
    if let Err(error) = poll_fn(|cx| socket.poll_send_to(cx, datagram, to)).await {
        warn(format_args!("a datagram to {to} is lost: {error}"));
    }
}
