//! A client: one connection after another, and what waits for the next one.

use alloc::{collections::VecDeque, sync::Arc};

use bytes::BytesMut;
use serde::Serialize;

use crate::{
    config::{Config, Dialect, Overflow, Profile, SyncLoss},
    connection::Connection,
    error::{ConnectionError, EmitError, IoError},
    event::{Event, Outcome, Reason, Stats, Ticket, Undelivered},
    frame::Frame,
    gate::SyncGate,
    outbox::{Outbox, Pressure, Tag},
    rules,
    time::Timestamp,
};

mod inside;
mod pace;
mod queue;
#[cfg(test)]
mod tests;

use pace::Pace;
use queue::{Queue, Queued};

/// Unread lifecycle events beyond this are folded into the latest ones.
const MANY_EVENTS: usize = 64;

/// What a client is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClientState {
    /// Not told to connect yet.
    Idle,
    /// Waiting for the adapter to establish a connection.
    Opening,
    /// Connected.
    Open,
    /// Waiting until the next attempt.
    Waiting,
    /// Given up, or told to disconnect.
    Stopped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Opening,
    Open,
    Waiting { until: Timestamp },
    Stopped,
}

/// What a client asks its adapter to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Dial, then call [`Client::handle_connected`] or [`Client::handle_failed`].
    Open,
    /// Drop the transport, or the attempt that is under way.
    Close,
}

/// A node-ipc client without sockets: reconnects, keeps what is emitted meanwhile, and reports what it gives
/// up.
///
/// The machine asks for connections and the adapter dials; [`Client::poll_action`] says when. This
/// table is checked cell by cell, and drawn in CLIENT.md:
///
#[doc = include_str!("table.md")]
///
/// “–” is no effect: inputs that make no sense in a state are ignored. `Open` and `Close` are [actions](Action),
/// the others events.
///
/// ```
/// use std::sync::Arc;
/// use bytes::Buf;
/// use ipc_proto::{Action, Client, Config, Event, Timestamp};
///
/// let mut client = Client::new(Arc::new(Config::default()));
/// client.connect(Timestamp::ZERO);
/// let _ = client.emit("early", "kept until there is a connection")?;
/// assert_eq!(client.poll_action(), Some(Action::Open));
///
/// client.handle_connected(Timestamp::from_millis(1)); // the adapter has dialled
/// assert!(matches!(client.poll_event(), Some(Event::Connected)));
/// assert!(client.outbox().has_remaining());
/// # Ok::<(), ipc_proto::EmitError>(())
/// ```
#[derive(Debug)]
pub struct Client {
    config: Arc<Config>,
    state: State,
    conn: Connection,
    queue: Queue,
    gate: SyncGate,
    /// Attempts that may still follow; refilled by each connect, or by what a session receives first.
    retries_left: Option<u32>,
    stop_retrying: bool,
    pace: Pace,
    /// `close` was called: drain until then, and take nothing more.
    closing: Option<Timestamp>,
    /// `disconnect` was called.
    disconnecting: bool,
    /// The last error of the connection was the peer breaking a rule.
    violated: bool,
    /// `High` was answered, so `Writable` is owed.
    owes_writable: bool,
    /// Sync mode: the message that the last event answered.
    answered: Option<Ticket>,
    due: VecDeque<Event>,
    /// Bytes of undelivered messages that nobody has heard of yet.
    unreported: usize,
    actions: VecDeque<Action>,
    tickets: u64,
    outcomes: VecDeque<(Ticket, Outcome)>,
    now: Timestamp,
    past: Stats,
}

impl Client {
    /// A client that is not connecting yet.
    ///
    /// `config` should have been [validated](Config::validate).
    #[must_use]
    pub fn new(config: Arc<Config>) -> Self {
        Self {
            state: State::Idle,
            conn: Connection::for_client(Arc::clone(&config)),
            queue: Queue::default(),
            gate: SyncGate::default(),
            retries_left: config.retry.max,
            stop_retrying: config.retry.stop,
            pace: Pace::new(&config.retry),
            closing: None,
            disconnecting: false,
            violated: false,
            owes_writable: false,
            answered: None,
            due: VecDeque::new(),
            unreported: 0,
            actions: VecDeque::new(),
            tickets: 0,
            outcomes: VecDeque::new(),
            now: Timestamp::ZERO,
            past: Stats::default(),
            config,
        }
    }

    // From the wire and the clock.

    /// The connection that [`Action::Open`] asked for is there.
    pub fn handle_connected(&mut self, now: Timestamp) {
        self.tick(now);
        if self.state == State::Opening {
            self.open(false);
        }
    }

