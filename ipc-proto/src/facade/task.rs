//! The task that owns a connection.

use alloc::sync::Arc;
use core::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};
use std::sync::Mutex;

use super::{
    backlog::{Backlog, Deliveries},
    direct::{Report, Way},
    events,
    line::{Line, Orders},
    lock, trace,
};
use crate::{
    drive::{Clock, Drive, Driver, End, Reading, Transport},
    event::{Event, Outcome},
};

/// Where a task's events go.
pub(super) trait Outlet: Send + Unpin + 'static {
    /// Whether there is room for one more; if not, `cx` is woken when there is.
    fn poll_room(&mut self, cx: &Context<'_>) -> Poll<()>;

    /// Takes an event, or leaves it in its slot to be dropped. `driver` may be answered right here.
    fn take<D: Drive>(&mut self, event: &mut Option<Event>, driver: &mut D);

    /// From how many bytes that wait to be written on the connection is not read from.
    fn pauses_at(&self) -> usize {
        usize::MAX
    }

    /// What the connection holds.
    fn note_held(&mut self, bytes: usize) {
        let _ = bytes;
    }
}

/// How much one poll of a task takes before it lets others run, in events without data. A peer that always has
/// something, with somebody who always takes it, would never let go.
const SHARE: usize = 8192;
/// How much data costs as much as an event.
const DATA_PER_EVENT: usize = 256;

fn cost(event: &Event) -> usize {
    1 + events::weight(event) / DATA_PER_EVENT
}

/// Whether nothing but the end comes after this event.
fn is_end(event: &Event) -> bool {
    matches!(event, Event::Disconnected { retry_in: None, .. } | Event::Destroyed)
}

/// Moves frames from the line to the machine and events from the machine to the outlet, until the machine is
/// done.
pub(super) struct ConnectionTask<D, O: Outlet> {
    /// Its own while it is polled; between two polls a frame may be [written directly](super::direct).
    driver: Arc<Mutex<D>>,
    work: Work<O>,
}

/// What a task has beside its driver.
struct Work<O: Outlet> {
    line: Arc<Line>,
    outlet: O,
    backlog: Backlog,
    deliveries: Deliveries,
    ended: Option<End>,
}

impl<D: Drive, O: Outlet> ConnectionTask<D, O> {
    pub(super) fn new(driver: D, line: Arc<Line>, outlet: O) -> Self {
        let work = Work { line, outlet, backlog: Backlog::default(), deliveries: Deliveries::default(), ended: None };
        Self { driver: Arc::new(Mutex::new(driver)), work }
    }
}

impl<T, C, O> ConnectionTask<Driver<T, C>, O>
where
    T: Transport + Send + 'static,
    C: Clock + Send + 'static,
    O: Outlet,
{
    /// Lets what many peers are told be written past the task.
    pub(super) fn open_to_all(self) -> Self {
        self.work.line.open(Way::to(&self.driver));
        self
    }
}

impl<O: Outlet> Work<O> {
    /// Takes frames and commands from the handles.
    fn take_posted<D: Drive>(&mut self, cx: &Context<'_>, driver: &mut D) {
        let Orders { posted, end, renew, stop_retrying, overloaded } = self.line.take(cx);
        if let Some(stop) = stop_retrying {
            driver.stop_retrying(stop);
        }
        if renew {
            driver.renew();
        }
        if overloaded {
            driver.end(End::Overloaded);
        }
        posted.iter().for_each(|posted| trace::emitted(self.line.config(), &posted.frame));
        self.backlog.add(posted);
        self.hand_over(driver);
        // An end that waits for what was posted comes after it.
        let waits = |how: &End| match how {
            End::Drained => self.backlog.waits(),
            End::Disconnect => self.backlog.waits() && driver.is_connected(),
            End::Overloaded | End::Abort => false,
        };
        if let Some(how) = end.filter(|how| !waits(how)) {
            if self.ended < Some(how) {
                self.ended = Some(how);
                driver.end(how);
            }
        }
    }

