//! What sockets, timers and tasks of one loop share.

use std::{fmt, io, ops::Range, sync::Arc, time::Instant};

use ipc_proto::IoError;
use mio::{Interest, Registry, Token, event};

use crate::{
    slots::{Slot, Slots},
    tasks::Tasks,
    time::Time,
};

/// Sockets, timers and tasks on somebody's `mio::Poll`. It does nothing by itself.
pub(crate) struct Reactor {
    registry: Registry,
    slots: Slots,
    time: Time,
    tasks: Arc<Tasks>,
}

impl Reactor {
    pub(crate) fn new(registry: Registry, tokens: Range<usize>) -> Arc<Self> {
        Arc::new(Self { registry, slots: Slots::new(tokens), time: Time::default(), tasks: Arc::default() })
    }

    pub(crate) const fn slots(&self) -> &Slots {
        &self.slots
    }

    pub(crate) const fn time(&self) -> &Time {
        &self.time
    }

    pub(crate) const fn tasks(&self) -> &Arc<Tasks> {
        &self.tasks
    }

    /// It is `now`: wakes whose time has come.
    pub(crate) fn advance(&self, now: Instant) {
        self.time.tell(now);
        self.time.fire();
    }

    /// Drops every task, with its sockets, and every timer.
    pub(crate) fn shut(&self) {
        self.tasks.shut();
        self.time.clear();
    }
}

impl fmt::Debug for Reactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reactor")
            .field("sockets", &self.slots.len())
            .field("timers", &self.time.timers())
            .field("tasks", &self.tasks.len())
            .finish_non_exhaustive()
    }
}

/// A token for one socket, given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    reactor: Arc<Reactor>,
    token: Token,
    slot: Arc<Slot>,
}

impl Place {
    pub(crate) fn new(reactor: &Arc<Reactor>, (token, slot): (Token, Arc<Slot>)) -> Self {
        Self { reactor: Arc::clone(reactor), token, slot }
    }

    /// A place of one's own.
    ///
    /// # Errors
    ///
    /// `EMFILE` where every token is taken.
    pub(crate) fn take(reactor: &Arc<Reactor>) -> Result<Self, IoError> {
        let taken = reactor.slots.take().ok_or_else(|| {
            IoError::new("EMFILE", "every token that was granted to this loop is in use; grant a longer range")
        });
        taken.map(|taken| Self::new(reactor, taken))
    }

    pub(crate) fn slot(&self) -> &Slot {
        &self.slot
    }

    pub(crate) fn register(&self, source: &mut impl event::Source, interest: Interest) -> io::Result<()> {
        self.reactor.registry.register(source, self.token, interest)
    }

    pub(crate) fn reregister(&self, source: &mut impl event::Source, interest: Interest) -> io::Result<()> {
        self.reactor.registry.reregister(source, self.token, interest)
    }

    pub(crate) fn deregister(&self, source: &mut impl event::Source) -> io::Result<()> {
        self.reactor.registry.deregister(source)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.reactor.slots.free(self.token);
    }
}
