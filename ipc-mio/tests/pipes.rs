//! The parts over named pipes, in a loop of the test's own.
#![cfg(windows)]
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::time::{Duration, Instant};

use ipc_mio::{Client, Config, Endpoint, Event, PeerId, Retry, Server};
use mio::{Events, Poll};

/// Longer than a turn ever has to wait.
const PATIENCE: Duration = Duration::from_secs(60);

struct World {
    poll: Poll,
    events: Events,
    server: Server,
    client: Client,
}

impl World {
    /// A client that connects to a server's pipe.
    fn new(of: &str) -> Self {
        let poll = Poll::new().unwrap();
        let config = || Config::default().retry(Retry::every(Duration::from_millis(20)));
        let mut server = Server::with_config(poll.registry().try_clone().unwrap(), 100..110, config());
        let mut client = Client::with_config(poll.registry().try_clone().unwrap(), 200..201, config());
        let endpoint = Endpoint::Pipe(format!("ipc-mio-parts-{of}-{}", std::process::id()));
        server.serve_endpoint(endpoint.clone()).unwrap();
        client.connect_to_endpoint("world", endpoint).unwrap();
        Self { poll, events: Events::with_capacity(64), server, client }
    }

    /// Turns the loop until `look` gives something.
    fn until<T>(&mut self, mut look: impl FnMut(&mut Server, &mut Client) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            let now = Instant::now();
            assert!(now < end, "nothing came");
            self.server.drive(now);
            self.client.drive(now);
            if let Some(found) = look(&mut self.server, &mut self.client) {
                return found;
            }
            let timeouts = [self.server.next_timeout(), self.client.next_timeout(), Some(PATIENCE)];
            self.poll.poll(&mut self.events, timeouts.into_iter().flatten().min()).unwrap();
            for event in &self.events {
                assert!(self.server.handle(event, now) || self.client.handle(event, now));
            }
        }
    }
}

fn heard(server: &mut Server) -> Option<(PeerId, String)> {
    loop {
        if let (peer, Event::Message(message)) = server.poll_event()? {
            return Some((peer, message.decode().unwrap()));
        }
    }
}

fn told(client: &mut Client) -> Option<String> {
    loop {
        if let Event::Message(message) = client.poll_event()? {
            return Some(message.decode().unwrap());
        }
    }
}

#[test]
fn parts_talk_over_a_pipe_and_give_everything_back() {
    let mut world = World::new("talk");
    let large = "x".repeat(300_000);
    world.client.emit("m", &large).unwrap();
    let (peer, data) = world.until(|server, _| heard(server));
    assert!(data == large);
    // One for each instance that waits, one for the connection.
    assert_eq!((world.server.sockets(), world.client.sockets()), (5, 1));
    world.server.emit(peer, "m", &data).unwrap();
    assert!(world.until(|_, client| told(client)) == large);
    world.client.close();
    world.until(|_, client| {
        while client.poll_event().is_some() {}
        client.is_over().then_some(())
    });
    world.server.stop();
    world.until(|server, _| {
        while server.poll_event().is_some() {}
        server.is_over().then_some(())
    });
    assert_eq!((world.server.sockets(), world.client.sockets()), (0, 0));
}

#[test]
fn a_server_that_was_stopped_takes_nobody() {
    let mut world = World::new("stop");
    world.client.emit("m", "hello").unwrap();
    world.until(|server, _| heard(server));
    let name = world.server.endpoints()[0].to_string().replace("pipe:", r"\\.\pipe\");
    world.server.stop();
    world.until(|server, _| {
        while server.poll_event().is_some() {}
        server.is_over().then_some(())
    });
    // Whether or not the poll has seen the handles close yet.
    let error = std::fs::File::options().read(true).write(true).open(name).unwrap_err();
    assert!([2, 231].map(Some).contains(&error.raw_os_error()), "{error}");
}

#[test]
fn a_pipe_takes_four_tokens() {
    let poll = Poll::new().unwrap();
    let mut server = Server::new(poll.registry().try_clone().unwrap(), 0..3);
    let pipe = Endpoint::Pipe(format!("ipc-mio-parts-few-{}", std::process::id()));
    assert_eq!(server.serve_endpoint(pipe).unwrap_err().code(), Some("EMFILE"));
    assert_eq!(server.sockets(), 0);
}
