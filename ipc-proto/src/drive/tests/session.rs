//! Transports that hold what they take until they are flushed.

use alloc::{borrow::ToOwned, vec};

use proptest::prelude::*;

use super::*;
use crate::{
    config::SyncLoss,
    event::{Reason, Undelivered},
};

/// A wire behind a session: what it takes leaves when it is flushed, as far as the wire has room.
#[derive(Clone, Default)]
struct Session {
    wire: Wire,
    inner: Rc<RefCell<Inner>>,
}

#[derive(Default)]
struct Inner {
    taken: VecDeque<u8>,
    /// How much it holds at most.
    room: usize,
    most: usize,
    /// It said that it has to wait, and wakes when it need not.
    waits: bool,
    handshake: Option<Result<(), IoError>>,
}

impl Session {
    /// Established; its wire takes `room` bytes.
    fn new(room: usize) -> Self {
        let session = Self { wire: Wire::new(room), inner: Rc::default() };
        session.inner.borrow_mut().room = usize::MAX;
        session.finish(Ok(()));
        session
    }

    fn finish(&self, result: Result<(), IoError>) {
        self.inner.borrow_mut().handshake = Some(result);
    }

    fn give_room(&self, room: usize) {
        self.wire.0.borrow_mut().room = room;
    }
}

impl Transport for Session {
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        self.inner.borrow().handshake.clone().map_or(Poll::Pending, Poll::Ready)
    }

    fn is_session(&self) -> bool {
        true
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<Result<usize, IoError>> {
        self.wire.poll_recv(cx, buffer)
    }

    fn poll_send(&mut self, _cx: &mut Context<'_>, outbox: &mut Outbox) -> Poll<Result<(), IoError>> {
        let mut inner = self.inner.borrow_mut();
        let n = outbox.chunk().len().min(inner.room - inner.taken.len());
        inner.waits = n == 0;
        if n == 0 {
            return Poll::Pending;
        }
        inner.taken.extend(&outbox.chunk()[..n]);
        inner.most = inner.most.max(inner.taken.len());
        outbox.advance(n);
        Poll::Ready(Ok(()))
    }

    fn poll_flush(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        let (mut inner, mut wire) = (self.inner.borrow_mut(), self.wire.0.borrow_mut());
        let n = inner.taken.len().min(wire.room);
        wire.room -= n;
        wire.written.extend(inner.taken.drain(..n));
        inner.waits = !inner.taken.is_empty();
        if inner.waits { Poll::Pending } else { Poll::Ready(Ok(())) }
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        self.wire.poll_shutdown(cx)
    }
}

struct Caller {
    driver: ClientDriver<Phone<Session>, Hand>,
    phone: Phone<Session>,
    hand: Hand,
    time: u64,
}

impl Caller {
    fn new(mut config: Config) -> Self {
        let (phone, hand) = (Phone::default(), Hand::default());
        config.retry.delay = Duration::from_millis(100);
        let driver = ClientDriver::new(Client::new(Arc::new(config)), phone.clone(), hand.clone());
        Self { driver, phone, hand, time: 0 }
    }

    /// Lets the next attempt succeed over `session`.
    fn connect(&mut self, session: &Session) {
        self.time += 100;
        self.hand.set(self.time);
        self.phone.lines.borrow_mut().push_back(Ok(session.clone()));
    }

    fn send(&mut self, name: &str) {
        self.driver.send(Frame::event(name), false).unwrap();
    }

    fn events(&mut self) -> Vec<Event> {
        let waker = Arc::new(Wakes::default()).into();
        let cx = &mut Context::from_waker(&waker);
        let mut events = Vec::new();
        while let Poll::Ready(Some(event)) = self.driver.poll_event(cx) {
            events.push(event);
        }
        events
    }

    fn seen(&mut self) -> Vec<String> {
        drain(&mut self.driver, &Arc::default())
    }
}

fn event(name: &str) -> String {
    alloc::format!("{{\"type\":\"{name}\",\"data\":{{}}}}\x0c")
}

fn lost(events: &[Event]) -> Vec<(Frame, bool)> {
    let lost = |event: &Event| match event {
        Event::Undelivered(Undelivered { frame, maybe_sent }) => Some((frame.clone(), *maybe_sent)),
        _ => None,
    };
    events.iter().filter_map(lost).collect()
}