    /// Gives the machine what was posted, as far as it takes it. Says whether it took anything.
    fn hand_over<D: Drive>(&mut self, driver: &mut D) -> bool {
        let Self { line, backlog, deliveries, outlet, .. } = self;
        let before = backlog.len();
        for event in backlog.hand_over(deliveries, |frame, tracked| driver.send(frame, tracked)) {
            trace::event(line.config(), &event);
            outlet.take(&mut Some(event), driver);
        }
        backlog.len() < before
    }

    /// Takes events as long as there is room for them, up to this poll's share; says whether the machine is done.
    fn take_events<D: Drive>(&mut self, cx: &mut Context<'_>, driver: &mut D) -> bool {
        let mut slot = None;
        let mut share = SHARE;
        while share > 0 {
            // What waits when the end has come is never written: the events after which it is given up are due.
            if driver.pending_bytes() >= self.outlet.pauses_at() && !driver.is_ending() {
                if !driver.turn(cx, Reading::Never) {
                    return false;
                }
                continue;
            }
            if self.outlet.poll_room(cx).is_pending() {
                while driver.turn(cx, Reading::WhenStuck) {}
                return false;
            }
            if driver.poll_event_into(cx, &mut slot).is_pending() {
                return false;
            }
            let Some(event) = &slot else { return true };
            if is_end(event) {
                self.give_up_rest(driver);
            }
            share = share.saturating_sub(cost(event));
            trace::event(self.line.config(), event);
            // What left before a disconnect is to be known as such when that is heard of.
            self.settle(driver);
            if !self.is_answer(event, driver) {
                self.outlet.take(&mut slot, driver);
            }
            slot = None;
        }
        driver.yield_now(cx);
        false
    }

    /// Gives the answer in sync mode to whoever asked. Says whether the event was one.
    fn is_answer(&mut self, event: &Event, driver: &impl Drive) -> bool {
        let asked = driver.answered().and_then(|ticket| self.deliveries.answered(ticket));
        match (asked, event) {
            (Some(asked), Event::Message(message)) => asked.settle_with(message),
            _ => return false,
        }
        true
    }

    fn settle(&mut self, driver: &mut impl Drive) {
        let mut lost = false;
        while let Some((ticket, outcome)) = driver.poll_outcome() {
            self.deliveries.settle(ticket, outcome);
            lost |= outcome != Outcome::Flushed;
        }
        if lost {
            self.line.lose_answers(false);
        }
    }

    /// Tells the handles how things stand.
    fn report(&mut self, driver: &mut impl Drive) {
        self.settle(driver);
        let posted = self.backlog.bytes();
        let now = Report::of(driver);
        let behind = self.line.update(Report { pending: now.pending + posted, ..now });
        self.outlet.note_held(driver.held_bytes() + posted + behind);
    }

    /// Takes no more frames, and gives back what the machine did not take. It comes after what the machine gives back,
    /// and before the end is told.
    fn give_up_rest<D: Drive>(&mut self, driver: &mut D) {
        self.backlog.add(self.line.close());
        for event in self.backlog.give_up() {
            trace::event(self.line.config(), &event);
            self.outlet.take(&mut Some(event), driver);
        }
    }
}

impl<D: Drive, O: Outlet> Future for ConnectionTask<D, O> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { driver, work } = &mut *self;
        let driver = &mut *lock(driver);
        work.take_posted(cx, driver);
        let done = work.take_events(cx, driver);
        if work.hand_over(driver) {
            cx.waker().wake_by_ref();
        }
        work.report(driver);
        if !done {
            return Poll::Pending;
        }
        work.give_up_rest(driver);
        Poll::Ready(())
    }
}

impl<O: Outlet> Drop for Work<O> {
    /// A runtime that shuts down drops its tasks: whoever waits for this one must hear of it.
    fn drop(&mut self) {
        self.backlog.add(self.line.close());
        self.backlog.clear();
        self.deliveries.clear();
        self.line.lose_answers(true);
    }
}

#[cfg(test)]
mod tests;
