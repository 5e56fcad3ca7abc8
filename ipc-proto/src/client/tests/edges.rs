//! What mutants showed that no other test looks at.

use super::*;

const MS: fn(u64) -> Duration = Duration::from_millis;

fn is_full(answer: &Result<Pressure, EmitError>) -> bool {
    matches!(answer, Err(EmitError::Full(_)))
}

/// A frame that is `len` bytes on the wire.
fn of_len(name: &str, len: usize) -> Frame {
    let around = Frame::encode(name, "").unwrap().len() + 1;
    Frame::encode(name, &"x".repeat(len - around)).unwrap()
}

#[test]
fn bytes_are_read_only_while_there_is_a_connection() {
    let frame = b"{\"type\":\"a\"}\x0c";
    for state in [Idle, Opening, Open, Waiting, Stopped] {
        let mut client = client_in(state, config());
        assert_eq!(client.wants_read(), state == Open, "{state:?}");
        client.handle_input(at(3), frame);
        client.handle_owned(at(3), BytesMut::from(&frame[..]));
        client.recv_buffer().extend_from_slice(frame);
        client.handle_received(at(3));
        let expected: &[&str] = if state == Open { &["message a"; 3] } else { &[] };
        assert_eq!((drain(&mut client), client.held_bytes()), (expected.iter().map(|&s| s.into()).collect(), 0));
    }
}

#[test]
fn counters_are_those_of_all_connections() {
    let config = Arc::new(config());
    let mut client = Client::new(Arc::clone(&config));
    assert!(Arc::ptr_eq(client.config(), &config));
    client.connect(at(1));
    let frame = "{\"type\":\"a\",\"data\":{}}\x0c";
    for connects in 1..=3 {
        client.handle_connected(at(connects * 1000));
        client.send(Frame::event("a")).unwrap();
        assert_eq!(written(&mut client), frame);
        client.handle_input(at(connects * 1000), frame.as_bytes());
        drain(&mut client);
        let stats = client.stats();
        assert_eq!((stats.messages_out, stats.messages_in, stats.connects), (connects, connects, connects));
        let bytes = connects * frame.len() as u64;
        assert_eq!((stats.bytes_out, stats.bytes_in), (bytes, bytes));
        client.handle_eof(at(connects * 1000));
        drain(&mut client);
        assert_eq!(client.stats(), stats);
        client.handle_timeout(client.poll_timeout().unwrap());
    }
}

#[test]
fn each_ticket_hears_of_its_own_message() {
    let mut client = client_in(Open, config().sync(true));
    let tickets = ["a", "b"].map(|name| client.send_tracked(Frame::event(name)).unwrap());
    assert_ne!(tickets[0], tickets[1]);
    for ticket in tickets {
        assert_eq!(client.poll_outcome(), None);
        written(&mut client);
        assert_eq!(client.poll_outcome(), Some((ticket, Outcome::Flushed)));
        client.handle_input(at(3), b"{\"type\":\"answer\"}\x0c");
        assert!(matches!(client.poll_event(), Some(Event::Message(_))));
        assert_eq!(client.answered(), Some(ticket));
        assert!(client.poll_event().is_none());
        assert_eq!(client.answered(), None);
    }
}

#[test]
fn whatever_waits_anywhere_is_held() {
    let mut client = client_in(Opening, config().message_ttl(MS(50)));
    client.send(of_len("late", 41)).unwrap();
    client.handle_timeout(at(3));
    client.handle_timeout(at(53));
    client.handle_connected(at(54));
    client.send(of_len("written", Pressure::HIGH_MARK)).unwrap();
    client.send(of_len("waits", 101)).unwrap();
    client.handle_input(at(54), b"{\"typ");
    let waits = 40 + Pressure::HIGH_MARK + 100;
    assert_eq!((client.pending_bytes(), client.held_bytes()), (waits, waits + 5));
}

