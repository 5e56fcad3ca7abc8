//! A connection in memory, driven by hand: what costs, counts or promises something of a message is shown on it.

use std::{
    cell::RefCell,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bytes::{Buf, BufMut, BytesMut};
use ipc_proto::{
    Config, Connection, Event, IoError, Message, Outbox, Side, Timestamp,
    drive::{Clock, Drive, Driver, Transport},
};

/// What one write takes at most, as a socket does.
const ROOM: usize = 64 << 10;

/// One end of a stream; the other is in the hands of whoever has a clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wire(Rc<RefCell<Pipes>>);

#[derive(Debug, Default)]
struct Pipes {
    input: Vec<u8>,
    /// How much of `input` was read.
    read: usize,
    output: Vec<u8>,
}

impl Wire {
    /// Makes `bytes` readable, after what is.
    pub(crate) fn feed(&self, bytes: &[u8]) {
        let mut pipes = self.0.borrow_mut();
        if pipes.read == pipes.input.len() {
            pipes.input.clear();
            pipes.read = 0;
        }
        pipes.input.extend_from_slice(bytes);
    }

    /// Takes what was written, and says how much `look` saw in it.
    pub(crate) fn drain<T>(&self, look: impl FnOnce(&[u8]) -> T) -> T {
        let output = &mut self.0.borrow_mut().output;
        let seen = look(output);
        output.clear();
        seen
    }
}

impl Transport for Wire {
    fn poll_recv(&mut self, _cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<Result<usize, IoError>> {
        let mut pipes = self.0.borrow_mut();
        let room = buffer.capacity() - buffer.len();
        let waiting = &pipes.input[pipes.read..];
        let part = &waiting[..waiting.len().min(room)];
        if part.is_empty() {
            return Poll::Pending;
        }
        let len = part.len();
        buffer.put_slice(part);
        pipes.read += len;
        Poll::Ready(Ok(len))
    }

    fn poll_send(&mut self, _cx: &mut Context<'_>, outbox: &mut Outbox) -> Poll<Result<(), IoError>> {
        let output = &mut self.0.borrow_mut().output;
        let chunk = outbox.chunk();
        let len = chunk.len().min(ROOM);
        output.extend_from_slice(&chunk[..len]);
        outbox.advance(len);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        Poll::Ready(Ok(()))
    }
}

/// A clock that stands still.
#[derive(Debug)]
pub(crate) struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::ZERO
    }

    fn poll_until(&mut self, _cx: &mut Context<'_>, _at: Timestamp) -> Poll<()> {
        Poll::Pending
    }
}

/// A driven connection and the other end of its stream.
#[derive(Debug)]
pub(crate) struct Line {
    /// The connection.
    pub(crate) driver: Driver<Wire, Still>,
    /// The other end.
    pub(crate) wire: Wire,
}

impl Line {
    /// A connection that is established and has said so.
    pub(crate) fn new(side: Side) -> Self {
        let wire = Wire::default();
        let conn = Connection::new(Arc::new(Config::default()), side);
        let mut line = Self { driver: Driver::new(conn, wire.clone(), Still), wire };
        line.messages(|_, _| ());
        line
    }

    /// Drives until nothing moves, with `each` message that comes. Says how many there were.
    pub(crate) fn messages(&mut self, mut each: impl FnMut(&mut Driver<Wire, Still>, &Message)) -> usize {
        let mut cx = Context::from_waker(Waker::noop());
        let (mut slot, mut count) = (None, 0);
        while self.driver.poll_event_into(&mut cx, &mut slot).is_ready() {
            match slot.take() {
                Some(Event::Message(message)) => {
                    count += 1;
                    each(&mut self.driver, &message);
                }
                Some(_) => {}
                None => break,
            }
        }
        count
    }

    /// Answers each message of `bytes` with itself. Says how many there were.
    pub(crate) fn echo(&mut self, bytes: &[u8]) -> usize {
        self.wire.feed(bytes);
        self.messages(|driver, message| driver.relay(message).expect("there is room for the answer"))
    }
}
