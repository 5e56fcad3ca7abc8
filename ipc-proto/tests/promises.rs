//! Rules that are about several machines at once, or about what does not happen.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::sync::Arc;

use ipc_proto::{Client, Config, Connection, Dialect, Event, Frame, Side, Timestamp};

const NOW: Timestamp = Timestamp::ZERO;

/// The lifecycle names of node-ipc.
const LIFECYCLE: [&str; 8] =
    ["start", "connect", "disconnect", "destroy", "close", "socket.disconnected", "error", "data"];

fn server(config: Config) -> Connection {
    let mut conn = Connection::new(Arc::new(config), Side::Server);
    assert!(matches!(conn.poll_event(), Some(Event::Connected)));
    conn
}

/// Everything that waits to be written.
fn written(mut outbox: impl bytes::Buf) -> String {
    let bytes = outbox.copy_to_bytes(outbox.remaining());
    String::from_utf8(bytes.into()).unwrap()
}

/// PROTOCOL.md, rule L1.
#[test]
fn no_message_is_lifecycle_whatever_its_name() {
    for dialect in [Dialect::Modern, Dialect::Classic] {
        let mut conn = server(Config::default().dialect(dialect));
        for name in LIFECYCLE {
            conn.handle_input(NOW, format!("{{\"type\":\"{name}\",\"data\":1}}\u{c}").as_bytes());
            let Some(Event::Message(message)) = conn.poll_event() else { panic!("{name} is no message") };
            assert_eq!(message.name(), name);
        }
        assert!(conn.poll_event().is_none() && !conn.is_closed());
    }
}

/// PROTOCOL.md, rule D3.
#[test]
fn a_name_costs_no_more_than_itself() {
    let mut conn = server(Config::default().identify_peer(Some(true)));
    let longest = "x".repeat(1022);
    for (id, known) in [
        ("short", "\"short\"".into()),
        (&longest, format!("\"{longest}\"")),
        (&"y".repeat(1023), format!("\"{longest}\"")),
    ] {
        conn.handle_input(NOW, format!("{{\"type\":\"m\",\"data\":{{\"id\":\"{id}\"}}}}\u{c}").as_bytes());
        let Some(Event::Message(message)) = conn.poll_event() else { panic!("no message") };
        let name = conn.peer_id().unwrap();
        assert_eq!(name.as_str(), known);
        let frame = message.data().unwrap();
        assert!(!frame.as_bytes().as_ptr_range().contains(&name.as_bytes().as_ptr()), "the read buffer can go");
    }
}

/// PROTOCOL.md, rule S5.
#[test]
fn a_disconnect_in_sync_mode_reports_what_had_no_turn() {
    let mut client = Client::new(Arc::new(Config::default().sync(true)));
    client.connect(NOW);
    client.handle_connected(NOW);
    for name in ["a", "b", "c"] {
        client.send(Frame::event(name)).unwrap();
    }
    client.disconnect(NOW);
    assert_eq!(written(client.outbox()), "{\"type\":\"a\",\"data\":{}}\u{c}");
    client.handle_eof(NOW);
    let mut seen = Vec::new();
    while let Some(event) = client.poll_event() {
        match event {
            Event::Undelivered(lost) => seen.push((lost.frame.message().unwrap().name().to_owned(), lost.maybe_sent)),
            Event::Destroyed => seen.push(("destroyed".to_owned(), false)),
            _ => {}
        }
    }
    let names: Vec<&str> = seen.iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.ends_with(&["destroyed"]), "{seen:?}");
    for name in ["b", "c"] {
        assert!(seen.contains(&(name.to_owned(), false)), "{seen:?}");
    }
}

/// PROTOCOL.md, rule E9.
#[test]
fn one_frame_leaves_as_each_connection_wants_it() {
    let frame = Frame::encode("m", &None::<u8>).unwrap();
    let before = frame.as_bytes().clone();
    let cases = [
        (Config::default(), "{\"type\":\"m\",\"data\":null}\u{c}"),
        (Config::default().delimiter("\n"), "{\"type\":\"m\",\"data\":null}\n"),
        (Config::default().dialect(Dialect::Classic), "{\"type\":\"m\",\"data\":{}}\u{c}"),
    ];
    for (config, wire) in cases {
        let mut conn = server(config);
        conn.send(frame.clone()).unwrap();
        assert_eq!(written(conn.outbox()), wire);
    }
    assert_eq!(frame.as_bytes().as_ptr(), before.as_ptr(), "it was encoded once");
}
