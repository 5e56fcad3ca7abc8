//! One answer from a task to whoever waits for it.

use alloc::sync::Arc;
use core::task::{Context, Poll, Waker};
use std::sync::Mutex;

use super::lock;

#[derive(Debug)]
struct Slot<T> {
    answer: Option<T>,
    waker: Option<Waker>,
}

/// Shared by the one who answers and the one who waits. Only the first answer counts.
#[derive(Debug)]
pub(super) struct Reply<T> {
    slot: Arc<Mutex<Slot<T>>>,
}

impl<T: Copy> Reply<T> {
    pub(super) fn give(&self, answer: T) {
        let mut slot = lock(&self.slot);
        slot.answer.get_or_insert(answer);
        if let Some(waker) = slot.waker.take() {
            waker.wake();
        }
    }

    pub(super) fn get(&self) -> Option<T> {
        lock(&self.slot).answer
    }

    /// Polled again after it is ready it gives the same answer.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<T> {
        let mut slot = lock(&self.slot);
        match slot.answer {
            Some(answer) => Poll::Ready(answer),
            None => {
                slot.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl<T> Default for Reply<T> {
    fn default() -> Self {
        Self { slot: Arc::new(Mutex::new(Slot { answer: None, waker: None })) }
    }
}

impl<T> Clone for Reply<T> {
    fn clone(&self) -> Self {
        Self { slot: Arc::clone(&self.slot) }
    }
}
