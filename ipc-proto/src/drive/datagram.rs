//! The driver of a UDP socket.

use alloc::{vec, vec::Vec};
use core::{
    net::SocketAddr,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;

use super::{BUDGET, Clock, Reading};
use crate::{datagram::Datagrams, error::IoError, event::Event, peers::PeerId, time::Timestamp};

/// As long as the longest datagram.
const BUFFER: usize = 64 << 10;
/// After a failed receive nothing is received for so long.
const PAUSE: Duration = Duration::from_millis(100);

/// A UDP socket of a runtime.
pub trait DatagramSocket {
    /// Receives one datagram to the beginning of `buffer`, which is long enough for any, and says how long it is and
    /// where it came from.
    ///
    /// # Errors
    ///
    /// What the socket failed with. It stays usable.
    fn poll_recv_from(&mut self, cx: &mut Context<'_>, buffer: &mut [u8])
    -> Poll<Result<(usize, SocketAddr), IoError>>;

    /// Sends one datagram, whole.
    ///
    /// # Errors
    ///
    /// What the socket failed with. It stays usable.
    fn poll_send_to(&mut self, cx: &mut Context<'_>, datagram: &[u8], to: SocketAddr) -> Poll<Result<(), IoError>>;

    /// Where it is bound, with the port that the system picked.
    fn local_addr(&self) -> SocketAddr;
}

/// One UDP socket on a runtime. It moves only while it is polled.
#[derive(Debug)]
pub struct DatagramDriver<S, C> {
    machine: Datagrams,
    socket: S,
    clock: C,
    buffer: Vec<u8>,
    /// The socket had no room for it.
    leaving: Option<(SocketAddr, Bytes)>,
    paused_until: Option<Timestamp>,
}

impl<S: DatagramSocket, C: Clock> DatagramDriver<S, C> {
    /// Connects `machine` to `socket`.
    pub fn new(machine: Datagrams, socket: S, clock: C) -> Self {
        Self { machine, socket, clock, buffer: vec![0; BUFFER], leaving: None, paused_until: None }
    }

    /// The machine.
    pub const fn machine(&mut self) -> &mut Datagrams {
        &mut self.machine
    }

    /// The machine, to look at.
    pub const fn machine_ref(&self) -> &Datagrams {
        &self.machine
    }

    /// The clock.
    pub const fn clock(&self) -> &C {
        &self.clock
    }

    /// The next event of any peer. Pending wakes `cx` when something may have changed; it never ends.
    ///
    /// Dropping the caller between polls loses nothing: all state is here.
    pub fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<(PeerId, Event)> {
        for _ in 0..BUDGET {
            if let Some(event) = self.machine.poll_event() {
                return Poll::Ready(event);
            }
            if !self.turn(cx, Reading::Always) {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Sends what waits and receives one datagram, without taking events. Says whether anything moved; if not, `cx`
    /// is woken when something may have changed. UDP never needs to read in order to write, so only
    /// [`Reading::Always`] reads.
    pub fn turn(&mut self, cx: &mut Context<'_>, reading: Reading) -> bool {
        let sent = self.send(cx);
        let received = reading == Reading::Always && self.receive(cx);
        let timed = self.poll_timer(cx);
        sent || received || timed
    }

    /// Whether the socket has taken everything that was to be sent.
    pub fn is_flushed(&self) -> bool {
        self.leaving.is_none() && self.machine.pending_bytes() == 0
    }

    /// Gives up what waits to be sent; it is reported undelivered.
    pub fn abort(&mut self) {
        if self.leaving.take().is_some() {
            self.machine.handle_unsent(IoError::new("ECANCELED", "the socket is closed"));
        }
        self.machine.abort();
    }

    fn send(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        while let Some((to, datagram)) = self.leaving.take().or_else(|| self.machine.poll_transmit()) {
            match self.socket.poll_send_to(cx, &datagram, to) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => self.machine.handle_unsent(error),
                Poll::Pending => {
                    self.leaving = Some((to, datagram));
                    return moved;
                }
            }
            moved = true;
        }
        moved
    }

    fn receive(&mut self, cx: &mut Context<'_>) -> bool {
        if self.paused_until.is_some() || !self.machine.wants_read() {
            return false;
        }
        let Poll::Ready(result) = self.socket.poll_recv_from(cx, &mut self.buffer) else { return false };
        let now = self.clock.now();
        match result {
            Ok((len, from)) => self.machine.handle_datagram(now, from, &self.buffer[..len]),
            // Some systems report here that an earlier datagram of ours found no one.
            Err(error) if matches!(error.code(), "ECONNRESET" | "ECONNREFUSED") => {}
            Err(_) => self.paused_until = Some(now.saturating_add(PAUSE)),
        }
        true
    }

    /// Waits for the next point in time that matters. Says whether it has come.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> bool {
        let deadlines = [self.machine.poll_timeout(), self.paused_until];
        let Some(at) = deadlines.into_iter().flatten().min() else { return false };
        if self.clock.poll_until(cx, at).is_pending() {
            return false;
        }
        let now = self.clock.now().max(at);
        self.paused_until.take_if(|until| *until <= now);
        self.machine.handle_timeout(now);
        true
    }
}
