//! The task, on a wire that never runs dry and with somebody who takes everything.

use alloc::format;
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
    error::IoError,
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
