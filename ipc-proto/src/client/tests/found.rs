//! What simulation found.

use super::*;

const MS: fn(u64) -> Duration = Duration::from_millis;

fn wrote(client: &mut Client, len: usize) {
    client.outbox().advance(len);
}

#[test]
fn an_emit_after_a_long_silence_is_not_late_at_once() {
    let mut client = client_in(Open, config().sync(true).sync_timeout(MS(20)).message_ttl(MS(20)));
    let _ = client.emit_type("a").unwrap();
    let _ = client.emit_type("waits").unwrap();
    // The machine was last told the time long ago, and asks for it.
    assert!(client.poll_timeout().is_some_and(|due| due <= at(1)));
    client.handle_timeout(at(500));
    assert!(client.poll_event().is_none_or(|event| matches!(event, Event::Connected)));
    assert_eq!(client.poll_timeout(), Some(at(520)));
    client.handle_timeout(at(519));
    assert!(drain(&mut client).is_empty());
    client.handle_timeout(at(520));
    assert_eq!(drain(&mut client).len(), 2);
}

#[test]
fn a_stamp_of_nothing_leaves_no_timer() {
    let mut client = client_in(Open, config().message_ttl(MS(20)));
    let _ = client.emit_type("a").unwrap();
    client.send(Frame::event("b")).unwrap();
    client.handle_timeout(at(5));
    assert_eq!(client.poll_timeout(), None);
}

#[test]
fn the_latest_report_is_kept_whatever_its_size() {
    let mut client = client_in(Opening, config().max_pending_bytes(30).overflow(Overflow::DropOldest));
    let large = Frame::encode("n", "0123456789012345678901234567890123456789").unwrap();
    client.send(large).unwrap();
    client.send(Frame::event("b")).unwrap();
    let seen = drain(&mut client);
    assert!(seen.last().is_some_and(|last| last.starts_with("undelivered")), "{seen:?}");
}

#[test]
fn a_greeting_that_is_not_answered_is_not_sent_again() {
    let greeting = config().sync(true).sync_timeout(MS(20)).sync_loss(SyncLoss::Resend).on_connect("hello", &1);
    let mut client = client_in(Open, greeting.unwrap());
    assert!(written(&mut client).contains("hello"));
    client.handle_timeout(at(2));
    client.handle_timeout(at(22));
    assert_eq!(written(&mut client), "");
}

#[test]
fn writable_comes_once() {
    let mut client = client_in(Open, config());
    let large = "x".repeat(Pressure::HIGH_MARK);
    assert_eq!(client.emit("a", &large).unwrap(), Pressure::High);
    assert_eq!(client.send(Frame::event("b")).unwrap(), Pressure::High);
    written(&mut client);
    let seen = drain(&mut client);
    assert_eq!(seen.iter().filter(|event| *event == "writable").count(), 1, "{seen:?}");
}

#[test]
fn writable_comes_after_the_connection_that_owed_it() {
    let mut client = client_in(Open, config().retry(Retry::never()));
    let _ = client.emit("a", &"x".repeat(Pressure::HIGH_MARK)).unwrap();
    client.handle_eof(at(3));
    assert!(drain(&mut client).contains(&String::from("writable")));
}

/// In flight and partly written when its answer is late: it counts once, as what was done with it.
#[test]
fn a_late_answer_to_what_is_still_being_written() {
    let config = || config().sync(true).sync_timeout(MS(20));
    let mut client = client_in(Open, config());
    client.send(Frame::event("a")).unwrap();
    wrote(&mut client, 3);
    client.handle_timeout(at(2));
    client.handle_timeout(at(22));
    assert_eq!(drain(&mut client), ["undelivered {\"type\":\"a\",\"data\":{}} maybe"]);
    client.handle_eof(at(23));
    drain(&mut client);
    assert_eq!(client.pending_bytes(), 0);

    let mut client = client_in(Open, config().sync_loss(SyncLoss::Resend));
    client.send(Frame::event("a")).unwrap();
    wrote(&mut client, 3);
    client.handle_timeout(at(2));
    client.handle_timeout(at(22));
    assert_eq!((drain(&mut client).len(), client.poll_timeout()), (0, Some(at(42))));
    client.handle_eof(at(43));
    drain(&mut client);
    assert_eq!(client.pending_bytes(), Frame::event("a").len());
}

/// Another message was taken for the answer, so two frames are unsent and only the last one is in flight.
#[test]
fn a_frame_of_a_session_that_was_answered_early_is_not_forgotten() {
    let mut client = client_in(Opening, config().sync(true));
    client.handle_session(at(2));
    client.send(Frame::event("a")).unwrap();
    wrote(&mut client, 3);
    client.handle_input(at(3), b"{\"type\":\"unasked\"}\x0c");
    drain(&mut client);
    client.send(Frame::event("b")).unwrap();
    client.handle_eof(at(4));
    let seen = drain(&mut client);
    assert!(seen[0].starts_with("undelivered {\"type\":\"a\"") && seen[0].ends_with("maybe"), "{seen:?}");
    assert_eq!(client.pending_bytes(), Frame::event("b").len());
}

#[test]
fn what_was_sent_before_is_still_maybe_sent_after_it_was_queued_again() {
    let resends = config().sync(true).sync_timeout(MS(20)).sync_loss(SyncLoss::Resend).retry(Retry::never());
    let mut client = client_in(Open, resends);
    client.send(Frame::event("a")).unwrap();
    written(&mut client);
    client.handle_timeout(at(2));
    client.handle_timeout(at(22));
    client.handle_eof(at(23));
    assert!(drain(&mut client)[0].ends_with("maybe"));
}

#[test]
fn a_deadline_that_has_come_waits_for_its_events_to_be_taken() {
    let mut client = client_in(Open, config().drain_timeout(MS(10)));
    let _ = client.emit_type("a").unwrap();
    client.close(at(2));
    client.handle_timeout(at(12));
    assert_eq!(client.poll_timeout(), None);
    assert_eq!(drain(&mut client).last().unwrap(), "Close");
}
