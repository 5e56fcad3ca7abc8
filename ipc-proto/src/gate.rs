//! Sync mode: one message in flight, the next one after an answer.

use core::time::Duration;

use crate::{frame::Frame, outbox::Tag, time::Timestamp};

/// The message whose answer is awaited.
#[derive(Clone, Debug)]
pub(crate) struct InFlight {
    pub(crate) frame: Frame,
    pub(crate) tag: Tag,
    /// `None` until the clock is looked at after it went out.
    since: Option<Timestamp>,
}

/// Lets one message through at a time.
///
/// Any inbound message is the answer, whatever its name, as in node-ipc: there is no correlation. Messages that
/// come while nothing is in flight are not saved up. PROTOCOL.md, rules S1–S5.
#[derive(Debug, Default)]
pub(crate) struct SyncGate {
    in_flight: Option<InFlight>,
}

impl SyncGate {
    /// Whether the next message may go.
    pub(crate) const fn is_free(&self) -> bool {
        self.in_flight.is_none()
    }

    /// `frame` goes out, and its answer is awaited.
    pub(crate) fn begin(&mut self, frame: Frame, tag: Tag) {
        self.in_flight = Some(InFlight { frame, tag, since: None });
    }

    /// The time is `now`: what went out since the last time counts from here.
    pub(crate) fn stamp(&mut self, now: Timestamp) {
        if let Some(in_flight) = &mut self.in_flight {
            in_flight.since.get_or_insert(now);
        }
    }

    /// The answer is awaited anew.
    pub(crate) fn restart(&mut self, now: Timestamp) {
        if let Some(in_flight) = &mut self.in_flight {
            in_flight.since = Some(now);
        }
    }

    /// Something came in: the answer to the message with this tag, if one was awaited.
    pub(crate) fn answer(&mut self) -> Option<Tag> {
        self.in_flight.take().map(|answered| answered.tag)
    }

    /// No answer can come any more; the message it was awaited for.
    pub(crate) fn lose(&mut self) -> Option<InFlight> {
        self.in_flight.take()
    }

    /// When the answer is late; at once where that is not known yet, so that the clock is looked at.
    pub(crate) fn deadline(&self, timeout: Option<Duration>) -> Option<Timestamp> {
        let (in_flight, timeout) = (self.in_flight.as_ref()?, timeout?);
        in_flight.since.map_or(Some(Timestamp::ZERO), |since| since.checked_add(timeout))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let mut gate = SyncGate::default();
        let timeout = Some(Duration::from_millis(5));
        assert!(gate.is_free());
        assert_eq!(gate.answer(), None);
        gate.begin(Frame::event("one"), Tag::Plain);
        assert!(!gate.is_free());
        assert_eq!(gate.deadline(timeout), Some(Timestamp::ZERO));
        gate.stamp(Timestamp::from_millis(1));
        gate.stamp(Timestamp::from_millis(2));
        assert_eq!(gate.deadline(timeout), Some(Timestamp::from_millis(6)));
        assert_eq!(gate.deadline(None), None);
        assert_eq!(gate.answer(), Some(Tag::Plain));
        assert!(gate.is_free());
        assert_eq!(gate.deadline(timeout), None);
        gate.begin(Frame::event("two"), Tag::Ticket(7));
        let lost = gate.lose().unwrap();
        assert_eq!((lost.frame, lost.tag), (Frame::event("two"), Tag::Ticket(7)));
        assert!(gate.is_free() && gate.lose().is_none());
    }
}

#[cfg(test)]
mod properties {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Op {
        Begin,
        Stamp,
        Restart,
        Answer,
        Lose,
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![Just(Op::Begin), Just(Op::Stamp), Just(Op::Restart), Just(Op::Answer), Just(Op::Lose)]
    }

    proptest! {
        /// Against the number of the message in flight and when it was first seen to be so.
        #[test]
        fn one_message_at_a_time_keeps_its_own_time(
            ops in prop::collection::vec((op(), 0..50_u64), 0..60),
            timeout in prop::option::of(0..100_u64),
        ) {
            let (mut gate, mut model, mut now) = (SyncGate::default(), None::<(u64, Option<u64>)>, 0);
            for (number, (op, pause)) in (0..).zip(ops) {
                now += pause;
                let (at, in_flight) = (Timestamp::from_millis(now), model.map(|(number, _)| number));
                match op {
                    Op::Begin if model.is_none() => {
                        gate.begin(Frame::event("m"), Tag::Ticket(number));
                        model = Some((number, None));
                    }
                    Op::Begin => {}
                    Op::Stamp => {
                        gate.stamp(at);
                        model = model.map(|(number, since)| (number, since.or(Some(now))));
                    }
                    Op::Restart => {
                        gate.restart(at);
                        model = model.map(|(number, _)| (number, Some(now)));
                    }
                    Op::Answer => {
                        prop_assert_eq!(gate.answer(), in_flight.map(Tag::Ticket));
                        model = None;
                    }
                    Op::Lose => {
                        prop_assert_eq!(gate.lose().map(|lost| lost.tag), in_flight.map(Tag::Ticket));
                        model = None;
                    }
                }
                prop_assert_eq!(gate.is_free(), model.is_none());
                let due = model.zip(timeout).map(|((_, since), timeout)| since.map_or(0, |since| since + timeout));
                let deadline = gate.deadline(timeout.map(Duration::from_millis));
                prop_assert_eq!(deadline, due.map(Timestamp::from_millis));
            }
        }
    }
}
