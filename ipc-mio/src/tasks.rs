//! The reactor's tasks: futures that wait for their flag.

use std::{
    collections::{BTreeMap, VecDeque},
    mem,
    sync::{
        Arc, Mutex, OnceLock, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, ThreadId},
};

use ipc_proto::facade;

use crate::{credit, lock};

/// One future, polled when its flag is up.
pub(crate) struct Task {
    number: u64,
    /// `None` once it is done or given up.
    future: Mutex<Option<facade::Task>>,
    /// The flag: it waits in the queue already.
    queued: AtomicBool,
    tasks: Arc<Tasks>,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::AcqRel) {
            self.tasks.push(Arc::clone(self));
        }
    }
}

impl Task {
    /// Gives the future up, unless it is being polled or done.
    pub(crate) fn cancel(&self) {
        self.tasks.forget(self.number);
        drop(self.take());
    }

    fn take(&self) -> Option<facade::Task> {
        lock(&self.future).take()
    }

    fn poll(self: Arc<Self>) {
        // Down before the poll: what happens from here on raises it again.
        self.queued.store(false, Ordering::Release);
        let waker = Waker::from(Arc::clone(&self));
        let mut slot = lock(&self.future);
        let Some(future) = slot.as_mut() else { return };
        let done = credit::limited(|| future.as_mut().poll(&mut Context::from_waker(&waker)));
        if done == Poll::Ready(()) {
            let future = slot.take();
            drop(slot);
            self.tasks.forget(self.number);
            drop(future);
        }
    }
}

#[derive(Default)]
struct State {
    ready: VecDeque<Arc<Task>>,
    /// The future that the loop was called with has its flag up.
    main: bool,
    all: BTreeMap<u64, Arc<Task>>,
    last: u64,
    shut: bool,
}

/// All tasks of a reactor, and those of them that have something to do.
#[derive(Default)]
pub(crate) struct Tasks {
    state: Mutex<State>,
    /// The loop sleeps, or is about to: whoever adds something has to wake it.
    asleep: AtomicBool,
    waker: OnceLock<Arc<mio::Waker>>,
    /// Who drives an embedded reactor, and needs no waking.
    owner: Mutex<Option<ThreadId>>,
}

impl Tasks {
    /// Takes a task in. Where there is no loop any more, it is dropped.
    pub(crate) fn spawn(self: &Arc<Self>, future: facade::Task) -> Weak<Task> {
        let mut state = lock(&self.state);
        if state.shut {
            drop(state);
            return Weak::new();
        }
        state.last += 1;
        let (number, tasks) = (state.last, Arc::clone(self));
        let task = Task { number, future: Mutex::new(Some(future)), queued: AtomicBool::new(true), tasks };
        let task = Arc::new(task);
        state.all.insert(number, Arc::clone(&task));
        state.ready.push_back(Arc::clone(&task));
        drop(state);
        self.rouse();
        Arc::downgrade(&task)
    }

    fn push(&self, task: Arc<Task>) {
        let mut state = lock(&self.state);
        if !state.shut {
            state.ready.push_back(task);
        }
        drop(state);
        self.rouse();
    }

    fn forget(&self, number: u64) {
        let task = lock(&self.state).all.remove(&number);
        drop(task);
    }

    /// Polls tasks, as many as `budget` says.
    pub(crate) fn run(&self, budget: usize) {
        for _ in 0..budget {
            let next = lock(&self.state).ready.pop_front();
            let Some(task) = next else { return };
            task.poll();
        }
    }

    /// Whether something is to be done.
    pub(crate) fn is_ready(&self) -> bool {
        let state = lock(&self.state);
        state.main || !state.ready.is_empty()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        lock(&self.state).all.len()
    }

    /// Gives all of them up, and those to come.
    pub(crate) fn shut(&self) {
        let mut state = lock(&self.state);
        state.shut = true;
        state.ready.clear();
        let all = mem::take(&mut state.all);
        drop(state);
        // Not under the lock: futures wake each other when they go.
        all.values().for_each(|task| drop(task.take()));
        lock(&self.state).ready.clear();
    }

    // Waking.

    /// What wakes the loop.
    pub(crate) fn set_waker(&self, waker: Arc<mio::Waker>) {
        // Only the first one counts: a poll has one waker.
        drop(self.waker.set(waker));
    }

    /// The loop is about to sleep; says whether it may.
    pub(crate) fn fall_asleep(&self) -> bool {
        self.asleep.store(true, Ordering::SeqCst);
        let may = !self.is_ready();
        self.asleep.store(may, Ordering::SeqCst);
        may
    }

    pub(crate) fn awake(&self) {
        self.asleep.store(false, Ordering::SeqCst);
    }

    /// The present thread drives, and looks by itself whether there is something to do.
    pub(crate) fn own(&self) {
        if self.waker.get().is_some() {
            *lock(&self.owner) = Some(thread::current().id());
        }
    }

    fn rouse(&self) {
        // Nearly always the loop itself is the one who adds something.
        if !self.asleep.load(Ordering::SeqCst) || !self.asleep.swap(false, Ordering::SeqCst) {
            return;
        }
        let Some(waker) = self.waker.get() else { return };
        if *lock(&self.owner) != Some(thread::current().id()) {
            // It fails only when the poll is gone, and then nobody sleeps there.
            drop(waker.wake());
        }
    }

    /// Whether the flag of the loop's own future was up; it is down now.
    pub(crate) fn take_main(&self) -> bool {
        mem::take(&mut lock(&self.state).main)
    }
}

/// The flag of the future that a loop was called with.
pub(crate) struct Main(pub(crate) Arc<Tasks>);

impl Wake for Main {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        lock(&self.0.state).main = true;
        self.0.rouse();
    }
}
