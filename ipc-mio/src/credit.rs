//! How much one poll of a task may do before it lets others run.

use std::{
    cell::Cell,
    task::{Context, Poll},
};

/// How many operations on sockets one poll may do, writing aside: what there is to write has an end.
const OPERATIONS: u32 = 128;

thread_local! {
    /// `None` outside of the reactor's polls: others have limits of their own.
    static LEFT: Cell<Option<u32>> = const { Cell::new(None) };
}

/// Polls something, within the limit.
pub(crate) fn limited<T>(poll: impl FnOnce() -> T) -> T {
    let before = LEFT.replace(Some(OPERATIONS));
    let result = poll();
    LEFT.set(before);
    result
}

/// Takes one operation from what the present poll may do. Where nothing is left, the task is polled again, after the
/// others.
pub(crate) fn poll_spend(cx: &Context<'_>) -> Poll<()> {
    match LEFT.get() {
        Some(0) => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
        left => {
            LEFT.set(left.map(|left| left - 1));
            Poll::Ready(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn spent() -> u32 {
        let cx = Context::from_waker(Waker::noop());
        (0..2 * OPERATIONS).filter(|_| poll_spend(&cx).is_ready()).count().try_into().unwrap()
    }

    #[test]
    fn only_polls_of_the_reactor_have_a_limit() {
        assert_eq!(spent(), 2 * OPERATIONS);
        assert_eq!(limited(spent), OPERATIONS);
        assert_eq!(limited(|| (limited(spent), spent())), (OPERATIONS, OPERATIONS));
        assert_eq!(spent(), 2 * OPERATIONS);
    }
}
