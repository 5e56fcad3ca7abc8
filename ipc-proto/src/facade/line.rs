//! The way from handles to the task that owns a connection.

use alloc::{collections::VecDeque, sync::Arc, vec::Vec};
use core::{
    mem,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll, Waker},
};
use std::sync::Mutex;

use super::{
    direct::{Report, ToMany, Way},
    lock,
    request::{Asked, RequestError},
    sender::Delivery,
    trace,
};
use crate::outbox::Pressure;
use crate::{
    config::{Config, Overflow, SlowPeer},
    datagram,
    drive::End,
    error::{EmitError, EncodeError},
    event::{Outcome, Stats},
    frame::Frame,
    request::Requests,
    rules,
};

/// A frame on its way, and who wants to hear what becomes of it.
#[derive(Debug)]
pub(super) struct Posted {
    pub(super) frame: Frame,
    pub(super) delivery: Option<Delivery>,
    /// In sync mode: who is answered by the message that answers this one.
    pub(super) asked: Option<Asked>,
}

impl From<Frame> for Posted {
    fn from(frame: Frame) -> Self {
        Self { frame, delivery: None, asked: None }
    }
}

/// What handles want of the task.
pub(super) struct Orders {
    pub(super) posted: VecDeque<Posted>,
    pub(super) end: Option<End>,
    /// Drop the connection and make another one.
    pub(super) renew: bool,
    /// Whether to give up at the next disconnect.
    pub(super) stop_retrying: Option<bool>,
    /// The connection does not keep up, and the profile is one that ends it for that.
    pub(super) overloaded: bool,
}

#[derive(Debug, Default)]
struct State {
    posted: VecDeque<Posted>,
    posted_bytes: usize,
    /// What the machine holds, as it last said.
    pending: usize,
    stalled: bool,
    /// How many bytes may be posted to an address that may be forged.
    allowance: Option<usize>,
    end: Option<End>,
    renew: bool,
    stop_retrying: Option<bool>,
    overloaded: bool,
    /// The task takes nothing more.
    closed: bool,
    stats: Stats,
    task: Option<Waker>,
    /// The way to the connection past its task.
    way: Option<Way>,
    /// Emits that wait for room, and those that wait for the end.
    waiting: Vec<Waker>,
}

/// Shared by the handles of one connection and the task that owns it. Bounded in bytes, with what the machine
/// holds counted in.
#[derive(Debug)]
pub(super) struct Line {
    config: Arc<Config>,
    /// The longest datagram, where each frame is one.
    max_datagram: Option<usize>,
    state: Mutex<State>,
    requests: Mutex<Requests<Asked>>,
    /// How much of what is posted the machine may have; the rest stays where it can be dropped.
    hands_over: usize,
    /// A client that drops its oldest messages where there is no room for another one.
    machine_drops: bool,
    /// Something was asked at some time: only then can a message be an answer.
    has_asked: AtomicBool,
}

impl Line {
    /// For a client.
    pub(super) fn new(config: Arc<Config>) -> Arc<Self> {
        let drops = config.overflow == Overflow::DropOldest;
        Arc::new(Self::with(config, usize::MAX, drops))
    }

    /// For a server's peer, whose oldest frames may have to make room.
    pub(super) fn for_peer(config: Arc<Config>) -> Arc<Self> {
        Arc::new(Self::to_peer(config))
    }

    /// For a UDP peer, which may get only so many bytes where there is an allowance.
    pub(super) fn for_datagrams(config: Arc<Config>, max_datagram: usize, allowance: Option<usize>) -> Arc<Self> {
        let state = Mutex::new(State { allowance, ..State::default() });
        Arc::new(Self { max_datagram: Some(max_datagram), state, ..Self::to_peer(config) })
    }

    fn to_peer(config: Arc<Config>) -> Self {
        let drops = config.slow_peer == SlowPeer::DropOldest;
        let hands_over = if drops { Pressure::HIGH_MARK } else { usize::MAX };
        Self::with(config, hands_over, false)
    }

