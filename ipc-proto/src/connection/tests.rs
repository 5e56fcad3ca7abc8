use alloc::{string::String, vec::Vec};
use core::time::Duration;

use bytes::Buf;

use super::*;
use crate::config::Dialect;

mod large;
mod quick;

const NOW: Timestamp = Timestamp::ZERO;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn server(config: Config) -> Connection {
    let mut conn = Connection::new(Arc::new(config), Side::Server);
    assert!(matches!(conn.poll_event(), Some(Event::Connected)));
    conn
}

fn short(event: Event) -> String {
    match event {
        Event::Message(message) => message.name().into(),
        Event::Error(error) => error.code().into(),
        Event::Disconnected { reason, .. } => alloc::format!("{reason:?}"),
        Event::Undelivered(lost) => {
            alloc::format!("lost {}{}", lost.frame.len(), if lost.maybe_sent { "?" } else { "" })
        }
        other => alloc::format!("{other:?}"),
    }
}

fn events(conn: &mut Connection) -> Vec<String> {
    core::iter::from_fn(|| conn.poll_event()).map(short).collect()
}

#[test]
fn the_dialect_decides_what_a_bad_frame_does() {
    let input = b"{\"type\":\"a\"}\x0cbad\x0c{\"type\":\"b\"}\x0c";
    for (dialect, expected) in [
        (Dialect::Modern, &["a", "ERR_IPC_INVALID_JSON", "Protocol"][..]),
        (Dialect::Classic, &["a", "ERR_IPC_INVALID_JSON", "b"]),
    ] {
        let mut conn = server(Config::default().dialect(dialect));
        conn.handle_input(NOW, input);
        assert_eq!(events(&mut conn), expected);
        assert_eq!(conn.is_closed(), dialect == Dialect::Modern);
    }
}

#[test]
fn a_partial_frame_grows_old_and_a_busy_peer_does_not() {
    let mut conn = server(Config::default().message_timeout(Duration::from_millis(100)));
    for n in 0..50 {
        conn.handle_input(at(n * 60), b"{\"type\":\"m\"");
        assert_eq!(conn.poll_timeout(), Some(at(n * 60 + 100)));
        conn.handle_input(at(n * 60 + 50), b"}\x0c");
        assert_eq!(conn.poll_timeout(), None);
    }
    assert_eq!(events(&mut conn).len(), 50);
    conn.handle_input(at(5000), b"{\"type\":\"last\"}\x0c{");
    conn.handle_input(at(5099), b"\"type");
    conn.handle_timeout(at(5099));
    assert_eq!(events(&mut conn), ["last"]);
    conn.handle_timeout(at(5100));
    assert_eq!(events(&mut conn), ["ERR_IPC_MESSAGE_TIMEOUT", "Protocol"]);
}

#[test]
fn messages_before_a_timeout_are_not_lost() {
    let mut conn = server(Config::default().message_timeout(Duration::from_millis(10)));
    conn.handle_input(NOW, b"{\"type\":\"a\"}\x0c{\"type\":\"b\"}\x0c{");
    conn.handle_timeout(at(10));
    assert_eq!(events(&mut conn), ["a", "b", "ERR_IPC_MESSAGE_TIMEOUT", "Protocol"]);
}

#[test]
fn a_server_answers_what_it_read_before_the_end() {
    let mut conn = server(Config::default());
    conn.handle_input(NOW, b"{\"type\":\"a\",\"data\":1}\x0c{\"type\":\"half");
    conn.handle_eof(NOW);
    let Some(Event::Message(message)) = conn.poll_event() else { panic!("no message") };
    let _ = conn.relay(&message).unwrap();
    assert!(conn.poll_event().is_none() && !conn.is_closed());
    assert_eq!(conn.outbox().chunk(), b"{\"type\":\"a\",\"data\":1}\x0c");
    let n = conn.outbox().remaining();
    conn.outbox().advance(n);
    assert_eq!(events(&mut conn), ["Peer"]);
}

