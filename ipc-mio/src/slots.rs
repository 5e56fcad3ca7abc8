//! The tokens that the user granted, and what is known about each socket.

use std::{
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll, Waker},
};

use mio::{Token, event::Event};

use crate::lock;

/// One of the two things that a socket can be ready for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Read = 0,
    Write = 1,
}

const READ: u8 = 1;
const WRITE: u8 = 2;
/// This direction is over: whatever is tried answers at once, from here on.
const READ_OVER: u8 = 4;
const WRITE_OVER: u8 = 8;

impl Direction {
    const fn bits(self) -> u8 {
        match self {
            Self::Read => READ | READ_OVER,
            Self::Write => WRITE | WRITE_OVER,
        }
    }

    const fn over(self) -> u8 {
        match self {
            Self::Read => READ_OVER,
            Self::Write => WRITE_OVER,
        }
    }
}

/// What is known about one socket.
///
/// An edge is told once. So a flag goes down before something is tried and up again when it went well: an edge that
/// comes in between raises it, and is never lost. A new socket counts as ready, since its edge may be gone already.
#[derive(Debug)]
pub(crate) struct Slot {
    flags: AtomicU8,
    waiting: [Mutex<Option<Waker>>; 2],
}

impl Slot {
    fn new() -> Self {
        Self { flags: AtomicU8::new(READ | WRITE), waiting: Default::default() }
    }

    /// Takes the flags of a direction; if there are none, `cx` is woken when there are.
    pub(crate) fn poll_take(&self, cx: &Context<'_>, direction: Direction) -> Poll<u8> {
        let mut taken = self.take(direction);
        if taken == 0 {
            self.wait(cx, direction);
            // It may have come before there was a waker to wake.
            taken = self.take(direction);
        }
        if taken == 0 { Poll::Pending } else { Poll::Ready(taken) }
    }

    fn take(&self, direction: Direction) -> u8 {
        self.flags.fetch_and(!direction.bits(), Ordering::AcqRel) & direction.bits()
    }

    /// What was taken is put back after it was tried: all of it, or if the socket is `drained` only what stays true.
    pub(crate) fn restore(&self, direction: Direction, taken: u8, drained: bool) {
        if !drained || taken & direction.over() != 0 {
            self.flags.fetch_or(taken, Ordering::AcqRel);
        }
    }

    fn wait(&self, cx: &Context<'_>, direction: Direction) {
        let mut waiting = lock(&self.waiting[direction as usize]);
        match &mut *waiting {
            Some(waker) => waker.clone_from(cx.waker()),
            None => *waiting = Some(cx.waker().clone()),
        }
    }

    fn wake(&self, direction: Direction) {
        // Taken out first: a waker may be anybody's.
        let waker = lock(&self.waiting[direction as usize]).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn note(&self, event: &Event) {
        let (reads_over, writes_over) = (event.is_read_closed(), event.is_write_closed());
        let (error, mut flags) = (event.is_error(), 0);
        for (told, flag) in [
            (event.is_readable() || reads_over || error, READ),
            (event.is_writable() || writes_over || error, WRITE),
            (reads_over || error, READ_OVER),
            (writes_over || error, WRITE_OVER),
        ] {
            flags |= if told { flag } else { 0 };
        }
        self.flags.fetch_or(flags, Ordering::AcqRel);
        for direction in [Direction::Read, Direction::Write] {
            if flags & direction.bits() != 0 {
                self.wake(direction);
            }
        }
    }
}

#[derive(Debug, Default)]
struct State {
    /// By tokens, from the first of the range on, as far as they were ever used.
    used: Vec<Option<Arc<Slot>>>,
    free: Vec<usize>,
    /// Who waits for a free token.
    waiting: Vec<Waker>,
}

/// A range of tokens, and the socket of each.
#[derive(Debug)]
pub(crate) struct Slots {
    tokens: Range<usize>,
    state: Mutex<State>,
}

impl Slots {
    pub(crate) fn new(tokens: Range<usize>) -> Self {
        Self { tokens, state: Mutex::default() }
    }

