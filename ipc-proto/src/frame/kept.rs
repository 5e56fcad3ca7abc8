//! The buffer of a large frame, kept a while for the next one.
//!
//! The system gives memory page by page, as it is first touched, and for a frame of many mebibytes that takes longer than
//! all else that is done to it.

use core::sync::atomic::{AtomicUsize, Ordering};

use bytes::BytesMut;

/// For frames from here on.
const LARGE: usize = 1 << 20;
/// How much all connections of a process keep together.
const MOST: usize = 96 << 20;

static KEPT: AtomicUsize = AtomicUsize::new(0);

/// A buffer whose frames were split off, and which may be used from its beginning when they are gone.
#[derive(Debug)]
pub(super) struct Kept {
    capacity: usize,
    _share: Share,
}

impl Kept {
    /// Notes a buffer before `len` bytes are split off; `None` if it is not worth it, or too much is kept already.
    pub(super) fn of(buffer: &BytesMut, len: usize) -> Option<Self> {
        let _share = (len >= LARGE).then(|| Share::of(&KEPT, len))??;
        Some(Self { capacity: buffer.capacity(), _share })
    }

    /// Makes all of `buffer`, which is empty, usable again. False while somebody still looks at what it held.
    pub(super) fn reclaim(&self, buffer: &mut BytesMut) -> bool {
        buffer.try_reclaim(self.capacity)
    }
}

/// A part of what may be kept.
#[derive(Debug)]
struct Share {
    of: &'static AtomicUsize,
    len: usize,
}

impl Share {
    fn of(all: &'static AtomicUsize, len: usize) -> Option<Self> {
        let add = |kept: usize| kept.checked_add(len).filter(|sum| *sum <= MOST);
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
            let (start, kept) = (buffer.as_ptr(), Kept::of(&buffer, len));
            drop(buffer.split_to(len));
            assert_eq!(kept.is_some(), keeps);
            assert_eq!(kept.is_some_and(|kept| kept.reclaim(&mut buffer)), keeps);
            assert_eq!(buffer.as_ptr() == start, keeps);
        }
    }

    #[test]
    fn a_buffer_that_somebody_looks_at_has_to_wait() {
        let mut buffer = filled(LARGE);
        let (start, kept) = (buffer.as_ptr(), Kept::of(&buffer, LARGE).unwrap());
        let frame = buffer.split_to(LARGE).freeze();
        assert!(!kept.reclaim(&mut buffer));
        drop(frame);
        assert!(kept.reclaim(&mut buffer));
        assert_eq!(buffer.as_ptr(), start);
    }

    #[test]
    fn no_more_is_kept_than_a_process_may() {
        static ALL: AtomicUsize = AtomicUsize::new(0);
        let half = Share::of(&ALL, MOST / 2);
        assert!(half.is_some() && Share::of(&ALL, MOST / 2 + 1).is_none() && Share::of(&ALL, usize::MAX).is_none());
        let other = Share::of(&ALL, MOST / 2);
        assert!(other.is_some() && Share::of(&ALL, 1).is_none());
        drop(half);
        assert!(Share::of(&ALL, 1).is_some());
        drop(other);
        assert_eq!(ALL.load(Ordering::Relaxed), 0);
    }
}
