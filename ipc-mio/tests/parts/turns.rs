//! A loop for parts, whose time a test may hold.

use std::time::{Duration, Instant};

use ipc_mio::{Client, Event, Part, PeerId, Server, UdpEndpoint};
use mio::{Events, Poll, Registry};

/// Longer than anything takes on the slowest machine; a test that needs it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The parts of a test.
pub(crate) trait Parts {
    fn each(&mut self, take: &mut dyn FnMut(&mut Part));
}

impl Parts for Server {
    fn each(&mut self, take: &mut dyn FnMut(&mut Part)) {
        take(self);
    }
}

impl Parts for Client {
    fn each(&mut self, take: &mut dyn FnMut(&mut Part)) {
        take(self);
    }
}

impl Parts for UdpEndpoint {
    fn each(&mut self, take: &mut dyn FnMut(&mut Part)) {
        take(self);
    }
}

impl<A: Parts, B: Parts> Parts for (A, B) {
    fn each(&mut self, take: &mut dyn FnMut(&mut Part)) {
        self.0.each(take);
        self.1.each(take);
    }
}

impl<A: Parts> Parts for Vec<A> {
    fn each(&mut self, take: &mut dyn FnMut(&mut Part)) {
        self.iter_mut().for_each(|part| part.each(take));
    }
}

pub(crate) struct Turns {
    pub(crate) poll: Poll,
    pub(crate) events: Events,
    /// The time that the parts are told, where the test holds it.
    pub(crate) held: Option<Instant>,
}

impl Turns {
    pub(crate) fn new() -> Self {
        Self { poll: Poll::new().unwrap(), events: Events::with_capacity(64), held: None }
    }

    pub(crate) fn registry(&self) -> Registry {
        self.poll.registry().try_clone().unwrap()
    }

    pub(crate) fn now(&self) -> Instant {
        self.held.unwrap_or_else(Instant::now)
    }

    /// Lets the held time go on.
    pub(crate) fn pass(&mut self, span: Duration) {
        self.held = Some(self.held.unwrap() + span);
    }

    /// Drives as long as something is to be done, without looking at the sockets.
    pub(crate) fn drive(&self, parts: &mut impl Parts) {
        let now = self.now();
        parts.each(&mut |part| {
            while part.ready() {
                part.drive(now);
            }
        });
    }

    /// Looks at the sockets, for at most `timeout`, and says how many events there were.
    pub(crate) fn look(&mut self, parts: &mut impl Parts, timeout: Duration) -> usize {
        self.poll.poll(&mut self.events, Some(timeout)).unwrap();
        let now = self.now();
        for event in &self.events {
            parts.each(&mut |part| {
                part.handle(event, now);
            });
        }
        self.events.iter().count()
    }

    /// Turns until there is what is waited for.
    pub(crate) fn until<P: Parts, T>(&mut self, parts: &mut P, mut found: impl FnMut(&mut P) -> Option<T>) -> T {
        let begin = Instant::now();
        loop {
            self.drive(parts);
            if let Some(found) = found(parts) {
                return found;
            }
            let mut timeout = PATIENCE;
            parts.each(&mut |part| timeout = part.next_timeout().unwrap_or(timeout).min(timeout));
            self.look(parts, timeout);
            assert!(begin.elapsed() < PATIENCE, "what is waited for does not come");
        }
    }

    /// Turns until nothing is to be done.
    pub(crate) fn settle(&mut self, parts: &mut impl Parts) {
        self.drive(parts);
        while self.look(parts, Duration::ZERO) > 0 {
            self.drive(parts);
        }
    }
}

/// The data of the next message that a client has.
pub(crate) fn text(client: &mut Client) -> Option<String> {
    while let Some(event) = client.poll_event() {
        if let Event::Message(message) = event {
            return Some(message.decode().unwrap());
        }
    }
    None
}

/// The data of the next message that a server has.
pub(crate) fn said(server: &mut Server) -> Option<(PeerId, String)> {
    while let Some((peer, event)) = server.poll_event() {
        if let Event::Message(message) = event {
            return Some((peer, message.decode().unwrap()));
        }
    }
    None
}

/// Answers every message with the same one.
pub(crate) fn echo(server: &mut Server) {
    while let Some((peer, event)) = server.poll_event() {
        if let Event::Message(message) = event {
            let _ = server.send(peer, message.to_frame()).unwrap();
        }
    }
}

/// A server at `endpoint`, and a client of it that is connected.
pub(crate) fn pair(turns: &mut Turns, endpoint: &str) -> (Server, Client) {
    let mut server = Server::new(turns.registry(), 0..100);
    server.serve_endpoint(endpoint.parse().unwrap()).unwrap();
    let mut client = Client::new(turns.registry(), 100..101);
    client.connect_to_endpoint("world", server.endpoints()[0].clone()).unwrap();
    let mut parts = (server, client);
    turns.until(&mut parts, |(_, client)| matches!(client.poll_event(), Some(Event::Connected)).then_some(()));
    turns.until(&mut parts, |(server, _)| matches!(server.poll_event(), Some((_, Event::Connected))).then_some(()));
    parts
}
