//! Large buffers between two uses.
//!
//! A connection gives its buffers up when it is idle, and a busy one is idle many times a second. Through the allocator
//! each time would cost more than a message does: it may give the memory back to the system and get it page by page.
//! A few are kept for whoever on the thread needs one next, so that thousands of idle connections share them.

use bytes::BytesMut;

/// How large a buffer is kept at least, and at most.
#[cfg(feature = "std")]
const WORTH: core::ops::RangeInclusive<usize> = 16 << 10..=128 << 10;

/// How many a thread keeps: one to read to and one to write from.
#[cfg(feature = "std")]
const MOST: usize = 2;

#[cfg(feature = "std")]
std::thread_local! {
    static SPARE: core::cell::RefCell<alloc::vec::Vec<BytesMut>> = const { core::cell::RefCell::new(alloc::vec::Vec::new()) };
}

/// Gives `buffer` up, whatever is in it.
#[cfg(feature = "std")]
pub(crate) fn give(mut buffer: BytesMut) {
    buffer.clear();
    // One that others still look at cannot be written to.
    if !buffer.try_reclaim(*WORTH.start()) || !WORTH.contains(&buffer.capacity()) {
        return;
    }
    // A thread that ends keeps nothing.
    let _ = SPARE.try_with(|spare| {
        let mut spare = spare.borrow_mut();
        if spare.len() < MOST {
            spare.push(buffer);
        }
    });
}

/// Without a standard library there are no threads to keep anything for.
#[cfg(not(feature = "std"))]
pub(crate) fn give(buffer: BytesMut) {
    drop(buffer);
}

/// An empty buffer, with room if there is a spare one and `room` is worth it.
pub(crate) fn take(room: usize) -> BytesMut {
    #[cfg(feature = "std")]
    if WORTH.contains(&room) {
        let spare = SPARE.try_with(|spare| spare.borrow_mut().pop());
        return spare.ok().flatten().unwrap_or_default();
    }
    let _ = room;
    BytesMut::new()
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;

    const USUAL: usize = 64 << 10;

    #[test]
    fn what_is_given_is_taken_again_by_who_needs_as_much() {
        let mut buffer = BytesMut::with_capacity(USUAL);
        buffer.extend_from_slice(b"old");
        give(buffer);
        assert_eq!(take(100).capacity(), 0);
        let again = take(USUAL);
        assert_eq!((again.len(), again.capacity()), (0, USUAL));
        assert_eq!(take(USUAL).capacity(), 0);
    }

    #[test]
    fn what_somebody_looks_at_is_not_given_to_others() {
        let mut buffer = BytesMut::with_capacity(USUAL);
        buffer.extend_from_slice(b"mine");
        let mine = buffer.split().freeze();
        give(buffer);
        take(USUAL).extend_from_slice(b"yours");
        assert_eq!(mine, "mine");
    }

    #[test]
    fn few_are_kept_and_none_that_is_small_or_huge() {
        for capacity in [100, 1 << 20, USUAL, USUAL, USUAL] {
            give(BytesMut::with_capacity(capacity));
        }
        assert_eq!([(); 3].map(|()| take(USUAL).capacity()), [USUAL, USUAL, 0]);
    }
}
