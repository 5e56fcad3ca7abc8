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
    let event = conn.poll_event().unwrap();
    // It looks whether there is more, while the message is on its way through the application, and after that.
    conn.recv_buffer();
    conn.handle_idle();
    (event, start)
}

#[test]
fn the_buffer_of_a_large_message_is_kept_a_second_for_the_next_one() {
    let mut conn = server(Config::default());
    let mut receive_all = |times: [u64; 3]| {
        times.map(|time| {
            let (message, start) = receive(&mut conn, at(time));
            drop(message);
            for _ in 0..2 {
                conn.recv_buffer();
                conn.handle_idle();
            }
            start
        })
    };
    // The first message has to find room step by step.
    let [_, second, third] = receive_all([0, 10, 900]);
    assert_eq!(second, third);

    assert_eq!(conn.poll_timeout(), Some(at(1900)));
    conn.handle_timeout(at(1899));
    assert!(conn.deframer.keeps().is_some());
    conn.handle_timeout(at(1900));
    assert!(conn.deframer.keeps().is_none());
    conn.handle_idle();
    assert_eq!(conn.poll_timeout(), None);
}

#[test]
fn a_message_that_is_still_looked_at_keeps_its_buffer() {
    let mut conn = server(Config::default());
    let (Event::Message(first), _) = receive(&mut conn, at(0)) else { panic!() };
    let (Event::Message(second), _) = receive(&mut conn, at(1)) else { panic!() };
    assert_eq!(first.data(), second.data());
    conn.handle_timeout(at(1001));
    assert_eq!((conn.poll_timeout(), conn.deframer.keeps()), (None, None));
    assert_eq!(second.data().map(|data| data.as_str().len()), Some((2 << 20) + 2));
}
