//! The buffer of a large frame, kept a while for the next one.
//!
//! The system gives memory page by page, as it is first touched, and for a frame of many mebibytes that takes longer than
//! all else that is done to it.

use core::{
    mem,
    sync::atomic::{AtomicUsize, Ordering},
};

use bytes::BytesMut;

/// For frames from here on.
const LARGE: usize = 1 << 20;
/// What may stand in a buffer beside the largest frame: its delimiter, and smaller ones.
const SLACK: usize = 64 << 10;
/// What all connections of a process keep.
static KEPT: AtomicUsize = AtomicUsize::new(0);

/// A buffer whose frames were split off, and which may be used from its beginning when they are gone.
#[derive(Debug)]
pub(super) struct Kept {
    capacity: usize,
    /// Nobody has asked since.
    used: bool,
    share: Share,
}

impl Kept {
    /// Notes a buffer before `len` bytes are split off, which may be one that was kept `before`. `None` if it is not worth
    /// it, or if all connections would keep more than the largest frame.
    pub(super) fn note(before: Option<Self>, buffer: &BytesMut, len: usize, max_frame: usize) -> Option<Self> {
        if len < LARGE {
            return before;
        }
        // What a larger frame has touched once is there as long as the buffer is.
        let len = before.map_or(len, |before| before.share.len.max(len));
        let share = Share::of(&KEPT, len, most(max_frame))?;
        Some(Self { capacity: buffer.capacity(), used: true, share })
    }

    /// Makes all of `buffer`, which is empty, usable again. False while somebody still looks at what it held.
    pub(super) fn reclaim(&self, buffer: &mut BytesMut) -> bool {
        buffer.try_reclaim(self.capacity)
    }

    /// Whether it has had a frame since this was asked last.
    pub(super) const fn was_used(&mut self) -> bool {
        mem::replace(&mut self.used, false)
    }
}

/// How much all connections keep where frames are at most that large.
const fn most(max_frame: usize) -> usize {
    max_frame.saturating_add(SLACK)
}

/// A part of what may be kept.
#[derive(Debug)]
struct Share {
    of: &'static AtomicUsize,
    len: usize,
}

impl Share {
    fn of(all: &'static AtomicUsize, len: usize, most: usize) -> Option<Self> {
        let add = |kept: usize| kept.checked_add(len).filter(|sum| *sum <= most);
        all.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).ok().map(|_| Self { of: all, len })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.of.fetch_sub(self.len, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(len: usize) -> BytesMut {
        let mut buffer = BytesMut::with_capacity(2 * LARGE);
        buffer.resize(len, b'x');
        buffer
    }

    #[test]
    fn a_buffer_is_used_again_when_its_frame_is_gone() {
        for (len, keeps) in [(LARGE, true), (LARGE - 1, false)] {
            let mut buffer = filled(len);
            let (start, kept) = (buffer.as_ptr(), Kept::note(None, &buffer, len, usize::MAX));
            drop(buffer.split_to(len));
            assert_eq!(kept.is_some(), keeps);
            assert_eq!(kept.is_some_and(|kept| kept.reclaim(&mut buffer)), keeps);
            assert_eq!(buffer.as_ptr() == start, keeps);
        }
    }

    #[test]
    fn a_buffer_that_somebody_looks_at_has_to_wait() {
        let mut buffer = filled(LARGE);
        let (start, kept) = (buffer.as_ptr(), Kept::note(None, &buffer, LARGE, usize::MAX).unwrap());
        let frame = buffer.split_to(LARGE).freeze();
        assert!(!kept.reclaim(&mut buffer));
        drop(frame);
        assert!(kept.reclaim(&mut buffer));
        assert_eq!(buffer.as_ptr(), start);
    }

    #[test]
    fn no_more_is_kept_than_a_process_may() {
        static ALL: AtomicUsize = AtomicUsize::new(0);
        let share = |len| Share::of(&ALL, len, 100);
        let half = share(50);
        assert!(half.is_some() && share(51).is_none() && share(usize::MAX).is_none());
        let other = share(50);
        assert!(other.is_some() && share(1).is_none());
        drop(half);
        assert!(share(1).is_some());
        drop(other);
        assert!(most(LARGE) > LARGE, "the largest frame has a delimiter");
        assert_eq!(ALL.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_was_touched_once_counts_on() {
        let buffer = filled(1);
        let large = Kept::note(None, &buffer, 3 * LARGE, usize::MAX);
        let later = Kept::note(large, &buffer, LARGE, usize::MAX);
        assert_eq!(later.as_ref().map(|kept| kept.share.len), Some(3 * LARGE));
        let small = Kept::note(later, &buffer, 1, usize::MAX);
        assert_eq!(small.map(|kept| kept.share.len), Some(3 * LARGE));
        assert!(Kept::note(None, &buffer, LARGE + SLACK + 1, LARGE).is_none(), "over the largest frame");
    }
}
