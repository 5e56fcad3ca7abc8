//! Buffers between two uses.
//!
//! A connection gives its buffers up when it is idle, and a busy one is idle many times a second. Through the allocator
//! each time would cost more than a message does: it may give the memory back to the system and get it page by page.
//! A few are kept for whoever on the thread needs one next, so that thousands of idle connections share them.

use bytes::BytesMut;

/// Gives `buffer` up, whatever is in it.
pub(crate) fn give(mut buffer: BytesMut) {
    buffer.clear();
    #[cfg(feature = "std")]
    shelf::put(buffer);
}

/// An empty buffer: a spare one about as large as `room`, or one without any.
pub(crate) fn take(room: usize) -> BytesMut {
    #[cfg(feature = "std")]
    if let Some(buffer) = shelf::get(room) {
        return buffer;
    }
    let _ = room;
    BytesMut::new()
}

/// What a thread keeps. Without a standard library there are no threads to keep anything for.
#[cfg(feature = "std")]
mod shelf {
    use alloc::vec::Vec;
    use core::{cell::RefCell, ops::RangeInclusive};

    use bytes::BytesMut;

    /// Two sizes, so that a small message that somebody keeps never keeps a large buffer.
    const SIZES: [RangeInclusive<usize>; 2] = [1 << 10..=8 << 10, 16 << 10..=128 << 10];

    /// How many of each size a thread keeps: one to read to and one to write from.
    const MOST: usize = 2;

    std::thread_local! {
        static SPARE: RefCell<[Vec<BytesMut>; 2]> = const { RefCell::new([Vec::new(), Vec::new()]) };
    }

    pub(super) fn put(mut buffer: BytesMut) {
        // One that others still look at cannot be written to.
        if !buffer.try_reclaim(*SIZES[0].start()) {
            return;
        }
        let Some(size) = size_of(buffer.capacity()) else { return };
        // A thread that ends keeps nothing.
        let _ = SPARE.try_with(|spare| {
            let spare = &mut spare.borrow_mut()[size];
            if spare.len() < MOST {
                spare.push(buffer);
            }
        });
    }

    pub(super) fn get(room: usize) -> Option<BytesMut> {
        let size = size_of(room)?;
        SPARE.try_with(|spare| spare.borrow_mut()[size].pop()).ok().flatten()
    }

    fn size_of(room: usize) -> Option<usize> {
        SIZES.iter().position(|size| size.contains(&room))
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;

    const LARGE: usize = 64 << 10;
    const SMALL: usize = 2 << 10;

    #[test]
    fn what_is_given_is_taken_again_by_who_needs_as_much() {
        for (room, other) in [(LARGE, SMALL), (SMALL, LARGE)] {
            let mut buffer = BytesMut::with_capacity(room);
            buffer.extend_from_slice(b"old");
            give(buffer);
            assert_eq!((take(other).capacity(), take(0).capacity()), (0, 0));
            let again = take(room);
            assert_eq!((again.len(), again.capacity()), (0, room));
            assert_eq!(take(room).capacity(), 0);
        }
    }

    #[test]
    fn what_somebody_looks_at_is_not_given_to_others() {
        let mut buffer = BytesMut::with_capacity(LARGE);
        buffer.extend_from_slice(b"mine");
        let mine = buffer.split().freeze();
        give(buffer);
        take(LARGE).extend_from_slice(b"yours");
        assert_eq!(mine, "mine");
    }

    #[test]
    fn few_are_kept_and_none_that_is_tiny_or_huge() {
        for capacity in [100, 1 << 20, LARGE, SMALL, LARGE, SMALL, LARGE, SMALL] {
            give(BytesMut::with_capacity(capacity));
        }
        assert_eq!([(); 3].map(|()| take(LARGE).capacity()), [LARGE, LARGE, 0]);
        assert_eq!([(); 3].map(|()| take(SMALL).capacity()), [SMALL, SMALL, 0]);
    }
}
