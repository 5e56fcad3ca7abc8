//! What handles posted, on its way into a machine.

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};

use core::mem;

use super::{
    line::Posted,
    request::{Asked, RequestError},
    sender::Delivery,
};
use crate::{
    error::EmitError,
    event::{Event, Outcome, Ticket, Undelivered},
    frame::Frame,
};

/// Frames that the machine has not taken yet.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    posted: VecDeque<Posted>,
    bytes: usize,
    /// The machine takes nothing more.
    refused: bool,
}

impl Backlog {
    pub(super) fn add(&mut self, mut posted: VecDeque<Posted>) {
        self.bytes += posted.iter().map(|posted| posted.frame.len()).sum::<usize>();
        self.posted.append(&mut posted);
    }

    /// Whether the machine may still take some of it.
    pub(super) fn waits(&self) -> bool {
        !self.posted.is_empty() && !self.refused
    }

    pub(super) fn len(&self) -> usize {
        self.posted.len()
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Gives the machine what was posted, as far as it takes it. Returns an event for each frame that it will not
    /// take later either. What comes too late for it is kept: the machine may have older frames to give back first.
    pub(super) fn hand_over(
        &mut self,
        deliveries: &mut Deliveries,
        mut send: impl FnMut(Frame, bool) -> Result<Option<Ticket>, EmitError>,
    ) -> Vec<Event> {
        let mut given_up = Vec::new();
        if self.refused {
            return given_up;
        }
        while let Some(Posted { frame, delivery, asked }) = self.posted.pop_front() {
            self.bytes -= frame.len();
            match send(frame, delivery.is_some()) {
                Ok(ticket) => deliveries.note(ticket, delivery, asked),
                Err(EmitError::Full(frame)) => {
                    self.keep(Posted { frame, delivery, asked });
                    break;
                }
                Err(EmitError::Closed(frame)) => {
                    self.refused = true;
                    self.keep(Posted { frame, delivery, asked });
                    break;
                }
                Err(error) => {
                    given_up.extend(error.into_frame().map(|frame| undelivered(Posted { frame, delivery, asked })));
                }
            }
        }
        given_up
    }

    fn keep(&mut self, posted: Posted) {
        self.bytes += posted.frame.len();
        self.posted.push_front(posted);
    }

    /// Gives up everything.
    pub(super) fn give_up(&mut self) -> impl Iterator<Item = Event> + use<> {
        self.bytes = 0;
        mem::take(&mut self.posted).into_iter().map(undelivered)
    }

    /// As [`give_up`](Self::give_up), where nobody takes events any more.
    pub(super) fn clear(&mut self) {
        self.give_up().for_each(drop);
    }
}

fn undelivered(posted: Posted) -> Event {
    Event::Undelivered(Undelivered { frame: posted.give_up(), maybe_sent: false })
}

/// Who waits to hear what became of a frame that the machine took.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    waiting: BTreeMap<Ticket, Delivery>,
    /// Sync mode: who waits for the message that answers.
    asked: BTreeMap<Ticket, Asked>,
}

impl Deliveries {
    fn note(&mut self, ticket: Option<Ticket>, delivery: Option<Delivery>, asked: Option<Asked>) {
        self.waiting.extend(ticket.zip(delivery));
        self.asked.extend(ticket.zip(asked));
    }

    pub(super) fn settle(&mut self, ticket: Ticket, outcome: Outcome) {
        if let Some(delivery) = self.waiting.remove(&ticket) {
            delivery.settle(outcome);
        }
        if outcome != Outcome::Flushed {
            if let Some(asked) = self.answered(ticket) {
                asked.settle(Err(RequestError::Lost));
            }
        }
    }

    /// Who waits for the answer to a frame, which has come.
    pub(super) fn answered(&mut self, ticket: Ticket) -> Option<Asked> {
        self.asked.remove(&ticket)
    }

    /// Nobody will know any more what became of anything.
    pub(super) fn clear(&mut self) {
        for delivery in mem::take(&mut self.waiting).into_values() {
            delivery.settle(Outcome::Maybe);
        }
        for asked in mem::take(&mut self.asked).into_values() {
            asked.settle(Err(RequestError::Lost));
        }
    }
}