    /// As [`handle_connected`](Self::handle_connected), over a session (TLS) that has been established.
    ///
    /// What the session takes counts as sent once the driver has flushed it and
    /// [confirmed](Outbox::confirm) that; a message that was in the session when it ended is reported with
    /// [`maybe_sent`](Undelivered::maybe_sent) and not sent again, for the peer may have it. Only the first byte
    /// received makes the budget of retries full again, because the peer may still refuse the session.
    pub fn handle_session(&mut self, now: Timestamp) {
        self.tick(now);
        if self.state == State::Opening {
            self.open(true);
        }
    }

    /// The connection that [`Action::Open`] asked for cannot be had.
    pub fn handle_failed(&mut self, now: Timestamp, error: impl Into<IoError>) {
        self.tick(now);
        if self.state == State::Opening {
            self.push_event(Event::Error(ConnectionError::Io(error.into())));
            self.end_attempt(Reason::Refused);
        }
    }

    /// As [`Connection::recv_buffer`].
    pub fn recv_buffer(&mut self) -> &mut BytesMut {
        self.conn.recv_buffer()
    }

    /// As [`Connection::handle_received`]. Without a connection the bytes are dropped.
    pub fn handle_received(&mut self, now: Timestamp) {
        self.tick(now);
        if self.state == State::Open {
            self.conn.handle_received(now);
        } else {
            self.conn.drop_input();
        }
    }

    /// As [`Connection::handle_input`].
    pub fn handle_input(&mut self, now: Timestamp, bytes: &[u8]) {
        self.tick(now);
        if self.state == State::Open {
            self.conn.handle_input(now, bytes);
        }
    }

    /// As [`Connection::handle_owned`].
    pub fn handle_owned(&mut self, now: Timestamp, bytes: BytesMut) {
        self.tick(now);
        if self.state == State::Open {
            self.conn.handle_owned(now, bytes);
        }
    }

    /// As [`Connection::handle_eof`].
    pub fn handle_eof(&mut self, now: Timestamp) {
        self.tick(now);
        if self.state == State::Open {
            self.conn.handle_eof(now);
        }
    }

    /// As [`Connection::handle_error`].
    pub fn handle_error(&mut self, now: Timestamp, error: impl Into<IoError>) {
        self.tick(now);
        if self.state == State::Open {
            self.conn.handle_error(now, error);
        }
    }

