//! The one loop between a machine and a runtime.
//!
//! An adapter implements four seams, [`Transport`], [`Clock`], [`Dial`] and [`DatagramSocket`], each a few lines
//! for a given runtime, and gets [`Driver`] (one connection), [`ClientDriver`] (a client with its reconnects) and
//! [`DatagramDriver`] (a UDP socket). Only
//! `core::task` is needed; a readiness loop without an executor polls with a waker that sets a flag.
//!
//! A turn of the loop hands out events first, so that all answers to one read leave together; then it writes,
//! then it reads, then it looks at the clock. It never stops reading because writing is stuck: two peers that
//! did so would wait for each other for ever.

use alloc::sync::Arc;
use core::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};

use crate::{
    client::{Action, Client, ClientState},
    config::Config,
    connection::Connection,
    error::{ConfigError, EmitError, IoError},
    event::{Event, Outcome, Stats, Ticket},
    frame::Frame,
    message::{Json, Message},
    outbox::Outbox,
    peer_info::PeerInfo,
    time::Timestamp,
};

mod client;
mod connection;
mod datagram;
mod machine;
#[cfg(test)]
mod tests;

pub use client::ClientDriver;
pub use connection::Driver;
pub use datagram::{DatagramDriver, DatagramSocket};
pub use machine::Machine;

/// A byte stream of a runtime.
pub trait Transport {
    /// Does what comes before the first byte, a TLS handshake say. Nothing is read or written before it is ready.
    ///
    /// # Errors
    ///
    /// Why there will be no connection.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        let _ = cx;
        Poll::Ready(Ok(()))
    }

    /// Whether a session (TLS) stands between this and the wire. If so, [`poll_ready`](Self::poll_ready) is
    /// asked first, what was taken counts as sent once [`poll_flush`](Self::poll_flush) is ready, and the peer
    /// may still refuse the session after it is established. The answer never changes.
    fn is_session(&self) -> bool {
        false
    }

    /// Reads into the spare room of `buffer`, which has some, and says how much; 0 is the peer's end.
    ///
    /// # Errors
    ///
    /// What the transport failed with.
    fn poll_recv(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<Result<usize, IoError>>;

    /// Writes some of what waits, at least one byte, and advances past it.
    ///
    /// What many peers get is written from an outbox of its own. The next call may show the rest in another one then, from
    /// the byte on that this call left.
    ///
    /// # Errors
    ///
    /// What the transport failed with. A session advances past what it may have taken nevertheless.
    fn poll_send(&mut self, cx: &mut Context<'_>, outbox: &mut Outbox) -> Poll<Result<(), IoError>>;

    /// Pushes out what the transport itself buffers (TLS records, say).
    ///
    /// # Errors
    ///
    /// What the transport failed with.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        let _ = cx;
        Poll::Ready(Ok(()))
    }

    /// Ends the writing half.
    ///
    /// # Errors
    ///
    /// What the transport failed with.
    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), IoError>>;

    /// Who is at the other end, as far as the system says. Without an own answer, nobody knows.
    fn peer_info(&self) -> PeerInfo {
        PeerInfo::default()
    }
}

/// A runtime's monotonic clock and one timer on it.
pub trait Clock {
    /// What time it is.
    fn now(&self) -> Timestamp;

    /// Ready once `at` has come. Only the point of the latest call counts.
    fn poll_until(&mut self, cx: &mut Context<'_>, at: Timestamp) -> Poll<()>;

    /// Wakes `cx` after the others had their turn: called by a task that has more to do and has had its share. Where
    /// the runtime's tasks can keep it from looking at its sockets, it has to do that first.
    fn yield_now(&mut self, cx: &mut Context<'_>) {
        cx.waker().wake_by_ref();
    }
}

/// Something that reads certificates from files, and can do it again.
pub trait Reload: Send + Sync {
    /// Reads them anew, for the connections to come; those that are there stay. It may block on files.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the option and the file; then what was read before stays in use.
    fn reload(&self) -> Result<(), ConfigError>;
}

/// A way to a peer: one attempt at a time.
pub trait Dial {
    /// What it gives.
    type Io: Transport;

    /// Begins an attempt. One that is under way is given up.
    fn start(&mut self);

    /// Gives up the attempt that is under way.
    fn cancel(&mut self);

