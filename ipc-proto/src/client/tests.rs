//! What the table of `tests/client_table.rs` does not say.

use alloc::{string::String, vec, vec::Vec};
use core::time::Duration;

use bytes::Buf;

use super::*;
use crate::{config::Retry, error::Code};

mod edges;
mod found;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn refused() -> IoError {
    IoError::new("ECONNREFUSED", "refused")
}

/// What a table cell may show: events in short, then actions.
fn drain(client: &mut Client) -> Vec<String> {
    let mut seen = Vec::new();
    while let Some(event) = client.poll_event() {
        seen.push(short(&event));
    }
    seen.extend(core::iter::from_fn(|| client.poll_action()).map(|action| alloc::format!("{action:?}")));
    seen
}

fn short(event: &Event) -> String {
    match event {
        Event::Connected => "connected".into(),
        Event::Message(message) => alloc::format!("message {}", message.name()),
        Event::Raw(bytes) => alloc::format!("raw {}", bytes.len()),
        Event::Error(error) => alloc::format!("error {}", error.code()),
        Event::Writable => "writable".into(),
        Event::Undelivered(lost) => {
            let frame = String::from_utf8_lossy(lost.frame.as_bytes()).into_owned();
            alloc::format!("undelivered {frame}{}", if lost.maybe_sent { " maybe" } else { "" })
        }
        Event::Disconnected { reason, retry_in: Some(_), .. } => alloc::format!("disconnected {reason:?} retry"),
        Event::Disconnected { reason, .. } => alloc::format!("disconnected {reason:?}"),
        Event::Destroyed => "destroyed".into(),
    }
}

/// Everything that waits, as text; it counts as written.
fn written(client: &mut Client) -> String {
    let mut bytes = Vec::new();
    while client.outbox().has_remaining() {
        let n = client.outbox().chunk().len();
        bytes.extend_from_slice(client.outbox().chunk());
        client.outbox().advance(n);
    }
    String::from_utf8(bytes).unwrap()
}

fn config() -> Config {
    Config::default().retry(Retry::every(Duration::from_millis(100)))
}

/// A client in `state`, with nothing left to poll.
fn client_in(state: ClientState, config: Config) -> Client {
    let mut client = Client::new(Arc::new(config));
    if state == Idle {
        return client;
    }
    client.connect(at(1));
    match state {
        Open => client.handle_connected(at(2)),
        Waiting => client.handle_failed(at(2), refused()),
        Stopped => client.abort(at(2)),
        Idle | Opening => {}
    }
    drain(&mut client);
    assert_eq!(client.state(), state);
    client
}

use ClientState::{Idle, Open, Opening, Stopped, Waiting};

#[test]
fn the_next_attempt_comes_exactly_after_the_delay() {
    let mut client = client_in(Opening, config());
    client.handle_failed(at(40), refused());
    assert_eq!(client.poll_timeout(), Some(at(140)));
    client.handle_timeout(at(139));
    assert_eq!(client.state(), Waiting);
    client.handle_timeout(at(140));
    assert_eq!(client.state(), Opening);
}

#[test]
fn the_budget_of_retries_is_counted_and_refilled() {
    let mut client = client_in(Opening, config().retry(Retry::every(Duration::from_millis(100)).max(2)));
    for _ in 0..2 {
        client.handle_failed(at(10), refused());
        client.handle_timeout(client.poll_timeout().unwrap());
        assert_eq!(drain(&mut client).len(), 3);
    }
    client.handle_connected(at(300));
    client.handle_eof(at(300));
    assert_eq!(drain(&mut client), ["connected", "disconnected Peer retry", "Close"]);
    for expected in [Waiting, Stopped] {
        client.handle_timeout(client.poll_timeout().unwrap());
        client.handle_failed(at(400), refused());
        assert_eq!(client.state(), expected);
    }
    assert_eq!(drain(&mut client).last().unwrap(), "Open");
    assert!(matches!(client.send(Frame::event("late")), Err(EmitError::Closed(_))));
}

