//! Connecting, giving up and coming back, in a time that the test holds.

use std::{
    net::{TcpListener, TcpStream},
    time::{Duration, Instant},
};

use ipc_mio::{Client, Config, Event, Retry, Server};

use crate::turns::Turns;

const HALF: Duration = Duration::from_millis(500);

fn events(client: &mut Client) -> Vec<Event> {
    std::iter::from_fn(|| client.poll_event()).collect()
}

#[test]
fn a_client_comes_back_when_the_time_has_come() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s").display().to_string();
    let mut turns = Turns::new();
    turns.held = Some(Instant::now());
    let mut client = Client::new(turns.registry(), 0..1);
    client.connect_to_path("world", &path).unwrap();
    let _ = client.emit("message", "kept").unwrap();
    for _ in 0..3 {
        turns.drive(&mut client);
        let seen = events(&mut client);
        let [Event::Error(error), Event::Disconnected { retry_in: Some(HALF), .. }] = &seen[..] else {
            panic!("{seen:?}")
        };
        assert_eq!(error.code(), "ENOENT");
        assert_eq!((client.next_timeout(), client.timers()), (Some(HALF), 1));
        turns.pass(HALF - Duration::from_millis(1));
        // It was told how long to sleep, and is to be asked again.
        assert!(client.ready());
        turns.drive(&mut client);
        assert!(!client.ready() && events(&mut client).is_empty());
        assert_eq!(client.next_timeout(), Some(Duration::from_millis(1)));
        turns.pass(Duration::from_millis(1));
    }
    let mut server = Server::new(turns.registry(), 1..10);
    server.serve_at(&path).unwrap();
    let mut parts = (server, client);
    turns.until(&mut parts, |(_, client)| matches!(client.poll_event(), Some(Event::Connected)).then_some(()));
    assert_eq!(turns.until(&mut parts, |(server, _)| crate::turns::said(server)).1, "kept");
    assert_eq!(parts.1.timers(), 0);
}

#[test]
fn a_client_that_gives_up_is_over_and_can_begin_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s").display().to_string();
    let turns = Turns::new();
    let config = Config::default().retry(Retry::never());
    let mut client = Client::with_config(turns.registry(), 0..1, config);
    for _ in 0..2 {
        client.connect_to_path("world", &path).unwrap();
        assert!(client.connect_to_path("other", &path).is_err());
        let _ = client.emit("message", "lost").unwrap();
        turns.drive(&mut client);
        let seen = events(&mut client);
        assert!(matches!(seen.last(), Some(Event::Destroyed)), "{seen:?}");
        assert!(seen.iter().any(|event| matches!(event, Event::Undelivered(_))), "{seen:?}");
        assert!(client.is_over());
        assert_eq!((client.tasks(), client.timers(), client.sockets()), (0, 0, 0));
    }
}

/// A port where connecting takes for ever: nobody accepts, and nobody else may wait.
fn full_port() -> (TcpListener, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let first = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener, first)
}

#[test]
fn an_attempt_that_is_given_up_leaves_nothing() {
    let (listener, _first) = full_port();
    let address = listener.local_addr().unwrap().to_string();
    let mut turns = Turns::new();
    let mut client = Client::new(turns.registry(), 0..1);
    client.connect_to_net("world", &address).unwrap();
    turns.settle(&mut client);
    assert_eq!((events(&mut client).len(), client.sockets()), (0, 1));
    client.disconnect();
    turns.drive(&mut client);
    let seen = events(&mut client);
    assert!(matches!(seen.last(), Some(Event::Destroyed)), "{seen:?}");
    assert!(!seen.iter().any(|event| matches!(event, Event::Connected)), "{seen:?}");
    assert_eq!((client.tasks(), client.timers(), client.sockets()), (0, 0, 0));
}

#[test]
fn a_refusal_is_told_by_its_name() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let mut turns = Turns::new();
    let mut client = Client::new(turns.registry(), 0..1);
    client.connect_to_net("world", &address).unwrap();
    let error = turns.until(&mut client, |client| match client.poll_event() {
        Some(Event::Error(error)) => Some(error),
        _ => None,
    });
    assert_eq!(error.code(), "ECONNREFUSED");
}

#[test]
fn a_server_that_stops_says_so_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let mut turns = Turns::new();
    let mut parts = crate::turns::pair(&mut turns, &format!("unix:{}", path.display()));
    let _ = parts.0.broadcast("message", "farewell").unwrap();
    parts.0.stop();
    assert_eq!(turns.until(&mut parts, |(_, client)| crate::turns::text(client)), "farewell");
    turns.until(&mut parts, |(server, _)| (server.poll_event().is_none() && server.is_over()).then_some(()));
    assert!(!path.exists());
    assert_eq!((parts.0.tasks(), parts.0.timers(), parts.0.sockets()), (0, 0, 0));
    assert!(parts.0.poll_accept_error().is_none());
}