#[test]
fn what_cannot_be_written_is_reported() {
    let mut conn = server(Config::default());
    let ticket = conn.send_tracked(Frame::event("a")).unwrap();
    let second = conn.send_tracked(Frame::event("b")).unwrap();
    conn.outbox().advance(3);
    conn.handle_error(NOW, IoError::new("EPIPE", "broken"));
    assert_eq!(events(&mut conn), ["EPIPE", "lost 22?", "lost 22", "Io"]);
    assert_eq!(conn.poll_outcome(), Some((ticket, Outcome::Maybe)));
    assert_eq!(conn.poll_outcome(), Some((second, Outcome::Undelivered)));
}

#[test]
fn a_close_drains_and_has_a_deadline() {
    let mut conn = server(Config::default().drain_timeout(Duration::from_millis(30)));
    let _ = conn.emit("a", &1).unwrap();
    conn.close(at(1));
    assert!(matches!(conn.emit("b", &2), Err(EmitError::Closed(_))));
    assert!(!conn.wants_shutdown() && conn.wants_read());
    conn.handle_input(at(2), b"{\"type\":\"late\"}\x0c");
    assert_eq!(events(&mut conn), ["late"]);
    assert_eq!(conn.poll_timeout(), Some(at(31)));
    conn.handle_timeout(at(31));
    assert_eq!(events(&mut conn), ["lost 21", "Local"]);
    assert_eq!((conn.poll_timeout(), conn.wants_read()), (None, false));
}

#[test]
fn after_a_close_a_failure_is_the_end() {
    let mut conn = server(Config::default());
    conn.close(NOW);
    conn.handle_error(NOW, IoError::new("ECONNRESET", "reset"));
    assert_eq!(events(&mut conn), ["Local"]);
}

#[test]
fn pressure_goes_up_and_comes_down() {
    let mut conn = server(Config::default());
    assert_eq!(conn.emit("a", &1).unwrap(), Pressure::Low);
    assert_eq!(conn.emit("a", &"x".repeat(Pressure::HIGH_MARK)).unwrap(), Pressure::High);
    assert!(conn.poll_event().is_none());
    let n = conn.outbox().remaining() - Pressure::LOW_MARK;
    conn.outbox().advance(n - 1);
    assert!(conn.poll_event().is_none());
    conn.outbox().advance(1);
    assert!(matches!(conn.poll_event(), Some(Event::Writable)));
    assert!(conn.poll_event().is_none());
}

#[test]
fn a_full_outbox_hands_the_frame_back() {
    let mut conn = server(Config::default().max_pending_bytes(50));
    let _ = conn.emit("a", "0123456789").unwrap();
    let Err(EmitError::Full(frame)) = conn.emit("b", "0123456789") else { panic!("not full") };
    assert_eq!(frame, Frame::encode("b", "0123456789").unwrap());
    let n = conn.outbox().remaining();
    conn.outbox().advance(n);
    let _ = conn.send(frame).unwrap();
}

#[test]
fn no_frame_is_forged_through_a_delimiter() {
    let mut conn = server(Config::default().delimiter("|"));
    assert!(matches!(conn.emit("a", "x|y"), Err(EmitError::Encode(EncodeError::DelimiterInData))));
    assert!(matches!(conn.emit("a|b", &1), Err(EmitError::Encode(EncodeError::DelimiterInData))));
    assert_eq!(conn.pending_bytes(), 0);
    let mut braces = server(Config::default().delimiter("}}"));
    assert!(matches!(braces.emit_type("a"), Err(EmitError::Encode(EncodeError::DelimiterInData))));
    let mut pairs = server(Config::default().delimiter("}|"));
    let _ = pairs.emit("a", &1).unwrap();
}