#[test]
fn a_client_that_has_as_much_again_to_send_goes_on_by_itself() {
    let (mut caller, session) = (Caller::new(Config::default()), Session::new(0));
    caller.connect(&session);
    assert_eq!(caller.seen(), ["connected", "-"]);
    // All frames are equal, so that each window is filled to the byte like the one before.
    let sent: Vec<_> = (10..42).map(|n| Frame::encode("n", &(n, "x".repeat(16 << 10))).unwrap()).collect();
    let total: usize = sent.iter().map(|frame| frame.len() + 1).sum();
    for frame in sent {
        caller.driver.send(frame, false).unwrap();
    }
    let waker = Arc::new(Wakes::default()).into();
    while caller.driver.turn(&mut Context::from_waker(&waker), Reading::WhenStuck) {}
    assert!(caller.driver.pending_bytes() > WINDOW, "the wire takes nothing yet");
    session.give_room(usize::MAX);
    // One wake-up, as a wire gives it.
    while caller.driver.turn(&mut Context::from_waker(&waker), Reading::WhenStuck) {}
    assert_eq!((session.wire.0.borrow().written.len(), caller.driver.pending_bytes()), (total, 0));
}

#[test]
fn what_was_in_the_session_at_a_cut_is_reported_and_the_rest_sent_again() {
    let mut caller = Caller::new(Config::default());
    let cut = Session::new(0);
    // Room for the first frame and a part of the second.
    cut.inner.borrow_mut().room = event("a").len() + 3;
    for name in ["a", "b", "c"] {
        caller.send(name);
    }
    caller.connect(&cut);
    assert_eq!(caller.seen(), ["connected", "-"]);
    cut.wire.feed(b"");
    let events = caller.events();
    assert_eq!(lost(&events), [(Frame::event("a"), true), (Frame::event("b"), true)]);
    assert!(matches!(events.last(), Some(Event::Disconnected { reason: Reason::Peer, retry_in: Some(_), .. })));

    let again = Session::new(usize::MAX);
    caller.connect(&again);
    assert_eq!(caller.seen(), ["connected", "-"]);
    assert_eq!(again.wire.written(), event("c"));
}

#[test]
fn what_was_flushed_is_not_reported() {
    let mut caller = Caller::new(Config::default());
    let session = Session::new(usize::MAX);
    caller.connect(&session);
    caller.send("a");
    assert_eq!(caller.seen(), ["connected", "-"]);
    session.give_room(0);
    caller.send("b");
    assert_eq!(caller.seen(), ["-"]);
    session.wire.fail("ECONNRESET");
    assert_eq!(lost(&caller.events()), [(Frame::event("b"), true)]);
    assert_eq!(session.wire.written(), event("a"));
}

#[test]
fn a_ticket_waits_for_the_flush() {
    let session = Session::new(0);
    let conn = Connection::new(Arc::new(Config::default()), Side::Server);
    let mut driver = Driver::new(conn, session.clone(), Hand::default());
    let ticket = driver.send(Frame::event("a"), true).unwrap().unwrap();
    assert_eq!(drain(&mut driver, &Arc::default()), ["connected", "-"]);
    assert_eq!((driver.poll_outcome(), driver.pending_bytes()), (None, event("a").len()));
    session.give_room(5);
    assert_eq!(drain(&mut driver, &Arc::default()), ["-"]);
    assert_eq!(driver.poll_outcome(), None);
    session.give_room(100);
    assert_eq!(drain(&mut driver, &Arc::default()), ["-"]);
    assert_eq!((driver.poll_outcome(), driver.pending_bytes()), (Some((ticket, Outcome::Flushed)), 0));
}

#[test]
fn a_server_answers_a_peer_that_has_ended_through_the_session() {
    let session = Session::new(0);
    let conn = Connection::new(Arc::new(Config::default()), Side::Server);
    let mut driver = Driver::new(conn, session.clone(), Hand::default());
    driver.conn().emit_type("a").unwrap();
    session.wire.feed(b"");
    assert_eq!(drain(&mut driver, &Arc::default()), ["connected", "-"]);
    session.give_room(100);
    assert_eq!(drain(&mut driver, &Arc::default()), ["Peer", "."]);
    assert_eq!(session.wire.written(), event("a"));
}

