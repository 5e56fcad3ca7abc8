//! One socket on a reactor.

use std::{
    io,
    sync::Arc,
    task::{Context, Poll, ready},
};

use ipc_proto::IoError;
use mio::{Interest, event};

use crate::{
    credit,
    reactor::{Place, Reactor},
    slots::Direction,
};

/// Whether a socket that was read or written in part has an edge to come. Elsewhere edges come only after an operation
/// that blocked.
const PART_MEANS_DRAINED: bool = cfg!(any(
    target_os = "linux",
    target_os = "android",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "dragonfly",
    target_vendor = "apple"
));

/// What an operation gave, and whether the socket has no more of it.
pub(crate) struct Done<T> {
    pub(crate) value: T,
    pub(crate) drained: bool,
}

impl<T> Done<T> {
    /// There may be more.
    pub(crate) const fn more(value: T) -> Self {
        Self { value, drained: false }
    }

    /// An edge comes when there is more.
    #[cfg(windows)]
    pub(crate) const fn drained(value: T) -> Self {
        Self { value, drained: true }
    }
}

impl Done<usize> {
    /// Of `asked` bytes, `moved` have gone.
    pub(crate) const fn part(moved: usize, asked: usize) -> Self {
        Self { value: moved, drained: PART_MEANS_DRAINED && 0 < moved && moved < asked }
    }
}

/// What is pending for a task blocks for whoever knows no tasks.
pub(crate) fn blocking<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

/// A socket and its place. Dropping it takes it off the loop and closes it.
///
/// Writing is waited for only while it is stuck: otherwise each read of the peer would wake this side.
#[derive(Debug)]
pub(crate) struct Source<S: event::Source> {
    socket: S,
    place: Place,
    /// It is registered for writing as well.
    writing: bool,
}

impl<S: event::Source> Source<S> {
    /// Puts a socket that does not block on the loop.
    ///
    /// # Errors
    ///
    /// `EMFILE` where every token is in use, or what the system says.
    pub(crate) fn new(reactor: &Arc<Reactor>, socket: S) -> Result<Self, IoError> {
        Ok(Self::at(Place::take(reactor)?, socket)?)
    }

    /// As [`new`](Self::new), at a place that was taken before.
    pub(crate) fn at(place: Place, mut socket: S) -> io::Result<Self> {
        place.register(&mut socket, Interest::READABLE)?;
        Ok(Self { socket, place, writing: false })
    }

    pub(crate) const fn socket(&self) -> &S {
        &self.socket
    }

    /// Tries `read` until it does not block.
    pub(crate) fn poll_read<T>(
        &self,
        cx: &Context<'_>,
        read: impl FnMut(&S) -> io::Result<Done<T>>,
    ) -> Poll<io::Result<T>> {
        ready!(credit::poll_spend(cx));
        self.poll_op(cx, Direction::Read, read).map_ok(|done| done.value)
    }

    /// Tries `write` until it does not block. It takes nothing from what a poll may do: what there is to write has an end,
    /// and a task that broadcasts writes for many.
    pub(crate) fn poll_write<T>(
        &mut self,
        cx: &Context<'_>,
        write: impl FnMut(&S) -> io::Result<Done<T>>,
    ) -> Poll<io::Result<T>> {
        let result = self.poll_op(cx, Direction::Write, write);
        let stuck = match &result {
            Poll::Pending => true,
            Poll::Ready(Ok(done)) => done.drained,
            Poll::Ready(Err(_)) => self.writing,
        };
        self.wait_for_room(stuck)?;
        result.map_ok(|done| done.value)
    }

    /// As [`poll_write`](Self::poll_write), for what tells of writing whatever it is registered for.
    #[cfg(windows)]
    pub(crate) fn poll_told_write<T>(
        &self,
        cx: &Context<'_>,
        write: impl FnMut(&S) -> io::Result<Done<T>>,
    ) -> Poll<io::Result<T>> {
        self.poll_op(cx, Direction::Write, write).map_ok(|done| done.value)
    }

    /// Whether a write would be tried now.
    #[cfg(windows)]
    pub(crate) fn is_writable(&self) -> bool {
        let cx = Context::from_waker(std::task::Waker::noop());
        self.poll_op(&cx, Direction::Write, |_| Ok(Done::more(()))).is_ready()
    }

    fn poll_op<T>(
        &self,
        cx: &Context<'_>,
        direction: Direction,
        mut op: impl FnMut(&S) -> io::Result<Done<T>>,
    ) -> Poll<io::Result<Done<T>>> {
        let slot = self.place.slot();
        loop {
            let taken = ready!(slot.poll_take(cx, direction));
            let result = op(&self.socket);
            let failure = result.as_ref().err().map(io::Error::kind);
            if failure != Some(io::ErrorKind::WouldBlock) {
                slot.restore(direction, taken, result.as_ref().is_ok_and(|done| done.drained));
                if failure != Some(io::ErrorKind::Interrupted) {
                    return Poll::Ready(result);
                }
            }
        }
    }

    fn wait_for_room(&mut self, stuck: bool) -> io::Result<()> {
        if self.writing != stuck {
            let interest = if stuck { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
            self.place.reregister(&mut self.socket, interest)?;
            self.writing = stuck;
        }
        Ok(())
    }
}

impl<S: event::Source> Drop for Source<S> {
    fn drop(&mut self) {
        // Closing alone would do on most systems; an error means that it is off the loop already.
        drop(self.place.deregister(&mut self.socket));
    }
}