#[test]
fn an_emit_does_not_overtake_what_waits() {
    let mut client = client_in(Open, config());
    let _ = client.emit("a", &"x".repeat(Pressure::HIGH_MARK)).unwrap();
    client.send(Frame::event("b")).unwrap();
    let written_first = client.outbox().remaining();
    client.conn.outbox().advance(written_first);
    let _ = client.emit("c", &1).unwrap();
    assert_eq!(written(&mut client), "{\"type\":\"b\",\"data\":{}}\x0c{\"type\":\"c\",\"data\":1}\x0c");
}

#[test]
fn an_emit_waits_for_its_turn_in_sync_mode() {
    let mut client = client_in(Open, config().sync(true));
    let _ = client.emit("a", &1).unwrap();
    let _ = client.emit("b", &2).unwrap();
    assert_eq!(written(&mut client), "{\"type\":\"a\",\"data\":1}\x0c");
}

#[test]
fn no_more_than_the_high_mark_is_taken_from_the_queue() {
    let mut client = client_in(Open, config());
    client.send(of_len("a", Pressure::HIGH_MARK)).unwrap();
    client.send(Frame::event("b")).unwrap();
    assert_eq!(client.outbox().remaining(), Pressure::HIGH_MARK);
}

#[test]
fn a_report_takes_room_until_it_is_polled() {
    for overflow in [Overflow::Refuse, Overflow::DropOldest] {
        let config = config().message_ttl(MS(50)).max_pending_bytes(40).overflow(overflow);
        let mut client = client_in(Opening, config);
        client.send(of_len("late", 41)).unwrap();
        client.handle_timeout(at(3));
        client.handle_timeout(at(53));
        client.handle_connected(at(54));
        // Where the oldest is dropped, a report is no reason to refuse anything.
        assert_eq!(is_full(&client.emit("now", &1)), overflow == Overflow::Refuse);
        assert_eq!(drain(&mut client).len(), 2);
        written(&mut client);
        let _ = client.emit("now", &1).unwrap();
    }
}

#[test]
fn what_is_in_the_outbox_is_not_dropped_for_room() {
    let mut client = client_in(Open, config().max_pending_bytes(60).overflow(Overflow::DropOldest));
    client.send(of_len("a", 40)).unwrap();
    assert!(is_full(&client.send(of_len("b", 40))));
    assert_eq!((client.outbox().remaining(), drain(&mut client).len()), (40, 0));
}

#[test]
fn as_many_reports_are_kept_as_messages_may_wait() {
    let mut client = client_in(Opening, config().max_pending_bytes(80).overflow(Overflow::DropOldest));
    for name in ["a", "b", "c", "d"] {
        client.send(of_len(name, 41)).unwrap();
    }
    let seen = drain(&mut client);
    let reports = ["a", "b"].map(|name| alloc::format!("undelivered {{\"type\":\"{name}\""));
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().zip(reports).all(|(seen, report)| seen.starts_with(&report)), "{seen:?}");
}

#[test]
fn only_guarded_ends_a_connection_that_is_full() {
    for (profile, state, ends) in
        [(Profile::Fast, Open, false), (Profile::Guarded, Open, true), (Profile::Guarded, Opening, false)]
    {
        let mut client = client_in(state, config().profile(profile).max_pending_bytes(60));
        client.send(of_len("a", 40)).unwrap();
        assert!(is_full(&client.send(of_len("b", 40))));
        let seen = drain(&mut client);
        assert_eq!(seen.first().is_some_and(|first| first == "error ERR_IPC_BACKPRESSURE"), ends, "{seen:?}");
        assert_eq!(seen.is_empty(), !ends);
    }
}

#[test]
fn an_overload_ends_a_connection_and_nothing_else() {
    for state in [Idle, Opening, Open, Waiting, Stopped] {
        let mut client = client_in(state, config());
        client.abort_overloaded(at(3));
        let ends = ["error ERR_IPC_BACKPRESSURE", "disconnected Protocol", "destroyed", "Close"];
        assert_eq!(drain(&mut client), if state == Open { &ends[..] } else { &[] }, "{state:?}");
    }
}

