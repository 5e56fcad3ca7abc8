//! What mutants showed that no other test looks at.

use super::*;

const A: &[u8] = b"{\"type\":\"a\",\"data\":1}\x0c";

/// A connection that has received [`A`], and the message.
fn received(config: Config) -> (Connection, Message) {
    let mut conn = server(config);
    conn.handle_input(NOW, A);
    let Some(Event::Message(message)) = conn.poll_event() else { panic!("no message") };
    (conn, message)
}

#[test]
fn everything_is_counted() {
    let config = Arc::new(Config::default().dialect(Dialect::Classic));
    let mut conn = Connection::new(Arc::clone(&config), Side::Server);
    assert!(Arc::ptr_eq(conn.config(), &config));
    let input = [A, b"bad\x0c{\"type\":\"b\",\"x\":1}\x0cbad\x0c"].concat();
    conn.handle_input(NOW, &input);
    assert_eq!(events(&mut conn).len(), 5);
    let _ = conn.emit("a", &1).unwrap();
    let _ = conn.send(Frame::event("b")).unwrap();
    let _ = conn.send(Frame::event("c")).unwrap();
    conn.outbox().advance(A.len() + 3);
    conn.handle_error(NOW, IoError::new("EPIPE", "broken"));
    assert_eq!(events(&mut conn).len(), 4);
    let expected = Stats {
        messages_in: 2,
        messages_out: 3,
        bytes_in: input.len() as u64,
        bytes_out: A.len() as u64 + 3,
        errors: 3,
        undelivered: 2,
        connects: 1,
    };
    assert_eq!(conn.stats(), expected);

    let mut raw = server(Config::default().profile(Profile::Raw));
    for n in 1..3 {
        raw.handle_input(NOW, b"x");
        assert_eq!((events(&mut raw).len(), raw.stats().messages_in), (1, n));
    }
}

#[test]
fn a_relay_is_refused_what_an_emit_is() {
    let (mut conn, message) = received(Config::default());
    conn.close(NOW);
    assert!(matches!(conn.relay(&message), Err(EmitError::Closed(frame)) if frame == message.to_frame()));

    let (mut conn, message) = received(Config::default().max_pending_bytes(2 * A.len() - 2));
    let _ = conn.relay(&message).unwrap();
    assert!(matches!(conn.relay(&message), Err(EmitError::Full(frame)) if frame == message.to_frame()));
    assert_eq!(conn.outbox().chunk(), A);

    let (_, message) = received(Config::default());
    let mut other = server(Config::default().delimiter("a"));
    assert!(matches!(other.relay(&message), Err(EmitError::Encode(EncodeError::DelimiterInData))));
    let mut guarded = server(Config::default().profile(Profile::Assured));
    assert!(matches!(guarded.relay(&message), Err(EmitError::Encode(EncodeError::Refused(_)))));
    assert_eq!(other.pending_bytes() + guarded.pending_bytes(), 0);
}

#[test]
fn an_emit_may_fill_the_limit_to_the_last_byte() {
    // The delimiter of what is new does not count yet.
    let most = 2 * A.len() - 1;
    for (limit, fits) in [(most, true), (most - 1, false)] {
        let mut conn = server(Config::default().max_pending_bytes(limit));
        let _ = conn.emit("a", &1).unwrap();
        assert_eq!(conn.emit("a", &1).is_ok(), fits);
    }
}

#[test]
fn reading_stops_exactly_at_the_limit() {
    const LIMIT: usize = 1 << 20;
    for (held, wants) in [(LIMIT - 1, true), (LIMIT, false)] {
        let mut conn = server(Config::default().max_message_size(LIMIT));
        conn.handle_input(NOW, &[A, &b"x".repeat(held - A.len())].concat());
        assert_eq!((conn.held_bytes(), conn.wants_read()), (held, wants));
    }
}

#[test]
fn both_directions_are_held() {
    let mut conn = server(Config::default());
    conn.handle_input(NOW, &A[..5]);
    let _ = conn.emit("a", &1).unwrap();
    assert_eq!((conn.pending_bytes(), conn.held_bytes()), (A.len(), A.len() + 5));
}

#[test]
fn tickets_differ() {
    let mut conn = server(Config::default());
    let tickets = [(); 2].map(|()| conn.send_tracked(Frame::event("a")).unwrap());
    assert_ne!(tickets[0], tickets[1]);
}

#[test]
fn only_the_first_failure_counts() {
    let mut conn = server(Config::default());
    conn.handle_error(NOW, IoError::new("EPIPE", "first"));
    conn.handle_error(NOW, IoError::new("ECONNRESET", "second"));
    assert_eq!(events(&mut conn), ["EPIPE", "Io"]);
}

#[test]
fn a_frame_that_is_given_back_keeps_no_other_alive() {
    for profile in [Profile::Fast, Profile::Raw] {
        let mut conn = server(Config::default().profile(profile));
        for _ in 0..20 {
            let raw = profile == Profile::Raw;
            let _ = conn.send(if raw { Frame::raw("twenty-two bytes of it") } else { Frame::event("a") }).unwrap();
        }
        conn.abort(NOW);
        let all: Vec<Event> = core::iter::from_fn(|| conn.poll_event()).collect();
        let lost = all.iter().filter_map(|event| if let Event::Undelivered(lost) = event { Some(lost) } else { None });
        assert_eq!(lost.filter(|lost| lost.frame.as_bytes().is_unique()).count(), 20, "{profile:?}");
    }
}

#[test]
fn a_message_that_came_with_invalid_text_can_be_detached_as_any_other() {
    let mut conn = server(Config::default().dialect(Dialect::Classic));
    for around in [&b"x"[..], b"\xff"] {
        conn.handle_input(NOW, &[A, &around.repeat(1000), b"\x0c"].concat());
        let all: Vec<Event> = core::iter::from_fn(|| conn.poll_event()).collect();
        let Some(Event::Message(message)) = all.into_iter().next() else { panic!("no message") };
        let large = message.to_frame();
        assert_eq!(message.clone().detach().to_frame(), large);
        assert_ne!(message.detach().to_frame().as_bytes().as_ptr(), large.as_bytes().as_ptr());
        let again = large.message().expect("an event").detach();
        assert_ne!(again.to_frame().as_bytes().as_ptr(), large.as_bytes().as_ptr());
    }
}

#[test]
fn an_overload_ends_a_connection_now() {
    let mut conn = server(Config::default());
    conn.handle_input(NOW, A);
    let _ = conn.emit("a", &1).unwrap();
    conn.abort_overloaded(NOW);
    assert_eq!(events(&mut conn), ["ERR_IPC_BACKPRESSURE", "lost 21", "Protocol"]);
}
