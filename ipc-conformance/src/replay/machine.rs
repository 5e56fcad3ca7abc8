//! The machines under test, fed with chunks.

use std::sync::Arc;

use ipc_proto::{Action, Client, ClientState, Config, Connection, Event, Side, Timestamp};

use super::Seen;

/// What a machine is fed.
pub(super) struct Input<'a> {
    pub(super) chunks: &'a [Vec<u8>],
    /// The peer ends its side after the last chunk.
    pub(super) eof: bool,
    /// Time passes until nothing is timed any more.
    pub(super) wait: bool,
}

/// What an endpoint made of its input.
#[derive(Clone, Debug, Default)]
pub struct Ran {
    /// What it published.
    pub seen: Vec<Seen>,
    /// How many chunks it had been given before each of those; empty where nobody knows.
    pub after: Vec<usize>,
    /// Whether it ended the connection.
    pub closed: bool,
    /// The name the peer last gave itself, as JSON text. Servers only.
    pub peer_id: Option<String>,
}

/// Feeds a server's side of a connection.
pub(super) fn server(config: Config, input: &Input<'_>) -> Ran {
    run(Connection::new(Arc::new(config), Side::Server), input)
}

/// Feeds a client that is connected.
pub(super) fn client(config: Config, input: &Input<'_>) -> Ran {
    let mut client = Client::new(Arc::new(config));
    client.connect(Timestamp::ZERO);
    assert_eq!(client.poll_action(), Some(Action::Open));
    client.handle_connected(Timestamp::ZERO);
    run(client, input)
}

trait Machine {
    fn feed(&mut self, bytes: &[u8]);
    fn end(&mut self);
    fn next(&mut self) -> Option<Event>;
    fn pass_time(&mut self) -> bool;
    fn is_closed(&self) -> bool;
    fn peer_id(&self) -> Option<String>;
}

impl Machine for Connection {
    fn feed(&mut self, bytes: &[u8]) {
        self.handle_input(Timestamp::ZERO, bytes);
    }

    fn end(&mut self) {
        self.handle_eof(Timestamp::ZERO);
    }

    fn next(&mut self) -> Option<Event> {
        self.poll_event()
    }

    fn pass_time(&mut self) -> bool {
        self.poll_timeout().map(|at| self.handle_timeout(at)).is_some()
    }

    fn is_closed(&self) -> bool {
        self.is_closed()
    }

    fn peer_id(&self) -> Option<String> {
        self.peer_id().map(|id| id.as_str().to_owned())
    }
}

impl Machine for Client {
    fn feed(&mut self, bytes: &[u8]) {
        self.handle_input(Timestamp::ZERO, bytes);
    }

    fn end(&mut self) {
        self.handle_eof(Timestamp::ZERO);
    }

    fn next(&mut self) -> Option<Event> {
        self.poll_event()
    }

    fn pass_time(&mut self) -> bool {
        self.poll_timeout().map(|at| self.handle_timeout(at)).is_some()
    }

    fn is_closed(&self) -> bool {
        self.state() != ClientState::Open
    }

    fn peer_id(&self) -> Option<String> {
        None
    }
}

fn run(mut machine: impl Machine, input: &Input<'_>) -> Ran {
    let mut ran = Ran::default();
    ran.drain(&mut machine, 0);
    for (count, chunk) in (1..).zip(input.chunks) {
        machine.feed(chunk);
        ran.drain(&mut machine, count);
    }
    let end = input.chunks.len() + 1;
    if input.eof {
        machine.end();
        ran.drain(&mut machine, end);
    }
    while input.wait && machine.pass_time() {
        ran.drain(&mut machine, end);
    }
    ran.closed = machine.is_closed();
    ran
}

impl Ran {
    fn drain(&mut self, machine: &mut impl Machine, count: usize) {
        while let Some(event) = machine.next() {
            self.peer_id = machine.peer_id().or_else(|| self.peer_id.take());
            self.see(event, count);
        }
    }

    /// One more event, after so many chunks.
    pub(super) fn see(&mut self, event: Event, count: usize) {
        if let Some(seen) = Seen::of(event) {
            self.seen.push(seen);
            self.after.push(count);
        }
    }
}
