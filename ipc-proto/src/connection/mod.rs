//! One established byte stream, either side of it.

use alloc::{boxed::Box, collections::VecDeque, sync::Arc};
use core::time::Duration;

use bytes::{Bytes, BytesMut};
use serde::Serialize;

use crate::{
    config::{Config, Profile},
    encode,
    error::{Code, ConnectionError, EmitError, EncodeError, IoError},
    event::{Event, Outcome, Reason, Stats, Ticket},
    frame::{Deframer, Frame},
    message::{Json, Message},
    outbox::{Outbox, Pressure, Tag, Unsent},
    rules,
    text::Reencoder,
    time::Timestamp,
};

/// How long the buffer of a large frame is kept for the next one.
const KEEP: Duration = Duration::from_secs(1);

mod inside;
#[cfg(feature = "facade")]
mod past;
#[cfg(test)]
mod tests;

/// Which side of a connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Side {
    /// It dialled. When the peer closes, the connection is over.
    Client,
    /// It accepted. When the peer closes, what was answered so far is still written.
    Server,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// Told to close: the last frames are leaving; then the peer's end is awaited.
    Closing,
    Closed,
}

/// Why the connection will end once all that was received is handed out.
#[derive(Debug)]
struct Ending {
    error: Option<ConnectionError>,
    reason: Reason,
}

/// The node-ipc protocol over one byte stream, without the stream.
///
/// Bytes go in by [`recv_buffer`](Self::recv_buffer) and [`handle_received`](Self::handle_received) (or
/// [`handle_input`](Self::handle_input), or [`handle_owned`](Self::handle_owned)), events come out of
/// [`poll_event`](Self::poll_event), bytes to write stand in [`outbox`](Self::outbox), and
/// [`poll_timeout`](Self::poll_timeout) says when to call [`handle_timeout`](Self::handle_timeout).
///
/// There is no order of calls to keep: any interleaving of input, emits and polls that keeps each kind's own
/// order gives the same events.
///
/// ```
/// use std::sync::Arc;
/// use bytes::Buf;
/// use ipc_proto::{Config, Connection, Event, Side, Timestamp};
///
/// let config = Arc::new(Config::default());
/// let mut server = Connection::new(Arc::clone(&config), Side::Server);
/// assert!(matches!(server.poll_event(), Some(Event::Connected)));
///
/// server.handle_input(Timestamp::ZERO, b"{\"type\":\"message\",\"data\":\"hello\"}\x0c");
/// let Some(Event::Message(message)) = server.poll_event() else { panic!() };
/// assert_eq!((message.name(), message.decode::<&str>()?), ("message", "hello"));
///
/// let _ = server.emit("message", "world")?;
/// assert_eq!(server.outbox().chunk(), b"{\"type\":\"message\",\"data\":\"world\"}\x0c");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Connection {
    config: Arc<Config>,
    side: Side,
    state: State,
    deframer: Deframer,
    outbox: Outbox,
    /// Events that are due before anything that is still in the deframer.
    due: VecDeque<Event>,
    now: Timestamp,
    partial_since: Option<Timestamp>,
    eof: bool,
    /// When a large buffer that waits for the next frame is given up.
    keep_until: Option<Timestamp>,
    /// When a drain, after a close or the peer's end, has taken too long.
    deadline: Option<Timestamp>,
    ending: Option<Ending>,
    /// `High` was answered, so `Writable` is owed.
    owes_writable: bool,
    /// A client takes its frames back at the end; everybody else has them reported.
    keeps_unsent: bool,
    /// Classic's raw receive goes through the encoding.
    reencoder: Option<Box<Reencoder>>,
    peer_id: Option<Json>,
    tickets: u64,
    outcomes: VecDeque<(Ticket, Outcome)>,
    stats: Stats,
}

