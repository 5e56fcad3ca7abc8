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
}

impl Seat {
    /// A seat that is to be polled once at the beginning.
    pub(super) fn new(time: &Time) -> Self {
        Self { time: time.clone(), flag: Arc::new(Flag(AtomicBool::new(true))), alarm: Rc::default() }
    }

    pub(super) fn waker(&self) -> Waker {
        Arc::clone(&self.flag).into()
    }

    pub(super) fn wake(&self) {
        self.flag.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_woken(&self) -> bool {
        self.flag.0.load(Ordering::Relaxed)
    }

    /// What the driver's timer is set to.
    pub(super) fn alarm(&self) -> Option<Timestamp> {
        self.alarm.get()
    }

    /// Rings the alarm if its time has come.
    pub(super) fn ring(&self) {
        if self.alarm.get().is_some_and(|at| at <= self.time.now()) {
            self.alarm.set(None);
            self.wake();
        }
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