#[test]
fn classic_sends_nothing_as_an_empty_object() {
    for (dialect, null, empty) in [(Dialect::Classic, "{}", "{}"), (Dialect::Modern, "null", "\"\"")] {
        let mut conn = server(Config::default().dialect(dialect));
        let _ = conn.emit("a", &()).unwrap();
        let _ = conn.send(Frame::encode("b", "").unwrap()).unwrap();
        let _ = conn.emit_type("c").unwrap();
        let expected = alloc::format!(
            "{{\"type\":\"a\",\"data\":{null}}}\x0c{{\"type\":\"b\",\"data\":{empty}}}\x0c{{\"type\":\"c\",\"data\":{{}}}}\x0c"
        );
        assert_eq!(conn.outbox().chunk(), expected.as_bytes());
    }
}

#[test]
fn an_event_without_data_is_relayed_without_data() {
    for dialect in [Dialect::Classic, Dialect::Modern] {
        let mut conn = server(Config::default().dialect(dialect).profile(Profile::Guarded));
        conn.handle_input(NOW, b"{\"type\":\"a\\u0062\"}\x0c");
        let Some(Event::Message(message)) = conn.poll_event() else { panic!("no message") };
        conn.relay(&message).unwrap();
        assert_eq!(conn.outbox().chunk(), b"{\"type\":\"a\\u0062\"}\x0c");
        conn.handle_error(NOW, IoError::new("EPIPE", "broken"));
        assert_eq!(events(&mut conn), ["EPIPE", "lost 18", "Io"]);
    }
}

#[test]
fn peers_name_themselves_where_the_config_lets_them() {
    let input = b"{\"type\":\"a\",\"data\":{\"id\":\"first\"}}\x0c{\"type\":\"b\",\"data\":{\"id\":0}}\x0c";
    for (config, expected) in [
        (Config::default().dialect(Dialect::Classic), Some("\"first\"")),
        (Config::default(), None),
        (Config::default().identify_peer(true), Some("\"first\"")),
    ] {
        let mut conn = server(config);
        conn.handle_input(NOW, input);
        assert_eq!(events(&mut conn), ["a", "b"]);
        assert_eq!(conn.peer_id().map(Json::as_str), expected);
        conn.handle_eof(NOW);
        let Some(Event::Disconnected { id, .. }) = conn.poll_event() else { panic!("still there") };
        assert_eq!(id.as_ref().map(Json::as_str), expected);
    }
}

#[test]
fn reading_stops_at_the_limit_and_goes_on_after_a_poll() {
    let mut conn = server(Config::default().max_message_size(1 << 20));
    let frame = alloc::format!("{{\"type\":\"m\",\"data\":\"{}\"}}\x0c", "x".repeat(1 << 19));
    assert!(conn.wants_read());
    conn.handle_input(NOW, frame.as_bytes());
    conn.handle_input(NOW, frame.as_bytes());
    assert!(!conn.wants_read());
    assert!(conn.poll_event().is_some());
    assert!(conn.wants_read());
}

#[test]
fn raw_bytes_pass_as_they_are() {
    let mut conn = server(Config::default().profile(Profile::Raw));
    conn.handle_input(NOW, b"\x00\x0c\xff");
    let Some(Event::Raw(bytes)) = conn.poll_event() else { panic!("no bytes") };
    assert_eq!(&bytes[..], b"\x00\x0c\xff");
    let _ = conn.send(Frame::raw(bytes)).unwrap();
    let _ = conn.send(Frame::raw(Bytes::new())).unwrap();
    assert_eq!(conn.outbox().chunk(), b"\x00\x0c\xff");
    assert!(matches!(conn.emit("a", &1), Err(EmitError::Encode(_))));
    assert!(matches!(server(Config::default()).send(Frame::raw("x")), Err(EmitError::Encode(_))));
}

#[test]
fn owned_and_borrowed_input_are_the_same() {
    let input = &b"{\"type\":\"a\"}\x0c{\"type\":\"b\"}\x0c{\"type\":\"c\"}\x0c"[..];
    for split in 0..input.len() {
        let mut conn = server(Config::default());
        conn.handle_owned(NOW, BytesMut::from(&input[..split]));
        conn.recv_buffer().extend_from_slice(&input[split..]);
        conn.handle_received(NOW);
        assert_eq!(events(&mut conn), ["a", "b", "c"]);
        assert_eq!(conn.stats().bytes_in, input.len() as u64);
    }
}

