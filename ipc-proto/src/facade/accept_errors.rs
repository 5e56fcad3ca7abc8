//! What goes wrong before there is a peer.

use alloc::{collections::VecDeque, sync::Arc, vec::Vec};
use core::{
    future::poll_fn,
    mem,
    pin::Pin,
    task::{Context, Poll, Waker},
};
use std::sync::Mutex;

use futures_core::Stream;

use super::lock;
use crate::error::IoError;

/// How many errors wait; a flood leaves the latest.
const KEPT: usize = 64;

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<IoError>,
    closed: bool,
    readers: Vec<Waker>,
}

#[derive(Debug, Default)]
pub(super) struct ErrorQueue {
    state: Mutex<State>,
}

impl ErrorQueue {
    pub(super) fn push(&self, error: IoError) {
        let mut state = lock(&self.state);
        if state.waiting.len() == KEPT {
            state.waiting.pop_front();
        }
        state.waiting.push_back(error);
        state.wake();
    }

    pub(super) fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        state.wake();
    }

    fn poll_next(&self, cx: &Context<'_>) -> Poll<Option<IoError>> {
        let mut state = lock(&self.state);
        if let Some(error) = state.waiting.pop_front() {
            return Poll::Ready(Some(error));
        }
        if state.closed {
            return Poll::Ready(None);
        }
        if !state.readers.iter().any(|reader| reader.will_wake(cx.waker())) {
            state.readers.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl State {
    fn wake(&mut self) {
        mem::take(&mut self.readers).into_iter().for_each(Waker::wake);
    }
}

/// The errors of a server that belong to no peer: handshakes that failed, connections that could not be accepted.
///
/// None of them ends the server. The latest 64 wait to be taken; who does not care need not take any. Several of
/// these share what waits: each error goes to one of them.
#[derive(Clone, Debug)]
pub struct AcceptErrors {
    queue: Arc<ErrorQueue>,
}

impl AcceptErrors {
    pub(super) const fn new(queue: Arc<ErrorQueue>) -> Self {
        Self { queue }
    }

    /// The next error; `None` once the server accepts no more.
    ///
    /// Cancel-safe: dropped before it is ready, no error is lost.
    pub async fn next(&mut self) -> Option<IoError> {
        poll_fn(|cx| self.queue.poll_next(cx)).await
    }
}

impl Stream for AcceptErrors {
    type Item = IoError;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<IoError>> {
        self.queue.poll_next(cx)
    }
}
