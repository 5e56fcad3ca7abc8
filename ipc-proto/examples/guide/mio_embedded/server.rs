//! Connections beside a UDP socket that has nothing to do with them: what comes there is news for everybody.

use std::io::{ErrorKind, Result};
use std::{net::SocketAddr, sync::Arc, time::Duration};

use ipc_proto::{Config, Connection, Frame, PeerId, Peers, Side, Timestamp};
use mio::net::{TcpListener, UdpSocket};
use mio::{Events, Interest, Poll, Registry, Token};

use crate::link::{Link, wait};
use crate::work::{self, Clock};

const LISTENER: Token = Token(0);
const NEWS: Token = Token(usize::MAX);

struct Seat {
    link: Link,
    conn: Connection,
}

struct Server {
    listener: TcpListener,
    config: Arc<Config>,
    peers: Peers<Seat>,
}

pub(crate) fn run(at: &str) -> Result<()> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(64);
    let mut news = UdpSocket::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    poll.registry().register(&mut news, NEWS, Interest::READABLE)?;
    println!("news at {}", news.local_addr()?);
    let mut server = Server::new(at, poll.registry())?;
    let (clock, mut buffer) = (Clock::start(), vec![0; 64 << 10]);
    let mut turns = 0;
    loop {
        turns += 1;
        let left = server.turn(turns, &clock, &mut buffer);
        wait(&mut poll, &mut events, left)?;
        for event in &events {
            match event.token() {
                LISTENER => server.accept(poll.registry())?,
                NEWS => server.tell(&news, &mut buffer)?,
                token => server.note(token, event),
            }
        }
    }
}

impl Server {
    fn new(at: &str, registry: &Registry) -> Result<Self> {
        let mut listener = TcpListener::bind(at.parse().map_err(std::io::Error::other)?)?;
        registry.register(&mut listener, LISTENER, Interest::READABLE)?;
        println!("listening at tcp:{}", listener.local_addr()?);
        let config = work::config();
        Ok(Self { listener, peers: Peers::new(config.limits.max_connections), config })
    }

    /// All that can be done now; says how long there is nothing more to do.
    fn turn(&mut self, turns: u64, clock: &Clock, buffer: &mut [u8]) -> Option<Duration> {
        let now = clock.now();
        let is_over = |(peer, seat): (PeerId, &mut Seat)| seat.turn(turns, now, buffer).then_some(peer);
        let closed: Vec<PeerId> = self.peers.iter_mut().filter_map(is_over).collect();
        // Dropping a socket takes it out of the registry.
        closed.into_iter().for_each(|peer| drop(self.peers.remove(peer)));
        if self.peers.iter().any(|(_, seat)| seat.link.is_ready(&seat.conn)) {
            return Some(Duration::ZERO);
        }
        clock.left(self.peers.iter().filter_map(|(_, seat)| seat.conn.poll_timeout()).min())
    }

    /// An edge of the listener may stand for many clients.
    fn accept(&mut self, registry: &Registry) -> Result<()> {
        loop {
            let socket = match self.listener.accept() {
                Ok((socket, _)) => socket,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            let conn = Connection::new(Arc::clone(&self.config), Side::Server);
            match self.peers.insert(Seat { link: Link::new(socket), conn }) {
                Ok(peer) => self.register(peer, registry)?,
                Err(_) => println!("there is no room for one more client"),
            }
        }
    }

    /// Peers are numbered from 1, so 0 and the last token are free for the others.
    fn register(&mut self, peer: PeerId, registry: &Registry) -> Result<()> {
        match self.peers.get_mut(peer) {
            Some(seat) => seat.link.register(registry, Token(peer.get() as usize)),
            None => Ok(()),
        }
    }

    /// Broadcasts a datagram's text. It is encoded once.
    fn tell(&mut self, news: &UdpSocket, buffer: &mut [u8]) -> Result<()> {
        loop {
            let text = match news.recv(buffer) {
                Ok(len) => String::from_utf8_lossy(&buffer[..len]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            let Ok(frame) = Frame::encode("news", &text) else { continue };
            for (peer, seat) in self.peers.iter_mut() {
                if let Err(error) = seat.conn.send(frame.clone()) {
                    println!("no news for {peer}: {error}");
                }
            }
        }
    }

    fn note(&mut self, token: Token, event: &mio::event::Event) {
        if let Some(seat) = self.peers.get_mut(PeerId::from(token.0 as u64)) {
            seat.link.note(event);
        }
    }
}

impl Seat {
    /// Bytes in once, then events out and bytes out until neither goes on. Says whether the connection is over.
    fn turn(&mut self, turns: u64, now: Timestamp, buffer: &mut [u8]) -> bool {
        if self.link.is_ready(&self.conn) {
            self.link.read(&mut self.conn, now, buffer);
        }
        self.conn.handle_timeout(now);
        loop {
            work::answer_all(&mut self.conn, turns);
            if !self.link.write(&mut self.conn) {
                return self.conn.is_closed();
            }
        }
    }
}
