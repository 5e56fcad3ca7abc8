//! What the public methods of a client are made of.

use super::*;
use crate::gate::InFlight;

impl Client {
    pub(super) fn tick(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    pub(super) fn push_event(&mut self, event: Event) {
        self.due.push_back(event);
    }

    // Connections.

    pub(super) fn ask_to_open(&mut self) {
        self.state = State::Opening;
        self.actions.push_back(Action::Open);
    }

    pub(super) fn retry(&mut self) {
        // node-ipc 14 looks at stopRetrying once more when the timer fires; 9 to 12 make one more attempt.
        if self.stop_retrying && self.config.dialect == Dialect::Modern {
            return self.destroy();
        }
        self.retries_left = self.retries_left.map(|left| left.saturating_sub(1));
        self.ask_to_open();
    }

    pub(super) fn refill_retries(&mut self) {
        self.retries_left = self.config.retry.max;
        self.pace.reset();
    }

    pub(super) fn open(&mut self, in_session: bool) {
        self.state = State::Open;
        self.violated = false;
        self.conn = Connection::for_client(Arc::clone(&self.config));
        if in_session {
            self.conn.outbox().hold_until_confirmed();
        } else {
            self.refill_retries();
        }
        for frame in self.config.on_connect.iter().rev() {
            let (frame, tag) = (frame.clone(), Tag::Greeting);
            self.queue.push_front(Queued { frame, tag, begun: false, expires: None });
        }
        self.feed();
    }

    /// Moves what waits to the outbox, as far as there is room and sync mode lets it.
    pub(super) fn feed(&mut self) {
        if self.state != State::Open || !self.conn.is_open() {
            return;
        }
        while self.conn.pending_bytes() < Pressure::HIGH_MARK && (!self.config.sync || self.gate.is_free()) {
            let Some(queued) = self.queue.pop_front() else { break };
            self.conn.push_checked(&queued.frame, queued.tag);
            if self.config.sync {
                self.gate.begin(self.now, queued.frame, queued.tag);
            }
        }
        self.finish_disconnect();
    }

    /// An event of the connection on its way to the application.
    pub(super) fn pass(&mut self, event: Event) -> Event {
        match &event {
            Event::Message(_) | Event::Raw(_) => self.note_answer(),
            Event::Error(ConnectionError::Protocol(error)) => {
                self.violated = rules::is_fatal(&self.config, *error);
                self.note_answer();
            }
            Event::Error(ConnectionError::Io(_))
            | Event::Connected
            | Event::Writable
            | Event::Undelivered(_)
            | Event::Disconnected { .. }
            | Event::Destroyed => {}
        }
        event
    }

    /// Sync mode: anything that comes in lets the next message go.
    fn note_answer(&mut self) {
        if !self.gate.is_free() {
            if let Some(Tag::Ticket(ticket)) = self.gate.answer() {
                self.answered = Some(Ticket(ticket));
            }
            self.feed();
            self.close_if_drained();
        }
    }

    /// The connection is over: what it had not written waits again, in its old place.
    pub(super) fn end_connection(&mut self, reason: Reason) {
        let stats = self.conn.stats();
        self.past = self.past.plus(stats);
        self.actions.push_back(Action::Close);
        if stats.bytes_in > 0 {
            self.refill_retries();
        }
        self.queue.drop_greetings();
        self.take_back_unsent();
        self.end_attempt(reason);
    }

    fn take_back_unsent(&mut self) {
        // In sync mode what is unsent is also what is in flight, and counts once.
        let mut answerless = self.gate.lose().filter(|lost| lost.tag != Tag::Greeting);
        let mut again = VecDeque::new();
        for unsent in self.conn.take_unsent().filter(|unsent| unsent.tag != Tag::Greeting) {
            if unsent.doubtful && answerless.is_some() {
                continue;
            }
            answerless = None;
            let frame = unsent.frame(&self.config);
            let queued = Queued { frame, tag: unsent.tag, begun: unsent.begun, expires: self.expiry() };
            // Raw bytes that were cut have no meaning on another connection; a frame is whole again there.
            if unsent.doubtful || self.config.profile == Profile::Raw {
                self.give_up(queued);
            } else {
                again.push_front(queued);
            }
        }
        again.into_iter().for_each(|queued| self.queue.push_front(queued));
        if let Some(lost) = answerless {
            self.give_up_or_resend(lost);
        }
    }

    /// The answer to `lost` cannot come, or is late.
    fn give_up_or_resend(&mut self, lost: InFlight) {
        let queued = Queued { frame: lost.frame, tag: lost.tag, begun: true, expires: self.expiry() };
        match self.config.sync_loss {
            SyncLoss::Report => self.give_up(queued),
            SyncLoss::Resend => self.queue.push_front(queued),
        }
    }

    fn expiry(&self) -> Option<Timestamp> {
        self.config.message_ttl.and_then(|ttl| self.now.checked_add(ttl))
    }

    /// An attempt, or a connection, has ended: another one, or the end.
    pub(super) fn end_attempt(&mut self, reason: Reason) {
        let exhausted = self.retries_left == Some(0);
        let drained = self.closing.is_some() && self.is_drained();
        if self.stop_retrying || exhausted || self.disconnecting || self.violated || drained {
            return self.end(reason);
        }
        let delay = self.pace.next(&self.config.retry);
        self.state = State::Waiting { until: self.now.saturating_add(delay) };
        self.push_event(Event::Disconnected { reason, retry_in: Some(delay), id: None });
        self.fold_attempts();
    }

    /// The end, now: whatever waits is undelivered.
    pub(super) fn stop_now(&mut self) {
        match self.state {
            State::Open => {
                self.disconnecting = true;
                self.conn.abort(self.now);
            }
            State::Opening => {
                self.actions.push_back(Action::Close);
                self.end(Reason::Local);
            }
            State::Idle | State::Waiting { .. } => self.end(Reason::Local),
            State::Stopped => {}
        }
    }

    fn end(&mut self, reason: Reason) {
        self.give_up_queue();
        self.push_event(Event::Disconnected { reason, retry_in: None, id: None });
        self.destroy();
    }

    fn destroy(&mut self) {
        self.give_up_queue();
        self.closing = None;
        self.state = State::Stopped;
        self.push_event(Event::Destroyed);
    }

    /// A client that nobody polls fails for ever; its unread attempts must not pile up.
    fn fold_attempts(&mut self) {
        if self.due.len() < MANY_EVENTS {
            return;
        }
        let latest = self.due.len() - 2;
        let is_attempt = |at: usize| {
            matches!(self.due.get(at), Some(Event::Error(ConnectionError::Io(_))))
                && matches!(self.due.get(at + 1), Some(Event::Disconnected { reason: Reason::Refused, .. }))
        };
        if is_attempt(latest) && is_attempt(latest - 2) {
            self.due.drain(latest - 2..latest);
        }
    }

    // Draining.

    pub(super) fn close_when_written(&mut self) {
        if self.closing.is_none() {
            self.closing = Some(self.now.saturating_add(self.config.drain_timeout));
        }
        if self.config.sync {
            // Their turn may never come.
            self.give_up_queue();
        }
        self.feed();
    }

    /// After `disconnect`: closes the connection once everything is in its outbox.
    fn finish_disconnect(&mut self) {
        if self.disconnecting && self.queue.is_empty() {
            self.conn.close(self.now);
        }
    }

    /// After `close`: ends once everything is written.
    pub(super) fn close_if_drained(&mut self) {
        if self.closing.is_none() || !self.is_drained() {
            return;
        }
        match self.state {
            State::Open => self.conn.close(self.now),
            State::Idle | State::Opening | State::Waiting { .. } => self.stop_now(),
            State::Stopped => {}
        }
    }

    pub(super) fn handle_open_timeout(&mut self) {
        self.conn.handle_timeout(self.now);
        let late = self.gate.deadline(self.config.sync_timeout).is_some_and(|at| at <= self.now);
        if let Some(lost) = if late { self.gate.lose() } else { None } {
            self.give_up_or_resend(lost);
            self.feed();
        }
    }

    // Messages.

    /// Whether an emit may be encoded right into the outbox.
    pub(super) fn goes_straight_out(&self) -> bool {
        let alone = self.queue.is_empty() && self.unreported == 0 && !self.config.sync;
        alone && self.state == State::Open && self.is_taking() && self.conn.is_open()
    }

    /// Whether messages are taken at all.
    fn is_taking(&self) -> bool {
        self.state != State::Stopped && self.closing.is_none() && !self.disconnecting
    }

    pub(super) fn send_tagged(&mut self, frame: Frame, tag: Tag) -> Result<Pressure, EmitError> {
        if !self.is_taking() {
            return Err(EmitError::Closed(frame));
        }
        let frame = rules::outgoing(&self.config, frame)?;
        if !self.has_room(frame.len()) {
            return Err(self.refuse(frame));
        }
        self.queue.push_back(Queued { frame: frame.detach(), tag, begun: false, expires: self.expiry() });
        self.feed();
        let pressure = Pressure::of(self.pending_bytes());
        self.owes_writable |= pressure == Pressure::High;
        Ok(pressure)
    }

    fn has_room(&mut self, len: usize) -> bool {
        if !rules::exceeds(&self.config, self.pending_bytes(), len) {
            return true;
        }
        if self.config.overflow == Overflow::DropOldest {
            self.drop_oldest(len);
        }
        let waiting = self.queue.bytes() + self.conn.pending_bytes();
        self.config.overflow == Overflow::DropOldest && !rules::exceeds(&self.config, waiting, len)
    }

    /// Makes room for `len` bytes. The reports are bounded too: past the limit the oldest are dropped, counted
    /// in [`Stats::undelivered`] only.
    fn drop_oldest(&mut self, len: usize) {
        while rules::exceeds(&self.config, self.queue.bytes() + self.conn.pending_bytes(), len) {
            let Some(oldest) = self.queue.pop_front() else { break };
            self.give_up(oldest);
        }
        while self.unreported > self.config.limits.max_pending_bytes {
            let oldest = self.due.iter().position(|event| matches!(event, Event::Undelivered(_)));
            let Some(event) = oldest.and_then(|at| self.due.remove(at)) else { break };
            self.note_reported(&event);
        }
    }

    /// What becomes of a message for which there is no room. Guarded and Assured end the connection, as
    /// node-ipc 14 does.
    fn refuse(&mut self, frame: Frame) -> EmitError {
        if self.state == State::Open && self.config.is_guarded() {
            self.conn.abort_overloaded(self.now);
        }
        EmitError::Full(frame)
    }

    fn give_up_queue(&mut self) {
        for queued in self.queue.take_all() {
            self.give_up(queued);
        }
    }

    pub(super) fn give_up(&mut self, queued: Queued) {
        if queued.tag == Tag::Greeting {
            return;
        }
        let undelivered = Undelivered { frame: queued.frame, maybe_sent: queued.begun };
        self.past.undelivered += 1;
        if let Tag::Ticket(ticket) = queued.tag {
            self.outcomes.push_back((Ticket(ticket), undelivered.outcome()));
        }
        self.unreported += undelivered.frame.len();
        self.push_event(Event::Undelivered(undelivered));
    }

    pub(super) fn note_reported(&mut self, event: &Event) {
        if let Event::Undelivered(undelivered) = event {
            self.unreported -= undelivered.frame.len();
        }
    }

    pub(super) fn collect_outcomes(&mut self) {
        while let Some(outcome) = self.conn.poll_outcome() {
            self.outcomes.push_back(outcome);
        }
    }
}
