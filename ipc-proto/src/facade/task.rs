//! The task that owns a connection.

use alloc::{collections::VecDeque, collections::BTreeMap, sync::Arc};
use core::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use super::{line::{Line, Posted}, sender::Delivery};
use crate::{
    drive::{Drive, End},
    event::{Event, Outcome, Ticket},
};

/// Where a task's events go.
pub(super) trait Outlet: Send + Unpin + 'static {
    /// Whether there is room for one more; if not, `cx` is woken when there is.
    fn poll_room(&mut self, cx: &Context<'_>) -> Poll<()>;

    /// Takes an event. `driver` may be answered right here.
    fn take<D: Drive>(&mut self, event: Event, driver: &mut D);

    /// What the connection holds.
    fn note_held(&mut self, bytes: usize) -> Option<End> {
        let _ = bytes;
        None
    }
}

/// Moves frames from the line to the machine and events from the machine to the outlet, until the machine is
/// done.
pub(super) struct ConnectionTask<D, O: Outlet> {
    driver: D,
    line: Arc<Line>,
    outlet: O,
    posted: VecDeque<Posted>,
    deliveries: BTreeMap<Ticket, Delivery>,
    ended: Option<End>,
}

impl<D: Drive, O: Outlet> ConnectionTask<D, O> {
    pub(super) const fn new(driver: D, line: Arc<Line>, outlet: O) -> Self {
        Self { driver, line, outlet, posted: VecDeque::new(), deliveries: BTreeMap::new(), ended: None }
    }

    /// Takes frames and commands from the handles.
    fn take_posted(&mut self, cx: &Context<'_>) {
        let (mut posted, end) = self.line.take(cx);
        self.posted.append(&mut posted);
        self.hand_over();
        // An end that waits for what was posted comes after it.
        if let Some(how) = end.filter(|how| *how > End::Disconnect || self.posted.is_empty()) {
            if self.ended < Some(how) {
                self.ended = Some(how);
                self.driver.end(how);
            }
        }
    }

    fn hand_over(&mut self) {
        while let Some(Posted { frame, delivery }) = self.posted.pop_front() {
            match self.driver.send(frame, delivery.is_some()) {
                Ok(ticket) => {
                    if let (Some(ticket), Some(delivery)) = (ticket, delivery) {
                        self.deliveries.insert(ticket, delivery);
                    }
                }
                Err(error) => {
                    if let Some(delivery) = delivery {
                        delivery.settle(Outcome::Undelivered);
                    }
                    if let Some(frame) = error.into_frame() {
                        self.outlet.take(Event::undelivered(frame), &mut self.driver);
                    }
                }
            }
        }
    }

    /// Takes events as long as there is room for them; says whether the machine is done.
    fn take_events(&mut self, cx: &mut Context<'_>) -> bool {
        loop {
            if self.outlet.poll_room(cx).is_pending() {
                while self.driver.turn(cx) {}
                return false;
            }
            match self.driver.poll_event(cx) {
                Poll::Ready(Some(event)) => self.outlet.take(event, &mut self.driver),
                Poll::Ready(None) => return true,
                Poll::Pending => return false,
            }
        }
    }

    fn settle(&mut self) {
        while let Some((ticket, outcome)) = self.driver.poll_outcome() {
            if let Some(delivery) = self.deliveries.remove(&ticket) {
                delivery.settle(outcome);
            }
        }
    }

    fn finish(&mut self) {
        for Posted { frame, delivery } in self.line.close() {
            if let Some(delivery) = delivery {
                delivery.settle(Outcome::Undelivered);
            }
            self.outlet.take(Event::undelivered(frame), &mut self.driver);
        }
    }
}

impl<D: Drive + Unpin, O: Outlet> Future for ConnectionTask<D, O> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let task = &mut *self;
        task.take_posted(cx);
        let done = task.take_events(cx);
        task.settle();
        task.line.update(task.driver.pending_bytes(), task.driver.is_stalled(), task.driver.stats());
        if let Some(how) = task.outlet.note_held(task.driver.held_bytes()) {
            task.driver.end(how);
            cx.waker().wake_by_ref();
        }
        if !done {
            return Poll::Pending;
        }
        task.finish();
        Poll::Ready(())
    }
}

impl<D, O: Outlet> Drop for ConnectionTask<D, O> {
    /// A runtime that shuts down drops its tasks: whoever waits for this one must hear of it.
    fn drop(&mut self) {
        for posted in self.posted.drain(..).chain(self.line.close()) {
            posted.settle(Outcome::Undelivered);
        }
        for delivery in self.deliveries.values() {
            delivery.settle(Outcome::Maybe);
        }
    }
}
