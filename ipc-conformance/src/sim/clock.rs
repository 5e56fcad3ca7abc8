//! The virtual clock, and what wakes whom.

use std::{
    cell::Cell,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use ipc_proto::{Timestamp, drive::Clock};

/// The time of a whole simulation. It stands still while anything moves.
#[derive(Clone, Debug, Default)]
pub(super) struct Time(Rc<Cell<Timestamp>>);

impl Time {
    pub(super) fn now(&self) -> Timestamp {
        self.0.get()
    }

    pub(super) fn after(&self, millis: u64) -> Timestamp {
        self.now().saturating_add(Duration::from_millis(millis))
    }

    pub(super) fn set(&self, now: Timestamp) {
        self.0.set(now);
    }
}

#[derive(Debug)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A place from which a driver is polled: only when something has woken it.
#[derive(Debug)]
pub(super) struct Seat {
    time: Time,
    flag: Arc<Flag>,
    alarm: Rc<Cell<Option<Timestamp>>>,
    /// The application takes nothing until then.
    pause: Option<Pause>,
    resumed: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug)]
struct Pause {
    until: Timestamp,
    /// Bytes go on moving.
    moves: bool,
}

impl Seat {
    /// A seat that is to be polled once at the beginning.
    pub(super) fn new(time: &Time) -> Self {
        Self {
            time: time.clone(),
            flag: Arc::new(Flag(AtomicBool::new(true))),
            alarm: Rc::default(),
            pause: None,
            resumed: None,
        }
    }

    pub(super) fn waker(&self) -> Waker {
        Arc::clone(&self.flag).into()
    }

    pub(super) fn wake(&self) {
        self.flag.0.store(true, Ordering::Relaxed);
    }

    /// Whether there is something to do, and somebody who does it.
    pub(super) fn is_woken(&self) -> bool {
        self.flag.0.load(Ordering::Relaxed) && self.moves()
    }

    /// Whether bytes move when they can.
    pub(super) fn moves(&self) -> bool {
        self.pause.is_none_or(|pause| pause.moves)
    }

    pub(super) const fn is_paused(&self) -> bool {
        self.pause.is_some()
    }

    pub(super) const fn pause(&mut self, until: Timestamp, moves: bool) {
        self.pause = Some(Pause { until, moves });
    }

    /// A pause ends at this moment.
    pub(super) fn cut_pause(&mut self) {
        if self.is_paused() {
            self.pause(self.time.now(), true);
        }
    }

    /// When it is to be looked at again, whatever the wire does.
    pub(super) fn next_wake(&self) -> Option<Timestamp> {
        self.alarm.get().into_iter().chain(self.pause.map(|pause| pause.until)).min()
    }

    /// What the driver's timer is set to.
    pub(super) fn alarm(&self) -> Option<Timestamp> {
        self.alarm.get()
    }

    /// Ends the pause and rings the alarm, each if its time has come.
    pub(super) fn ring(&mut self) {
        let now = self.time.now();
        if self.pause.take_if(|pause| pause.until <= now).is_some() {
            self.resumed = Some(now);
            self.wake();
        }
        if self.alarm.get().is_some_and(|at| at <= now) {
            self.alarm.set(None);
            self.wake();
        }
    }

    /// When the latest pause ended.
    pub(super) const fn resumed(&self) -> Option<Timestamp> {
        self.resumed
    }

    /// Polls, with the flag taken.
    pub(super) fn poll<T>(&self, poll: impl FnOnce(&mut Context<'_>) -> T) -> T {
        self.flag.0.store(false, Ordering::Relaxed);
        poll(&mut Context::from_waker(&self.waker()))
    }

    pub(super) fn clock(&self) -> SimClock {
        SimClock { time: self.time.clone(), alarm: Rc::clone(&self.alarm) }
    }
}

/// A driver's clock, with one timer.
#[derive(Debug)]
pub(super) struct SimClock {
    time: Time,
    alarm: Rc<Cell<Option<Timestamp>>>,
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        self.time.now()
    }

    fn poll_until(&mut self, _: &mut Context<'_>, at: Timestamp) -> Poll<()> {
        let due = at <= self.time.now();
        self.alarm.set(if due { None } else { Some(at) });
        if due { Poll::Ready(()) } else { Poll::Pending }
    }
}
