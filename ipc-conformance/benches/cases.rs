//! What is decoded, encoded and relayed, the same for every bench.

use std::sync::Arc;

use bytes::{Buf, BytesMut};
use ipc_proto::{Config, Connection, Event, Message, Side, Timestamp};
use serde::{Deserialize, Serialize};

/// Payloads in bytes.
pub(crate) const SIZES: [usize; 4] = [16, 64, 1 << 10, 64 << 10];

/// About as much as one read gives.
const READ: usize = 64 << 10;

const NOW: Timestamp = Timestamp::ZERO;

/// A payload of an application: a number, text with an escape in it, a few values.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Data {
    id: u32,
    name: String,
    v: (u32, f64, bool, Option<u32>),
}

impl Data {
    /// One whose JSON has `size` bytes.
    pub(crate) fn of(size: usize) -> Self {
        let data = |name| Self { id: 12, name, v: (1, 2.5, true, None) };
        let bare = json(&data("m\n".to_owned())).len();
        data(format!("m\n{}", "x".repeat(size.saturating_sub(bare))))
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    let mut text = Vec::new();
    serde_json::to_writer(&mut text, value).expect("it has a JSON form");
    text
}

/// The envelope, for those who have no word for it.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Envelope<T> {
    pub(crate) r#type: String,
    pub(crate) data: T,
}

/// An event with a payload of `size` bytes as it is on the wire: text where that is too short for an object.
pub(crate) fn frame(size: usize) -> Vec<u8> {
    let data = if size < 64 { json(&"x".repeat(size - 2)) } else { json(&Data::of(size)) };
    [&br#"{"type":"message","data":"#[..], &data, b"}\x0c"].concat()
}

/// Whole frames with payloads of `size`, as many as one read gives, one at least. Says how many.
pub(crate) fn read(size: usize) -> (BytesMut, usize) {
    let frame = frame(size);
    let count = (READ / frame.len()).max(1);
    (BytesMut::from(&frame.repeat(count)[..]), count)
}

/// A connection that has said that it is one.
pub(crate) fn connection() -> Connection {
    let mut conn = Connection::new(Arc::new(Config::default()), Side::Server);
    assert!(matches!(conn.poll_event(), Some(Event::Connected)));
    conn
}

/// Receives and hands out what one read gave. Says how many messages there were.
pub(crate) fn decode(conn: &mut Connection, read: BytesMut, mut each: impl FnMut(Message)) -> usize {
    conn.handle_owned(NOW, read);
    let mut count = 0;
    while let Some(event) = conn.poll_event() {
        if let Event::Message(message) = event {
            count += 1;
            each(message);
        }
    }
    count
}

/// The messages of one read with payloads of `size`.
pub(crate) fn messages(size: usize) -> Vec<Message> {
    let mut messages = Vec::new();
    decode(&mut connection(), read(size).0, |message| messages.push(message));
    messages
}

/// Emits one event `count` times and writes what came of it to nowhere.
pub(crate) fn encode(conn: &mut Connection, data: &Data, count: usize) {
    for _ in 0..count {
        let _ = conn.emit("message", data).expect("there is room");
    }
    discard(conn);
}

/// Sends received messages on and writes them to nowhere.
pub(crate) fn relay(conn: &mut Connection, messages: &[Message]) {
    for message in messages {
        let _ = conn.relay(message).expect("there is room");
    }
    discard(conn);
}

fn discard(conn: &mut Connection) {
    let waiting = conn.outbox().remaining();
    conn.outbox().advance(waiting);
}
