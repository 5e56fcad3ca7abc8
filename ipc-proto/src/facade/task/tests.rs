//! The task, on a wire that never runs dry or is cut, and with somebody who takes everything or little.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};
use core::{
    sync::atomic::{AtomicUsize, Ordering},
    task::Waker,
};

use bytes::BytesMut;

use super::*;
use crate::{
    client::Client,
    config::Config,
    connection::{Connection, Side},
    drive::{ClientDriver, Clock, Dial, Driver, Transport},
    error::{EmitError, IoError},
    frame::Frame,
    outbox::Outbox,
    time::Timestamp,
};

/// A peer that always has another frame.
struct Endless(&'static [u8]);

impl Transport for Endless {
    fn poll_recv(&mut self, _: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<Result<usize, IoError>> {
        buffer.extend_from_slice(self.0);
        Poll::Ready(Ok(self.0.len()))
    }

    fn poll_send(&mut self, _: &mut Context<'_>, _: &mut Outbox) -> Poll<Result<(), IoError>> {
        Poll::Pending
    }

    fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        Poll::Pending
    }
}

/// Counts how often others were let in.
struct Turns(Arc<AtomicUsize>);

impl Clock for Turns {
    fn now(&self) -> Timestamp {
        Timestamp::default()
    }

    fn poll_until(&mut self, _: &mut Context<'_>, _: Timestamp) -> Poll<()> {
        Poll::Pending
    }

    fn yield_now(&mut self, _: &mut Context<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counts what it takes.
struct Sink(Arc<AtomicUsize>);

impl Outlet for Sink {
    fn poll_room(&mut self, _: &Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn take<D: Drive>(&mut self, event: &mut Option<Event>, _: &mut D) {
        if let Some(Event::Message(_)) = event {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// How many messages each of three polls takes, and how often others were let in.
fn taken_by_polls(frame: &'static [u8]) -> ([usize; 3], usize) {
    let (turns, taken) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let config = Arc::new(Config::default());
    let conn = Connection::new(Arc::clone(&config), Side::Server);
    let driver = Driver::new(conn, Endless(frame), Turns(Arc::clone(&turns)));
    let mut task = ConnectionTask::new(driver, Line::for_peer(config), Sink(Arc::clone(&taken)));
    let mut cx = Context::from_waker(Waker::noop());
    let polls = [(); 3].map(|()| {
        assert!(Pin::new(&mut task).poll(&mut cx).is_pending());
        taken.swap(0, Ordering::Relaxed)
    });
    (polls, turns.load(Ordering::Relaxed))
}

#[test]
fn a_peer_that_never_stops_has_its_share_of_each_poll() {
    // The first poll also takes the event of the connection itself.
    assert_eq!(taken_by_polls(b"{\"type\":\"m\"}\x0c"), ([SHARE - 1, SHARE, SHARE], 3));
}

#[test]
fn large_data_counts_for_more() {
    let frame = format!("{{\"type\":\"m\",\"data\":\"{}\"}}\x0c", "x".repeat(15 << 10));
    let (polls, turns) = taken_by_polls(frame.leak().as_bytes());
    assert_eq!(turns, 3);
    let most = SHARE * DATA_PER_EVENT / (15 << 10) + 1;
    assert!(polls.iter().all(|taken| (1..=most).contains(taken)), "{polls:?} and not {most}");
}

/// There is nobody.
struct Nobody;

impl Dial for Nobody {
    type Io = Endless;

    fn start(&mut self) {}

    fn cancel(&mut self) {}

    fn poll_dial(&mut self, _: &mut Context<'_>) -> Poll<Result<Endless, IoError>> {
        Poll::Pending
    }
}

#[test]
fn a_disconnect_waits_for_no_connection_whatever_waits() {
    let frame = Frame::event("m");
    let config = Arc::new(Config::default().max_pending_bytes(frame.len()));
    let driver = ClientDriver::new(Client::new(Arc::clone(&config)), Nobody, Turns(Arc::default()));
    let line = Line::new(config);
    let mut task = ConnectionTask::new(driver, Arc::clone(&line), Sink(Arc::default()));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(line.post(frame.clone().into()).is_ok());
    // As when a lost connection gives back more than there is room for.
    task.work.backlog.add([frame.into()].into());
    assert!(Pin::new(&mut task).poll(&mut cx).is_pending());
    assert_eq!(task.work.backlog.len(), 1);
    line.end(End::Disconnect);
    assert!(Pin::new(&mut task).poll(&mut cx).is_ready());
}

/// A peer that is gone, and whose reset has come.
struct Gone;

impl Transport for Gone {
    fn poll_recv(&mut self, _: &mut Context<'_>, _: &mut BytesMut) -> Poll<Result<usize, IoError>> {
        Poll::Ready(Err(IoError::new("ECONNRESET", "reset")))
    }

    fn poll_send(&mut self, _: &mut Context<'_>, _: &mut Outbox) -> Poll<Result<(), IoError>> {
        Poll::Pending
    }

    fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        Poll::Pending
    }
}

/// Notes what it takes, as far as it has room.
#[derive(Clone, Default)]
struct Narrow {
    room: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Outlet for Narrow {
    fn poll_room(&mut self, _: &Context<'_>) -> Poll<()> {
        if self.room.load(Ordering::Relaxed) > 0 { Poll::Ready(()) } else { Poll::Pending }
    }

    fn take<D: Drive>(&mut self, event: &mut Option<Event>, _: &mut D) {
        let seen = match event {
            Some(Event::Undelivered(lost)) => lost.frame.message().unwrap().name().to_owned(),
            event => format!("{event:?}").chars().take_while(|c| *c != ' ' && *c != '{').collect(),
        };
        lock(&self.seen).push(seen);
        let left = self.room.load(Ordering::Relaxed).saturating_sub(1);
        self.room.store(left, Ordering::Relaxed);
    }
}

#[test]
fn what_comes_too_late_for_the_machine_is_given_back_in_its_turn() {
    let config = Arc::new(Config::default());
    let conn = Connection::new(Arc::clone(&config), Side::Server);
    let driver = Driver::new(conn, Gone, Turns(Arc::default()));
    let (line, outlet) = (Line::for_peer(config), Narrow::default());
    let mut task = ConnectionTask::new(driver, Arc::clone(&line), outlet.clone());
    let mut poll = |names: &[&str], room| {
        names.iter().for_each(|name| assert!(line.post(Frame::event(name).into()).is_ok()));
        outlet.room.store(room, Ordering::Relaxed);
        Pin::new(&mut task).poll(&mut Context::from_waker(Waker::noop()))
    };
    assert!(poll(&["a", "b", "c"], 3).is_pending());
    assert!(poll(&["d"], 1).is_pending());
    assert!(poll(&["e"], 100).is_ready());
    let seen = lock(&outlet.seen).join(" ");
    assert_eq!(seen, "Some(Connected) Some(Error(Io(IoError a b c d e Some(Disconnected");
    assert!(matches!(line.post(Frame::event("f").into()), Err(EmitError::Closed(_))));
}
