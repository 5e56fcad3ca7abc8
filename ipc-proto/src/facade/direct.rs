//! Writing right where a frame is given, past the connection's task.
//!
//! What many peers are told at once would cost each of them a turn of its task, most of it spent on memory that no cache
//! holds. A peer to whom nothing else is on its way is written to at once instead, and its task need not know.

use alloc::sync::Arc;
use core::{
    fmt,
    task::{Context, Waker},
    time::Duration,
};
use std::sync::{Mutex, TryLockError};

use super::lock;
use crate::{
    drive::{Clock, Drive, Driver, Reading, Transport},
    event::Stats,
    frame::Frame,
    outbox::{Laid, Pressure},
    rules,
    time::Timestamp,
};

/// How things stand on a connection.
#[derive(Clone, Copy)]
pub(super) struct Report {
    pub(super) pending: usize,
    pub(super) stalled: bool,
    pub(super) stats: Stats,
}

impl Report {
    pub(super) fn of(driver: &impl Drive) -> Self {
        Self { pending: driver.pending_bytes(), stalled: driver.is_stalled(), stats: driver.stats() }
    }
}

/// A frame for many peers, one that may be sent.
pub(super) struct ToMany {
    pub(super) frame: Frame,
    /// Once somebody is written to directly.
    laid: Option<Laid>,
}

impl From<Frame> for ToMany {
    fn from(frame: Frame) -> Self {
        Self { frame, laid: None }
    }
}

/// The way to a connection past its task.
#[derive(Clone)]
pub(super) struct Way(Arc<dyn Direct>);

impl Way {
    pub(super) fn to<T, C>(driver: &Arc<Mutex<Driver<T, C>>>) -> Self
    where
        T: Transport + Send + 'static,
        C: Clock + Send + 'static,
    {
        Self(Arc::clone(driver) as _)
    }

    /// Writes the frame, or as much of it as can be written now; the rest waits in the machine, and `task` is woken for
    /// it. `None` where the task is at work, or something else goes first.
    pub(super) fn try_send(&self, what: &mut ToMany, task: &Waker) -> Option<Report> {
        self.0.try_send(what, task)
    }
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Way").finish_non_exhaustive()
    }
}

trait Direct: Send + Sync {
    fn try_send(&self, what: &mut ToMany, task: &Waker) -> Option<Report>;
}

impl<T: Transport + Send, C: Clock + Send> Direct for Mutex<Driver<T, C>> {
    fn try_send(&self, what: &mut ToMany, task: &Waker) -> Option<Report> {
        // Whoever holds it writes anyway; it may be this very thread, in a handler.
        let mut driver = match self.try_lock() {
            Ok(driver) => driver,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        let ToMany { frame, laid } = what;
        // A large frame makes pressure, of which the task has something to tell.
        if frame.len() >= Pressure::HIGH_MARK || driver.pending_bytes() > 0 || driver.is_ending() {
            return None;
        }
        let laid = laid.get_or_insert_with(|| Laid::new(frame.as_bytes(), rules::delimiter(driver.config(), frame)));
        let mut cx = Context::from_waker(task);
        let done = match driver.send_laid(&mut cx, frame, laid) {
            Some(done) => done,
            None => {
                driver.send(frame.clone(), false).ok()?;
                driver.turn(&mut cx, Reading::Never);
                driver.pending_bytes() == 0 && !driver.is_ending()
            }
        };
        if !done {
            task.wake_by_ref();
        }
        Some(Report::of(&*driver))
    }
}

/// How many peers one call writes to; the others' tasks do it, so that the caller's thread is back in a millisecond or two.
const MOST: usize = 1024;
/// What comes so soon after the last one is part of a burst: posted, it leaves with the rest in one write.
const BURST: Duration = Duration::from_micros(50);

/// Whether to write directly, as one call after the other tells many peers something.
#[derive(Debug, Default)]
pub(super) struct Rhythm {
    last: Mutex<Option<Timestamp>>,
}

impl Rhythm {
    /// Runs `tell` with how many peers may be written to directly.
    pub(super) fn paced<T>(&self, clock: &impl Clock, tell: impl FnOnce(usize) -> T) -> T {
        let last = *lock(&self.last);
        let soon = last.is_some_and(|last| clock.now().saturating_since(last) < BURST);
        let told = tell(if soon { 0 } else { MOST });
        *lock(&self.last) = Some(clock.now());
        told
    }
}

#[cfg(test)]
mod tests {
    use alloc::{
        format,
        string::{String, ToString},
        task::Wake,
        vec::Vec,
    };
    use core::{
        borrow::Borrow,
        cell::Cell,
        future::Future,
        pin::Pin,
        sync::atomic::{AtomicBool, Ordering},
        task::Poll,
    };

