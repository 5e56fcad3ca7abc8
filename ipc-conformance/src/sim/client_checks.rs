//! What must hold of a client whenever nothing moves.

use ipc_proto::{ClientState, Dialect, Frame, Overflow, SyncLoss, Timestamp, drive::Drive};

use super::{client::ClientParty, ledger::CLIENTS, scene::Scene};

impl ClientParty {
    pub(super) fn check(&mut self, scene: &mut Scene) {
        self.check_caps(scene);
        if self.seat.is_paused() {
            return;
        }
        self.check_rest(scene);
        self.check_timers(scene);
        self.check_ending(scene);
        self.check_sync(scene);
        self.check_expiry(scene);
    }

    /// A driver that nothing will wake is a driver that hangs.
    fn check_rest(&mut self, scene: &mut Scene) {
        let Some(inbound) = &self.inbound else { return };
        let waiting = self.driver.client().outbox().pending();
        inbound.check_rest(scene, waiting, self.driver.client_ref().wants_read());
    }

    fn check_timers(&mut self, scene: &mut Scene) {
        let (now, number) = (scene.time.now(), self.number);
        scene.check(!self.retry.is_late(now), || format!("client {number} has not dialled in time"));
        let due = self.driver.client_ref().poll_timeout();
        check_timer(scene, &format!("client {number}"), due, self.seat.alarm());
        let late = self.inbound.as_ref().is_some_and(|inbound| inbound.partial_is_late(scene, &self.config));
        let closing = self.ending_since.is_some();
        scene.check(!late || closing, || format!("client {number} keeps a partial frame for too long"));
    }

    /// What waits is within the limit: but for delimiters, one larger frame, and those that
    /// were written, cut or not answered, and wait again.
    fn check_caps(&mut self, scene: &mut Scene) {
        let frames = self.driver.client().outbox().frames();
        let greeting: usize = self.config.on_connect.iter().map(Frame::len).sum();
        let limit = self.config.limits.max_pending_bytes;
        let most = limit.max(self.outbound.largest)
            + self.outbound.largest
            + greeting
            + frames * self.config.delimiter.len()
            + if self.config.overflow == Overflow::DropOldest { limit } else { 0 }
            + if self.config.sync { self.outbound.largest } else { 0 };
        let pending = self.driver.pending_bytes();
        scene.check(pending <= most, || format!("client {} lets {pending} bytes wait, {most} at most", self.number));
    }

    fn check_ending(&self, scene: &mut Scene) {
        let deadline = self.ending_since.map(|since| since.saturating_add(self.config.drain_timeout));
        let late = deadline.is_some_and(|at| at <= scene.time.now()) && self.state() != ClientState::Stopped;
        scene.check(!late, || format!("client {} has not ended in time", self.number));
    }

    /// One message at a time, the next one after an answer; one that is not answered in time is given up.
    fn check_sync(&self, scene: &mut Scene) {
        let Some(inbound) = self.inbound.as_ref().filter(|_| self.config.sync) else { return };
        let number = self.number;
        let Some(span) = self.config.sync_timeout else {
            let (sent, taken) = (inbound.frames_sent(), inbound.taken);
            return scene.check(sent <= taken + 1, || format!("client {number} sent {sent} messages, {taken} answers"));
        };
        if self.config.sync_loss == SyncLoss::Report && self.state() == ClientState::Open {
            let late = inbound.unanswered().filter(|(_, at)| at.saturating_add(span) <= scene.time.now());
            // What was taken before the last answer may have been taken for answered.
            let kept = late.filter(|(n, _)| {
                let entry = scene.ledger.get(CLIENTS, *n);
                entry.is_some_and(|it| it.undelivered.is_none() && inbound.taken_at.is_none_or(|at| at < it.at))
            });
            scene.check(kept.is_none(), || format!("client {number} waits for an answer to {kept:?} for too long"));
        }
    }

    /// While there is no connection, messages expire on time.
    fn check_expiry(&self, scene: &mut Scene) {
        let Some(ttl) = self.config.message_ttl else { return };
        let may_be_silent = self.config.overflow == Overflow::DropOldest;
        if may_be_silent || !matches!(self.state(), ClientState::Waiting | ClientState::Opening) {
            return;
        }
        let now = scene.time.now();
        let mine = |n: u64| self.mine.binary_search(&n).is_ok();
        let expired = |at: Timestamp| {
            at.max(self.ended_at).max(self.seat.resumed().unwrap_or_default()).saturating_add(ttl) <= now
        };
        let late = scene.ledger.waiting(CLIENTS, mine).find(|(_, entry)| expired(entry.at));
        let late = late.map(|(n, _)| n);
        scene.check(late.is_none(), || format!("client {} keeps message {late:?} for too long", self.number));
    }

    /// At the end: everything is written, and nothing is owed.
    pub(super) fn check_drained(&mut self, scene: &mut Scene) {
        let number = self.number;
        if self.state() == ClientState::Open {
            let pending = self.driver.pending_bytes();
            let drained = self.driver.client_ref().is_drained();
            scene.check(drained, || format!("client {number} is stuck with {pending} bytes"));
            scene.check(!self.outbound.owes_writable, || format!("client {number} was never writable again"));
        }
        let is_classic = self.config.dialect == Dialect::Classic;
        scene.totals.count(if is_classic { "state: classic client" } else { "state: modern client" });
    }
}

impl ClientParty {
    /// Reports that nobody took are bounded where the oldest messages make room: those beyond are counted only.
    pub(super) fn excuse_unreported(&self, scene: &mut Scene) {
        if self.config.overflow == Overflow::DropOldest {
            let silent = self.driver.stats().undelivered - self.outbound.reported;
            let lost: Vec<u64> = scene.ledger.waiting(CLIENTS, |n| self.mine.contains(&n)).map(|(n, _)| n).collect();
            scene.check(lost.len() as u64 <= silent, || {
                format!("client {} counts {silent} messages that it did not report, not {lost:?}", self.number)
            });
            scene.ledger.excuse(|channel, n| channel == CLIENTS && lost.contains(&n));
        }
    }
}

/// A timer that has come is handled at once, and one that will come is set.
pub(super) fn check_timer(scene: &mut Scene, name: &str, due: Option<Timestamp>, alarm: Option<Timestamp>) {
    let Some(due) = due else { return };
    let now = scene.time.now();
    scene.check(due > now, || format!("{name}: the timer of {due:?} was not handled"));
    scene.check(alarm.is_some_and(|alarm| alarm <= due), || format!("{name}: no alarm for {due:?}, but {alarm:?}"));
}
