//! Steps 2 to 5 for either machine, over a socket that never blocks.

use std::io::{Error, ErrorKind, Read as _, Result, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::{net::Shutdown, os::unix::net::UnixStream, time::Duration};

use bytes::Buf as _;
use ipc_proto::{Timestamp, drive::Machine};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

pub(crate) struct Link {
    socket: UnixStream,
    broken: Option<Error>,
    shut: bool,
}

impl Link {
    pub(crate) fn new(socket: UnixStream) -> Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self { socket, broken: None, shut: false })
    }

    /// Writes what the socket takes, and shuts it down when that is due. Says whether anything left, for then there
    /// may be events.
    pub(crate) fn write<M: Machine>(&mut self, machine: &mut M) -> bool {
        let before = machine.outbox().remaining();
        while self.broken.is_none() && machine.outbox().has_remaining() {
            match self.socket.write(machine.outbox().chunk()) {
                Ok(n) => machine.outbox().advance(n),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // What the peer said before it went is read first.
                Err(error) => self.broken = Some(error),
            }
        }
        if machine.wants_shutdown() && !self.shut {
            self.shut = true;
            // A peer that is gone already is no failure; reading will tell.
            let _ = self.socket.shutdown(Shutdown::Write);
        }
        machine.outbox().remaining() < before
    }

    /// What to wait for. One that cannot be written is ready at once.
    pub(crate) fn interest<M: Machine>(&self, machine: &mut M) -> PollFlags {
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, machine.wants_read());
        flags.set(PollFlags::OUT, machine.outbox().has_remaining());
        flags
    }

    /// Whether what `poll` says is a reason to read.
    pub(crate) fn is_ready(&self, said: PollFlags) -> bool {
        self.broken.is_some() || said.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR)
    }

    /// Reads once: `poll` says when there is more, and meanwhile others have their turn.
    pub(crate) fn read<M: Machine>(&mut self, machine: &mut M, now: Timestamp, buffer: &mut [u8]) {
        let result = if machine.wants_read() { self.socket.read(buffer) } else { Err(ErrorKind::WouldBlock.into()) };
        match result {
            Ok(0) => machine.handle_eof(now),
            Ok(n) => machine.handle_input(now, &buffer[..n]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                machine.handle_idle();
                if let Some(error) = self.broken.take() {
                    machine.handle_error(now, error);
                }
            }
            Err(error) => machine.handle_error(now, self.broken.take().unwrap_or(error)),
        }
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Waits for any of `fds`, or until `left` has passed. Without a limit it waits for ever.
pub(crate) fn wait(fds: &mut [PollFd<'_>], left: Option<Duration>) -> Result<()> {
    let left = left.and_then(|left| Timespec::try_from(left).ok());
    match poll(fds, left.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
