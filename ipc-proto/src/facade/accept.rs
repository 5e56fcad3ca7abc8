//! The task that accepts a server's connections.

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};
use std::sync::Mutex;

use super::{
    Accept, Runtime,
    events::Producer,
    handshake::HandshakeTask,
    line::Line,
    lock,
    outlet::ServerOutlet,
    server::{Entry, Shared},
    task::ConnectionTask,
    trace,
};
use crate::{
    connection::{Connection, Side},
    drive::{Clock, Driver, End, Transport},
    time::Timestamp,
};

/// After a failed accept (too many open files, mostly) nothing is accepted for so long.
const PAUSE: Duration = Duration::from_millis(100);
/// How many connections one turn accepts before it lets others run.
const BURST: usize = 64;

/// Tells the accepting task to stop.
#[derive(Debug, Default)]
pub(super) struct Gatekeeper {
    state: Mutex<(bool, Option<Waker>)>,
}

impl Gatekeeper {
    pub(super) fn close(&self) {
        let mut state = lock(&self.state);
        state.0 = true;
        if let Some(waker) = state.1.take() {
            waker.wake();
        }
    }

    pub(super) fn is_shut(&self) -> bool {
        lock(&self.state).0
    }

    fn is_closed(&self, cx: &Context<'_>) -> bool {
        let mut state = lock(&self.state);
        state.1 = Some(cx.waker().clone());
        state.0
    }
}

/// Accepts until it is told to stop. Being a producer of events, it keeps the stream of them from ending.
pub(super) struct AcceptTask<R: Runtime> {
    producer: Producer,
    runtime: R,
    accepts: Vec<R::Accept>,
    shared: Arc<Shared>,
    clock: R::Clock,
    paused_until: Option<Timestamp>,
}

impl<R: Runtime> AcceptTask<R> {
    pub(super) fn new(runtime: R, accepts: Vec<R::Accept>, shared: Arc<Shared>) -> Self {
        let producer = shared.events.add_producer();
        let clock = runtime.clock();
        Self { producer, runtime, accepts, shared, clock, paused_until: None }
    }

    fn take(&self, io: R::Io) {
        if !self.shared.config.admits(&io.peer_info()) {
            return self.shared.count_refused();
        }
        // A surplus connection is closed at once, as node-ipc does.
        if !self.shared.has_room() {
            return self.shared.count_refused();
        }
        if io.is_session() {
            let task = HandshakeTask::new(io, self.runtime.clone(), Arc::clone(&self.shared));
            return self.runtime.spawn(Box::pin(task));
        }
        admit(&self.runtime, &self.shared, io);
    }

    /// Accepts what waits. Says whether there may be more.
    fn accept(&mut self, cx: &mut Context<'_>) -> bool {
        for _ in 0..BURST {
            let Some(result) = self.accepts.iter_mut().find_map(|accept| ready(accept.poll_accept(cx))) else {
                return false;
            };
            match result {
                Ok(io) => self.take(io),
                Err(error) => {
                    trace::accept_failed(&error);
                    self.shared.accept_errors.push(error);
                    self.paused_until = Some(self.clock.now().saturating_add(PAUSE));
                    return true;
                }
            }
        }
        true
    }
}

/// Makes a peer of a connection.
pub(super) fn admit<R: Runtime>(runtime: &R, shared: &Arc<Shared>, io: R::Io) {
    let config = &shared.config;
    let line = Line::for_peer(Arc::clone(config));
    let share = Arc::new(shared.budget.share());
    let entry = Entry { line: Arc::clone(&line), share: Arc::clone(&share), name: None, info: io.peer_info() };
    let Ok(peer) = lock(&shared.peers).insert(entry) else { return shared.count_refused() };
    if shared.gate.is_shut() {
        // A stop that ran meanwhile may have missed this one.
        line.end(End::Drained);
    }
    let driver = Driver::new(Connection::new(Arc::clone(config), Side::Server), io, runtime.clock());
    let outlet = ServerOutlet::new(Arc::clone(shared), peer, share, Arc::clone(&line));
    let task = ConnectionTask::new(driver, line, outlet).open_to_all();
    runtime.spawn(trace::connection(peer, task));
}

fn ready<T>(poll: Poll<T>) -> Option<T> {
    match poll {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

impl<R: Runtime> Future for AcceptTask<R> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.shared.gate.is_closed(cx) {
            return Poll::Ready(());
        }
        if let Some(at) = self.paused_until {
            if self.clock.poll_until(cx, at).is_pending() {
                return Poll::Pending;
            }
            self.paused_until = None;
        }
        if self.accept(cx) {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl<R: Runtime> Drop for AcceptTask<R> {
    fn drop(&mut self) {
        self.accepts.clear();
        self.shared.accept_errors.close();
        self.shared.events.remove_producer(&self.producer);
    }
}