    use bytes::{Buf, BytesMut};

    use super::*;
    use crate::{
        config::Config,
        connection::{Connection, Side},
        drive::{Driver, End, Transport},
        error::IoError,
        event::Event,
        facade::{
            line::Line,
            task::{ConnectionTask, Outlet},
        },
        outbox::Outbox,
    };

    /// A peer that says nothing, and takes so many bytes, or has gone.
    #[derive(Clone, Default)]
    struct Wire(Arc<Mutex<(usize, Vec<u8>)>>);

    /// The room of a peer that has gone.
    const GONE: usize = usize::MAX - 1;

    impl Transport for Wire {
        fn poll_recv(&mut self, _: &mut Context<'_>, _: &mut BytesMut) -> Poll<Result<usize, IoError>> {
            if lock(&self.0).0 == GONE { Poll::Ready(Ok(0)) } else { Poll::Pending }
        }

        fn poll_send(&mut self, _: &mut Context<'_>, outbox: &mut Outbox) -> Poll<Result<(), IoError>> {
            let (room, written) = &mut *lock(&self.0);
            if *room == GONE {
                return Poll::Ready(Err(std::io::Error::from(std::io::ErrorKind::BrokenPipe).into()));
            }
            let len = outbox.chunk().len().min(*room);
            if len == 0 {
                return Poll::Pending;
            }
            *room -= len;
            written.extend_from_slice(&outbox.chunk()[..len]);
            outbox.advance(len);
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<Result<(), IoError>> {
            Poll::Pending
        }
    }

    /// A clock whose time is set by hand.
    struct Hand<T>(T);

    impl<T: Borrow<Cell<Duration>>> Clock for Hand<T> {
        fn now(&self) -> Timestamp {
            Timestamp::new(self.0.borrow().get())
        }

        fn poll_until(&mut self, _: &mut Context<'_>, _: Timestamp) -> Poll<()> {
            Poll::Pending
        }
    }

    /// Takes what comes; at the first message it may tell everybody something.
    struct Ear(Option<Arc<Line>>);

    impl Outlet for Ear {
        fn poll_room(&mut self, _: &Context<'_>) -> Poll<()> {
            Poll::Ready(())
        }

        fn take<D: Drive>(&mut self, _: &mut Option<Event>, _: &mut D) {
            if let Some(line) = self.0.take() {
                assert!(!line.send_directly(&mut frame(0).into()), "its task is at work");
            }
        }
    }

    #[derive(Default)]
    struct Flag(AtomicBool);

    impl Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    /// A connection with its task, and what is seen of it from outside.
    struct Scene {
        wire: Wire,
        line: Arc<Line>,
        task: Pin<alloc::boxed::Box<dyn Future<Output = ()>>>,
        flag: Arc<Flag>,
    }

    impl Scene {
        fn new(room: usize) -> Self {
            let (config, wire) = (Arc::new(Config::default()), Wire::default());
            lock(&wire.0).0 = room;
            let line = Line::for_peer(Arc::clone(&config));
            let driver = Driver::new(Connection::new(config, Side::Server), wire.clone(), Hand(Cell::default()));
            let task = ConnectionTask::new(driver, Arc::clone(&line), Ear(Some(Arc::clone(&line)))).open_to_all();
            let mut scene = Self { wire, line, task: alloc::boxed::Box::pin(task), flag: Arc::default() };
            assert!(scene.poll().is_pending());
            scene
        }