    /// The end of the attempt that was started. What it gives is [ready](Transport::poll_ready).
    ///
    /// # Errors
    ///
    /// Why there is no connection.
    fn poll_dial(&mut self, cx: &mut Context<'_>) -> Poll<Result<Self::Io, IoError>>;

    /// What reads this way's certificates anew, where it has any.
    fn reload(&self) -> Option<Arc<dyn Reload>> {
        None
    }
}

/// How much a session may hold before it is flushed: what a cut leaves in doubt, and what is kept to report it.
const WINDOW: usize = 64 << 10;

/// When a turn of the loop reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Whenever the machine takes input.
    Always,
    /// Only while writing is stuck: the peer may be waiting for us to read.
    WhenStuck,
    /// Not at all.
    Never,
}

/// How many reads one poll may do before it lets others run.
const BUDGET: u32 = 32;

/// A transport, and what has to be remembered of it between turns.
#[derive(Debug)]
struct Pipe<T> {
    io: T,
    is_session: bool,
    /// Writing failed; what was received before is still read.
    broken: Option<IoError>,
    /// The peer's stream has ended, and no failure was told since.
    ended: bool,
    unflushed: bool,
    shut: bool,
}

impl<T: Transport> Pipe<T> {
    fn new(io: T) -> Self {
        Self { is_session: io.is_session(), io, broken: None, ended: false, unflushed: false, shut: false }
    }

    /// Writes, then reads once. Says whether anything moved, so that the machine has to be asked again.
    fn turn<M: Machine>(&mut self, cx: &mut Context<'_>, now: Timestamp, machine: &mut M, reading: Reading) -> bool {
        let before = progress(machine);
        if self.broken.is_none() {
            if let Poll::Ready(Err(error)) = self.poll_write(cx, machine) {
                self.broken = Some(error);
            }
        }
        let moved = progress(machine) != before;
        let reads = match reading {
            Reading::Always => true,
            Reading::WhenStuck => machine.outbox().pending() > 0 || self.broken.is_some(),
            Reading::Never => self.broken.is_some(),
        };
        (reads && self.read(cx, now, machine)) || moved
    }