#[test]
fn stop_retrying_ends_it_at_the_next_disconnect() {
    let mut stopped = config();
    stopped.retry.stop = true;
    let mut client = client_in(Opening, stopped);
    client.handle_failed(at(3), refused());
    assert_eq!(drain(&mut client), ["error ECONNREFUSED", "disconnected Refused", "destroyed"]);

    for (dialect, seen) in [(Dialect::Modern, "destroyed"), (Dialect::Classic, "Open")] {
        let mut client = client_in(Waiting, config().dialect(dialect));
        client.stop_retrying(true);
        client.handle_timeout(at(102));
        assert_eq!(drain(&mut client), [seen]);
    }
}

#[test]
fn what_is_emitted_early_leaves_in_order_after_the_greeting() {
    let greeted = config().on_connect("join", "me").unwrap();
    let mut client = client_in(Opening, greeted);
    for n in 0..3 {
        let _ = client.emit("n", &n).unwrap();
    }
    client.handle_connected(at(5));
    let expected = "{\"type\":\"join\",\"data\":\"me\"}\x0c{\"type\":\"n\",\"data\":0}\x0c\
                    {\"type\":\"n\",\"data\":1}\x0c{\"type\":\"n\",\"data\":2}\x0c";
    assert_eq!(written(&mut client), expected);
}

#[test]
fn a_frame_that_was_cut_is_sent_again_whole() {
    let greeted = config().on_connect("join", "me").unwrap();
    let mut client = client_in(Open, greeted);
    let greeting = "{\"type\":\"join\",\"data\":\"me\"}\x0c";
    assert_eq!(written(&mut client), greeting);
    let _ = client.emit("a", &1).unwrap();
    let _ = client.emit("b", &2).unwrap();
    client.outbox().advance(5);
    client.handle_eof(at(10));
    assert_eq!(drain(&mut client), ["disconnected Peer retry", "Close"]);
    let _ = client.emit("c", &3).unwrap();
    client.handle_timeout(at(110));
    client.handle_connected(at(111));
    let rest = "{\"type\":\"a\",\"data\":1}\x0c{\"type\":\"b\",\"data\":2}\x0c{\"type\":\"c\",\"data\":3}\x0c";
    assert_eq!(written(&mut client), alloc::format!("{greeting}{rest}"));
}

#[test]
fn a_greeting_that_was_cut_is_not_kept() {
    let mut client = client_in(Open, config().on_connect("join", "me").unwrap());
    client.outbox().advance(3);
    client.handle_eof(at(10));
    drain(&mut client);
    assert_eq!(client.pending_bytes(), 0);
}

#[test]
fn raw_bytes_that_were_cut_are_reported() {
    let mut client = client_in(Open, config().profile(Profile::Raw));
    let _ = client.send(Frame::raw("abcdef")).unwrap();
    let _ = client.send(Frame::raw("gh")).unwrap();
    client.outbox().advance(2);
    client.handle_eof(at(10));
    let seen = ["undelivered abcdef maybe", "undelivered gh", "disconnected Peer retry", "Close"];
    assert_eq!(drain(&mut client), seen);
}

#[test]
fn exhausted_retries_report_what_waits() {
    let mut client = client_in(Opening, config().retry(Retry::never()));
    let ticket = client.send_tracked(Frame::event("a")).unwrap();
    client.handle_failed(at(3), refused());
    let frame = "undelivered {\"type\":\"a\",\"data\":{}}";
    assert_eq!(drain(&mut client), ["error ECONNREFUSED", frame, "disconnected Refused", "destroyed"]);
    assert_eq!(client.poll_outcome(), Some((ticket, Outcome::Undelivered)));
    assert_eq!(client.pending_bytes(), 0);
}

#[test]
fn messages_expire_while_they_wait() {
    let mut client = client_in(Opening, config().message_ttl(Duration::from_millis(50)));
    let _ = client.emit_type("old").unwrap();
    client.handle_timeout(at(1));
    client.handle_failed(at(30), refused());
    let _ = client.emit_type("new").unwrap();
    client.handle_timeout(at(30));
    assert_eq!(client.poll_timeout(), Some(at(51)));
    client.handle_timeout(at(51));
    let seen = drain(&mut client);
    assert_eq!(seen.last().unwrap(), "undelivered {\"type\":\"old\",\"data\":{}}");
    assert_eq!(client.poll_timeout(), Some(at(80)));
}

