//! The loop, once, over a transport in memory and a clock that stands still.

use alloc::{
    collections::VecDeque,
    rc::Rc,
    string::{String, ToString},
    task::Wake,
    vec::Vec,
};
use core::{
    cell::RefCell,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use super::*;
use crate::{
    config::{Config, Retry},
    connection::Side,
    outbox::Pressure,
};

#[cfg(feature = "facade")]
mod laid;
mod session;

/// One end of a wire whose other end is the test.
#[derive(Clone, Default)]
struct Wire(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    /// What reads will give: bytes, the end, or a failure.
    input: VecDeque<Result<Vec<u8>, IoError>>,
    written: Vec<u8>,
    /// How many bytes writes will take; then they are pending.
    room: usize,
    broken: bool,
    /// What the first write that fails says, and a flush that does.
    first_failure: Option<&'static str>,
    unflushable: bool,
    shut: bool,
    reads: usize,
}

impl Wire {
    fn new(room: usize) -> Self {
        let wire = Self::default();
        wire.0.borrow_mut().room = room;
        wire
    }

    fn feed(&self, bytes: &[u8]) {
        self.0.borrow_mut().input.push_back(Ok(bytes.to_vec()));
    }

    fn fail(&self, code: &'static str) {
        self.0.borrow_mut().input.push_back(Err(IoError::new(code, code)));
    }

    fn written(&self) -> String {
        String::from_utf8(core::mem::take(&mut self.0.borrow_mut().written)).unwrap()
    }
}

impl Transport for Wire {
    fn poll_recv(&mut self, _cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<Result<usize, IoError>> {
        let mut state = self.0.borrow_mut();
        state.reads += 1;
        match state.input.pop_front() {
            Some(Ok(bytes)) => {
                buffer.extend_from_slice(&bytes);
                Poll::Ready(Ok(bytes.len()))
            }
            Some(Err(error)) => Poll::Ready(Err(error)),
            None => Poll::Pending,
        }
    }

    fn poll_send(&mut self, _cx: &mut Context<'_>, outbox: &mut Outbox) -> Poll<Result<(), IoError>> {
        assert!(outbox.has_remaining(), "asked to write nothing");
        let mut state = self.0.borrow_mut();
        if state.broken {
            return Poll::Ready(Err(IoError::new(state.first_failure.take().unwrap_or("EPIPE"), "broken")));
        }
        let n = outbox.chunk().len().min(state.room);
        if n == 0 {
            return Poll::Pending;
        }
        state.room -= n;
        state.written.extend_from_slice(&outbox.chunk()[..n]);
        outbox.advance(n);
        Poll::Ready(Ok(()))
    }

    fn poll_flush(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        let failed = self.0.borrow().unflushable;
        Poll::Ready(if failed { Err(IoError::new("EIO", "not flushed")) } else { Ok(()) })
    }

    fn poll_shutdown(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        self.0.borrow_mut().shut = true;
        Poll::Ready(Ok(()))
    }
}

/// A clock that the test sets, and the point that was last waited for.
#[derive(Clone, Default)]
struct Hand(Rc<RefCell<(Timestamp, Option<Timestamp>)>>);

impl Hand {
    fn set(&self, millis: u64) {
        self.0.borrow_mut().0 = Timestamp::from_millis(millis);
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        self.0.borrow().0
    }

    fn poll_until(&mut self, _cx: &mut Context<'_>, at: Timestamp) -> Poll<()> {
        let mut state = self.0.borrow_mut();
        state.1 = Some(at);
        if state.0 >= at { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Dials what the test has prepared.
#[derive(Clone, Default)]
struct Phone<T = Wire> {
    lines: Rc<RefCell<VecDeque<Result<T, IoError>>>>,
    starts: Rc<RefCell<usize>>,
}

impl<T: Transport> Dial for Phone<T> {
    type Io = T;

    fn start(&mut self) {
        *self.starts.borrow_mut() += 1;
    }

    fn cancel(&mut self) {}

    fn poll_dial(&mut self, _cx: &mut Context<'_>) -> Poll<Result<T, IoError>> {
        self.lines.borrow_mut().pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Takes events until there are none: `-` at the end is pending, `.` is the end of the stream.
fn drain(driver: &mut impl Drive, wakes: &Arc<Wakes>) -> Vec<String> {
    let waker = Arc::clone(wakes).into();
    let cx = &mut Context::from_waker(&waker);
    let mut seen = Vec::new();
    loop {
        match driver.poll_event(cx) {
            Poll::Ready(Some(Event::Message(message))) => seen.push(message.name().to_string()),
            Poll::Ready(Some(Event::Connected)) => seen.push("connected".into()),
            Poll::Ready(Some(Event::Error(error))) => seen.push(error.code().into()),
            Poll::Ready(Some(Event::Disconnected { reason, .. })) => seen.push(alloc::format!("{reason:?}")),
            Poll::Ready(Some(Event::Undelivered(_))) => seen.push("undelivered".into()),
            Poll::Ready(Some(other)) => seen.push(alloc::format!("{other:?}").to_lowercase()),
            Poll::Ready(None) => {
                seen.push(".".into());
                return seen;
            }
            Poll::Pending => {
                seen.push("-".into());
                return seen;
            }
        }
    }
}

fn server(wire: &Wire, config: Config) -> Driver<Wire, Hand> {
    let conn = Connection::new(Arc::new(config), Side::Server);
    Driver::new(conn, wire.clone(), Hand::default())
}

const A: &[u8] = b"{\"type\":\"a\"}\x0c";

#[test]
fn events_come_first_and_answers_leave_together() {
    let wire = Wire::new(usize::MAX);
    let mut driver = server(&wire, Config::default());
    let wakes: Arc<Wakes> = Arc::default();
    wire.feed(&[A, A].concat());
    let waker = Arc::clone(&wakes).into();
    let cx = &mut Context::from_waker(&waker);
    for _ in 0..3 {
        if let Poll::Ready(Some(Event::Message(message))) = driver.poll_event(cx) {
            driver.conn().relay(&message).unwrap();
        }
        assert_eq!(wire.0.borrow().written.len(), 0);
    }
    assert!(driver.poll_event(cx).is_pending());
    assert_eq!(wire.written(), "{\"type\":\"a\"}\x0c".repeat(2));
}

#[test]
fn reading_goes_on_while_writing_is_stuck() {
    let wire = Wire::new(0);
    let mut driver = server(&wire, Config::default());
    let wakes: Arc<Wakes> = Arc::default();
    driver.conn().emit("x", "y").unwrap();
    wire.feed(A);
    assert_eq!(drain(&mut driver, &wakes), ["connected", "a", "-"]);
    wire.feed(A);
    let waker = Arc::clone(&wakes).into();
    let cx = &mut Context::from_waker(&waker);
    let reads = wire.0.borrow().reads;
    assert!(!driver.turn(cx, Reading::Never));
    assert_eq!(wire.0.borrow().reads, reads);
    assert!(driver.turn(cx, Reading::WhenStuck));
    wire.0.borrow_mut().room = 1000;
    assert!(driver.turn(cx, Reading::WhenStuck));
    assert_eq!(wire.written(), "{\"type\":\"x\",\"data\":\"y\"}\x0c");
    assert_eq!(drain(&mut driver, &wakes), ["a", "-"]);
}

#[test]
fn what_arrived_before_a_broken_pipe_is_heard() {
    let wire = Wire::new(0);
    let mut driver = server(&wire, Config::default());
    driver.conn().emit("x", "y").unwrap();
    wire.0.borrow_mut().broken = true;
    wire.feed(A);
    wire.feed(A);
    let expected = ["connected", "a", "a", "EPIPE", "undelivered", "Io", "."];
    assert_eq!(drain(&mut driver, &Arc::default()), expected);
}

#[test]
fn the_end_of_a_peer_is_the_end_of_the_stream() {
    let wire = Wire::new(usize::MAX);
    let mut driver = server(&wire, Config::default());
    wire.feed(A);
    wire.feed(b"");
    assert_eq!(drain(&mut driver, &Arc::default()), ["connected", "a", "Peer", "."]);
    wire.fail("ECONNRESET");
    assert_eq!(drain(&mut driver, &Arc::default()), ["."]);
}

#[test]
fn a_peer_that_hung_up_is_not_written_to_until_the_drain_is_over() {
    let wire = Wire::new(usize::MAX);
    let mut driver = server(&wire, Config::default());
    driver.conn().emit("x", "y").unwrap();
    wire.feed(A);
    wire.feed(b"");
    wire.0.borrow_mut().room = 0;
    assert_eq!(drain(&mut driver, &Arc::default()), ["connected", "a", "-"], "it may still read");
    wire.0.borrow_mut().broken = true;
    // Where there is no room for events, turns come to an end as well.
    let waker = Arc::<Wakes>::default().into();
    let cx = &mut Context::from_waker(&waker);
    assert!(driver.turn(cx, Reading::WhenStuck));
    assert!(!driver.turn(cx, Reading::WhenStuck));
    assert_eq!(drain(&mut driver, &Arc::default()), ["EPIPE", "undelivered", "Io", "."]);
}

#[test]
fn a_busy_peer_does_not_starve_the_others() {
    let wire = Wire::new(usize::MAX);
    let mut driver = server(&wire, Config::default());
    let wakes: Arc<Wakes> = Arc::default();
    for _ in 0..BUDGET * 2 {
        wire.feed(b" ");
    }
    assert_eq!(drain(&mut driver, &wakes), ["connected", "-"]);
    assert!(!wire.0.borrow().input.is_empty());
    assert_eq!(wakes.0.load(Ordering::Relaxed), 1, "it has to be polled again");
    while !wire.0.borrow().input.is_empty() {
        assert_eq!(drain(&mut driver, &wakes), ["-"]);
    }
}

#[test]
fn an_idle_connection_asks_for_no_timer_and_no_wake_up() {
    let wire = Wire::new(usize::MAX);
    let mut driver = server(&wire, Config::default());
    let wakes: Arc<Wakes> = Arc::default();
    wire.feed(A);
    assert_eq!(drain(&mut driver, &wakes), ["connected", "a", "-"]);
    let hand = Hand::default();
    let conn = Connection::new(Arc::new(Config::default()), Side::Server);
    let mut idle = Driver::new(conn, Wire::new(0), hand.clone());
    assert_eq!(drain(&mut idle, &wakes), ["connected", "-"]);
    assert_eq!(hand.0.borrow().1, None);
    assert_eq!(wakes.0.load(Ordering::Relaxed), 0);
}

#[test]
fn a_close_flushes_then_shuts_then_waits_for_the_peer() {
    let wire = Wire::new(0);
    let hand = Hand::default();
    let conn = Connection::new(Arc::new(Config::default()), Side::Server);
    let mut driver = Driver::new(conn, wire.clone(), hand.clone());
    driver.conn().emit("x", &1).unwrap();
    driver.end(End::Drained);
    assert_eq!(drain(&mut driver, &Arc::default()), ["connected", "-"]);
    assert!(!wire.0.borrow().shut);
    wire.0.borrow_mut().room = 1000;
    assert_eq!(drain(&mut driver, &Arc::default()), ["-"]);
    assert!(wire.0.borrow().shut);
    wire.feed(A);
    wire.feed(b"");
    assert_eq!(drain(&mut driver, &Arc::default()), ["a", "Local", "."]);
    assert_eq!(hand.0.borrow().1, Some(Timestamp::from_millis(10_000)));
}

#[test]
fn a_client_dials_retries_and_stops() {
    let phone = Phone::<Wire>::default();
    let hand = Hand::default();
    let config = Config::default().retry(Retry::every(Duration::from_millis(100)));
    let mut driver = ClientDriver::new(Client::new(Arc::new(config)), phone.clone(), hand.clone());
    let wakes: Arc<Wakes> = Arc::default();
    driver.send(Frame::event("early"), false).unwrap();
    assert_eq!(drain(&mut driver, &wakes), ["-"]);

    phone.lines.borrow_mut().push_back(Err(IoError::new("ENOENT", "none")));
    assert_eq!(drain(&mut driver, &wakes), ["ENOENT", "Refused", "-"]);
    hand.set(99);
    assert_eq!(drain(&mut driver, &wakes), ["-"]);
    assert_eq!(*phone.starts.borrow(), 1);

    let wire = Wire::new(5);
    phone.lines.borrow_mut().push_back(Ok(wire.clone()));
    hand.set(100);
    assert_eq!(drain(&mut driver, &wakes), ["connected", "-"]);
    wire.feed(b"");
    assert_eq!(drain(&mut driver, &wakes), ["Peer", "-"]);

    let again = Wire::new(usize::MAX);
    phone.lines.borrow_mut().push_back(Ok(again.clone()));
    hand.set(200);
    assert_eq!(drain(&mut driver, &wakes), ["connected", "-"]);
    assert_eq!(again.written(), "{\"type\":\"early\",\"data\":{}}\x0c", "whole, though five bytes had left");
    driver.end(End::Disconnect);
    assert_eq!(drain(&mut driver, &wakes), ["-"]);
    assert!(again.0.borrow().shut);
    again.feed(b"");
    assert_eq!(drain(&mut driver, &wakes), ["Local", "destroyed", "."]);
    assert_eq!(*phone.starts.borrow(), 3);
}

#[test]
fn a_peer_that_never_reads_costs_no_more_than_the_limit() {
    let wire = Wire::new(0);
    let config = Config::default().max_message_size(1 << 20).max_pending_bytes(Pressure::HIGH_MARK);
    let mut driver = server(&wire, config);
    let waker = Arc::new(Wakes::default()).into();
    let cx = &mut Context::from_waker(&waker);
    while driver.conn().emit("x", "0123456789").is_ok() {}
    let frame = [b"{\"type\":\"m\",\"data\":\"", &[b'x'; 60_000][..], b"\"}\x0c"].concat();
    for _ in 0..100 {
        wire.feed(&frame);
    }
    while driver.turn(cx, Reading::WhenStuck) {}
    assert!(driver.is_stalled());
    assert!(driver.held_bytes() <= (1 << 20) + 2 * frame.len() + Pressure::HIGH_MARK);
}

/// An emit may wait for room where the end has come: soon there will be another connection, or an error.
#[test]
fn a_client_whose_peer_has_ended_is_not_stalled() {
    let (phone, hand) = (Phone::default(), Hand::default());
    let mut driver = ClientDriver::new(Client::new(Arc::new(Config::default())), phone.clone(), hand.clone());
    let wire = Wire::new(5);
    phone.lines.borrow_mut().push_back(Ok(wire.clone()));
    assert_eq!(drain(&mut driver, &Arc::default()), ["connected", "-"]);
    driver.send(Frame::event("late"), false).unwrap();
    wire.feed(A);
    wire.feed(b"");
    let waker = Arc::new(Wakes::default()).into();
    while driver.turn(&mut Context::from_waker(&waker), Reading::WhenStuck) {}
    assert!(!driver.client_ref().wants_read() && driver.pending_bytes() > 0);
    assert!(!driver.is_stalled());
}
