//! Connections whose session is being established: they are nobody's peer yet.

use alloc::{collections::BTreeMap, sync::Arc};
use core::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};
use std::sync::Mutex;

use super::{Runtime, accept::admit, lock, server::Shared};
use crate::drive::Transport;

#[derive(Debug, Default)]
struct State {
    last: u64,
    tasks: BTreeMap<u64, Option<Waker>>,
}

/// The handshakes that are under way. They count toward the limit of connections, and a stop ends them.
#[derive(Debug, Default)]
pub(super) struct Handshakes {
    state: Mutex<State>,
}

impl Handshakes {
    pub(super) fn len(&self) -> usize {
        lock(&self.state).tasks.len()
    }

    /// Lets every task look at the gate.
    pub(super) fn wake_all(&self) {
        let wakers: alloc::vec::Vec<_> = lock(&self.state).tasks.values_mut().filter_map(Option::take).collect();
        wakers.into_iter().for_each(Waker::wake);
    }

    fn begin(&self) -> u64 {
        let mut state = lock(&self.state);
        state.last += 1;
        let number = state.last;
        state.tasks.insert(number, None);
        number
    }

    fn watch(&self, number: u64, cx: &Context<'_>) {
        if let Some(waker) = lock(&self.state).tasks.get_mut(&number) {
            *waker = Some(cx.waker().clone());
        }
    }

    fn end(&self, number: u64) {
        lock(&self.state).tasks.remove(&number);
    }
}

/// Waits for one session, and makes a peer of it, or an error.
pub(super) struct HandshakeTask<R: Runtime> {
    io: Option<R::Io>,
    runtime: R,
    shared: Arc<Shared>,
    number: u64,
}

impl<R: Runtime> HandshakeTask<R> {
    pub(super) fn new(io: R::Io, runtime: R, shared: Arc<Shared>) -> Self {
        let number = shared.handshakes.begin();
        Self { io: Some(io), runtime, shared, number }
    }
}

impl<R: Runtime> Future for HandshakeTask<R> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.shared.handshakes.watch(self.number, cx);
        if self.shared.gate.is_shut() {
            return Poll::Ready(());
        }
        let Some(io) = &mut self.io else { return Poll::Ready(()) };
        match ready!(io.poll_ready(cx)) {
            Ok(()) => {
                // A peer now: no longer counted here.
                self.shared.handshakes.end(self.number);
                if let Some(io) = self.io.take() {
                    admit(&self.runtime, &self.shared, io);
                }
            }
            Err(error) => self.shared.note_failed_handshake(error),
        }
        Poll::Ready(())
    }
}

impl<R: Runtime> Drop for HandshakeTask<R> {
    fn drop(&mut self) {
        self.shared.handshakes.end(self.number);
    }
}
