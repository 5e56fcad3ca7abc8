//! What the parts for a loop of one's own have in common.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    future::Future,
    ops::Range,
    pin::pin,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use ipc_proto::{
    Config, Json,
    facade::{Asking, Error, Ipc, RequestError},
};
use mio::{Registry, event::Event};

use crate::{lock, reactor::Reactor, runtime::Mio, tasks::Task};

/// How many polls of tasks one [`Part::drive`] does, unless it is set.
const BUDGET: usize = 64;

/// The number of a question, for [`Part::poll_reply`]. It is never given twice by one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(u64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

type Replies = VecDeque<(RequestId, Result<Json, RequestError>)>;

/// How a part lives in a loop of your own: what [`Server`](crate::Server), [`Client`](crate::Client) and
/// [`UdpEndpoint`](crate::UdpEndpoint) have in common.
///
/// A turn of the loop does four things:
///
/// ```text
/// poll.poll(&mut events, part.next_timeout())    sleep until there is something to do
/// part.handle(&event, now)                       for each event; it says whether it was this part's
/// while part.ready() { part.drive(now); … }      work, and take what comes of it with poll_event
/// verbs                                          emit and so on: each of them makes ready() true again
/// ```
///
/// Nothing here blocks, no thread is started, and no clock is read: what time it is, the loop says. What the verbs ask
/// for is done by [`drive`](Self::drive), so that after a verb there is something to do.
///
/// Dropping a part closes its sockets at once and drops what waits in them; to end gently, stop or close it, and go on
/// driving it until it is over.
pub struct Part {
    reactor: Arc<Reactor>,
    ipc: Ipc<Mio>,
    budget: usize,
    /// An event has come that was not worked on yet.
    handled: AtomicBool,
    /// It was told how long the loop may sleep: who comes back may have slept that long.
    slept: AtomicBool,
    asking: BTreeMap<RequestId, Weak<Task>>,
    replies: Arc<Mutex<Replies>>,
    last: u64,
}

impl Part {
    pub(crate) fn new(registry: Registry, tokens: Range<usize>, config: Config) -> Self {
        let reactor = Reactor::new(registry, tokens);
        Self {
            ipc: Ipc::with_runtime(config, Mio::new(&reactor)),
            reactor,
            budget: BUDGET,
            handled: AtomicBool::new(false),
            slept: AtomicBool::new(false),
            asking: BTreeMap::new(),
            replies: Arc::default(),
            last: 0,
        }
    }

    /// Takes in an event of the poll. Says whether its token is one of those that were granted to this part; with
    /// others it does nothing. `now` is the present time.
    ///
    /// Cheap: it sets a flag, and the work is left to [`drive`](Self::drive). Calls for events that never were, or
    /// for sockets that are gone, do no harm.
    pub fn handle(&self, event: &Event, now: Instant) -> bool {
        if !self.reactor.slots().owns(event.token()) {
            return false;
        }
        self.reactor.time().tell(now);
        self.reactor.slots().note(event);
        self.handled.store(true, Ordering::Relaxed);
        true
    }

    /// Whether there is something for [`drive`](Self::drive) to do: an event was handled, a verb was called, a
    /// task has work left, or the time that [`next_timeout`](Self::next_timeout) said may be over.
    pub fn ready(&self) -> bool {
        self.is_pressing() || self.slept.load(Ordering::Relaxed)
    }

    fn is_pressing(&self) -> bool {
        self.handled.load(Ordering::Relaxed) || self.reactor.tasks().is_ready()
    }

    /// How long the loop may sleep, for `mio::Poll::poll`: zero while something is to be done, otherwise until
    /// the next timer (reconnecting, time limits), counted from the time that was told last. `None` is for ever: until
    /// an event, or a verb.
    pub fn next_timeout(&self) -> Option<Duration> {
        if self.is_pressing() {
            return Some(Duration::ZERO);
        }
        let until = self.reactor.time().until_next();
        if until.is_some() {
            self.slept.store(true, Ordering::Relaxed);
        }
        until
    }

    /// Does what is to be done at `now`: reads, writes, accepts, connects, and whatever is due.
    ///
    /// It is fair and it ends: at most [`budget`](Self::set_budget) polls of tasks are done, and each of them moves a
    /// bounded amount. What is left over keeps [`ready`](Self::ready) true and comes first the next time. Called with
    /// nothing to do, it does nothing.
    pub fn drive(&mut self, now: Instant) {
        self.handled.store(false, Ordering::Relaxed);
        self.slept.store(false, Ordering::Relaxed);
        self.reactor.advance(now);
        self.reactor.tasks().awake();
        self.reactor.tasks().own();
        self.reactor.tasks().run(self.budget);
        self.reactor.tasks().fall_asleep();
    }

