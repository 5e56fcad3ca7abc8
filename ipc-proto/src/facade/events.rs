//! Events on their way from tasks to the one who takes them.

use alloc::collections::{BTreeMap, VecDeque};
use core::task::{Context, Poll, Waker};
use std::sync::Mutex;

use super::{line::Line, lock};
use crate::event::Event;

/// How much may wait before the tasks stop taking events from their machines, which then stop reading.
const MAX_BYTES: usize = 256 << 10;
const MAX_EVENTS: usize = 1024;

/// A task that may still add events, as its queue knows it.
#[derive(Debug)]
pub(super) struct Producer(u64);

#[derive(Debug)]
struct State<E> {
    waiting: VecDeque<(E, usize)>,
    bytes: usize,
    producers: usize,
    next_producer: u64,
    /// Nobody takes events any more; they are dropped.
    abandoned: bool,
    /// Everything is taken in: the producers are about to end.
    unlimited: bool,
    consumer: Option<Waker>,
    stopper: Option<Waker>,
    /// Who waits for room. Without a waker, it has been woken: whatever the others have added since, it is its turn to
    /// add one event. Otherwise a producer that always has more, and is polled first, would starve the others.
    blocked: BTreeMap<u64, Option<Waker>>,
}

/// A queue with many producers and one consumer, bounded in bytes and in number.
#[derive(Debug)]
pub(super) struct Events<E> {
    state: Mutex<State<E>>,
}

impl<E> Events<E> {
    pub(super) const fn new() -> Self {
        let state = State {
            waiting: VecDeque::new(),
            bytes: 0,
            producers: 0,
            next_producer: 0,
            abandoned: false,
            unlimited: false,
            consumer: None,
            stopper: None,
            blocked: BTreeMap::new(),
        };
        Self { state: Mutex::new(state) }
    }

    /// Whether one more event may be added; if not, `cx` is woken when it may.
    pub(super) fn poll_room(&self, producer: &Producer, cx: &Context<'_>) -> Poll<()> {
        let mut state = lock(&self.state);
        let has_room = state.has_room();
        match state.blocked.get_mut(&producer.0) {
            None if has_room => Poll::Ready(()),
            Some(Some(waker)) if !has_room => {
                waker.clone_from(cx.waker());
                Poll::Pending
            }
            Some(_) => {
                state.blocked.remove(&producer.0);
                Poll::Ready(())
            }
            None => {
                state.blocked.insert(producer.0, Some(cx.waker().clone()));
                Poll::Pending
            }
        }
    }

    /// Adds an event, room or not.
    pub(super) fn push(&self, event: E, bytes: usize) {
        let mut state = lock(&self.state);
        if state.abandoned {
            return;
        }
        state.bytes += bytes;
        state.waiting.push_back((event, bytes));
        state.wake_consumer();
    }

    /// The next event; `None` when there are no more producers.
    pub(super) fn poll_next(&self, cx: &Context<'_>) -> Poll<Option<E>> {
        let mut state = lock(&self.state);
        if let Some((event, bytes)) = state.waiting.pop_front() {
            state.bytes -= bytes;
            // Half empty: fewer wake-ups than one at each event.
            if state.unlimited || state.waiting.len() < MAX_EVENTS / 2 && state.bytes < MAX_BYTES / 2 {
                state.wake_blocked();
            }
            return Poll::Ready(Some(event));
        }
        if state.producers == 0 {
            return Poll::Ready(None);
        }
        state.consumer = Some(cx.waker().clone());
        Poll::Pending
    }

    pub(super) fn add_producer(&self) -> Producer {
        let mut state = lock(&self.state);
        state.producers += 1;
        state.next_producer += 1;
        Producer(state.next_producer)
    }

    pub(super) fn remove_producer(&self, producer: &Producer) {
        let mut state = lock(&self.state);
        state.blocked.remove(&producer.0);
        state.producers -= 1;
        if state.producers == 0 {
            state.wake_consumer();
            if let Some(waker) = state.stopper.take() {
                waker.wake();
            }
        }
    }

    /// Waits for the last producer to go.
    pub(super) fn poll_producers_gone(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = lock(&self.state);
        if state.producers == 0 {
            return Poll::Ready(());
        }
        state.stopper = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Takes in every event from now on, so that producers can end.
    pub(super) fn lift_limit(&self) {
        let mut state = lock(&self.state);
        state.unlimited = true;
        state.wake_blocked();
    }

    /// Drops what waits and what will come.
    pub(super) fn abandon(&self) {
        let mut state = lock(&self.state);
        state.abandoned = true;
        state.waiting.clear();
        state.bytes = 0;
        state.wake_blocked();
    }
}

impl<E> State<E> {
    fn wake_consumer(&mut self) {
        if let Some(waker) = self.consumer.take() {
            waker.wake();
        }
    }

    fn has_room(&self) -> bool {
        self.unlimited || self.waiting.len() < MAX_EVENTS && self.bytes < MAX_BYTES
    }

    fn wake_blocked(&mut self) {
        self.blocked.values_mut().filter_map(Option::take).for_each(Waker::wake);
    }
}

/// Gives an answer to the one who asked; what stays in the slot is for the application.
pub(super) fn take_answers(line: &Line, slot: &mut Option<Event>) {
    match slot {
        Some(Event::Message(message)) if line.take_answer(message) => *slot = None,
        Some(Event::Disconnected { .. }) => line.lose_answers(true),
        _ => {}
    }
}

/// What an event costs while it waits.
pub(super) fn weight(event: &Event) -> usize {
    match event {
        Event::Message(message) => message.len(),
        Event::Raw(bytes) => bytes.len(),
        Event::Undelivered(undelivered) => undelivered.frame.len(),
        Event::Connected | Event::Error(_) | Event::Writable | Event::Disconnected { .. } | Event::Destroyed => 0,
    }
}

/// The event in the form in which it may wait for long.
pub(super) fn kept(event: Event) -> Event {
    match event {
        Event::Message(message) => Event::Message(message.detach()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(events: &Events<()>, producer: &Producer) -> bool {
        let may = events.poll_room(producer, &Context::from_waker(Waker::noop())).is_ready();
        if may {
            events.push((), 1);
        }
        may
    }

    fn add_all(events: &Events<()>, producer: &Producer) -> usize {
        (0..).position(|_| !add(events, producer)).unwrap()
    }

    fn take(events: &Events<()>, count: usize) {
        for _ in 0..count {
            assert!(events.poll_next(&Context::from_waker(Waker::noop())).is_ready());
        }
    }

    #[test]
    fn who_always_adds_and_is_polled_first_does_not_starve_the_others() {
        let events = Events::new();
        let (busy, quiet) = (events.add_producer(), events.add_producer());
        assert_eq!(add_all(&events, &busy), MAX_EVENTS);
        for _ in 0..3 {
            assert!(!add(&events, &quiet));
            take(&events, MAX_EVENTS / 2 + 1);
            assert_eq!(add_all(&events, &busy), MAX_EVENTS / 2 + 1);
            assert_eq!(add_all(&events, &quiet), 1, "its turn, and no more");
            take(&events, 1);
        }
    }

    #[test]
    fn a_producer_that_has_gone_is_not_waited_for() {
        let events = Events::new();
        let (one, other) = (events.add_producer(), events.add_producer());
        add_all(&events, &one);
        assert!(!add(&events, &other));
        events.remove_producer(&one);
        events.remove_producer(&other);
        assert!(lock(&events.state).blocked.is_empty());
        take(&events, MAX_EVENTS + 1);
    }
}