#[test]
fn a_session_holds_no_more_than_a_window_however_long_the_queue() {
    let session = Session::new(usize::MAX);
    let conn = Connection::new(Arc::new(Config::default()), Side::Server);
    let mut driver = Driver::new(conn, session.clone(), Hand::default());
    let frame = Frame::encode("x", &"y".repeat(1000)).unwrap();
    for _ in 0..1000 {
        driver.conn().send(frame.clone()).unwrap();
    }
    assert_eq!(drain(&mut driver, &Arc::default()), ["connected", "writable", "-"]);
    assert_eq!(session.wire.written().len(), 1000 * (frame.len() + 1));
    assert!(session.inner.borrow().most < 2 * WINDOW + 2 * frame.len());
}

#[test]
fn sync_resends_what_was_in_the_session_only_if_told_to() {
    for (loss, reported, resent) in
        [(SyncLoss::Report, vec![(Frame::event("a"), true)], "b"), (SyncLoss::Resend, vec![], "a")]
    {
        let mut caller = Caller::new(Config::default().sync(true).sync_loss(loss));
        let cut = Session::new(0);
        caller.connect(&cut);
        caller.send("a");
        caller.send("b");
        assert_eq!(caller.seen(), ["connected", "-"]);
        cut.wire.feed(b"");
        assert_eq!(lost(&caller.events()), reported);
        let again = Session::new(usize::MAX);
        caller.connect(&again);
        assert_eq!(caller.seen(), ["connected", "-"]);
        assert_eq!(again.wire.written(), event(resent));
    }
}

#[test]
fn a_greeting_in_a_session_is_nobodys_loss() {
    let mut caller = Caller::new(Config::default().on_connect("join", "me").unwrap());
    let cut = Session::new(0);
    caller.connect(&cut);
    assert_eq!(caller.seen(), ["connected", "-"]);
    cut.wire.feed(b"");
    assert!(lost(&caller.events()).is_empty());
}

#[test]
fn only_a_byte_received_refills_the_retries_of_a_session() {
    let mut caller = Caller::new(Config::default().retry(Retry::never().max(2)));
    let refuse = |caller: &mut Caller, hello: &[u8]| {
        let session = Session::new(usize::MAX);
        caller.connect(&session);
        assert_eq!(caller.seen(), ["connected", "-"]);
        if !hello.is_empty() {
            session.wire.feed(hello);
            caller.seen();
        }
        session.wire.fail("ERR_SSL_ALERT");
        caller.seen()
    };
    assert_eq!(refuse(&mut caller, b""), ["ERR_SSL_ALERT", "Io", "-"]);
    assert_eq!(refuse(&mut caller, b""), ["ERR_SSL_ALERT", "Io", "-"]);
    assert_eq!(refuse(&mut caller, A), ["ERR_SSL_ALERT", "Io", "-"]);
    assert_eq!(refuse(&mut caller, b""), ["ERR_SSL_ALERT", "Io", "-"]);
    assert_eq!(refuse(&mut caller, b" "), ["ERR_SSL_ALERT", "Io", "-"]);
    assert_eq!(refuse(&mut caller, b""), ["ERR_SSL_ALERT", "Io", "-"]);
    assert_eq!(refuse(&mut caller, b""), ["ERR_SSL_ALERT", "Io", "destroyed", "."]);
}

#[test]
fn a_session_that_is_refused_was_never_connected() {
    let session = Session::default();
    let conn = Connection::new(Arc::new(Config::default()), Side::Server);
    let mut driver = Driver::new(conn, session.clone(), Hand::default());
    driver.conn().emit_type("a").unwrap();
    assert_eq!(drain(&mut driver, &Arc::default()), ["-"]);
    session.finish(Err(IoError::new("CERT_HAS_EXPIRED", "expired")));
    assert_eq!(drain(&mut driver, &Arc::default()), ["CERT_HAS_EXPIRED", "undelivered", "Refused", "."]);
    assert_eq!(driver.stats().connects, 0);
    assert_eq!(session.wire.0.borrow().reads, 0);
}

#[test]
fn a_session_that_is_closed_early_was_never_connected() {
    let session = Session::default();
    let conn = Connection::new(Arc::new(Config::default()), Side::Server);
    let mut driver = Driver::new(conn, session, Hand::default());
    assert_eq!(drain(&mut driver, &Arc::default()), ["-"]);
    driver.end(End::Drained);
    assert_eq!(drain(&mut driver, &Arc::default()), ["Local", "."]);
}