    /// How many polls of tasks one [`drive`](Self::drive) does: 64 unless it is set, and at least one. There is a
    /// task for each connection, and one for accepting.
    pub fn set_budget(&mut self, polls: usize) {
        self.budget = polls.max(1);
    }

    /// What wakes the loop where it sleeps, so that a [`Sender`](crate::Sender) works from other threads. A
    /// `mio::Poll` has one waker; whoever receives its event calls [`drive`](Self::drive). Without one, what other
    /// threads emit waits for the loop's next turn. It is used only while the loop has nothing else to do, and never
    /// for verbs of the thread that drives. Only the first one that is set counts.
    pub fn set_waker(&mut self, waker: Arc<mio::Waker>) {
        self.reactor.tasks().set_waker(waker);
    }

    /// Clients speak TLS by `config`, see [`Mio::with_tls_client`]. It counts for what is connected from here on.
    #[cfg(feature = "tls")]
    pub fn set_tls_client(&mut self, config: Arc<rustls::ClientConfig>) {
        self.set_runtime(|mio| mio.with_tls_client(config));
    }

    /// Servers speak TLS by `config`, see [`Mio::with_tls_server`]. It counts for what is served from here on.
    #[cfg(feature = "tls")]
    pub fn set_tls_server(&mut self, config: Arc<rustls::ServerConfig>) {
        self.set_runtime(|mio| mio.with_tls_server(config));
    }

    #[cfg(feature = "tls")]
    fn set_runtime(&mut self, change: impl FnOnce(Mio) -> Mio) {
        let config = self.ipc.config().clone();
        self.ipc = Ipc::with_runtime(config, change(Mio::new(&self.reactor)));
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        self.ipc.config()
    }

    /// Reads the certificates and keys anew, for the connections to come. Those that are there stay. It blocks while
    /// the files are read; without TLS it does nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the option and the file; then the certificates from before stay in use.
    pub fn reload_tls(&self) -> Result<(), Error> {
        self.ipc.reload_tls()
    }

    /// The next answer to a question that was asked with `request`, in the order in which they came. Its errors are those
    /// of [`RequestError`]; each question is answered once, after [`request_timeout`](Config#structfield.request_timeout)
    /// at the latest.
    ///
    /// It may change after each [`drive`](Self::drive).
    #[must_use]
    pub fn poll_reply(&mut self) -> Option<(RequestId, Result<Json, RequestError>)> {
        let reply = lock(&self.replies).pop_front()?;
        self.asking.remove(&reply.0);
        Some(reply)
    }

    /// Gives a question up: it will not be answered. An answer that comes from the peer is ignored.
    pub fn cancel(&mut self, request: RequestId) {
        let Some(task) = self.asking.remove(&request) else { return };
        if let Some(task) = task.upgrade() {
            task.cancel();
        }
        lock(&self.replies).retain(|(asked, _)| *asked != request);
    }

    /// How many sockets there are: as many of the granted tokens are in use.
    pub fn sockets(&self) -> usize {
        self.reactor.slots().len()
    }

    /// How many tasks there are.
    pub fn tasks(&self) -> usize {
        self.reactor.tasks().len()
    }

    /// How many timers run.
    pub fn timers(&self) -> usize {
        self.reactor.time().timers()
    }

    pub(crate) const fn ipc(&self) -> &Ipc<Mio> {
        &self.ipc
    }

    /// Waits for an answer, in the background.
    pub(crate) fn ask(&mut self, asking: Asking<Mio>) -> RequestId {
        self.last += 1;
        let (request, replies) = (RequestId(self.last), Arc::clone(&self.replies));
        let task = self.reactor.tasks().spawn(Box::pin(async move {
            let answer = asking.await;
            lock(&replies).push_back((request, answer));
        }));
        self.asking.insert(request, task);
        request
    }

    /// Runs tasks until `future` is ready, for what a task answers without waiting for anything. `None` where no task
    /// is left that could answer.
    pub(crate) fn settle<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut noop()) {
                return Some(output);
            }
            if !self.reactor.tasks().is_ready() {
                return None;
            }
            self.reactor.tasks().run(1);
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.reactor.shut();
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part").field("id", &self.config().id).field("reactor", &self.reactor).finish_non_exhaustive()
    }
}

const fn noop() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// What a future gives that is ready at once.
pub(crate) fn at_once<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut noop()) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