#[test]
fn a_full_queue_refuses_or_drops_the_oldest() {
    let frame = Frame::encode("n", "0123456789").unwrap();
    let room_for_two = frame.len() * 2 + 1;
    let mut client = client_in(Opening, config().max_pending_bytes(room_for_two));
    let _ = client.send(frame.clone()).unwrap();
    let _ = client.send(frame.clone()).unwrap();
    assert!(matches!(client.send(frame.clone()), Err(EmitError::Full(back)) if back == frame));

    let mut client = client_in(Opening, config().max_pending_bytes(room_for_two).overflow(Overflow::DropOldest));
    for n in 0..5 {
        let _ = client.emit("n", &alloc::format!("{n}123456789")).unwrap();
    }
    assert_eq!(drain(&mut client).len(), 3 - 1, "the reports are bounded as well");
    assert_eq!(client.stats().undelivered, 3);
}

#[test]
fn one_larger_message_fits_an_empty_queue() {
    let mut client = client_in(Opening, config().max_pending_bytes(10));
    let _ = client.emit("large", &"x".repeat(100)).unwrap();
    assert!(matches!(client.emit_type("next"), Err(EmitError::Full(_))));
}

#[test]
fn guarded_closes_a_connection_that_does_not_keep_up() {
    let mut client = client_in(Open, config().profile(Profile::Guarded).max_pending_bytes(60));
    let _ = client.emit("a", "0123456789").unwrap();
    assert!(matches!(client.emit("b", "0123456789012345"), Err(EmitError::Full(_))));
    let seen = drain(&mut client);
    assert_eq!(seen[0], "error ERR_IPC_BACKPRESSURE");
    assert_eq!(seen[seen.len() - 2..], ["destroyed", "Close"]);
}

#[test]
fn sync_lets_one_message_out_at_a_time() {
    let mut client = client_in(Open, config().sync(true));
    for name in ["a", "b", "c"] {
        let _ = client.emit_type(name).unwrap();
    }
    assert_eq!(written(&mut client), "{\"type\":\"a\",\"data\":{}}\x0c");
    client.handle_input(at(5), b"{\"type\":\"half");
    assert_eq!(drain(&mut client), Vec::<String>::new());
    assert_eq!(written(&mut client), "");
    client.handle_input(at(5), b"\"}\x0c{\"type\":\"push\"}\x0c{\"type\":\"idle\"}\x0c");
    assert_eq!(drain(&mut client), ["message half", "message push", "message idle"]);
    let rest = "{\"type\":\"b\",\"data\":{}}\x0c{\"type\":\"c\",\"data\":{}}\x0c";
    assert_eq!(written(&mut client), rest);
    // An answer to nothing is no credit.
    let _ = client.emit_type("d").unwrap();
    let _ = client.emit_type("e").unwrap();
    assert_eq!(written(&mut client), "{\"type\":\"d\",\"data\":{}}\x0c");
}

#[test]
fn sync_does_not_wedge_on_a_lost_answer() {
    for (loss, report, resent) in [
        (SyncLoss::Report, vec!["undelivered {\"type\":\"a\",\"data\":{}} maybe"], ""),
        (SyncLoss::Resend, vec![], "{\"type\":\"a\",\"data\":{}}\x0c"),
    ] {
        let mut client = client_in(Open, config().sync(true).sync_loss(loss));
        let _ = client.emit_type("a").unwrap();
        let _ = client.emit_type("b").unwrap();
        written(&mut client);
        client.handle_eof(at(10));
        let seen = drain(&mut client);
        assert_eq!(seen[..report.len()], report[..]);
        client.handle_timeout(at(110));
        client.handle_connected(at(111));
        let expected = if resent.is_empty() { "{\"type\":\"b\",\"data\":{}}\x0c" } else { resent };
        assert_eq!(written(&mut client), expected);
    }
}