#[test]
fn a_peer_that_says_why_is_heard_over_a_broken_pipe() {
    struct Broken(Session);

    impl Transport for Broken {
        fn is_session(&self) -> bool {
            true
        }
        fn poll_recv(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<Result<usize, IoError>> {
            self.0.poll_recv(cx, buffer)
        }
        fn poll_send(&mut self, cx: &mut Context<'_>, outbox: &mut Outbox) -> Poll<Result<(), IoError>> {
            self.0.wire.poll_send(cx, outbox)
        }
        fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
            self.0.poll_shutdown(cx)
        }
    }

    let session = Session::new(0);
    session.wire.0.borrow_mut().broken = true;
    session.wire.fail("ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED");
    let conn = Connection::new(Arc::new(Config::default()), Side::Server);
    let mut driver = Driver::new(conn, Broken(session), Hand::default());
    driver.conn().emit_type("a").unwrap();
    let seen = drain(&mut driver, &Arc::default());
    assert_eq!(seen, ["connected", "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "undelivered", "Io", "."]);
}

#[derive(Clone, Debug)]
enum Op {
    Emit(usize),
    Room(usize),
    Hold(usize),
    Cut,
}

fn amount() -> impl Strategy<Value = usize> {
    prop_oneof![2 => 0_usize..60, 1 => 0_usize..4 * WINDOW]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => prop_oneof![2 => Just(0), 1 => Just(WINDOW / 4), 1 => 0..2 * WINDOW].prop_map(Op::Emit),
        2 => amount().prop_map(Op::Room),
        2 => amount().prop_map(Op::Hold),
        1 => Just(Op::Cut),
    ]
}

/// The whole frames that a peer got, by name.
fn received(session: &Session) -> Vec<String> {
    let written = session.wire.written();
    let whole = written.rfind('\x0c').map_or("", |end| &written[..=end]);
    whole.split_terminator('\x0c').map(|text| text.split('"').nth(3).unwrap().to_owned()).collect()
}

proptest! {
    /// Every frame arrives, or is reported, and never twice; one that arrived may be reported as doubtful.
    #[test]
    fn nothing_is_lost_unreported_and_nothing_sent_twice(ops in proptest::collection::vec(op(), 1..60)) {
        let mut caller = Caller::new(Config::default());
        let mut session = Session::new(0);
        caller.connect(&session);
        let (mut sent, mut arrived, mut events) = (Vec::new(), Vec::new(), Vec::new());
        for op in ops.into_iter().chain([Op::Cut, Op::Hold(usize::MAX / 2), Op::Room(usize::MAX / 2)]) {
            match op {
                Op::Emit(len) => {
                    let frame = Frame::encode(&sent.len().to_string(), &"x".repeat(len)).unwrap();
                    if caller.driver.send(frame.clone(), false).is_ok() {
                        sent.push(frame);
                    }
                }
                Op::Room(more) => session.wire.0.borrow_mut().room += more,
                Op::Hold(room) => {
                    let mut inner = session.inner.borrow_mut();
                    inner.room = room.max(inner.taken.len());
                }
                Op::Cut => {
                    session.wire.feed(b"");
                    events.extend(caller.events());
                    arrived.extend(received(&session));
                    session = Session::new(0);
                    caller.connect(&session);
                }
            }
            events.extend(caller.events());
            // Nothing else would ever wake it.
            prop_assert!(caller.driver.pending_bytes() == 0 || session.inner.borrow().waits, "it rests, and none waits");
        }
        arrived.extend(received(&session));

        let mut numbers: Vec<usize> = arrived.iter().map(|name| name.parse().unwrap()).collect();
        prop_assert!(numbers.is_sorted(), "{numbers:?}");
        numbers.dedup();
        prop_assert_eq!(numbers.len(), arrived.len(), "none twice");
        let lost = lost(&events);
        prop_assert!(lost.iter().all(|(_, maybe_sent)| *maybe_sent));
        for (n, sent) in sent.iter().enumerate() {
            let reported = lost.iter().filter(|(frame, _)| frame == sent).count();
            prop_assert!(reported <= 1);
            prop_assert!(reported == 1 || numbers.contains(&n), "{n} is lost");
        }
    }
}

#[cfg(feature = "facade")]
#[test]
fn nothing_goes_past_the_outbox_into_a_session() {
    let conn = Connection::new(Arc::new(Config::default()), Side::Server);
    let mut driver = Driver::new(conn, Session::new(usize::MAX), Hand::default());
    drain(&mut driver, &Arc::default());
    let frame = Frame::event("m");
    let mut laid = crate::outbox::Laid::new(frame.as_bytes(), b"\x0c");
    let cx = &mut Context::from_waker(core::task::Waker::noop());
    assert_eq!(driver.send_laid(cx, &frame, &mut laid), None);
}
