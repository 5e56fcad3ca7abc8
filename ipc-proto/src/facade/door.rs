//! The way from handles to the task that owns a UDP socket.

use alloc::{collections::BTreeSet, sync::Arc, task::Wake, vec::Vec};
use core::{
    mem,
    net::SocketAddr,
    task::{Context, Waker},
};
use std::sync::Mutex;

use super::{lock, reply::Reply};
use crate::peers::PeerId;

/// The answer to a caller: the peer's number at the server, or none when the socket is gone.
pub(super) type Admission = Reply<Option<PeerId>>;

/// What has come for the task.
#[derive(Debug, Default)]
pub(super) struct Knocks {
    /// Peers, by the machine's numbers, whose handles want something.
    pub(super) rung: BTreeSet<PeerId>,
    /// Addresses that the application names.
    pub(super) named: Vec<(SocketAddr, Admission)>,
    /// The socket is to close.
    pub(super) closed: bool,
}

#[derive(Debug, Default)]
struct State {
    knocks: Knocks,
    task: Option<Waker>,
    /// The task is gone.
    shut: bool,
}

/// Shared by a server and the task that owns one of its UDP sockets.
#[derive(Debug)]
pub(super) struct Door {
    local: SocketAddr,
    state: Mutex<State>,
}

impl Door {
    pub(super) fn new(local: SocketAddr) -> Arc<Self> {
        Arc::new(Self { local, state: Mutex::default() })
    }

    /// Whether the socket can send to `address` at all.
    pub(super) const fn reaches(&self, address: SocketAddr) -> bool {
        self.local.is_ipv4() == address.is_ipv4()
    }

    /// Asks for the peer at an address.
    pub(super) fn name(&self, address: SocketAddr) -> Admission {
        let reply = Admission::default();
        let asked = reply.clone();
        self.knock(move |state| {
            if state.shut || state.knocks.closed {
                asked.give(None);
            } else {
                state.knocks.named.push((address, asked));
            }
        });
        reply
    }

    /// Tells the task to send what waits, and then to end.
    pub(super) fn close(&self) {
        self.knock(|state| state.knocks.closed = true);
    }

    fn knock(&self, change: impl FnOnce(&mut State)) {
        let mut state = lock(&self.state);
        change(&mut state);
        let task = state.task.take();
        drop(state);
        if let Some(task) = task {
            task.wake();
        }
    }

    /// What has come; otherwise `cx` is woken when something does.
    pub(super) fn take(&self, cx: &Context<'_>) -> Knocks {
        let mut state = lock(&self.state);
        state.task = Some(cx.waker().clone());
        let closed = state.knocks.closed;
        mem::replace(&mut state.knocks, Knocks { closed, ..Knocks::default() })
    }

    /// The task is gone.
    pub(super) fn shut(&self) {
        let mut state = lock(&self.state);
        state.shut = true;
        state.task = None;
        for (_, asked) in mem::take(&mut state.knocks.named) {
            asked.give(None);
        }
    }

    /// A waker that says which peer's handles want something.
    pub(super) fn bell(self: &Arc<Self>, peer: PeerId) -> Waker {
        Arc::new(Bell { door: Arc::clone(self), peer }).into()
    }
}

struct Bell {
    door: Arc<Door>,
    peer: PeerId,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.door.knock(|state| {
            state.knocks.rung.insert(self.peer);
        });
    }
}
