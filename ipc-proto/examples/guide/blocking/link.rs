//! Steps 2 to 6 for either machine.

use std::io::{Error, ErrorKind, Read as _, Result, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use bytes::Buf as _;
use ipc_proto::drive::Machine;

use crate::work::Clock;

/// A blocking socket can be waited for in one direction only. When both matter, it is waited for by turns, each this
/// long; never when nothing waits to be written.
const BY_TURNS: Duration = Duration::from_millis(10);

pub(crate) struct Link {
    socket: TcpStream,
    buffer: Box<[u8]>,
    broken: Option<Error>,
    shut: bool,
}

impl Link {
    pub(crate) fn new(socket: TcpStream) -> Result<Self> {
        socket.set_nodelay(true)?;
        socket.set_write_timeout(Some(BY_TURNS))?;
        Ok(Self { socket, buffer: vec![0; 64 << 10].into(), broken: None, shut: false })
    }

    /// Moves bytes and time once. Then there may be events.
    pub(crate) fn turn<M: Machine>(&mut self, machine: &mut M, clock: &Clock) -> Result<()> {
        if self.write(machine) {
            return Ok(());
        }
        if machine.wants_shutdown() && !self.shut {
            self.shut = true;
            // A peer that is gone already is no failure; reading will tell.
            let _ = self.socket.shutdown(Shutdown::Write);
        }
        if machine.wants_read() {
            self.read(machine, clock)?;
        } else if let Some(error) = self.broken.take() {
            machine.handle_error(clock.now(), error);
        }
        machine.handle_timeout(clock.now());
        Ok(())
    }

    /// Says whether anything was written.
    fn write<M: Machine>(&mut self, machine: &mut M) -> bool {
        if self.broken.is_some() || !machine.outbox().has_remaining() {
            return false;
        }
        match self.socket.write(machine.outbox().chunk()) {
            Ok(n) => {
                machine.outbox().advance(n);
                return true;
            }
            Err(error) if is_late(&error) => {}
            // What the peer said before it went is read first.
            Err(error) => self.broken = Some(error),
        }
        false
    }

    fn read<M: Machine>(&mut self, machine: &mut M, clock: &Clock) -> Result<()> {
        let timer = clock.left(machine.poll_timeout()).map(|left| left.max(Duration::from_millis(1)));
        let by_turns = machine.outbox().has_remaining().then_some(BY_TURNS);
        self.socket.set_read_timeout([timer, by_turns].into_iter().flatten().min())?;
        match self.socket.read(&mut self.buffer) {
            Ok(0) => machine.handle_eof(clock.now()),
            Ok(n) => machine.handle_input(clock.now(), &self.buffer[..n]),
            Err(error) if is_late(&error) => {
                if let Some(error) = self.broken.take() {
                    machine.handle_error(clock.now(), error);
                }
            }
            Err(error) => machine.handle_error(clock.now(), self.broken.take().unwrap_or(error)),
        }
        Ok(())
    }
}

fn is_late(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
