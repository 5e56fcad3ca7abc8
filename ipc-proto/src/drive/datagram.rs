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
        self.yield_now(cx);
        Poll::Pending
    }

    /// Lets others in before `cx` is woken, as [`Clock::yield_now`].
    pub fn yield_now(&mut self, cx: &mut Context<'_>) {
        self.clock.yield_now(cx);
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

#[cfg(test)]
mod tests {
    use alloc::{collections::VecDeque, string::String, sync::Arc};
    use core::task::Waker;

    use super::*;
    use crate::{config::Config, frame::Frame};

    /// A socket whose answers are written down beforehand.
    #[derive(Default)]
    struct Script {
        receives: VecDeque<Result<&'static [u8], &'static str>>,
        sends: VecDeque<Poll<Result<(), &'static str>>>,
        sent: Vec<usize>,
    }

    fn error(code: &'static str) -> IoError {
        IoError::new(code, "as written")
    }

    impl DatagramSocket for Script {
        fn poll_recv_from(
            &mut self,
            _: &mut Context<'_>,
            buffer: &mut [u8],
        ) -> Poll<Result<(usize, SocketAddr), IoError>> {
            let Some(answer) = self.receives.pop_front() else { return Poll::Pending };
            Poll::Ready(answer.map_err(error).map(|bytes| {
                buffer[..bytes.len()].copy_from_slice(bytes);
                (bytes.len(), self.local_addr())
            }))
        }

        fn poll_send_to(&mut self, _: &mut Context<'_>, datagram: &[u8], _: SocketAddr) -> Poll<Result<(), IoError>> {
            let answer = self.sends.pop_front().unwrap_or(Poll::Ready(Ok(())));
            if answer == Poll::Ready(Ok(())) {
                self.sent.push(datagram.len());
            }
            answer.map_err(error)
        }

        fn local_addr(&self) -> SocketAddr {
            ([127, 0, 0, 1], 9).into()
        }
    }

    #[derive(Default)]
    struct Hand(Timestamp);

    impl Clock for Hand {
        fn now(&self) -> Timestamp {
            self.0
        }

        fn poll_until(&mut self, _: &mut Context<'_>, at: Timestamp) -> Poll<()> {
            if at <= self.0 { Poll::Ready(()) } else { Poll::Pending }
        }
    }

    fn driver(socket: Script) -> DatagramDriver<Script, Hand> {
        DatagramDriver::new(Datagrams::new(Arc::new(Config::default())).unwrap(), socket, Hand::default())
    }

    fn next(driver: &mut DatagramDriver<Script, Hand>) -> Option<String> {
        match driver.poll_event(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready((_, Event::Message(message))) => Some(message.name().into()),
            Poll::Ready((_, Event::Error(error))) => Some(error.code().into()),
            Poll::Ready((_, Event::Undelivered(lost))) => Some(lost.frame.message().unwrap().name().into()),
            Poll::Ready((_, other)) => panic!("{other:?}"),
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_socket_without_room_keeps_the_datagram_and_its_order() {
        let refusals = [Poll::Pending, Poll::Pending, Poll::Ready(Ok(())), Poll::Ready(Err("EHOSTUNREACH"))];
        let mut driver = driver(Script { sends: refusals.into(), ..Script::default() });
        let peer = driver.machine().peer_at(Timestamp::ZERO, ([127, 0, 0, 1], 1).into());
        for name in ["a", "bb", "ccc"] {
            driver.machine().send(peer, Frame::event(name)).unwrap();
        }
        assert_eq!(next(&mut driver), None);
        assert!(driver.socket.sent.is_empty() && !driver.is_flushed());
        assert_eq!(next(&mut driver), None);
        assert_eq!(next(&mut driver).as_deref(), Some("EHOSTUNREACH"));
        assert_eq!(next(&mut driver).as_deref(), Some("bb"));
        assert_eq!(next(&mut driver), None);
        assert_eq!(driver.socket.sent, [23, 25]);
        assert!(driver.is_flushed());

        driver.socket.sends = [Poll::Pending].into();
        driver.machine().send(peer, Frame::event("last")).unwrap();
        assert_eq!(next(&mut driver), None);
        driver.abort();
        assert_eq!(next(&mut driver).as_deref(), Some("ECANCELED"));
        assert_eq!(next(&mut driver).as_deref(), Some("last"));
        assert!(driver.is_flushed());
    }

    #[test]
    fn a_failed_receive_pauses_unless_it_is_about_a_datagram_of_ours() {
        let message = b"{\"type\":\"m\",\"data\":1}\x0c";
        let receives = [Err("ECONNRESET"), Ok(&message[..]), Err("ENOBUFS"), Ok(&message[..])];
        let mut driver = driver(Script { receives: receives.into(), ..Script::default() });
        assert_eq!(next(&mut driver).as_deref(), Some("m"));
        assert_eq!(next(&mut driver), None);
        assert_eq!(next(&mut driver), None);
        driver.clock.0 = Timestamp::ZERO.saturating_add(PAUSE);
        assert_eq!(next(&mut driver).as_deref(), Some("m"));
        assert_eq!(next(&mut driver), None);
    }
}
