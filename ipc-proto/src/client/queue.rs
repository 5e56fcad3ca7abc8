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
