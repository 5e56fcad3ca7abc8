//! What a client was given and has not handed to a connection.

use alloc::collections::VecDeque;

use crate::{frame::Frame, outbox::Tag, time::Timestamp};

#[derive(Clone, Debug)]
pub(super) struct Queued {
    pub(super) frame: Frame,
    pub(super) tag: Tag,
    /// Some of its bytes left on an earlier connection.
    pub(super) begun: bool,
    pub(super) expires: Option<Timestamp>,
}

/// Frames in the order in which they will leave, and how many bytes they are.
#[derive(Debug, Default)]
pub(super) struct Queue {
    frames: VecDeque<Queued>,
    bytes: usize,
    /// No frame expires before this.
    next_expiry: Option<Timestamp>,
    /// How many frames at the end came since the clock was looked at.
    unstamped: usize,
}

impl Queue {
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    pub(super) const fn next_expiry(&self) -> Option<Timestamp> {
        self.next_expiry
    }

    /// Appends a frame that expires some time after the next [`stamp`](Self::stamp).
    pub(super) fn push_back(&mut self, queued: Queued) {
        self.note(&queued);
        self.frames.push_back(queued);
        self.unstamped += 1;
    }

    /// Whether frames wait for a stamp.
    pub(super) fn is_unstamped(&self) -> bool {
        self.unstamped > 0 && !self.frames.is_empty()
    }

    /// What was appended since the last time expires at `expires`.
    pub(super) fn stamp(&mut self, expires: Option<Timestamp>) {
        let fresh = core::mem::take(&mut self.unstamped).min(self.frames.len());
        if fresh == 0 {
            return;
        }
        for queued in self.frames.iter_mut().rev().take(fresh) {
            queued.expires = queued.expires.or(expires);
        }
        self.next_expiry = [self.next_expiry, expires].into_iter().flatten().min();
    }

    pub(super) fn push_front(&mut self, queued: Queued) {
        self.note(&queued);
        self.frames.push_front(queued);
    }

    pub(super) fn pop_front(&mut self) -> Option<Queued> {
        let queued = self.frames.pop_front()?;
        self.bytes -= queued.frame.len();
        // It may have been one of those, and what is put in its place again keeps its own time.
        self.unstamped = self.unstamped.min(self.frames.len());
        Some(queued)
    }

    /// Takes out what has expired by `now`, in order.
    pub(super) fn take_expired(&mut self, now: Timestamp) -> VecDeque<Queued> {
        if self.next_expiry.is_none_or(|at| at > now) {
            return VecDeque::new();
        }
        let (expired, kept) = core::mem::take(&mut self.frames)
            .into_iter()
            .partition(|queued| queued.expires.is_some_and(|at| at <= now));
        self.frames = kept;
        self.bytes = self.frames.iter().map(|queued| queued.frame.len()).sum();
        self.next_expiry = self.frames.iter().filter_map(|queued| queued.expires).min();
        expired
    }

    /// Takes out everything, in order.
    pub(super) fn take_all(&mut self) -> VecDeque<Queued> {
        self.bytes = 0;
        self.next_expiry = None;
        self.unstamped = 0;
        core::mem::take(&mut self.frames)
    }

    /// Forgets the frames that belong to a connection that is gone.
    pub(super) fn drop_greetings(&mut self) {
        self.frames.retain(|queued| queued.tag != Tag::Greeting);
        self.bytes = self.frames.iter().map(|queued| queued.frame.len()).sum();
    }

    fn note(&mut self, queued: &Queued) {
        self.bytes += queued.frame.len();
        self.next_expiry = [self.next_expiry, queued.expires].into_iter().flatten().min();
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn queued(name: &str, expires: Option<u64>) -> Queued {
        let expires = expires.map(Timestamp::from_millis);
        Queued { frame: Frame::event(name), tag: Tag::Plain, begun: false, expires }
    }

    fn names(queued: impl IntoIterator<Item = Queued>) -> Vec<Frame> {
        queued.into_iter().map(|queued| queued.frame).collect()
    }

    #[test]
    fn expired_frames_leave_in_order_and_the_rest_stays() {
        let mut queue = Queue::default();
        for (name, expires) in [("a", Some(9)), ("b", None), ("c", Some(5)), ("d", Some(5))] {
            queue.push_back(queued(name, expires));
        }
        assert_eq!(queue.next_expiry(), Some(Timestamp::from_millis(5)));
        assert!(queue.take_expired(Timestamp::from_millis(4)).is_empty());
        let expired = queue.take_expired(Timestamp::from_millis(5));
        assert_eq!(names(expired), ["c", "d"].map(Frame::event));
        assert_eq!(queue.next_expiry(), Some(Timestamp::from_millis(9)));
        assert_eq!(queue.bytes(), 2 * Frame::event("a").len());
        assert_eq!(names(queue.take_all()), ["a", "b"].map(Frame::event));
        assert_eq!((queue.bytes(), queue.next_expiry()), (0, None));
    }
}

#[cfg(test)]
mod properties {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Op {
        PushBack(usize),
        PushFront(bool, Option<u64>),
        PopFront,
        Stamp(Option<u64>),
        Expire(u64),
        TakeAll,
        DropGreetings,
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            4 => (0..30_usize).prop_map(Op::PushBack),
            2 => (any::<bool>(), prop::option::of(0..100_u64)).prop_map(|(greets, at)| Op::PushFront(greets, at)),
            2 => Just(Op::PopFront),
            2 => prop::option::of(0..100_u64).prop_map(Op::Stamp),
            1 => (0..100_u64).prop_map(Op::Expire),
            1 => Just(Op::TakeAll),
            1 => Just(Op::DropGreetings),
        ]
    }

