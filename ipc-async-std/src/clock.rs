//! async-io's clock.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use async_io::Timer;
use ipc_proto::{Timestamp, drive};

/// Not over when it is looked at, and over when the reactor is asked.
const SOON: Duration = Duration::from_micros(1);

/// The system's monotonic clock, with one timer of async-io's that is made when it is first needed.
#[derive(Debug)]
pub struct Clock {
    epoch: Instant,
    timer: Option<(Timer, Instant)>,
    /// Runs out when the reactor is next asked.
    turn: Option<Timer>,
}

impl Clock {
    /// A clock whose time begins at `epoch`.
    pub(crate) const fn since(epoch: Instant) -> Self {
        Self { epoch, timer: None, turn: None }
    }

    /// A clock whose time begins now.
    #[cfg(feature = "tls")]
    pub(crate) fn start() -> Self {
        Self::since(Instant::now())
    }
}

impl drive::Clock for Clock {
    fn now(&self) -> Timestamp {
        Timestamp::new(self.epoch.elapsed())
    }

    fn poll_until(&mut self, cx: &mut Context<'_>, at: Timestamp) -> Poll<()> {
        let Some(at) = self.epoch.checked_add(at.since_epoch()) else { return Poll::Pending };
        let (timer, set) = self.timer.get_or_insert_with(|| (Timer::at(at), at));
        if *set != at {
            timer.set_at(at);
            *set = at;
        }
        ready!(Pin::new(timer).poll(cx));
        // It has fired, and would not do so again.
        self.timer = None;
        Poll::Ready(())
    }

    /// A task that wakes itself is run 200 times before its executor asks the reactor: whoever waits for a socket would
    /// wait for all of that. A timer that is due fires together with the sockets that are ready.
    fn yield_now(&mut self, cx: &mut Context<'_>) {
        let turn = self.turn.insert(Timer::after(SOON));
        if Pin::new(turn).poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
    }
}
