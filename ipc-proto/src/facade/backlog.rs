//! What handles posted, on its way into a machine.

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};

use super::{line::Posted, sender::Delivery};
use crate::{
    error::EmitError,
    event::{Event, Outcome, Ticket, Undelivered},
    frame::Frame,
};

/// Frames that the machine has not taken yet. Dropping it tells those who wait.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    posted: VecDeque<Posted>,
}

impl Backlog {
    pub(super) fn add(&mut self, mut posted: VecDeque<Posted>) {
        self.posted.append(&mut posted);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.posted.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.posted.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.posted.iter().map(|posted| posted.frame.len()).sum()
    }

    /// Gives the machine what was posted, as far as it takes it. Returns an event for each frame that it will not
    /// take later either.
    pub(super) fn hand_over(
        &mut self,
        deliveries: &mut Deliveries,
        mut send: impl FnMut(Frame, bool) -> Result<Option<Ticket>, EmitError>,
    ) -> Vec<Event> {
        let mut given_up = Vec::new();
        while let Some(Posted { frame, delivery }) = self.posted.pop_front() {
            match send(frame, delivery.is_some()) {
                Ok(ticket) => deliveries.waiting.extend(ticket.zip(delivery)),
                Err(EmitError::Full(frame)) => {
                    self.posted.push_front(Posted { frame, delivery });
                    break;
                }
                Err(error) => given_up.extend(give_up(error.into_frame(), delivery)),
            }
        }
        given_up
    }

    /// Gives up everything.
    pub(super) fn give_up(&mut self) -> impl Iterator<Item = Event> + use<> {
        let posted = core::mem::take(&mut self.posted);
        posted.into_iter().filter_map(|Posted { frame, delivery }| give_up(Some(frame), delivery))
    }
}

fn give_up(frame: Option<Frame>, delivery: Option<Delivery>) -> Option<Event> {
    if let Some(delivery) = delivery {
        delivery.settle(Outcome::Undelivered);
    }
    frame.map(|frame| Event::Undelivered(Undelivered { frame, maybe_sent: false }))
}

impl Drop for Backlog {
    fn drop(&mut self) {
        for posted in self.posted.drain(..) {
            posted.settle(Outcome::Undelivered);
        }
    }
}

/// Who waits to hear what became of a frame that the machine took. Dropping it tells them that nobody knows.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    waiting: BTreeMap<Ticket, Delivery>,
}

impl Deliveries {
    pub(super) fn settle(&mut self, ticket: Ticket, outcome: Outcome) {
        if let Some(delivery) = self.waiting.remove(&ticket) {
            delivery.settle(outcome);
        }
    }
}

impl Drop for Deliveries {
    fn drop(&mut self) {
        for delivery in self.waiting.values() {
            delivery.settle(Outcome::Maybe);
        }
    }
}
