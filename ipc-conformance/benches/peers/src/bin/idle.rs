//! How many bytes the core holds for a connection after one message each way, the machine itself included.
//!
//! A program of its own, because counting makes every allocation of a program slower.

use std::{mem, sync::Arc};

use allocation_counter::measure;
use bytes::Buf;
use ipc_proto::{Config, Connection, Event, Side, Timestamp};

fn main() {
    let config = Arc::new(Config::default());
    let held = measure(|| mem::forget(talked(&config)));
    println!("{}", held.bytes_current);
}

fn talked(config: &Arc<Config>) -> Box<Connection> {
    let mut conn = Box::new(Connection::new(Arc::clone(config), Side::Server));
    conn.recv_buffer().extend_from_slice(b"{\"type\":\"message\",\"data\":\"hello\"}\x0c");
    conn.handle_received(Timestamp::ZERO);
    while let Some(event) = conn.poll_event() {
        if let Event::Message(message) = event {
            let _ = conn.relay(&message);
        }
    }
    let waiting = conn.outbox().remaining();
    conn.outbox().advance(waiting);
    conn.handle_idle();
    conn
}