#[cfg(test)]
mod properties {
    use proptest::prelude::*;

    use super::*;
    use crate::error::EncodeError;

    /// What the machine does with a frame.
    #[derive(Clone, Copy, Debug)]
    enum Turn {
        Take,
        Full,
        Refuse,
        Close,
    }

    #[derive(Clone, Debug)]
    enum Op {
        Add(Vec<usize>),
        HandOver(Vec<Turn>),
        GiveUp,
    }

    fn op() -> impl Strategy<Value = Op> {
        let turn =
            prop_oneof![20 => Just(Turn::Take), 4 => Just(Turn::Full), 4 => Just(Turn::Refuse), 1 => Just(Turn::Close)];
        prop_oneof![
            3 => prop::collection::vec(0..40_usize, 0..5).prop_map(Op::Add),
            3 => prop::collection::vec(turn, 0..8).prop_map(Op::HandOver),
            1 => Just(Op::GiveUp),
        ]
    }

    fn lost(events: impl IntoIterator<Item = Event>) -> Vec<Frame> {
        let frame = |event| match event {
            Event::Undelivered(lost) if !lost.maybe_sent => lost.frame,
            other => panic!("{other:?}"),
        };
        events.into_iter().map(frame).collect()
    }

    proptest! {
        /// Against a list of frames: each goes to the machine in its turn, is kept, or is reported, once.
        #[test]
        fn every_frame_is_taken_kept_or_reported(ops in prop::collection::vec(op(), 0..40)) {
            let (mut backlog, mut deliveries) = (Backlog::default(), Deliveries::default());
            let (mut model, mut number, mut closed) = (VecDeque::new(), 0_u8, false);
            for op in ops {
                match op {
                    Op::Add(lens) => {
                        let frames = lens.into_iter().map(|len| {
                            number = number.wrapping_add(1);
                            Frame::raw(alloc::vec![number; len])
                        });
                        let frames: Vec<_> = frames.collect();
                        model.extend(frames.clone());
                        backlog.add(frames.into_iter().map(Posted::from).collect());
                    }
                    Op::HandOver(turns) => {
                        let (mut turns, mut expected_lost, mut taken) = (turns.into_iter(), Vec::new(), Vec::new());
                        let mut machine = turns.clone();
                        let events = backlog.hand_over(&mut deliveries, |frame, _| match machine.next() {
                            Some(Turn::Take) => {
                                taken.push(frame);
                                Ok(None)
                            }
                            Some(Turn::Refuse) => Err(EmitError::Unconfirmed(frame)),
                            Some(Turn::Close) => Err(EmitError::Closed(frame)),
                            Some(Turn::Full) | None => Err(EmitError::Full(frame)),
                        });
                        let mut expected = Vec::new();
                        while !closed && !model.is_empty() {
                            let list = match turns.next() {
                                Some(Turn::Take) => &mut expected,
                                Some(Turn::Refuse) => &mut expected_lost,
                                turn => {
                                    closed = matches!(turn, Some(Turn::Close));
                                    break;
                                }
                            };
                            list.extend(model.pop_front());
                        }
                        prop_assert_eq!(taken, expected);
                        prop_assert_eq!(lost(events), expected_lost);
                    }
                    Op::GiveUp => prop_assert_eq!(mem::take(&mut model), lost(backlog.give_up())),
                }
                prop_assert_eq!((backlog.len(), backlog.waits()), (model.len(), !model.is_empty() && !closed));
                prop_assert_eq!(backlog.bytes(), model.iter().map(Frame::len).sum::<usize>());
            }
        }
    }

    #[test]
    fn an_error_without_a_frame_reports_nothing() {
        let mut backlog = Backlog::default();
        backlog.add([Posted::from(Frame::event("m"))].into());
        let events = backlog.hand_over(&mut Deliveries::default(), |_, _| Err(EncodeError::DelimiterInData.into()));
        assert!(events.is_empty() && backlog.len() == 0 && backlog.bytes() == 0);
    }
}