    fn with(config: Arc<Config>, hands_over: usize, machine_drops: bool) -> Self {
        let (state, requests, has_asked) = (Mutex::default(), Mutex::default(), AtomicBool::new(false));
        Self { config, max_datagram: None, state, requests, hands_over, machine_drops, has_asked }
    }

    // For handles.

    /// Posts a frame, or hands it back.
    pub(super) fn post(&self, posted: Posted) -> Result<Pressure, EmitError> {
        let Posted { frame, delivery, asked } = posted;
        let frame = rules::outgoing(&self.config, frame)?;
        self.check_len(&frame)?;
        let mut state = lock(&self.state);
        if state.closed || state.end.is_some() {
            return Err(EmitError::Closed(frame));
        }
        let wire = self.wire_len(&frame);
        if state.allowance.is_some_and(|left| wire > left) {
            return Err(EmitError::Unconfirmed(frame));
        }
        if !self.has_room(&state, frame.len()) {
            return Err(self.refuse(state, frame));
        }
        state.allowance = state.allowance.map(|left| left - wire);
        state.posted_bytes += frame.len();
        state.posted.push_back(Posted { frame: frame.detach(), delivery, asked });
        let pressure = Pressure::of(state.posted_bytes + state.pending);
        wake(state.task.take());
        Ok(pressure)
    }

    /// Writes a frame past the task, if nothing else is on its way; otherwise it has to be posted.
    pub(super) fn send_directly(&self, what: &mut ToMany) -> bool {
        let mut state = lock(&self.state);
        if !state.is_quiet() || !self.has_room(&state, what.frame.len()) {
            return false;
        }
        let (Some(way), Some(task)) = (&state.way, &state.task) else { return false };
        let Some(now) = way.try_send(what, task) else { return false };
        trace::emitted(&self.config, &what.frame);
        state.note(now);
        true
    }

    /// Refuses a frame that cannot be a datagram, where it would have to be one.
    pub(super) fn check_len(&self, frame: &Frame) -> Result<(), EncodeError> {
        self.max_datagram.map_or(Ok(()), |limit| datagram::check_len(limit, self.wire_len(frame)))
    }

    /// As [`post`](Self::post), and where there is no room the oldest posted frames make some. Returns how
    /// many they were.
    pub(super) fn post_over_oldest(&self, frame: &Frame) -> Result<usize, EmitError> {
        let mut dropped = 0;
        loop {
            match self.post(frame.clone().into()) {
                Err(EmitError::Full(frame)) => {
                    let mut state = lock(&self.state);
                    let Some(oldest) = state.posted.pop_front() else { return Err(EmitError::Full(frame)) };
                    state.posted_bytes -= oldest.frame.len();
                    drop(oldest.give_up());
                    dropped += 1;
                }
                result => return result.map(|_| dropped),
            }
        }
    }

    /// As [`post`](Self::post), and where there is no room waits for it.
    pub(super) fn poll_post(
        &self,
        cx: &mut Context<'_>,
        frame: &mut Option<Frame>,
        delivery: Option<&Delivery>,
        asked: Option<&Asked>,
    ) -> Poll<Result<Pressure, EmitError>> {
        let Some(taken) = frame.take() else { return Poll::Pending };
        match self.post(Posted { frame: taken, delivery: delivery.cloned(), asked: asked.cloned() }) {
            Err(EmitError::Full(full)) if !self.config.is_guarded() => {
                let mut state = lock(&self.state);
                if state.stalled {
                    return Poll::Ready(Err(EmitError::Stalled(full)));
                }
                // Room may have come since `post` looked; it is looked at again at once then.
                if !self.has_room(&state, full.len()) && !state.closed {
                    state.wait(cx);
                } else {
                    cx.waker().wake_by_ref();
                }
                *frame = Some(full);
                Poll::Pending
            }
            result => Poll::Ready(result),
        }
    }

    /// As [`poll_post`](Self::poll_post), for a question.
    pub(super) fn poll_ask(
        &self,
        cx: &mut Context<'_>,
        frame: &mut Option<Frame>,
        asked: &Asked,
        next_message_answers: bool,
    ) -> Poll<Result<Pressure, EmitError>> {
        self.poll_post(cx, frame, Some(&asked.delivery), next_message_answers.then_some(asked))
    }

