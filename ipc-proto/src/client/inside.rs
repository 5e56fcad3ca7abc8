//! What the public methods of a client are made of.

use alloc::vec::Vec;

use super::*;
use crate::{gate::InFlight, outbox::Unsent};

impl Client {
    pub(super) fn tick(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        // Emits carry no time: theirs is the first that is told after them, so that nothing is late too early.
        self.gate.stamp(self.now);
        if let Some(ttl) = self.config.message_ttl {
            self.queue.stamp(self.now.checked_add(ttl));
        }
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
            if queued.begun {
                self.conn.outbox().note_begun();
            }
            if self.config.sync {
                self.gate.begin(queued.frame, queued.tag);
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
        let mut unsent: Vec<Unsent> = self.conn.take_unsent().collect();
        let mut answerless = self.gate.lose();
        // In sync mode the last frame that is unsent is also the one in flight, and counts once.
        if answerless.is_some() && unsent.last().is_some_and(|last| !last.doubtful) {
            answerless = None;
        } else if answerless.is_some() {
            unsent.pop();
        }
        if let Some(lost) = answerless {
            self.give_up_or_resend(lost);
        }
        let mut again = Vec::new();
        for unsent in unsent.into_iter().filter(|unsent| unsent.tag != Tag::Greeting) {
            let frame = unsent.frame(&self.config);
            let queued = Queued { frame, tag: unsent.tag, begun: unsent.begun, expires: self.expiry() };
            // Raw bytes that were cut have no meaning on another connection; a frame is whole again there.
            if unsent.doubtful || self.config.profile == Profile::Raw {
                self.give_up(queued);
            } else {
                again.push(queued);
            }
        }
        again.into_iter().rev().for_each(|queued| self.queue.push_front(queued));
    }

    /// The answer to `lost` cannot come, or is late.
    fn give_up_or_resend(&mut self, lost: InFlight) {
        if lost.tag == Tag::Greeting {
            // It was sent first, as it should be, and never is again.
            return;
        }
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

    pub(super) fn next_timeout(&self) -> Option<Timestamp> {
        if self.state == State::Open && self.conn.is_closed() {
            // The connection is over, and whatever comes next comes when its events are taken.
            return None;
        }
        let (conn, answer) = match self.state {
            State::Waiting { until } => (Some(until), None),
            State::Open => (self.conn.poll_timeout(), self.gate.deadline(self.config.sync_timeout)),
            State::Idle | State::Opening | State::Stopped => (None, None),
        };
        let stamp = (self.config.message_ttl.is_some() && self.queue.is_unstamped()).then_some(self.now);
        [conn, answer, self.closing, self.queue.next_expiry(), stamp].into_iter().flatten().min()
    }

    pub(super) fn handle_open_timeout(&mut self) {
        self.conn.handle_timeout(self.now);
        let late = self.gate.deadline(self.config.sync_timeout).is_some_and(|at| at <= self.now);
        if late {
            self.handle_late_answer();
            self.feed();
        }
    }

    fn handle_late_answer(&mut self) {
        // What is in the outbox, while sync mode awaits an answer, is the end of the question.
        let is_written = self.conn.outbox().frames() == 0;
        if !is_written && self.config.sync_loss == SyncLoss::Resend {
            // It is still being sent.
            return self.gate.restart(self.now);
        }
        let Some(lost) = self.gate.lose() else { return };
        if !is_written {
            // It is reported now, so it is not taken back later.
            self.conn.outbox().disown_last();
        }
        self.give_up_or_resend(lost);
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
        self.queue.push_back(Queued { frame: frame.detach(), tag, begun: false, expires: None });
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

    /// Makes room for `len` bytes. The reports are bounded too: past the limit all but the latest are dropped,
    /// counted in [`Stats::undelivered`] only.
    fn drop_oldest(&mut self, len: usize) {
        while rules::exceeds(&self.config, self.queue.bytes() + self.conn.pending_bytes(), len) {
            let Some(oldest) = self.queue.pop_front() else { break };
            self.give_up(oldest);
        }
        while self.unreported > self.config.limits.max_pending_bytes {
            let mut reports = self.due.iter().enumerate().filter(|(_, event)| matches!(event, Event::Undelivered(_)));
            let (Some((oldest, _)), Some(_)) = (reports.next(), reports.next()) else { break };
            let event = self.due.remove(oldest).expect("it was found there");
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
