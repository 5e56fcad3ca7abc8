//! Steps 2 to 5 for either machine, over a socket whose readiness is told once.

use std::io::{Error, ErrorKind, Read as _, Result, Write as _};
use std::{net::Shutdown, time::Duration};

use bytes::Buf as _;
use ipc_proto::{Timestamp, drive::Machine};
use mio::{Events, Interest, Poll, Registry, Token, event::Event, net::TcpStream};

pub(crate) struct Link {
    socket: TcpStream,
    /// mio tells an edge once, so it is remembered until the socket says `WouldBlock`.
    readable: bool,
    writable: bool,
    broken: Option<Error>,
    shut: bool,
}

impl Link {
    pub(crate) fn new(socket: TcpStream) -> Self {
        Self { socket, readable: false, writable: false, broken: None, shut: false }
    }

    /// Both directions are registered once and for all; what is not wanted is not looked at.
    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> Result<()> {
        registry.register(&mut self.socket, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// What has become of the attempt to connect; nothing yet, while it is under way.
    pub(crate) fn connected(&self) -> Option<Result<()>> {
        if !self.writable {
            return None;
        }
        match self.socket.take_error().and_then(|error| error.map_or_else(|| self.socket.peer_addr(), Err)) {
            Err(error) if error.kind() == ErrorKind::NotConnected => None,
            result => Some(result.and_then(|_| self.socket.set_nodelay(true))),
        }
    }

    pub(crate) fn note(&mut self, event: &Event) {
        self.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
        self.writable |= event.is_writable() || event.is_write_closed() || event.is_error();
    }

    /// Whether to come back without waiting for an edge.
    pub(crate) fn is_ready<M: Machine>(&self, machine: &M) -> bool {
        self.broken.is_some() || (self.readable && machine.wants_read())
    }

    /// Writes what the socket takes, and shuts it down when that is due. Says whether anything left, for then there
    /// may be events.
    pub(crate) fn write<M: Machine>(&mut self, machine: &mut M) -> bool {
        let before = machine.outbox().remaining();
        while self.writable && machine.outbox().has_remaining() {
            match self.socket.write(machine.outbox().chunk()) {
                Ok(n) => machine.outbox().advance(n),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.writable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    // What the peer said before it went is read first.
                    self.writable = false;
                    self.broken = Some(error);
                }
            }
        }
        if machine.wants_shutdown() && !self.shut {
            self.shut = true;
            // A peer that is gone already is no failure; reading will tell.
            let _ = self.socket.shutdown(Shutdown::Write);
        }
        machine.outbox().remaining() < before
    }

    /// Reads once: while `is_ready`, the loop comes back, and meanwhile others have their turn.
    pub(crate) fn read<M: Machine>(&mut self, machine: &mut M, now: Timestamp, buffer: &mut [u8]) {
        let wanted = machine.wants_read() && (self.readable || self.broken.is_some());
        let result = if wanted { self.socket.read(buffer) } else { Err(ErrorKind::WouldBlock.into()) };
        match result {
            Ok(0) => machine.handle_eof(now),
            Ok(n) => machine.handle_input(now, &buffer[..n]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.readable &= !wanted;
                machine.handle_idle();
                if let Some(error) = self.broken.take() {
                    machine.handle_error(now, error);
                }
            }
            Err(error) => machine.handle_error(now, self.broken.take().unwrap_or(error)),
        }
    }
}

/// Waits for edges, or until `left` has passed. Without a limit it waits for ever.
pub(crate) fn wait(poll: &mut Poll, events: &mut Events, left: Option<Duration>) -> Result<()> {
    match poll.poll(events, left) {
        Err(error) if error.kind() == ErrorKind::Interrupted => {
            events.clear();
            Ok(())
        }
        result => result,
    }
}