    /// Tells the task to drop the connection and make another one.
    pub(super) fn renew(&self) {
        let mut state = lock(&self.state);
        state.renew = true;
        wake(state.task.take());
    }

    /// Tells the task whether to give up at the next disconnect.
    pub(super) fn stop_retrying(&self, stop: bool) {
        let mut state = lock(&self.state);
        state.stop_retrying = Some(stop);
        wake(state.task.take());
    }

    pub(super) const fn requests(&self) -> &Mutex<Requests<Asked>> {
        &self.requests
    }

    /// A question gets its number.
    pub(super) fn begin_request(&self, asked: Asked) -> u64 {
        self.has_asked.store(true, Ordering::Relaxed);
        lock(&self.requests).begin(asked)
    }

    pub(super) fn has_asked(&self) -> bool {
        self.has_asked.load(Ordering::Relaxed)
    }

    /// Tells the task to end; the stronger of two ways counts.
    pub(super) fn end(&self, how: End) {
        let mut state = lock(&self.state);
        state.end = state.end.max(Some(how));
        wake(state.task.take());
    }

    /// Waits for the first connection; false when there will be none.
    pub(super) fn poll_connected(&self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut state = lock(&self.state);
        if state.stats.connects > 0 || state.closed {
            return Poll::Ready(state.stats.connects > 0);
        }
        state.wait(cx);
        Poll::Pending
    }

    /// Whether the connection is over, or was told to end.
    pub(super) fn is_ending(&self) -> bool {
        let state = lock(&self.state);
        state.closed || state.end.is_some()
    }

    pub(super) fn is_closed(&self) -> bool {
        lock(&self.state).closed
    }

    pub(super) fn pending(&self) -> usize {
        let state = lock(&self.state);
        state.posted_bytes + state.pending
    }

    pub(super) fn stats(&self) -> Stats {
        lock(&self.state).stats
    }

    pub(super) const fn config(&self) -> &Arc<Config> {
        &self.config
    }

    fn wire_len(&self, frame: &Frame) -> usize {
        datagram::wire_len(&self.config, frame)
    }

    /// Where the oldest are dropped, the machine drops them: it always has room for what fits at all.
    fn has_room(&self, state: &State, len: usize) -> bool {
        let ahead = if self.machine_drops { state.posted_bytes } else { state.posted_bytes + state.pending };
        !rules::exceeds(&self.config, ahead, len)
    }

    /// Where Guarded and Assured have too much to write, the connection ends, as in node-ipc 14.
    fn refuse(&self, mut state: std::sync::MutexGuard<'_, State>, frame: Frame) -> EmitError {
        if self.config.is_guarded() {
            state.overloaded = true;
            wake(state.task.take());
        }
        EmitError::Full(frame)
    }

    // For the task.

    /// What was posted and what the task is told; otherwise `cx` is woken when there is something.
    pub(super) fn take(&self, cx: &Context<'_>) -> Orders {
        let mut state = lock(&self.state);
        match &mut state.task {
            Some(task) => task.clone_from(cx.waker()),
            task => *task = Some(cx.waker().clone()),
        }
        let posted = if state.end.is_none() { state.take_up_to(self.hands_over) } else { state.take_all() };
        if self.machine_drops && !posted.is_empty() {
            // The machine makes room for what it has got, so what is posted from here on starts anew.
            state.wake_waiting();
        }
        Orders {
            posted,
            end: state.end,
            renew: mem::take(&mut state.renew),
            stop_retrying: state.stop_retrying.take(),
            overloaded: mem::take(&mut state.overloaded),
        }
    }

    /// What the machine holds now. Returns how many bytes it has not been given yet.
    pub(super) fn update(&self, now: Report) -> usize {
        let mut state = lock(&self.state);
        if now.pending < state.pending || now.stats.connects != state.stats.connects || now.stalled {
            state.wake_waiting();
        }
        state.note(now);
        if state.pending < self.hands_over && !state.posted.is_empty() {
            wake(state.task.take());
        }
        state.posted_bytes
    }