    /// The point that [`poll_timeout`](Self::poll_timeout) named may have come. Early and spurious calls are
    /// safe.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.tick(now);
        for expired in self.queue.take_expired(self.now) {
            self.give_up(expired);
        }
        if self.closing.is_some_and(|at| at <= self.now) {
            return self.stop_now();
        }
        match self.state {
            State::Waiting { until } if until <= self.now => self.retry(),
            State::Open => self.handle_open_timeout(),
            State::Idle | State::Opening | State::Waiting { .. } | State::Stopped => {}
        }
    }

    /// As [`Connection::handle_idle`].
    pub fn handle_idle(&mut self) {
        self.conn.handle_idle();
    }

    // From the application.

    /// Asks for a connection. While one is there or being made it does nothing; while waiting to retry it
    /// tries at once, as a second connectTo of node-ipc 14 does.
    pub fn connect(&mut self, now: Timestamp) {
        self.tick(now);
        match self.state {
            State::Idle | State::Waiting { .. } => self.ask_to_open(),
            State::Stopped => {
                self.refill_retries();
                self.disconnecting = false;
                self.closing = None;
                self.ask_to_open();
            }
            State::Opening | State::Open => {}
        }
    }

    /// Gives up for good. When connected, what waits is written first, for at most
    /// [`drain_timeout`](Config#structfield.drain_timeout); otherwise what waits is undelivered at once.
    pub fn disconnect(&mut self, now: Timestamp) {
        self.tick(now);
        self.disconnecting = true;
        match self.state {
            State::Open => self.close_when_written(),
            State::Stopped => {}
            State::Idle | State::Opening | State::Waiting { .. } => self.stop_now(),
        }
    }

    /// Takes nothing more, and gives up once all that was taken is written, by the next connection if need be,
    /// or after [`drain_timeout`](Config#structfield.drain_timeout).
    pub fn close(&mut self, now: Timestamp) {
        self.tick(now);
        if self.closing.is_none() && self.state != State::Stopped {
            self.closing = Some(self.now.saturating_add(self.config.drain_timeout));
            self.close_if_drained();
        }
    }

    /// Gives up now; whatever waits is undelivered.
    pub fn abort(&mut self, now: Timestamp) {
        self.tick(now);
        self.stop_now();
    }

    /// Ends the present connection for good, with the error
    /// [`Code::Backpressure`](crate::Code::Backpressure): it does not keep up. Without a connection it does
    /// nothing.
    pub fn abort_overloaded(&mut self, now: Timestamp) {
        self.tick(now);
        if self.state == State::Open {
            self.conn.abort_overloaded(now);
        }
    }

    /// Drops the present connection and makes another one after the retry delay. Without a connection it does
    /// nothing.
    pub fn renew(&mut self, now: Timestamp) {
        self.tick(now);
        if self.state == State::Open {
            self.conn.abort(now);
        }
    }

    /// Whether to give up at the next disconnect instead of retrying: node-ipc's `stopRetrying`.
    pub fn stop_retrying(&mut self, stop: bool) {
        self.stop_retrying = stop;
    }

    /// Emits an event: now, or when there is a connection.
    ///
    /// # Errors
    ///
    /// [`EmitError::Full`] when as much waits as [`max_pending_bytes`](crate::Limits::max_pending_bytes)
    /// allows, connected or not; [`EmitError::Closed`] after [`disconnect`](Self::disconnect) or
    /// [`close`](Self::close), and when retries are exhausted; [`EmitError::Encode`] as
    /// [`Connection::emit`].
    pub fn emit<T: Serialize + ?Sized>(&mut self, name: &str, data: &T) -> Result<Pressure, EmitError> {
        if self.goes_straight_out() {
            let result = self.conn.emit(name, data);
            self.owes_writable |= self.conn.take_owed();
            return result;
        }
        self.send(Frame::encode(name, data)?)
    }

    /// Emits an event without data, as [`Connection::emit_type`].
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit).
    pub fn emit_type(&mut self, name: &str) -> Result<Pressure, EmitError> {
        self.send(Frame::event(name))
    }

    /// Sends a frame that was encoded before: now, or when there is a connection.
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit).
    pub fn send(&mut self, frame: Frame) -> Result<Pressure, EmitError> {
        self.send_tagged(frame, Tag::Plain)
    }

    /// As [`send`](Self::send), and [`poll_outcome`](Self::poll_outcome) will say what became of it.
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit).
    pub fn send_tracked(&mut self, frame: Frame) -> Result<Ticket, EmitError> {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.send_tagged(frame, Tag::Ticket(ticket.0)).map(|_| ticket)
    }

    // To the caller.

    /// The next event. The answer may change with every `handle_*` and every verb.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.answered = None;
        loop {
            if let Some(event) = self.due.pop_front() {
                self.note_reported(&event);
                return Some(event);
            }
            if self.owes_writable && self.pending_bytes() <= Pressure::LOW_MARK {
                self.owes_writable = false;
                return Some(Event::Writable);
            }
            if self.state != State::Open {
                return None;
            }
            let event = self.conn.poll_event();
            self.collect_outcomes();
            self.close_if_drained();
            match event? {
                Event::Disconnected { reason, .. } => self.end_connection(reason),
                event => return Some(self.pass(event)),
            }
        }
    }

    /// What the adapter is to do. The answer may change with every other call.
    #[must_use]
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), exactly; `None` when nothing is timed. A point that
    /// has passed means at once: what was emitted and is timed counts from the next time that is told.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.next_timeout()
    }

    /// As [`Connection::poll_outcome`].
    #[must_use]
    pub fn poll_outcome(&mut self) -> Option<(Ticket, Outcome)> {
        self.collect_outcomes();
        self.outcomes.pop_front()
    }

    /// What waits to be written on the present connection; what waits for its turn is moved there first.
    pub fn outbox(&mut self) -> &mut Outbox {
        self.feed();
        self.conn.outbox()
    }

    /// As [`Connection::wants_read`].
    #[must_use]
    pub fn wants_read(&self) -> bool {
        self.state == State::Open && self.conn.wants_read()
    }

    pub(crate) fn is_clogged(&self) -> bool {
        self.state == State::Open && self.conn.is_clogged()
    }

    /// As [`Connection::wants_shutdown`].
    #[must_use]
    pub fn wants_shutdown(&self) -> bool {
        self.state == State::Open && self.conn.wants_shutdown()
    }

    // Getters.

    /// What the client is doing.
    #[must_use]
    pub const fn state(&self) -> ClientState {
        match self.state {
            State::Idle => ClientState::Idle,
            State::Opening => ClientState::Opening,
            State::Open => ClientState::Open,
            State::Waiting { .. } => ClientState::Waiting,
            State::Stopped => ClientState::Stopped,
        }
    }

    /// How many bytes wait, for a connection or on one; undelivered messages count until they are polled.
    #[must_use]
    pub const fn pending_bytes(&self) -> usize {
        self.queue.bytes() + self.conn.pending_bytes() + self.unreported
    }

    /// How many bytes the client holds, both ways.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.queue.bytes() + self.unreported + self.conn.held_bytes()
    }

    /// Whether everything that was emitted is written (and answered, in sync mode) or reported.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.pending_bytes() == 0 && self.gate.is_free()
    }

    /// In sync mode: the ticket of the message that the event polled last answered, if it had one.
    #[must_use]
    pub const fn answered(&self) -> Option<Ticket> {
        self.answered
    }

    /// What the client was configured with.
    #[must_use]
    pub const fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// Counters over all connections.
    #[must_use]
    pub fn stats(&self) -> Stats {
        if self.state == State::Open { self.past.plus(self.conn.stats()) } else { self.past }
    }
}