impl Connection {
    /// A connection that has just been established. Its first event is [`Event::Connected`].
    ///
    /// `config` should have been [validated](Config::validate): with an empty delimiter no frame ever ends.
    #[must_use]
    pub fn new(config: Arc<Config>, side: Side) -> Self {
        let deframer = Deframer::new(config.delimiter.clone(), config.frame_limit());
        Self {
            side,
            state: State::Open,
            deframer,
            outbox: Outbox::default(),
            due: VecDeque::from([Event::Connected]),
            now: Timestamp::ZERO,
            partial_since: None,
            eof: false,
            keep_until: None,
            deadline: None,
            ending: None,
            owes_writable: false,
            keeps_unsent: false,
            reencoder: inside::reencoder(&config),
            peer_id: None,
            tickets: 0,
            outcomes: VecDeque::new(),
            stats: Stats { connects: 1, ..Stats::default() },
            config,
        }
    }

    /// As [`new`](Self::new), for a client that resends what was not written.
    pub(crate) fn for_client(config: Arc<Config>) -> Self {
        Self { keeps_unsent: true, ..Self::new(config, Side::Client) }
    }

    // From the wire and the clock.

    /// Where to append received bytes, with room for a read; then call
    /// [`handle_received`](Self::handle_received).
    pub fn recv_buffer(&mut self) -> &mut BytesMut {
        self.deframer.buffer()
    }

    /// Bytes were appended to [`recv_buffer`](Self::recv_buffer). Without new ones it does nothing.
    pub fn handle_received(&mut self, now: Timestamp) {
        self.receive(now, Deframer::commit);
    }

    /// `bytes` were received; they are copied.
    pub fn handle_input(&mut self, now: Timestamp, bytes: &[u8]) {
        self.receive(now, |deframer| deframer.push(bytes));
    }

    /// `bytes` were received into a buffer of the caller's; they are not copied where that can be.
    pub fn handle_owned(&mut self, now: Timestamp, bytes: BytesMut) {
        self.receive(now, |deframer| deframer.push_owned(bytes));
    }

    /// The peer will send nothing more. An incomplete frame is forgotten. Calling it again does nothing.
    pub fn handle_eof(&mut self, now: Timestamp) {
        self.tick(now);
        if !self.is_deaf() {
            self.eof = true;
            self.partial_since = None;
            self.start_drain();
        }
    }

    /// The transport failed. What was received before is still handed out. Only the first failure counts; after
    /// a [`close`](Self::close) that has written everything it counts as the peer's end.
    pub fn handle_error(&mut self, now: Timestamp, error: impl Into<IoError>) {
        self.tick(now);
        if self.state == State::Closing && self.outbox.pending() == 0 {
            // All is said, and the peer need not hang up politely.
            return self.handle_eof(now);
        }
        self.end_after_input(Some(ConnectionError::Io(error.into())), Reason::Io);
    }

