//! The machines under test, fed with chunks.

use std::sync::Arc;

use ipc_proto::{Action, Client, ClientState, Config, Connection, Event, Side, Timestamp, drive::Machine};

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

/// What the two machines do not have in common.
trait Endpoint: Machine {
    fn is_over(&self) -> bool;
    fn name_of_peer(&self) -> Option<String>;
}

impl Endpoint for Connection {
    fn is_over(&self) -> bool {
        self.is_closed()
    }

    fn name_of_peer(&self) -> Option<String> {
        self.peer_id().map(|id| id.as_str().to_owned())
    }
}

impl Endpoint for Client {
    fn is_over(&self) -> bool {
        self.state() != ClientState::Open
    }

    fn name_of_peer(&self) -> Option<String> {
        None
    }
}

fn run(mut machine: impl Endpoint, input: &Input<'_>) -> Ran {
    let mut ran = Ran::default();
    ran.drain(&mut machine, 0);
    for (count, chunk) in (1..).zip(input.chunks) {
        machine.handle_input(Timestamp::ZERO, chunk);
        ran.drain(&mut machine, count);
    }
    let end = input.chunks.len() + 1;
    if input.eof {
        machine.handle_eof(Timestamp::ZERO);
        ran.drain(&mut machine, end);
    }
    while let Some(at) = machine.poll_timeout().filter(|_| input.wait) {
        machine.handle_timeout(at);
        ran.drain(&mut machine, end);
    }
    ran.closed = machine.is_over();
    ran
}

impl Ran {
    fn drain(&mut self, machine: &mut impl Endpoint, count: usize) {
        while let Some(event) = machine.poll_event() {
            self.peer_id = machine.name_of_peer().or_else(|| self.peer_id.take());
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