        fn poll(&mut self) -> Poll<()> {
            self.flag.0.store(false, Ordering::Relaxed);
            self.task.as_mut().poll(&mut Context::from_waker(&Arc::clone(&self.flag).into()))
        }

        fn is_woken(&self) -> bool {
            self.flag.0.load(Ordering::Relaxed)
        }

        fn give_room(&self, room: usize) {
            lock(&self.wire.0).0 = room;
        }

        fn written(&self) -> String {
            String::from_utf8(lock(&self.wire.0).1.clone()).unwrap()
        }
    }

    fn frame(n: u32) -> Frame {
        Frame::event(&n.to_string())
    }

    fn bytes(numbers: impl IntoIterator<Item = u32>) -> String {
        numbers.into_iter().map(|n| format!("{{\"type\":\"{n}\",\"data\":{{}}}}\x0c")).collect()
    }

    #[test]
    fn a_quiet_peer_is_written_to_and_its_task_sleeps_on() {
        let scene = Scene::new(usize::MAX);
        for n in 0..3 {
            assert!(scene.line.send_directly(&mut frame(n).into()));
        }
        assert_eq!(scene.written(), bytes(0..3));
        assert_eq!((scene.line.pending(), scene.line.stats().messages_out), (0, 3));
        assert!(!scene.is_woken());
    }

    #[test]
    fn what_does_not_fit_is_the_tasks_and_nothing_overtakes_it() {
        let mut scene = Scene::new(5);
        assert!(scene.line.send_directly(&mut frame(0).into()));
        assert!(scene.is_woken());
        assert_eq!(scene.line.pending(), bytes([0]).len() - 5);
        assert!(!scene.line.send_directly(&mut frame(1).into()), "something waits");
        assert!(scene.line.post(frame(1).into()).is_ok());
        scene.give_room(usize::MAX);
        assert!(!scene.line.send_directly(&mut frame(2).into()), "something is posted");
        assert!(scene.poll().is_pending());
        assert!(scene.line.send_directly(&mut frame(2).into()));
        assert_eq!(scene.written(), bytes(0..3));
    }

    #[test]
    fn a_large_frame_is_posted() {
        let scene = Scene::new(usize::MAX);
        let large = Frame::encode("large", &"x".repeat(Pressure::HIGH_MARK)).unwrap();
        assert!(!scene.line.send_directly(&mut large.into()));
        assert_eq!(scene.written(), "");
    }

    #[test]
    fn an_end_that_writing_finds_wakes_the_task_to_tell_of_it() {
        let mut scene = Scene::new(0);
        scene.give_room(GONE);
        assert!(scene.line.send_directly(&mut frame(0).into()));
        assert!(scene.is_woken());
        assert!(scene.poll().is_ready());
    }

    #[test]
    fn who_is_told_to_end_or_has_ended_is_not_written_to() {
        let mut scene = Scene::new(usize::MAX);
        scene.line.end(End::Abort);
        assert!(!scene.line.send_directly(&mut frame(0).into()));
        assert!(scene.poll().is_ready());
        assert!(!scene.line.send_directly(&mut frame(0).into()));
        drop(scene.task);
        assert_eq!(Arc::strong_count(&scene.wire.0), 1, "nothing keeps the socket");
    }

    #[test]
    fn what_comes_at_once_after_another_is_a_burst() {
        let (rhythm, time) = (Rhythm::default(), Cell::new(BURST));
        let paced = |after: Duration| {
            time.set(time.get() + after);
            rhythm.paced(&Hand(&time), |most| most)
        };
        assert_eq!(paced(Duration::ZERO), MOST);
        assert_eq!(paced(BURST / 2), 0);
        assert_eq!(paced(BURST / 2), 0);
        assert_eq!(paced(BURST), MOST);
    }
}
