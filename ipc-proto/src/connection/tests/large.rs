//! The buffer of a large message, between two of them.

use alloc::format;

use super::*;

/// What a transport would do with a message of two mebibytes: where its bytes were put.
fn receive(conn: &mut Connection, now: Timestamp) -> (Event, *const u8) {
    let text = format!("{{\"type\":\"m\",\"data\":\"{}\"}}\x0c", "x".repeat(2 << 20));
    let start = conn.recv_buffer().as_ptr();
    for piece in text.as_bytes().chunks(60 << 10) {
        conn.recv_buffer().extend_from_slice(piece);
        conn.handle_received(now);
    }
    conn.recv_buffer();
    conn.handle_idle();
    (conn.poll_event().unwrap(), start)
}

#[test]
fn the_buffer_of_a_large_message_is_kept_a_second_for_the_next_one() {
    let mut conn = server(Config::default());
    drop(receive(&mut conn, at(0)));
    // The first message had to find room step by step; its place is known when the second one comes.
    drop(receive(&mut conn, at(10)));
    let (message, start) = receive(&mut conn, at(900));
    drop(message);
    assert_eq!(receive(&mut conn, at(950)).1, start);

    conn.handle_idle();
    assert_eq!(conn.poll_timeout(), Some(at(1950)));
    conn.handle_timeout(at(1949));
    assert!(conn.deframer.keeps());
    conn.handle_timeout(at(1950));
    assert!(!conn.deframer.keeps());
    assert_eq!(conn.poll_timeout(), None);
}

#[test]
fn a_message_that_is_still_looked_at_keeps_its_buffer() {
    let mut conn = server(Config::default());
    let (Event::Message(first), _) = receive(&mut conn, at(0)) else { panic!() };
    let (Event::Message(second), _) = receive(&mut conn, at(1)) else { panic!() };
    assert_eq!(first.data(), second.data());
    conn.handle_timeout(at(1001));
    assert_eq!((conn.poll_timeout(), conn.deframer.keeps()), (None, false));
    assert_eq!(second.data().map(|data| data.as_str().len()), Some((2 << 20) + 2));
}