    fn poll_write<M: Machine>(&mut self, cx: &mut Context<'_>, machine: &mut M) -> Poll<Result<(), IoError>> {
        while machine.outbox().has_remaining() {
            if machine.outbox().unconfirmed() >= WINDOW {
                ready!(self.poll_flush(cx, machine))?;
            }
            self.unflushed = true;
            ready!(self.io.poll_send(cx, machine.outbox()))?;
        }
        ready!(self.poll_flush(cx, machine))?;
        if machine.wants_shutdown() && !self.shut {
            ready!(self.io.poll_shutdown(cx))?;
            self.shut = true;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_flush<M: Machine>(&mut self, cx: &mut Context<'_>, machine: &mut M) -> Poll<Result<(), IoError>> {
        if self.unflushed {
            ready!(self.io.poll_flush(cx))?;
            self.unflushed = false;
            machine.outbox().confirm();
        }
        Poll::Ready(Ok(()))
    }

    fn read<M: Machine>(&mut self, cx: &mut Context<'_>, now: Timestamp, machine: &mut M) -> bool {
        if !machine.wants_read() {
            return self.tell_failure(now, machine);
        }
        match self.io.poll_recv(cx, machine.recv_buffer()) {
            Poll::Ready(Ok(0)) => {
                self.ended = true;
                machine.handle_eof(now);
            }
            Poll::Ready(Ok(_)) => machine.handle_received(now),
            Poll::Ready(Err(error)) => {
                let broken = self.broken.take();
                // A session's peer says why it hung up, where a write only finds that it did.
                machine.handle_error(now, broken.filter(|_| !self.is_session).unwrap_or(error));
            }
            Poll::Pending => {
                machine.handle_idle();
                let Some(error) = self.broken.take() else { return false };
                machine.handle_error(now, error);
            }
        }
        true
    }

    /// After the end of the peer's stream nothing can come that was sent before writing failed: it is told at once, and
    /// once. Says whether there was something to tell.
    fn tell_failure<M: Machine>(&mut self, now: Timestamp, machine: &mut M) -> bool {
        let ended = self.ended;
        let Some(error) = self.broken.take_if(|_| ended) else { return false };
        self.ended = false;
        machine.handle_error(now, error);
        true
    }
}

/// How far writing has come. What waits says nothing: a client gives its outbox more as soon as there is room, often
/// just as much as has left.
fn progress<M: Machine>(machine: &mut M) -> (u64, usize) {
    let outbox = machine.outbox();
    (outbox.written(), outbox.unconfirmed())
}

/// What a turn of the loop came to.
enum Turn {
    /// There is an event, or there will be none any more.
    Done,
    Moved,
    Stuck,
}

/// Takes turns until there is an event or nothing moves. `None` when that takes too long: others have to be let in.
#[inline]
fn poll_turns(mut turn: impl FnMut() -> Turn) -> Option<Poll<()>> {
    for _ in 0..BUDGET {
        match turn() {
            Turn::Done => return Some(Poll::Ready(())),
            Turn::Moved => {}
            Turn::Stuck => return Some(Poll::Pending),
        }
    }
    None
}

/// Waits for a machine's next deadline. Says whether it has come.
fn poll_timer<C: Clock, M: Machine>(cx: &mut Context<'_>, clock: &mut C, machine: &mut M) -> bool {
    let Some(at) = machine.poll_timeout() else { return false };
    if clock.poll_until(cx, at).is_pending() {
        return false;
    }
    machine.handle_timeout(clock.now().max(at));
    true
}

/// What a task that owns a driver needs of it, whichever it is.
pub trait Drive {
    /// The next event; `None` after the last one. Pending wakes `cx` when something may have changed.
    ///
    /// Dropping the caller between polls loses nothing: all state is here.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let mut event = None;
        self.poll_event_into(cx, &mut event).map(|()| event)
    }

    /// As [`poll_event`](Self::poll_event), into `slot`, which must be empty and stays so after the last event. An
    /// event is large, and one that is looked at where it was built need not be copied.
    fn poll_event_into(&mut self, cx: &mut Context<'_>, slot: &mut Option<Event>) -> Poll<()>;

    /// Moves bytes without taking events, for a caller that has no room for one, or waits for room in the
    /// outbox. Says whether anything moved; if not, `cx` is woken when something may have changed.
    fn turn(&mut self, cx: &mut Context<'_>, reading: Reading) -> bool;

    /// Lets others in before `cx` is woken, as [`Clock::yield_now`].
    fn yield_now(&mut self, cx: &mut Context<'_>);

    /// What the machine was configured with.
    fn config(&self) -> &Config;

    /// Takes a frame; the ticket is there if one was asked for.
    ///
    /// # Errors
    ///
    /// As [`Connection::send`].
    fn send(&mut self, frame: Frame, tracked: bool) -> Result<Option<Ticket>, EmitError>;

    /// As [`Connection::relay`].
    ///
    /// # Errors
    ///
    /// As [`Connection::send`].
    fn relay(&mut self, message: &Message) -> Result<(), EmitError> {
        self.send(message.to_frame(), false).map(drop)
    }

    /// As [`Connection::poll_outcome`].
    fn poll_outcome(&mut self) -> Option<(Ticket, Outcome)>;

    /// Applies `change`: closing gently, ending now, or ending for holding too much.
    fn end(&mut self, how: End);

    /// How many bytes wait to be written.
    fn pending_bytes(&self) -> usize;

    /// How many bytes are held, both ways.
    fn held_bytes(&self) -> usize;

    /// What was done so far.
    fn stats(&self) -> Stats;

    /// In sync mode: which message the last event answered.
    fn answered(&self) -> Option<Ticket> {
        None
    }

    /// Drops the connection and makes another one, where that can be.
    fn renew(&mut self) {}

    /// As [`Client::stop_retrying`].
    fn stop_retrying(&mut self, stop: bool) {
        let _ = stop;
    }

    /// How the peer named itself.
    fn peer_id(&self) -> Option<&Json> {
        None
    }

    /// Whether there is a connection at the moment.
    fn is_connected(&self) -> bool {
        true
    }

    /// Whether the end has come, and only events are left to be taken.
    fn is_ending(&self) -> bool {
        false
    }

    /// Whether both directions are full, so that nothing will move until events are taken.
    fn is_stalled(&self) -> bool;
}

/// How to end a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// When everything is written; a client that is not connected waits for a connection.
    Drained,
    /// When everything is written on the present connection; without one, now.
    Disconnect,
    /// Now, with the error that it holds too much. A client that is not connected goes on.
    Overloaded,
    /// Now.
    Abort,
}