#[test]
fn sync_goes_on_after_a_late_answer() {
    let mut client = client_in(Open, config().sync(true).sync_timeout(Duration::from_millis(20)));
    let _ = client.emit_type("a").unwrap();
    let _ = client.emit_type("b").unwrap();
    written(&mut client);
    client.handle_timeout(at(2));
    assert_eq!(client.poll_timeout(), Some(at(22)));
    client.handle_timeout(at(22));
    assert_eq!(drain(&mut client), ["undelivered {\"type\":\"a\",\"data\":{}} maybe"]);
    assert_eq!(written(&mut client), "{\"type\":\"b\",\"data\":{}}\x0c");
}

#[test]
fn close_waits_for_a_connection_and_disconnect_does_not() {
    let mut client = client_in(Waiting, config());
    let _ = client.emit_type("a").unwrap();
    client.close(at(3));
    assert!(matches!(client.emit_type("b"), Err(EmitError::Closed(_))));
    client.handle_timeout(at(102));
    client.handle_connected(at(103));
    assert_eq!(written(&mut client), "{\"type\":\"a\",\"data\":{}}\x0c");
    drain(&mut client);
    assert!(client.wants_shutdown());
    client.handle_eof(at(104));
    assert_eq!(drain(&mut client), ["disconnected Local", "destroyed", "Close"]);

    let mut client = client_in(Waiting, config());
    let _ = client.emit_type("a").unwrap();
    client.disconnect(at(3));
    let frame = "undelivered {\"type\":\"a\",\"data\":{}}";
    assert_eq!(drain(&mut client), [frame, "disconnected Local", "destroyed"]);
}

#[test]
fn a_close_gives_up_at_its_deadline() {
    let mut client = client_in(Waiting, config().drain_timeout(Duration::from_millis(30)));
    let _ = client.emit_type("a").unwrap();
    client.close(at(3));
    assert_eq!(client.poll_timeout(), Some(at(33)));
    client.handle_timeout(at(33));
    let frame = "undelivered {\"type\":\"a\",\"data\":{}}";
    assert_eq!(drain(&mut client), [frame, "disconnected Local", "destroyed"]);
}

#[test]
fn disconnect_writes_what_waits_first() {
    let mut client = client_in(Open, config());
    let _ = client.emit_type("a").unwrap();
    client.disconnect(at(3));
    assert!(drain(&mut client).is_empty());
    assert!(!client.wants_shutdown());
    assert_eq!(written(&mut client), "{\"type\":\"a\",\"data\":{}}\x0c");
    assert!(client.wants_shutdown());
    client.handle_timeout(client.poll_timeout().unwrap());
    assert_eq!(drain(&mut client), ["disconnected Local", "destroyed", "Close"]);
}

#[test]
fn unread_attempts_do_not_pile_up() {
    let mut client = client_in(Opening, config());
    for n in 0..1000 {
        client.handle_failed(at(n * 200), refused());
        client.handle_timeout(at(n * 200 + 100));
    }
    assert!(client.due.len() <= MANY_EVENTS + 2);
    assert!(client.actions.len() <= 1001);
}

#[test]
fn high_pressure_owes_a_writable() {
    let mut client = client_in(Opening, config());
    let large = "x".repeat(Pressure::HIGH_MARK);
    assert_eq!(client.emit("a", &large).unwrap(), Pressure::High);
    client.handle_connected(at(5));
    assert_eq!(drain(&mut client), ["connected"]);
    written(&mut client);
    assert_eq!(drain(&mut client), ["writable"]);
}

#[test]
fn classic_goes_on_after_a_bad_frame() {
    let mut client = client_in(Open, config().dialect(Dialect::Classic));
    client.handle_input(at(5), b"bad\x0c{\"type\":5}\x0c[]\x0c{\"type\":\"ok\"}\x0c");
    let codes =
        [Code::InvalidJson, Code::InvalidEvent, Code::InvalidMessage].map(|code| alloc::format!("error {code}"));
    assert_eq!(drain(&mut client), [&codes[..], &["message ok".into()]].concat());
}