#[test]
fn an_emit_after_a_renewal_is_for_the_next_connection() {
    let mut client = client_in(Open, config());
    client.renew(at(3));
    let _ = client.emit("a", &1).unwrap();
    client.send(Frame::event("b")).unwrap();
    assert_eq!(drain(&mut client), ["disconnected Local retry", "Close"]);
    client.handle_timeout(at(103));
    client.handle_connected(at(104));
    assert_eq!(written(&mut client), "{\"type\":\"a\",\"data\":1}\x0c{\"type\":\"b\",\"data\":{}}\x0c");
}

#[test]
fn the_first_close_sets_the_deadline() {
    let mut client = client_in(Waiting, config().drain_timeout(MS(30)));
    client.send(Frame::event("a")).unwrap();
    client.close(at(3));
    client.close(at(20));
    assert_eq!(client.poll_timeout(), Some(at(33)));

    let mut client = client_in(Stopped, config());
    client.close(at(3));
    assert_eq!(client.poll_timeout(), None);
}

#[test]
fn a_disconnect_has_a_deadline_at_once() {
    let mut client = client_in(Open, config().drain_timeout(MS(30)));
    client.send(Frame::event("a")).unwrap();
    client.disconnect(at(3));
    assert_eq!(client.poll_timeout(), Some(at(33)));
}

#[test]
fn what_waits_again_expires_again() {
    let mut client = client_in(Open, config().message_ttl(MS(50)));
    client.send(Frame::event("a")).unwrap();
    client.handle_eof(at(10));
    assert_eq!(drain(&mut client), ["disconnected Peer retry", "Close"]);
    assert_eq!(client.poll_timeout(), Some(at(60)));
    client.handle_timeout(at(60));
    assert_eq!(drain(&mut client), ["undelivered {\"type\":\"a\",\"data\":{}}"]);
}

/// Fails `count` times, with a code that says which time it was.
fn fail(client: &mut Client, count: usize) {
    for n in 0..count {
        client.handle_failed(client.now, IoError::new(alloc::format!("E{n}"), "refused"));
        client.handle_timeout(client.poll_timeout().unwrap());
    }
}

#[test]
fn the_latest_unread_attempt_takes_the_place_of_the_one_before() {
    let mut client = client_in(Opening, config());
    fail(&mut client, 100);
    let codes: Vec<String> = drain(&mut client).into_iter().filter(|seen| seen.starts_with("error")).collect();
    let kept = (0..MANY_EVENTS / 2 - 2).chain([99]).map(|n| alloc::format!("error E{n}"));
    assert_eq!(codes, kept.collect::<Vec<_>>());
}

#[test]
fn no_report_is_folded_into_an_attempt() {
    let mut client = client_in(Opening, config().message_ttl(MS(50)));
    fail(&mut client, MANY_EVENTS / 2 - 1);
    for name in ["a", "b"] {
        client.send(Frame::event(name)).unwrap();
    }
    let now = client.now;
    client.handle_timeout(now);
    client.handle_timeout(now.saturating_add(MS(50)));
    assert_eq!(client.due.len(), MANY_EVENTS);
    fail(&mut client, 1);
    assert_eq!(drain(&mut client).iter().filter(|seen| seen.starts_with("undelivered")).count(), 2);
}

#[cfg(feature = "std")]
#[test]
fn an_idle_client_gives_its_read_buffer_up() {
    let spare = || crate::spare::take(2 << 10).capacity();
    let mut client = client_in(Open, config());
    client.recv_buffer().extend_from_slice(b"{\"type\":\"a\"}\x0c");
    client.handle_received(at(3));
    drain(&mut client);
    while spare() > 0 {}
    client.handle_idle();
    assert!(spare() > 0);
}