#[test]
fn nothing_is_heard_after_the_end() {
    let mut conn = server(Config::default());
    conn.handle_eof(NOW);
    conn.handle_input(NOW, b"{\"type\":\"a\"}\x0c");
    conn.recv_buffer().extend_from_slice(b"{\"type\":\"b\"}\x0c");
    conn.handle_received(NOW);
    conn.handle_error(NOW, IoError::new("EPIPE", "broken"));
    assert_eq!(events(&mut conn), ["EPIPE", "Io"]);
    assert!(conn.is_closed() && conn.held_bytes() == 0);
}

#[test]
fn a_pressed_connection_lets_its_last_events_be_taken() {
    let two = b"{\"type\":\"a\"}\x0c{\"type\":\"b\"}\x0c";
    let large = "x".repeat(Pressure::HIGH_MARK);
    let pressed = || {
        let mut conn = server(Config::default());
        conn.handle_input(NOW, two);
        assert!(!conn.is_pressed());
        assert_eq!(conn.emit("large", &large).unwrap(), Pressure::High);
        assert!(conn.is_pressed());
        conn
    };
    let mut conn = pressed();
    conn.outbox().advance(1000);
    assert!(!conn.is_pressed(), "it is written from");

    let mut conn = pressed();
    conn.handle_eof(NOW);
    assert!(conn.is_pressed(), "the peer may read still");
    conn.handle_timeout(at(10_000));
    assert!(!conn.is_pressed(), "it does not");

    let mut conn = pressed();
    conn.handle_error(NOW, IoError::new("EPIPE", "gone"));
    assert!(!conn.is_pressed(), "nothing will leave");
    assert_eq!(events(&mut conn)[..3], ["a", "b", "EPIPE"]);
    assert!(conn.is_closed() && !conn.is_pressed());
}

#[test]
fn classic_raw_bytes_pass_through_the_encoding() {
    use crate::config::Encoding;
    let classic = || Config::default().profile(Profile::Raw).dialect(Dialect::Classic);
    type Case = (Encoding, &'static [&'static [u8]], &'static [&'static [u8]]);
    let cases: [Case; 4] = [
        (Encoding::Utf8, &[b"\xff\xc3", b"\xa9A"], &[b"\xef\xbf\xbd", b"\xc3\xa9A"]),
        (Encoding::Ascii, &[b"\xe9"], &[b"i"]),
        (Encoding::Latin1, &[b"\x00\xff"], &[b"\x00\xff"]),
        (Encoding::Base64, &[b"hello"], &[b"hel", b"lo"]),
    ];
    for (encoding, chunks, expected) in cases {
        let mut conn = server(classic().encoding(encoding));
        let mut seen = Vec::new();
        for chunk in chunks {
            conn.handle_input(NOW, chunk);
            seen.extend(core::iter::from_fn(|| conn.poll_event()));
        }
        conn.handle_eof(NOW);
        seen.extend(core::iter::from_fn(|| conn.poll_event()));
        let raw: Vec<Bytes> = seen
            .into_iter()
            .filter_map(|event| if let Event::Raw(bytes) = event { Some(bytes) } else { None })
            .collect();
        assert_eq!(raw, expected, "{encoding:?}");

        let mut late = server(classic().encoding(encoding));
        late.handle_input(NOW, &chunks.concat());
        late.handle_eof(NOW);
        let polled = core::iter::from_fn(|| late.poll_event());
        let all: Vec<u8> = polled
            .filter_map(|event| if let Event::Raw(bytes) = event { Some(bytes) } else { None })
            .flatten()
            .collect();
        assert_eq!(all, expected.concat(), "{encoding:?} polled late");
    }
}