    /// The point that [`poll_timeout`](Self::poll_timeout) named may have come. Early and spurious calls are
    /// safe.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.tick(now);
        if self.partial_deadline().is_some_and(|at| at <= self.now) {
            self.end_after_input(Some(Code::MessageTimeout.into()), Reason::Protocol);
        }
        if self.deadline.is_some_and(|at| at <= self.now) {
            self.end_after_input(None, self.drain_reason());
        }
        if self.keep_until.take_if(|at| *at <= self.now).is_some() {
            self.deframer.shrink();
        }
    }

    /// The transport has nothing to read at the moment: a good time to give up large buffers. Where a message had a
    /// mebibyte or more, its buffer is kept for a second in case another one comes; all connections of the process
    /// together keep as much as one message of `max_message_size` at most. [`poll_timeout`](Self::poll_timeout) says when it is
    /// over.
    pub fn handle_idle(&mut self) {
        self.outbox.shrink();
        match self.deframer.keeps() {
            None => {
                self.keep_until = None;
                self.deframer.shrink();
            }
            Some(used) if used || self.keep_until.is_none() => {
                self.keep_until = Some(self.now.saturating_add(KEEP));
            }
            Some(_) => {}
        }
    }

    /// The transport's session could not be established, or (without an error) was given up before it was:
    /// the connection is over, and [`Event::Connected`] does not come.
    pub fn refuse(&mut self, now: Timestamp, error: Option<IoError>) {
        self.tick(now);
        self.due.retain(|event| !matches!(event, Event::Connected));
        self.stats.connects = 0;
        let reason = if error.is_some() { Reason::Refused } else { Reason::Local };
        self.finish(error.map(ConnectionError::Io), reason);
    }

    // From the application.

    /// Emits an event.
    ///
    /// `data` is written as JSON.stringify would write it. In Classic `null` and `""` go out as `{}`.
    ///
    /// # Errors
    ///
    /// [`EmitError::Full`] when as much waits as [`max_pending_bytes`](crate::Limits::max_pending_bytes)
    /// allows, [`EmitError::Closed`] when the connection is closing or closed, [`EmitError::Encode`] when
    /// `data` has no JSON form, the profile refuses the event, or the delimiter occurs in it. On an error
    /// nothing is queued.
    pub fn emit<T: Serialize + ?Sized>(&mut self, name: &str, data: &T) -> Result<Pressure, EmitError> {
        self.check_open(|| Frame::encode(name, data))?;
        if self.config.profile == Profile::Raw {
            return Err(EncodeError::from(Code::InvalidMessage).into());
        }
        rules::check_name(&self.config, name).map_err(EncodeError::Refused)?;
        let (config, before) = (&self.config, self.outbox.pending());
        let result = self.outbox.push_with(config.delimiter.as_bytes(), Tag::Plain, |out| {
            let start = out.len();
            let data_at = encode::envelope(out, name, data)?;
            rules::finish_text(config, out, start, start + data_at)?;
            if rules::exceeds(config, before, out.len() - start) {
                let text = Bytes::copy_from_slice(&out[start..]);
                return Err(EmitError::Full(Frame::from_parts(text, data_at, 0)));
            }
            Ok(())
        });
        self.after_push(result)
    }

    /// Emits an event without data: `"data":{}`, as node-ipc does when the argument is left out.
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit).
    pub fn emit_type(&mut self, name: &str) -> Result<Pressure, EmitError> {
        self.send(Frame::event(name))
    }

    /// Sends a frame that was encoded before, without copying it where it is large.
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit); [`EmitError::Full`] and [`EmitError::Closed`] hold the frame.
    pub fn send(&mut self, frame: Frame) -> Result<Pressure, EmitError> {
        self.send_tagged(frame, Tag::Plain)
    }

    /// As [`send`](Self::send), and [`poll_outcome`](Self::poll_outcome) will say what became of it.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_tracked(&mut self, frame: Frame) -> Result<Ticket, EmitError> {
        self.tickets += 1;
        let ticket = self.tickets;
        self.send_tagged(frame, Tag::Ticket(ticket)).map(|_| Ticket(ticket))
    }

    /// Answers a message with its own name and data, byte for byte, without decoding it.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn relay(&mut self, message: &Message) -> Result<Pressure, EmitError> {
        match message.as_canonical() {
            Some((text, data_at)) if self.passes(text, data_at) => {
                self.outbox.push(text, self.config.delimiter.as_bytes(), Tag::Plain);
                self.after_push(Ok(()))
            }
            _ => self.send(message.to_frame()),
        }
    }

    /// Writes what waits, waits for the peer's end, and then is over. Emits are refused from now on, messages
    /// still come. After [`drain_timeout`](Config#structfield.drain_timeout) it ends anyway.
    pub fn close(&mut self, now: Timestamp) {
        self.tick(now);
        if self.state == State::Open {
            self.state = State::Closing;
            self.start_drain();
        }
    }

    /// Ends now; what waits is reported undelivered, and what was received and not polled is dropped.
    pub fn abort(&mut self, now: Timestamp) {
        self.tick(now);
        self.finish(None, Reason::Local);
    }

    /// Ends now, with the error [`Code::Backpressure`], because it holds more than its share.
    pub fn abort_overloaded(&mut self, now: Timestamp) {
        self.tick(now);
        self.finish(Some(Code::Backpressure.into()), Reason::Protocol);
    }

    // To the caller.

    /// The next event; `None` until something is handled, or for ever after [`Event::Disconnected`].
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        // Built where it is returned, and not in a slot.
        match self.quick_message() {
            Some(message) => Some(Event::Message(message)),
            None => self.poll_any(),
        }
    }

    /// As [`poll_event`](Self::poll_event), built where it will be looked at: an event is large, and each copy of
    /// a fresh one waits for the writes that made it. Says whether there is one.
    #[inline]
    pub(crate) fn poll_event_into(&mut self, slot: &mut Option<Event>) -> bool {
        // What is assigned over a value that has to be dropped is built elsewhere.
        *slot = None;
        if let Some(message) = self.quick_message() {
            *slot = Some(Event::Message(message));
            return true;
        }
        *slot = self.poll_any();
        slot.is_some()
    }

    #[inline(never)]
    fn poll_any(&mut self) -> Option<Event> {
        loop {
            if !self.due.is_empty() {
                return self.due.pop_front();
            }
            if self.state == State::Closed {
                return None;
            }
            if self.is_writable_due() {
                self.owes_writable = false;
                return Some(Event::Writable);
            }
            let event = self.next_input();
            if event.is_some() {
                return event;
            }
            self.end_if_due();
            if self.due.is_empty() {
                return None;
            }
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), exactly; `None` when nothing is timed. The
    /// answer may change with every other call.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        if self.state == State::Closed || self.ending.is_some() {
            return None;
        }
        [self.deadline, self.partial_deadline(), self.keep_until].into_iter().flatten().min()
    }

    /// What became of a message with a ticket. The answer may change when bytes are written and at the end.
    #[must_use]
    pub fn poll_outcome(&mut self) -> Option<(Ticket, Outcome)> {
        let flushed = self.outbox.poll_flushed().map(|ticket| (Ticket(ticket), Outcome::Flushed));
        flushed.or_else(|| self.outcomes.pop_front())
    }

    /// What waits to be written.
    pub fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    /// Whether to read. `false` when enough unread input is held, and after the end.
    #[must_use]
    pub fn wants_read(&self) -> bool {
        !self.is_deaf() && !self.is_full()
    }

    /// Whether nothing is read until events are taken. After the end of the peer's stream it does not matter: the connection
    /// is over soon.
    pub(crate) fn is_clogged(&self) -> bool {
        !self.is_deaf() && self.is_full()
    }

    /// Whether to shut down the writing half: all is written and nothing will follow.
    #[must_use]
    pub fn wants_shutdown(&self) -> bool {
        self.state == State::Closing && self.outbox.pending() == 0
    }

    /// Whether so much waits to be written, [`Pressure::HIGH_MARK`] or more, that an application which answers what it
    /// gets had better take no events for now: what it does not take is in time not read either.
    ///
    /// It is `false` once the connection has failed or ended, however much waits, since nothing will leave any more
    /// and the last events are to be taken. The answer may change when bytes are written and with every `handle_*`.
    #[must_use]
    pub fn is_pressed(&self) -> bool {
        let is_over = self.state == State::Closed || self.ending.is_some();
        !is_over && Pressure::of(self.outbox.pending()) == Pressure::High
    }

    // Getters.

    /// Whether the connection is over. Events may still wait.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// How many bytes wait to be written.
    #[must_use]
    pub const fn pending_bytes(&self) -> usize {
        self.outbox.pending()
    }

    /// How many bytes the connection holds, both ways.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.outbox.pending() + self.deframer.held()
    }

    /// How the peer named itself by `data.id`, where [`Config::identifies_peers`]. Never an identity.
    #[must_use]
    pub const fn peer_id(&self) -> Option<&Json> {
        self.peer_id.as_ref()
    }

    /// What the connection was configured with.
    #[must_use]
    pub const fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// Counters since the connection began.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats { bytes_out: self.outbox.written(), ..self.stats }
    }

    // For the client, which owns the frames.

    pub(crate) fn drop_input(&mut self) {
        self.deframer.clear();
    }

    pub(crate) fn take_unsent(&mut self) -> impl Iterator<Item = Unsent> + use<> {
        self.outbox.take_unsent()
    }

    /// Whether `Writable` is owed, which the caller sees to from now on.
    pub(crate) fn take_owed(&mut self) -> bool {
        core::mem::take(&mut self.owes_writable)
    }

    /// Queues a frame that was checked before, without asking for room.
    pub(crate) fn push_checked(&mut self, frame: &Frame, tag: Tag) {
        self.push_frame(frame, tag);
        self.stats.messages_out += 1;
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state == State::Open
    }
}
