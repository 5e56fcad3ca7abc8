//! How much memory is asked for: nothing for each message, and little for a connection that is idle.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::{mem, sync::Arc};

use allocation_counter::{AllocationInfo, measure};
use bytes::Buf;
use ipc_proto::{Client, Config, Connection, Event, Side, Timestamp};

#[path = "support/memory.rs"]
mod memory;

use memory::Line;

/// The most that an idle connection may hold after it has talked: no buffer among it.
const IDLE: i64 = 1536;
/// The most that one read gives.
const READ: usize = 64 << 10;

fn frames(count: usize, payload: usize) -> Vec<u8> {
    format!("{{\"type\":\"m\",\"data\":\"{}\"}}\u{c}", "x".repeat(payload)).repeat(count).into_bytes()
}

/// What one more round costs after `warm` of them, each of `count` messages that come at once.
fn round(warm: usize, count: usize, payload: usize) -> AllocationInfo {
    let (mut line, bytes) = (Line::new(Side::Server), frames(count, payload));
    let mut once = || {
        assert_eq!(line.echo(&bytes), count);
        line.wire.drain(|output| assert!(output == bytes, "every message is answered with itself"));
    };
    for _ in 0..warm {
        once();
    }
    measure(once)
}

#[test]
fn what_comes_and_goes_in_small_turns_costs_nothing() {
    for count in [1, 2, 10] {
        assert_eq!(round(10, count, 64).count_total, 0, "{count} messages in a turn");
    }
}

#[test]
fn many_at_once_cost_a_few_buffers_and_nothing_each() {
    for payload in [16, 64, 300] {
        let few = round(10, 1000, payload).count_total;
        assert!(few <= 40, "{few} allocations for 1000 messages of {payload} bytes");
    }
    // Four times as many, four times the reads; what is kept from turn to turn does not grow with them.
    let (one, four) = (round(10, 1000, 64).count_total, round(10, 4000, 64).count_total);
    assert!(four <= 4 * one, "{one} allocations for 1000 messages, {four} for 4000");
}

#[test]
fn what_a_connected_client_emits_costs_nothing() {
    let mut client = Client::new(Arc::new(Config::default()));
    client.connect(Timestamp::ZERO);
    client.handle_connected(Timestamp::ZERO);
    let mut once = || {
        let _ = client.emit("m", "x").unwrap();
        let written = client.outbox().remaining();
        client.outbox().advance(written);
    };
    (0..10).for_each(|_| once());
    assert_eq!(measure(once).count_total, 0);
}

#[test]
fn an_idle_connection_that_has_talked_is_small() {
    for (count, payload) in [(1, 64), (1000, 64), (10, 100_000)] {
        let config = Arc::new(Config::default());
        let bytes = frames(count, payload);
        // Buffers that are given up stay with the thread, and are no connection's.
        (0..4).for_each(|_| drop(talked(&config, &bytes)));
        let held = measure(|| mem::forget(talked(&config, &bytes))).bytes_current;
        assert!(held <= IDLE, "{held} bytes after {count} messages of {payload}");
    }
}

/// A connection that has answered each message of `bytes` and then found nothing to read.
fn talked(config: &Arc<Config>, bytes: &[u8]) -> Box<Connection> {
    let mut conn = Box::new(Connection::new(Arc::clone(config), Side::Server));
    for part in bytes.chunks(READ) {
        conn.recv_buffer().extend_from_slice(part);
        conn.handle_received(Timestamp::ZERO);
        while let Some(event) = conn.poll_event() {
            if let Event::Message(message) = event {
                let _ = conn.relay(&message).unwrap();
            }
        }
        let written = conn.outbox().remaining();
        conn.outbox().advance(written);
    }
    conn.handle_idle();
    conn
}
