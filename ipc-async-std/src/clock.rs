//! async-io's clock.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use async_io::Timer;
use ipc_proto::{Timestamp, drive};

/// The system's monotonic clock, with one timer of async-io's that is made when it is first needed.
#[derive(Debug)]
pub struct Clock {
    epoch: Instant,
    timer: Option<(Timer, Instant)>,
}

impl Clock {
    /// A clock whose time begins at `epoch`.
    pub(crate) const fn since(epoch: Instant) -> Self {
        Self { epoch, timer: None }
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
}
