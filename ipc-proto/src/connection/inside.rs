//! What the public methods of a connection are made of.

use super::*;
use crate::{
    config::Dialect,
    error::ProtocolError,
    event::Undelivered,
    message::{self, Parts},
};

impl Connection {
    pub(super) fn tick(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    /// Whether input is of no use any more.
    pub(super) fn is_deaf(&self) -> bool {
        self.eof || self.is_ending()
    }

    /// Whether as much unread input is held as may be.
    pub(super) fn is_full(&self) -> bool {
        self.deframer.has_frame() && self.deframer.held() >= self.config.unread_limit()
    }

    /// Whether nothing more will be read or written.
    pub(crate) fn is_ending(&self) -> bool {
        self.ending.is_some() || self.state == State::Closed
    }

    /// Takes bytes in: `add` appends and searches them, and says whether a frame was completed.
    pub(super) fn receive(&mut self, now: Timestamp, add: impl FnOnce(&mut Deframer) -> bool) {
        self.tick(now);
        if self.is_deaf() {
            return self.deframer.drop_unsearched();
        }
        let before = self.deframer.searched();
        let completed = add(&mut self.deframer);
        self.stats.bytes_in += (self.deframer.searched() - before) as u64;
        if self.config.profile == Profile::Raw || self.deframer.partial_len() == 0 {
            self.partial_since = None;
        } else if completed || self.partial_since.is_none() {
            self.partial_since = Some(self.now);
        }
    }

    pub(super) fn partial_deadline(&self) -> Option<Timestamp> {
        self.partial_since?.checked_add(self.config.partial_frame_timeout()?)
    }

    pub(super) fn start_drain(&mut self) {
        let latest = self.now.saturating_add(self.config.drain_timeout);
        self.deadline = Some(self.deadline.map_or(latest, |deadline| deadline.min(latest)));
    }

    pub(super) fn drain_reason(&self) -> Reason {
        if self.state == State::Open { Reason::Peer } else { Reason::Local }
    }

    pub(super) fn end_after_input(&mut self, error: Option<ConnectionError>, reason: Reason) {
        if self.state != State::Closed && self.ending.is_none() {
            self.ending = Some(Ending { error, reason });
        }
    }

    /// A message as every known sender writes it, where nothing else is due. Where there is none, nothing is taken.
    #[inline(always)]
    pub(super) fn quick_message(&mut self) -> Option<Message> {
        let is_due = !self.due.is_empty() || self.is_writable_due();
        if is_due || self.state == State::Closed || self.config.profile != Profile::Fast {
            return None;
        }
        let parts = self.deframer.quick_run().and_then(Parts::canonical)?;
        if !self.deframer.quickly_ends_at(parts.len) {
            return None;
        }
        self.stats.messages_in += 1;
        if self.names_peer() {
            message::name_peer(&mut self.peer_id, self.deframer.run(), parts.data_range());
        }
        let backing = self.deframer.run_len();
        Some(Message::assemble(self.deframer.take_frame(parts.len), &parts, backing))
    }

    #[inline]
    pub(super) fn is_writable_due(&self) -> bool {
        self.owes_writable && self.outbox.pending() <= Pressure::LOW_MARK
    }

    #[inline]
    fn names_peer(&self) -> bool {
        self.side == Side::Server && self.config.identifies_peers()
    }

    /// The next event of what was received.
    pub(super) fn next_input(&mut self) -> Option<Event> {
        if self.config.profile == Profile::Raw {
            return self.next_raw();
        }
        let cut = match self.deframer.next_cut() {
            Ok(cut) => cut?,
            Err(error) => return self.reject(error),
        };
        match rules::decode(&self.config, cut) {
            Ok(message) => {
                self.admit(&message);
                Some(Event::Message(message))
            }
            Err(error) => self.reject(error),
        }
    }

    fn next_raw(&mut self) -> Option<Event> {
        let received = self.deframer.take_all();
        let bytes = match &mut self.reencoder {
            None => received,
            Some(reencoder) => received
                .map(|bytes| reencoder.feed(bytes))
                .filter(|bytes| !bytes.is_empty())
                // What the encoding held back comes at the end.
                .or_else(|| self.eof.then(|| reencoder.finish())),
        };
        let bytes = bytes.filter(|bytes| !bytes.is_empty())?;
        self.stats.messages_in += 1;
        Some(Event::Raw(bytes))
    }

    fn admit(&mut self, message: &Message) {
        self.stats.messages_in += 1;
        if self.names_peer() {
            message.name_peer(&mut self.peer_id);
        }
    }

    /// An error event and, where the dialect says so, the end of the connection.
    #[cold]
    fn reject(&mut self, error: ProtocolError) -> Option<Event> {
        if rules::is_fatal(&self.config, error) {
            self.finish(Some(error.into()), Reason::Protocol);
            return self.due.pop_front();
        }
        self.stats.errors += 1;
        Some(Event::Error(error.into()))
    }

    /// Ends the connection if all that was to come has come.
    pub(super) fn end_if_due(&mut self) {
        if let Some(Ending { error, reason }) = self.ending.take() {
            return self.finish(error, reason);
        }
        // A server's answers to the last messages still leave; a client sends them on the next connection.
        let written = self.side == Side::Client || self.outbox.pending() == 0;
        if self.eof && written {
            self.finish(None, self.drain_reason());
        }
    }

    /// The end: what waits is reported, unless its owner takes it back.
    pub(super) fn finish(&mut self, error: Option<ConnectionError>, reason: Reason) {
        if self.state == State::Closed {
            return;
        }
        self.state = State::Closed;
        self.partial_since = None;
        self.deframer.clear();
        if let Some(error) = error {
            self.stats.errors += 1;
            self.due.push_back(Event::Error(error));
        }
        if !self.keeps_unsent {
            self.report_unsent();
        }
        self.due.push_back(Event::Disconnected { reason, retry_in: None, id: self.peer_id.take() });
    }

    fn report_unsent(&mut self) {
        for unsent in self.outbox.take_unsent() {
            let undelivered = unsent.give_up(&self.config);
            self.stats.undelivered += 1;
            if let Tag::Ticket(ticket) = unsent.tag {
                self.outcomes.push_back((Ticket(ticket), undelivered.outcome()));
            }
            self.due.push_back(Event::Undelivered(undelivered));
        }
    }

    /// Hands back a frame where the connection takes no more of them.
    pub(super) fn check_open(&self, frame: impl FnOnce() -> Result<Frame, EncodeError>) -> Result<(), EmitError> {
        if self.state == State::Open { Ok(()) } else { Err(EmitError::Closed(frame()?)) }
    }

    pub(super) fn send_tagged(&mut self, frame: Frame, tag: Tag) -> Result<Pressure, EmitError> {
        if self.state != State::Open {
            return Err(EmitError::Closed(frame));
        }
        let frame = rules::outgoing(&self.config, frame)?;
        if rules::exceeds(&self.config, self.outbox.pending(), frame.len()) {
            return self.after_push(Err(EmitError::Full(frame)));
        }
        self.push_frame(&frame, tag);
        self.after_push(Ok(()))
    }

    /// Whether a frame that came in can be answered with itself, unseen.
    pub(super) fn passes(&self, text: &Bytes, data_at: usize) -> bool {
        self.state == State::Open
            && rules::passes_as_is(&self.config, text, data_at)
            && !rules::exceeds(&self.config, self.outbox.pending(), text.len())
    }

    pub(super) fn push_frame(&mut self, frame: &Frame, tag: Tag) {
        self.outbox.push(frame.as_bytes(), rules::delimiter(&self.config, frame), tag);
    }

    /// Counts an emit, and remembers what it was answered.
    pub(super) fn after_push(&mut self, result: Result<(), EmitError>) -> Result<Pressure, EmitError> {
        if let Err(error) = result {
            if self.config.is_guarded() && matches!(error, EmitError::Full(_)) {
                self.finish(Some(Code::Backpressure.into()), Reason::Protocol);
            }
            return Err(error);
        }
        self.stats.messages_out += 1;
        let pressure = Pressure::of(self.outbox.pending());
        self.owes_writable |= pressure == Pressure::High;
        Ok(pressure)
    }
}

/// Modern hands out raw bytes as they come; Classic turns them into a string and back. PROTOCOL.md, rule R2.
pub(super) fn reencoder(config: &Config) -> Option<Box<Reencoder>> {
    let through_text = config.profile == Profile::Raw && config.dialect == Dialect::Classic;
    through_text.then(|| Box::new(Reencoder::new(config.encoding)))
}

impl Unsent {
    /// The frame as its sender knows it, without the delimiter.
    pub(crate) fn frame(&self, config: &Config) -> Frame {
        if config.profile == Profile::Raw {
            return Frame::from_parts(self.bytes.clone(), 0, self.backing).detach();
        }
        let text = self.bytes.slice(..self.bytes.len().saturating_sub(config.delimiter.len()));
        // What stands in the outbox was encoded or validated before.
        let message = Message::parse_within(text.clone(), self.backing);
        message.map_or_else(|_| Frame::from_parts(text, 0, self.backing), |message| message.to_frame()).detach()
    }

    pub(crate) fn give_up(&self, config: &Config) -> Undelivered {
        Undelivered { frame: self.frame(config), maybe_sent: self.begun }
    }
}
