//! The ready-made loop.

use std::{
    fmt,
    future::Future,
    io,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use ipc_proto::{Config, facade};
use mio::{Events, Poll as Poller, Token};

use crate::{credit, reactor::Reactor, runtime::Mio, tasks::Main};

/// The token of the waker; all others are for sockets.
const WAKER: Token = Token(0);
/// How many events one look at the sockets takes.
const EVENTS: usize = 256;
/// How many tasks are polled in a round, and how many rounds there are at most between two looks at the sockets.
const BUDGET: usize = 64;
const ROUNDS: usize = 4;

/// A loop on a `mio::Poll` of its own, for programs without one: it runs an [`Ipc`](crate::facade::Ipc) and
/// everything that belongs to it, and futures.
///
/// All work is done by the thread that runs it, in [`block_on`](Self::block_on) or [`turn`](Self::turn). Handles
/// work from any thread: a [`Sender`](crate::Sender) elsewhere wakes the loop where it sleeps, and only then.
///
/// Dropping it drops every task: connections are closed at once, and what waits in them is lost. Close or stop what is
/// to end gently, before.
///
/// ```
/// use ipc_mio::{Config, Event, EventLoop};
///
/// let mut event_loop = EventLoop::new()?;
/// let ipc = event_loop.ipc(Config::default().id("world"));
/// let answer = event_loop.block_on(async {
///     let mut server = ipc.serve_net("127.0.0.1:0").await?;
///     let mut client = ipc.connect_to_endpoint("world", server.endpoints()[0].clone())?;
///     client.emit("message", "hello").await?;
///     loop {
///         if let Some((peer, Event::Message(message))) = server.next().await {
///             server.emit(peer, "message", "world").await?;
///             break;
///         }
///     }
///     loop {
///         if let Some(Event::Message(message)) = client.next().await {
///             return Ok::<_, Box<dyn std::error::Error>>(message.decode::<String>()?);
///         }
///     }
/// })??;
/// assert_eq!(answer, "world");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct EventLoop {
    poll: Poller,
    events: Events,
    reactor: Arc<Reactor>,
    turns: u64,
}

impl EventLoop {
    /// A loop with a poll of its own.
    ///
    /// # Errors
    ///
    /// What the system says: too many open files, mostly.
    pub fn new() -> io::Result<Self> {
        let poll = Poller::new()?;
        let reactor = Reactor::new(poll.registry().try_clone()?, WAKER.0 + 1..usize::MAX);
        reactor.tasks().set_waker(Arc::new(mio::Waker::new(poll.registry(), WAKER)?));
        reactor.time().tell(Instant::now());
        reactor.time().set_stale(true);
        Ok(Self { poll, events: Events::with_capacity(EVENTS), reactor, turns: 0 })
    }

    /// A handle for [`Ipc::with_runtime`](crate::facade::Ipc::with_runtime), usable from any thread.
    #[must_use]
    pub fn runtime(&self) -> Mio {
        Mio::new(&self.reactor)
    }

    /// A process with these settings, on this loop. They are checked when something is connected or served.
    #[must_use]
    pub fn ipc(&self, config: Config) -> crate::facade::Ipc {
        facade::Ipc::with_runtime(config, self.runtime())
    }

    /// Runs `future` in the background, while the loop is run.
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        drop(self.reactor.tasks().spawn(Box::pin(future)));
    }

    /// Runs the loop until `future` is done, and gives what it gives. The future is polled on this thread, and nothing
    /// asks it to be `Send`. What runs in the background stands still when this returns, until it is called again.
    ///
    /// # Errors
    ///
    /// What waiting for the sockets failed with, which means that the poll itself is broken.
    pub fn block_on<F: Future>(&mut self, future: F) -> io::Result<F::Output> {
        let mut future = pin!(future);
        let main = Arc::new(Main(Arc::clone(self.reactor.tasks())));
        let waker = Waker::from(main);
        let mut cx = Context::from_waker(&waker);
        // Not polled yet: up to now nobody could raise its flag.
        waker.wake_by_ref();
        let _running = Running::new(&self.reactor);
        loop {
            for _ in 0..ROUNDS {
                if self.reactor.tasks().take_main() {
                    if let Poll::Ready(output) = credit::limited(|| future.as_mut().poll(&mut cx)) {
                        return Ok(output);
                    }
                }
                self.reactor.tasks().run(BUDGET);
                if !self.reactor.tasks().is_ready() {
                    break;
                }
            }
            self.look(None)?;
        }
    }

    /// One turn: looks at the sockets, and does what is to be done. Only where there is nothing to do at first, it waits for
    /// something, for at most `timeout`; `None` is without end.
    ///
    /// # Errors
    ///
    /// As [`block_on`](Self::block_on).
    pub fn turn(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let _running = Running::new(&self.reactor);
        // The flag of a future that was left, if it is still raised.
        self.reactor.tasks().take_main();
        self.look(timeout)?;
        self.reactor.tasks().run(BUDGET);
        Ok(())
    }

    /// How often the loop has looked at its sockets. While nothing happens it does not.
    #[must_use]
    pub const fn turns(&self) -> u64 {
        self.turns
    }

    /// How many tasks run in the background: one for each client, server and connection.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.reactor.tasks().len()
    }

    /// How many sockets the loop waits for.
    #[must_use]
    pub fn sockets(&self) -> usize {
        self.reactor.slots().len()
    }

    /// How many timers run.
    #[must_use]
    pub fn timers(&self) -> usize {
        self.reactor.time().timers()
    }

    fn look(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let timeout = self.sleep_for(timeout);
        self.turns += 1;
        let result = self.poll.poll(&mut self.events, timeout);
        self.reactor.tasks().awake();
        self.reactor.time().set_stale(false);
        match result {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => self.reactor.advance(Instant::now()),
        }
        self.events.iter().for_each(|event| self.reactor.slots().note(event));
        Ok(())
    }

    /// How long to wait for sockets. From here on, others wake the loop if there is something to do.
    fn sleep_for(&self, timeout: Option<Duration>) -> Option<Duration> {
        if !self.reactor.tasks().fall_asleep() {
            return Some(Duration::ZERO);
        }
        self.reactor.time().set_stale(true);
        [timeout, self.reactor.time().until_next()].into_iter().flatten().min()
    }
}

impl Drop for EventLoop {
    fn drop(&mut self) {
        self.reactor.shut();
    }
}

impl fmt::Debug for EventLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventLoop").field("turns", &self.turns).field("reactor", &self.reactor).finish_non_exhaustive()
    }
}

/// While it is there, the loop knows what time it is.
struct Running(Arc<Reactor>);

impl Running {
    fn new(reactor: &Arc<Reactor>) -> Self {
        reactor.time().tell(Instant::now());
        reactor.time().set_stale(false);
        Self(Arc::clone(reactor))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.time().set_stale(true);
    }
}
