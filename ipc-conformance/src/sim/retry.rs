//! When a client should dial: the rules written down a second time.

use std::time::Duration;

use ipc_proto::{Backoff, Config, Dialect, Timestamp};

/// What the model knows of a client's attempts.
#[derive(Debug)]
pub(super) struct RetryModel {
    delay: Duration,
    max: Option<u32>,
    backoff: Option<Backoff>,
    modern: bool,
    /// Attempts that failed since the last one that did not.
    failed: u32,
    /// Delays since then.
    waits: u32,
    pub(super) stop: bool,
    /// The application wants no more connections.
    pub(super) ending: bool,
    /// ... or the peer broke a rule.
    pub(super) violated: bool,
    /// When the next dial begins, and since when it may.
    due: Option<(Timestamp, Timestamp)>,
    /// The dial was asked for by the application.
    asked: bool,
    /// Dials that were asked for and called off before anybody polled.
    called_off: u32,
}

impl RetryModel {
    /// Of a client that was told to connect `now`.
    pub(super) fn new(config: &Config, now: Timestamp) -> Self {
        Self {
            delay: config.retry.delay,
            max: config.retry.max,
            backoff: config.retry.backoff.clone(),
            modern: config.dialect == Dialect::Modern,
            failed: 0,
            waits: 0,
            stop: config.retry.stop,
            ending: false,
            violated: false,
            due: Some((now, now)),
            asked: true,
            called_off: 0,
        }
    }

    /// The application asks for a connection; the client is waiting or stopped.
    pub(super) fn ask(&mut self, now: Timestamp, was_stopped: bool) {
        if was_stopped {
            self.refill();
            self.ending = false;
        }
        self.called_off += u32::from(self.asked);
        self.due = Some((now, now));
        self.asked = true;
    }

    pub(super) fn refill(&mut self) {
        self.failed = 0;
        self.waits = 0;
    }

    pub(super) fn connected(&mut self, in_session: bool) {
        self.violated = false;
        if !in_session {
            self.refill();
        }
    }

    /// A dial began. Whether it should have; `late` may it be where nobody polled.
    pub(super) fn started(&mut self, now: Timestamp, late: bool) -> Result<(), String> {
        if self.called_off > 0 {
            self.called_off -= 1;
            return Ok(());
        }
        let Some((since, due)) = self.due.take() else { return Err(format!("dialled at {now:?}, unasked")) };
        if !self.asked {
            self.failed += 1;
        }
        self.asked = false;
        if (since..=due).contains(&now) || (late && due < now) {
            Ok(())
        } else {
            Err(format!("dialled at {now:?}, due at {due:?}"))
        }
    }

    /// An attempt, or a connection, has ended, and the client says when it dials again. It may have known since
    /// `told`, while nobody took events.
    pub(super) fn ended(
        &mut self,
        now: Timestamp,
        told: Timestamp,
        retry_in: Option<Duration>,
        may_end: bool,
    ) -> Result<(), String> {
        let exhausted = self.max.is_some_and(|max| self.failed >= max);
        let last = self.stop || exhausted || self.ending || self.violated;
        self.due = retry_in.map(|delay| (told.saturating_add(delay), now.saturating_add(delay)));
        match retry_in {
            None if last || may_end => Ok(()),
            None => Err(format!("gave up after {} failed attempts of {:?}", self.failed, self.max)),
            Some(_) if last => Err("dials again and should give up".to_owned()),
            Some(delay) => self.check_delay(delay),
        }
    }

    fn check_delay(&mut self, delay: Duration) -> Result<(), String> {
        self.waits += 1;
        let Some(backoff) = &self.backoff else {
            return if delay == self.delay { Ok(()) } else { Err(format!("waits {delay:?}")) };
        };
        let grown = self.delay.as_secs_f64() * backoff.factor.powi(self.waits as i32 - 1);
        let most = grown.min(backoff.max_delay.as_secs_f64());
        let least = most * (1.0 - backoff.jitter);
        let fits = (least - 1e-6..=most + 1e-6).contains(&delay.as_secs_f64());
        if fits { Ok(()) } else { Err(format!("waits {delay:?}, not {least} s to {most} s")) }
    }

    /// The client says that it is over. Modern looks at `stop` once more when it would dial.
    pub(super) fn destroyed(&mut self, now: Timestamp, closing: bool) -> Result<(), String> {
        let stopped = |since| self.modern && self.stop && since <= now;
        let may_end = |since| self.ending || closing || stopped(since);
        let early = self.due.filter(|(since, _)| !may_end(*since));
        self.due = None;
        early.map_or(Ok(()), |(_, due)| Err(format!("gave up and should dial at {due:?}")))
    }

    /// Whether a dial that should have begun has not.
    pub(super) fn is_late(&self, now: Timestamp) -> bool {
        self.due.is_some_and(|(_, due)| due <= now)
    }
}
