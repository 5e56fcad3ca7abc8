//! A runtime that counts how often its tasks are polled, and how many there are.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use ipc_proto::{
    Config,
    endpoint::{Endpoint, Environment},
    facade::{Error, Runtime, Task},
};

/// `R`, with every task in a counter.
#[derive(Clone)]
pub(crate) struct Counting<R> {
    inner: R,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    /// For each task that was ever spawned.
    polls: Mutex<Vec<Arc<AtomicUsize>>>,
    alive: AtomicUsize,
}

impl<R> Counting<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, counts: Arc::default() }
    }

    /// How often each task was polled so far.
    #[allow(dead_code, reason = "not every test needs it")]
    pub(crate) fn polls(&self) -> Vec<usize> {
        let polls = self.counts.polls.lock().expect("nobody panics while counting");
        polls.iter().map(|polls| polls.load(Ordering::SeqCst)).collect()
    }

    /// How many tasks were polled between two looks.
    #[allow(dead_code, reason = "not every test needs it")]
    pub(crate) fn polled(before: &[usize], after: &[usize]) -> usize {
        after.iter().enumerate().filter(|(n, polls)| before.get(*n) != Some(polls)).count()
    }

    /// How many tasks there are.
    #[allow(dead_code, reason = "not every test needs it")]
    pub(crate) fn alive(&self) -> usize {
        self.counts.alive.load(Ordering::SeqCst)
    }
}

struct Counted {
    task: Task,
    polls: Arc<AtomicUsize>,
    counts: Arc<Counts>,
}

impl Future for Counted {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.polls.fetch_add(1, Ordering::SeqCst);
        self.task.as_mut().poll(cx)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.counts.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

impl<R: Runtime> Runtime for Counting<R> {
    type Io = R::Io;
    type Clock = R::Clock;
    type Dial = R::Dial;
    type Accept = R::Accept;
    type Datagram = R::Datagram;
    type Inherited = R::Inherited;

    fn clock(&self) -> R::Clock {
        self.inner.clock()
    }

    fn spawn(&self, task: Task) {
        let polls = Arc::new(AtomicUsize::new(0));
        self.counts.polls.lock().expect("nobody panics while counting").push(Arc::clone(&polls));
        self.counts.alive.fetch_add(1, Ordering::SeqCst);
        self.inner.spawn(Box::pin(Counted { task, polls, counts: Arc::clone(&self.counts) }));
    }

    fn dial(&self, endpoints: &[Endpoint], config: &Arc<Config>) -> Result<R::Dial, Error> {
        self.inner.dial(endpoints, config)
    }

    fn listen(
        &self,
        endpoint: &Endpoint,
        config: &Arc<Config>,
    ) -> impl Future<Output = Result<R::Accept, Error>> + Send {
        self.inner.listen(endpoint, config)
    }

    fn bind_datagram(
        &self,
        endpoint: &Endpoint,
        config: &Arc<Config>,
    ) -> impl Future<Output = Result<R::Datagram, Error>> + Send {
        self.inner.bind_datagram(endpoint, config)
    }

    fn adopt(&self, socket: R::Inherited, config: &Arc<Config>) -> Result<R::Accept, Error> {
        self.inner.adopt(socket, config)
    }

    fn knows_users(&self, endpoint: &Endpoint) -> bool {
        self.inner.knows_users(endpoint)
    }

    fn environment(&self) -> Environment {
        self.inner.environment()
    }
}
