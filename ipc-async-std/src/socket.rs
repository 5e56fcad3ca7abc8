//! async-io's sockets, asked themselves before they are waited for.

use std::{
    io,
    task::{Context, Poll, ready},
};

use async_io::Async;

/// A socket that remembers when it had nothing to give or no room, and is not asked again until it has.
#[derive(Debug)]
pub(crate) struct Socket<T> {
    io: Async<T>,
    dry: bool,
    full: bool,
}

impl<T> Socket<T> {
    pub(crate) const fn new(io: Async<T>) -> Self {
        Self { io, dry: false, full: false }
    }

    pub(crate) fn get_ref(&self) -> &T {
        self.io.get_ref()
    }

    /// Ready, unless the socket was dry when it was last asked and still is.
    pub(crate) fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        poll_open(&mut self.dry, || self.io.poll_readable(cx))
    }

    /// What `op` reads.
    pub(crate) fn poll_read_with<R>(
        &mut self,
        cx: &mut Context<'_>,
        mut op: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        let Self { io, dry, .. } = self;
        poll_op(dry, || io.poll_readable(cx), || op(io.get_ref()))
    }

    /// What `op` says that it wrote.
    pub(crate) fn poll_write_with<R>(
        &mut self,
        cx: &mut Context<'_>,
        mut op: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        let Self { io, full, .. } = self;
        poll_op(full, || io.poll_writable(cx), || op(io.get_ref()))
    }
}

fn poll_open(blocked: &mut bool, wait: impl FnOnce() -> Poll<io::Result<()>>) -> Poll<io::Result<()>> {
    if *blocked {
        ready!(wait())?;
        *blocked = false;
    }
    Poll::Ready(Ok(()))
}

/// Tries `op`, and waits each time it would block.
fn poll_op<R>(
    blocked: &mut bool,
    mut wait: impl FnMut() -> Poll<io::Result<()>>,
    mut op: impl FnMut() -> io::Result<R>,
) -> Poll<io::Result<R>> {
    loop {
        ready!(poll_open(blocked, &mut wait))?;
        match op() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => *blocked = true,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return Poll::Ready(result),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn error(kind: io::ErrorKind) -> io::Result<u8> {
        Err(kind.into())
    }

    #[test]
    fn what_would_block_is_not_asked_again_before_it_is_ready() {
        let (asked, waited) = (Cell::new(0), Cell::new(0));
        let mut blocked = false;
        let mut poll = |ready: bool, answers: &[io::ErrorKind]| {
            let mut answers = answers.iter();
            let wait = || {
                waited.set(waited.get() + 1);
                if ready { Poll::Ready(Ok(())) } else { Poll::Pending }
            };
            let op = || {
                asked.set(asked.get() + 1);
                answers.next().map_or(Ok(7), |kind| error(*kind))
            };
            poll_op(&mut blocked, wait, op)
        };
        let (again, interrupted) = (io::ErrorKind::WouldBlock, io::ErrorKind::Interrupted);
        assert!(matches!(poll(false, &[interrupted]), Poll::Ready(Ok(7))));
        assert_eq!((asked.get(), waited.get()), (2, 0));
        assert!(poll(false, &[again]).is_pending());
        assert_eq!((asked.get(), waited.get()), (3, 1));
        assert!(poll(false, &[]).is_pending());
        assert_eq!((asked.get(), waited.get()), (3, 2));
        assert!(matches!(poll(true, &[again]), Poll::Ready(Ok(7))));
        assert_eq!((asked.get(), waited.get()), (5, 4));
        assert!(matches!(poll(true, &[io::ErrorKind::BrokenPipe]), Poll::Ready(Err(_))));
    }
}
