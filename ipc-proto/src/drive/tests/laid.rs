//! What goes past the outbox beside the same through it.

use proptest::prelude::*;

use super::*;
use crate::{config::Profile, error::EmitError, outbox::Laid, rules};

#[derive(Clone, Debug)]
enum Step {
    /// A frame with so much data.
    Send(usize),
    /// The wire takes so many bytes more.
    Room(usize),
    /// Writes fail from here on, the first of them in a way of its own; or flushes do.
    Break,
    BreakFlush,
}

fn step() -> impl Strategy<Value = Step> {
    let len = prop_oneof![8 => 0..60_usize, 1 => 4000..4200_usize, 1 => 60_000..70_000_usize];
    prop_oneof![
        6 => len.prop_map(Step::Send),
        5 => prop_oneof![0..100_usize, 0..5000_usize, Just(200_000)].prop_map(Step::Room),
        1 => Just(Step::Break),
        1 => Just(Step::BreakFlush),
    ]
}

/// A connection, and all that is seen of it.
struct Scene {
    wire: Wire,
    driver: Driver<Wire, Hand>,
    wakes: Arc<Wakes>,
    seen: Vec<String>,
}

impl Scene {
    fn new(config: Config, room: usize) -> Self {
        let wire = Wire::new(room);
        let mut scene = Self { driver: server(&wire, config), wire, wakes: Arc::default(), seen: Vec::new() };
        scene.settle();
        scene
    }

    fn settle(&mut self) {
        // How often it was asked does not matter.
        let events = drain(&mut self.driver, &self.wakes).into_iter().filter(|event| event != "-" && event != ".");
        self.seen.extend(events);
    }

    /// As a broadcast does; `past` is what is to be tested. What is left then is the task's, if that is woken.
    fn send(&mut self, frame: &Frame, past: bool) -> Result<(), EmitError> {
        let waker = Arc::clone(&self.wakes).into();
        let cx = &mut Context::from_waker(&waker);
        let delimiter = rules::delimiter(self.driver.config(), frame);
        let mut laid = Laid::new(frame.as_bytes(), delimiter);
        let done = if past { self.driver.send_laid(cx, frame, &mut laid) } else { None };
        if done.is_none() {
            self.driver.send(frame.clone(), false)?;
        }
        if done != Some(true) {
            self.settle();
        }
        Ok(())
    }

    fn take(&mut self, step: &Step, past: bool) -> Option<EmitError> {
        match step {
            Step::Send(len) => {
                let text = "x".repeat(*len);
                let raw = self.driver.config().profile == Profile::Raw;
                let frame = if raw { Frame::raw(text) } else { Frame::encode("m", &text).unwrap() };
                return self.send(&frame, past).err();
            }
            Step::Room(more) => self.wire.0.borrow_mut().room += more,
            Step::Break => {
                let mut wire = self.wire.0.borrow_mut();
                (wire.broken, wire.first_failure) = (true, Some("ECONNRESET"));
            }
            Step::BreakFlush => self.wire.0.borrow_mut().unflushable = true,
        }
        self.settle();
        None
    }
}

proptest! {
    #[test]
    fn what_goes_past_the_outbox_is_as_if_it_had_gone_through(
        room in prop_oneof![Just(0), 0..100_usize, Just(1 << 20)],
        steps in prop::collection::vec(step(), 0..30),
        profile in prop::sample::select(&[Profile::Fast, Profile::Assured, Profile::Raw][..]),
    ) {
        let config = || Config::default().profile(profile).allow("m").delimiter("||").max_pending_bytes(50_000);
        let [mut past, mut through] = [Scene::new(config(), room), Scene::new(config(), room)];
        for step in steps {
            let (a, b) = (past.take(&step, true), through.take(&step, false));
            prop_assert_eq!(alloc::format!("{a:?}"), alloc::format!("{b:?}"));
            prop_assert_eq!(past.driver.stats(), through.driver.stats());
            prop_assert_eq!(past.driver.pending_bytes(), through.driver.pending_bytes());
        }
        [&mut past, &mut through].into_iter().for_each(Scene::settle);
        prop_assert!(past.wire.written() == through.wire.written());
        prop_assert_eq!(past.seen, through.seen);
    }
}

#[test]
fn only_what_nothing_goes_before_goes_past() {
    let frame = Frame::event("m");
    let (mut laid, len) = (Laid::new(frame.as_bytes(), b"\x0c"), frame.len() + 1);
    let mut past = |scene: &mut Scene| {
        scene.driver.send_laid(&mut Context::from_waker(core::task::Waker::noop()), &frame, &mut laid)
    };
    let mut scene = Scene::new(Config::default(), len + 3);
    let idle = scene.driver.held_bytes();
    assert_eq!(past(&mut scene), Some(true));
    assert_eq!((scene.driver.pending_bytes(), scene.driver.held_bytes()), (0, idle), "it leaves nothing behind");
    assert_eq!(past(&mut scene), Some(false), "the beginning of it");
    assert_eq!(scene.driver.pending_bytes(), len - 3);
    assert_eq!(past(&mut scene), None, "something waits");
    scene.wire.0.borrow_mut().room = usize::MAX;
    scene.settle();
    assert_eq!(scene.wire.written(), "{\"type\":\"m\",\"data\":{}}\x0c".repeat(2));
    scene.driver.end(End::Drained);
    assert_eq!(past(&mut scene), None, "it is closed");
}

#[test]
fn nothing_more_goes_past_once_something_has_failed() {
    let frame = Frame::event("m");
    let mut laid = Laid::new(frame.as_bytes(), b"\x0c");
    let mut scene = Scene::new(Config::default(), usize::MAX);
    scene.wire.0.borrow_mut().unflushable = true;
    let cx = &mut Context::from_waker(core::task::Waker::noop());
    assert_eq!(scene.driver.send_laid(cx, &frame, &mut laid), Some(false));
    assert_eq!(scene.driver.pending_bytes(), 0, "it was written");
    // Its task has not run since.
    assert_eq!(scene.driver.send_laid(cx, &frame, &mut laid), None);
    scene.settle();
    assert!(scene.seen.contains(&"EIO".into()), "{:?}", scene.seen);
}
