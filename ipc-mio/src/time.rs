//! What time it is, as the loop was told, and the timers.

use std::{
    collections::BTreeMap,
    fmt, mem,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use ipc_proto::{Timestamp, drive};

use crate::{lock, reactor::Reactor};

/// The present time, and who waits for which.
#[derive(Default)]
pub(crate) struct Time {
    /// The first time that was told.
    epoch: OnceLock<Instant>,
    /// The latest, in nanoseconds after the first.
    now: AtomicU64,
    /// The loop sleeps or does something else, so that what it was told last is old. Only a loop that reads a clock
    /// itself ever says so.
    stale: AtomicBool,
    timers: Mutex<BTreeMap<(Timestamp, u64), Waker>>,
    last: AtomicU64,
}

impl Time {
    /// What time it is. Going backwards is ignored.
    pub(crate) fn tell(&self, now: Instant) {
        let since = now.saturating_duration_since(*self.epoch.get_or_init(|| now));
        let nanos = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        self.now.fetch_max(nanos, Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> Timestamp {
        if self.stale.load(Ordering::Relaxed) {
            self.tell(Instant::now());
        }
        Timestamp::new(Duration::from_nanos(self.now.load(Ordering::Relaxed)))
    }

    pub(crate) fn set_stale(&self, stale: bool) {
        self.stale.store(stale, Ordering::Relaxed);
    }

    /// Wakes whose time has come.
    pub(crate) fn fire(&self) {
        let now = self.now();
        let mut timers = lock(&self.timers);
        if timers.first_key_value().is_none_or(|((at, _), _)| *at > now) {
            return;
        }
        let later = timers.split_off(&(now, u64::MAX));
        let due = mem::replace(&mut *timers, later);
        drop(timers);
        due.into_values().for_each(Waker::wake);
    }

    /// How long it is to the first timer.
    pub(crate) fn until_next(&self) -> Option<Duration> {
        let next = lock(&self.timers).first_key_value().map(|((at, _), _)| *at);
        next.map(|at| at.saturating_since(self.now()))
    }

    /// How many timers run.
    pub(crate) fn timers(&self) -> usize {
        lock(&self.timers).len()
    }

    pub(crate) fn clear(&self) {
        let timers = mem::take(&mut *lock(&self.timers));
        drop(timers);
    }
}

/// The loop's clock, with one timer.
///
/// It says what time the loop was told last, so that nothing asks the system in the middle of its work.
pub struct Clock {
    reactor: Arc<Reactor>,
    number: u64,
    /// The timer that runs, and whom it wakes.
    armed: Option<(Timestamp, Waker)>,
}

impl Clock {
    pub(crate) fn new(reactor: &Arc<Reactor>) -> Self {
        let number = reactor.time().last.fetch_add(1, Ordering::Relaxed);
        Self { reactor: Arc::clone(reactor), number, armed: None }
    }

    fn disarm(&mut self) {
        if let Some((at, _)) = self.armed.take() {
            let waker = lock(&self.reactor.time().timers).remove(&(at, self.number));
            drop(waker);
        }
    }
}

impl drive::Clock for Clock {
    fn now(&self) -> Timestamp {
        self.reactor.time().now()
    }

    fn poll_until(&mut self, cx: &mut Context<'_>, at: Timestamp) -> Poll<()> {
        if self.now() >= at {
            self.disarm();
            return Poll::Ready(());
        }
        let same = |(until, waker): &(Timestamp, Waker)| *until == at && waker.will_wake(cx.waker());
        if !self.armed.as_ref().is_some_and(same) {
            self.disarm();
            self.armed = Some((at, cx.waker().clone()));
            lock(&self.reactor.time().timers).insert((at, self.number), cx.waker().clone());
        }
        Poll::Pending
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.disarm();
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").field("armed", &self.armed.as_ref().map(|(at, _)| at)).finish_non_exhaustive()
    }
}