    /// What the model knows of a frame: its tag, its length, when it expires, and whether it waits for a stamp.
    type Entry = (Tag, usize, Option<u64>, bool);

    fn queued((tag, len, expires, _): Entry) -> Queued {
        let frame = Frame::raw(alloc::vec![0; len]);
        Queued { frame, tag, begun: false, expires: expires.map(Timestamp::from_millis) }
    }

    fn tags<'q>(queued: impl IntoIterator<Item = &'q Queued>) -> Vec<(Tag, Option<Timestamp>)> {
        queued.into_iter().map(|queued| (queued.tag, queued.expires)).collect()
    }

    fn model_tags(entries: &[Entry]) -> Vec<(Tag, Option<Timestamp>)> {
        entries.iter().map(|(tag, _, expires, _)| (*tag, expires.map(Timestamp::from_millis))).collect()
    }

    /// Does the same to both; what left them must be the same.
    fn step(queue: &mut Queue, model: &mut Vec<Entry>, op: Op, number: u64) -> Result<(), TestCaseError> {
        match op {
            Op::PushBack(len) => {
                let entry = (Tag::Ticket(number), len, None, true);
                queue.push_back(queued(entry));
                model.push(entry);
            }
            Op::PushFront(greets, expires) => {
                let tag = if greets { Tag::Greeting } else { Tag::Ticket(number) };
                let entry = (tag, 9, expires, false);
                queue.push_front(queued(entry));
                model.insert(0, entry);
            }
            Op::PopFront => {
                let first = Some(0).filter(|_| !model.is_empty()).map(|at| model.remove(at));
                prop_assert_eq!(tags(&queue.pop_front()), model_tags(first.as_slice()));
            }
            Op::Stamp(expires) => {
                queue.stamp(expires.map(Timestamp::from_millis));
                for (_, _, at, waits) in model.iter_mut().filter(|entry| entry.3) {
                    (*at, *waits) = (at.or(expires), false);
                }
            }
            Op::Expire(now) => {
                let (gone, kept): (Vec<_>, _) = model.iter().partition(|entry| entry.2.is_some_and(|at| at <= now));
                *model = kept;
                prop_assert_eq!(tags(&queue.take_expired(Timestamp::from_millis(now))), model_tags(&gone));
            }
            Op::TakeAll => prop_assert_eq!(tags(&queue.take_all()), model_tags(&core::mem::take(model))),
            Op::DropGreetings => {
                queue.drop_greetings();
                model.retain(|entry| entry.0 != Tag::Greeting);
            }
        }
        Ok(())
    }

    proptest! {
        /// Against a list.
        #[test]
        fn a_queue_is_a_list(ops in prop::collection::vec(op(), 0..80)) {
            let (mut queue, mut model) = (Queue::default(), Vec::new());
            for (number, op) in (0..).zip(ops) {
                step(&mut queue, &mut model, op, number)?;
                prop_assert_eq!(tags(&queue.frames), model_tags(&model));
                prop_assert_eq!(queue.bytes(), model.iter().map(|entry| entry.1).sum::<usize>());
                prop_assert_eq!(queue.is_empty(), model.is_empty());
                prop_assert_eq!(queue.is_unstamped(), model.iter().any(|entry| entry.3));
                // It may be early, when what would have expired is gone, but never late.
                let first = model.iter().filter_map(|entry| entry.2).min().map(Timestamp::from_millis);
                prop_assert!(first.is_none_or(|first| queue.next_expiry().is_some_and(|next| next <= first)));
            }
        }
    }
}