    /// How many sockets there may be.
    pub(crate) fn granted(&self) -> usize {
        self.tokens.len()
    }

    /// How many sockets there are.
    pub(crate) fn len(&self) -> usize {
        let state = lock(&self.state);
        state.used.len() - state.free.len()
    }

    pub(crate) fn owns(&self, token: Token) -> bool {
        self.tokens.contains(&token.0)
    }

    /// Takes in what is told about a socket. About one that is gone, nothing happens.
    pub(crate) fn note(&self, event: &Event) {
        let Some(index) = event.token().0.checked_sub(self.tokens.start) else { return };
        let slot = lock(&self.state).used.get(index).cloned().flatten();
        if let Some(slot) = slot {
            slot.note(event);
        }
    }

    /// A token that nobody has, if there is one.
    pub(crate) fn take(&self) -> Option<(Token, Arc<Slot>)> {
        self.take_from(&mut lock(&self.state))
    }

    /// As [`take`](Self::take); if there is none, `cx` is woken when there may be.
    pub(crate) fn poll_take(&self, cx: &Context<'_>) -> Poll<(Token, Arc<Slot>)> {
        let mut state = lock(&self.state);
        let Some(taken) = self.take_from(&mut state) else {
            if !state.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                state.waiting.push(cx.waker().clone());
            }
            return Poll::Pending;
        };
        Poll::Ready(taken)
    }

    fn take_from(&self, state: &mut State) -> Option<(Token, Arc<Slot>)> {
        let index = state.free.pop().or_else(|| {
            let next = state.used.len();
            (next < self.granted()).then(|| state.used.push(None)).map(|()| next)
        })?;
        let slot = Arc::new(Slot::new());
        state.used[index] = Some(Arc::clone(&slot));
        Some((Token(self.tokens.start + index), slot))
    }

    /// Gives a token back.
    pub(crate) fn free(&self, token: Token) {
        let index = token.0 - self.tokens.start;
        let mut state = lock(&self.state);
        state.used[index] = None;
        state.free.push(index);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_between_a_try_and_its_end_is_kept() {
        let slot = Slot::new();
        let cx = Context::from_waker(Waker::noop());
        // A new socket is tried at once.
        let Poll::Ready(taken) = slot.poll_take(&cx, Direction::Read) else { panic!() };
        // It is drained, but meanwhile an edge has come.
        slot.flags.fetch_or(READ, Ordering::AcqRel);
        slot.restore(Direction::Read, taken, true);
        assert!(slot.poll_take(&cx, Direction::Read).is_ready());
        assert!(slot.poll_take(&cx, Direction::Read).is_pending());
    }

    #[test]
    fn a_direction_that_is_over_stays_ready_until_it_blocks() {
        let slot = Slot::new();
        let cx = Context::from_waker(Waker::noop());
        slot.flags.fetch_or(READ_OVER, Ordering::AcqRel);
        for _ in 0..3 {
            let Poll::Ready(taken) = slot.poll_take(&cx, Direction::Read) else { panic!() };
            slot.restore(Direction::Read, taken, true);
        }
        assert!(slot.poll_take(&cx, Direction::Read).is_ready());
        assert!(slot.poll_take(&cx, Direction::Read).is_pending());
    }

    #[test]
    fn tokens_are_used_again_and_never_beyond_the_range() {
        let slots = Slots::new(5..7);
        let cx = Context::from_waker(Waker::noop());
        assert_eq!((slots.take().unwrap().0, slots.take().unwrap().0), (Token(5), Token(6)));
        assert!(slots.take().is_none() && slots.poll_take(&cx).is_pending());
        slots.free(Token(5));
        assert_eq!((slots.len(), slots.granted()), (1, 2));
        assert_eq!(slots.take().unwrap().0, Token(5));
        assert!(Slots::new(3..3).take().is_none());
    }
}