    /// From now on frames may be written past the task.
    pub(super) fn open(&self, way: Way) {
        lock(&self.state).way = Some(way);
    }

    /// What a UDP peer may get beyond what the machine has taken.
    pub(super) fn allow(&self, allowance: Option<usize>) {
        let mut state = lock(&self.state);
        let posted = || state.posted.iter().map(|posted| self.wire_len(&posted.frame)).sum();
        state.allowance = allowance.map(|left| left.saturating_sub(posted()));
    }

    /// The task has ended; what was posted since comes back.
    pub(super) fn close(&self) -> VecDeque<Posted> {
        let mut state = lock(&self.state);
        state.closed = true;
        state.posted_bytes = 0;
        state.pending = 0;
        state.task = None;
        // With it goes the socket.
        state.way = None;
        state.wake_waiting();
        mem::take(&mut state.posted)
    }
}

impl State {
    /// Whether nothing is on its way, nor will be nothing any more.
    fn is_quiet(&self) -> bool {
        self.posted.is_empty() && self.pending == 0 && self.end.is_none() && !self.closed
    }

    fn note(&mut self, now: Report) {
        Report { pending: self.pending, stalled: self.stalled, stats: self.stats } = now;
    }

    /// What is taken is the machine's from here on, which counts it in `pending`.
    fn take_all(&mut self) -> VecDeque<Posted> {
        self.pending += mem::take(&mut self.posted_bytes);
        mem::take(&mut self.posted)
    }

    fn take_up_to(&mut self, mark: usize) -> VecDeque<Posted> {
        if mark == usize::MAX {
            return self.take_all();
        }
        let mut taken = VecDeque::new();
        while self.pending < mark {
            let Some(posted) = self.posted.pop_front() else { break };
            self.posted_bytes -= posted.frame.len();
            self.pending += posted.frame.len();
            taken.push_back(posted);
        }
        taken
    }

    fn wait(&mut self, cx: &Context<'_>) {
        if !self.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            self.waiting.push(cx.waker().clone());
        }
    }

    fn wake_waiting(&mut self) {
        mem::take(&mut self.waiting).into_iter().for_each(Waker::wake);
    }
}

impl Posted {
    /// Nothing became of it: tells whoever waits, and gives back the frame.
    pub(super) fn give_up(self) -> Frame {
        if let Some(delivery) = self.delivery {
            delivery.settle(Outcome::Undelivered);
        }
        if let Some(asked) = self.asked {
            asked.settle(Err(RequestError::Lost));
        }
        self.frame
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use alloc::task::Wake;
    use core::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn the_task_is_woken_by_whatever_a_handle_wants_of_it() {
        let line = Line::new(Arc::new(Config::default()));
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let wants: [&dyn Fn(); 4] = [
            &|| assert!(line.post(Frame::event("m").into()).is_ok()),
            &|| line.renew(),
            &|| line.stop_retrying(true),
            &|| line.end(End::Drained),
        ];
        for (before, wants) in wants.into_iter().enumerate() {
            line.take(&Context::from_waker(&waker));
            assert_eq!(wakes.0.load(Ordering::SeqCst), before);
            wants();
            assert_eq!(wakes.0.load(Ordering::SeqCst), before + 1);
        }
    }

    #[test]
    fn who_waits_for_what_is_posted_is_woken_when_it_is_taken() {
        let frame = || Frame::encode("message", "hello").unwrap();
        let config = Config::default().max_pending_bytes(frame().len()).overflow(Overflow::DropOldest);
        let line = Line::new(Arc::new(config));
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let mut cx = Context::from_waker(&waker);
        let mut post = |line: &Line| line.poll_post(&mut cx, &mut Some(frame()), None, None);
        assert!(matches!(post(&line), Poll::Ready(Ok(_))));
        assert!(post(&line).is_pending());
        assert_eq!(line.take(&Context::from_waker(Waker::noop())).posted.len(), 1);
        assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
        assert!(matches!(post(&line), Poll::Ready(Ok(_))));
    }
}
