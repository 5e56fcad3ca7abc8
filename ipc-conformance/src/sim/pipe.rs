//! One direction of a simulated connection: the writer's kernel, the wire, the reader's kernel.

use std::{
    collections::VecDeque,
    task::{Context, Poll, Waker},
};

use bytes::{Buf, Bytes, BytesMut};
use ipc_proto::{IoError, Outbox, Timestamp};

use super::{
    clock::Time,
    log::{Forged, Log},
    random::Random,
};

type IoResult<T> = Poll<Result<T, IoError>>;

/// How bytes come to the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// Everything that is there at once.
    Coalesced,
    /// As it was written.
    Written,
    /// Up to so many bytes.
    UpTo(u64),
}

/// What a pipe does to its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub(super) cut: Cut,
    /// Each write takes up to so many milliseconds.
    pub(super) delay: u64,
    /// How much is on the way at most.
    pub(super) capacity: usize,
}

/// A wire that does nothing.
pub(super) const CALM: Style = Style { cut: Cut::Coalesced, delay: 1, capacity: 1 << 20 };

mod session;

pub(super) use session::Opening;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    None,
    Eof(Timestamp),
    /// The end of a session that the other side refused.
    Alert(Timestamp),
    Reset,
}

#[derive(Debug)]
pub(super) struct Pipe {
    time: Time,
    random: Random,
    pub(super) style: Style,
    segments: VecDeque<(Timestamp, Bytes)>,
    unread: usize,
    held_until: Timestamp,
    end: End,
    reader_gone: bool,
    /// The reader's session is not there yet.
    opening: Option<Opening>,
    /// The reader would have no session.
    refused: bool,
    /// Bytes were lost on the way.
    pub(super) lost: bool,
    /// The receiver ended on its own account, and may have dropped what it had.
    pub(super) gave_up: bool,
    pub(super) log: Log,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Pipe {
    pub(super) fn new(time: &Time, random: Random, style: Style, delimiter: &[u8]) -> Self {
        Self {
            time: time.clone(),
            random,
            style,
            segments: VecDeque::new(),
            unread: 0,
            held_until: Timestamp::ZERO,
            end: End::None,
            reader_gone: false,
            opening: None,
            refused: false,
            lost: false,
            gave_up: false,
            log: Log::new(delimiter),
            reader: None,
            writer: None,
        }
    }

    // For the two ends.

    pub(super) fn poll_recv(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> IoResult<usize> {
        assert!(!self.is_opening(), "it is read before there is a session");
        if self.end == End::Reset {
            self.log.partial_since = None;
            return Poll::Ready(Err(error("ECONNRESET")));
        }
        if !self.is_readable() {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let before = buffer.len();
        self.read_into(buffer);
        let n = buffer.len() - before;
        self.unread -= n;
        self.log.note_read(n, self.time.now());
        if n == 0 {
            self.log.partial_since = None;
            if matches!(self.end, End::Alert(_)) {
                return Poll::Ready(Err(error("ERR_SSL_ALERT")));
            }
        }
        wake(&mut self.writer);
        Poll::Ready(Ok(n))
    }

    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>, outbox: &mut Outbox) -> IoResult<()> {
        let room = match self.room(cx) {
            Poll::Ready(room) => room?,
            Poll::Pending => return Poll::Pending,
        };
        // As a driver with readiness does it, or as one with completions.
        if self.random.one_in(2) {
            let n = room.min(outbox.chunk().len());
            self.take(&outbox.chunk()[..n]);
            outbox.advance(n);
        } else if let Some(chunk) = outbox.take_chunk() {
            let n = room.min(chunk.len());
            self.take(&chunk[..n]);
            outbox.ack(n);
        }
        Poll::Ready(Ok(()))
    }

    /// Takes as much of `bytes` as there is room for.
    pub(super) fn poll_bytes(&mut self, cx: &Context<'_>, bytes: &mut Vec<u8>) -> IoResult<()> {
        while !bytes.is_empty() {
            let room = match self.room(cx) {
                Poll::Ready(room) => room?,
                Poll::Pending => return Poll::Pending,
            };
            let n = room.min(bytes.len());
            self.take(&bytes[..n]);
            bytes.drain(..n);
        }
        Poll::Ready(Ok(()))
    }

    pub(super) fn finish(&mut self) {
        self.end_with(End::Eof(self.arrival()));
    }

    fn end_with(&mut self, end: End) {
        if self.end == End::None {
            self.end = end;
            wake(&mut self.reader);
        }
    }

    /// The reader is gone. Says whether it left something unread.
    pub(super) fn abandon(&mut self) -> bool {
        let unread = self.unread > 0;
        self.reader_gone = true;
        self.drop_from(0);
        wake(&mut self.writer);
        unread
    }

    // What the wire does.

    /// Everything behind the first `kept` bytes is lost, and the reader sees an end.
    pub(super) fn cut(&mut self, kept: usize) {
        self.drop_from(kept);
        self.end = if self.end == End::Reset { End::Reset } else { End::Eof(self.arrival()) };
        wake(&mut self.reader);
        wake(&mut self.writer);
    }

    pub(super) fn reset(&mut self) {
        self.drop_from(0);
        self.end = End::Reset;
        wake(&mut self.reader);
        wake(&mut self.writer);
    }

    pub(super) fn hold(&mut self, until: Timestamp) {
        self.held_until = self.held_until.max(until);
    }

    /// A calm wire, for the end.
    pub(super) fn heal(&mut self) {
        self.held_until = Timestamp::ZERO;
        self.style = CALM;
        self.opening = self.opening.map(|_| Opening { at: self.time.now(), refuses: false });
        wake(&mut self.writer);
        wake(&mut self.reader);
    }

    /// Puts a frame in that nobody sent, where one ends. Says whether it could.
    pub(super) fn forge(&mut self, forged: Forged) -> bool {
        let fits = self.log.tail.is_empty() && !self.is_over() && self.end == End::None;
        if fits {
            let bytes = self.log.forge(forged, self.time.now());
            self.push(bytes.into());
        }
        fits
    }

    /// Whether nothing can move any more.
    pub(super) const fn is_over(&self) -> bool {
        self.reader_gone || matches!(self.end, End::Reset)
    }

    /// Whether the writer hears of it when there is room, or there will be none.
    pub(super) const fn wakes_writer(&self) -> bool {
        self.writer.is_some() || self.is_over() || !matches!(self.end, End::None)
    }

    /// Whether the reader hears of it when there is something to read, or there will be nothing.
    pub(super) const fn wakes_reader(&self) -> bool {
        self.reader.is_some()
    }

    pub(super) fn unread(&self) -> usize {
        self.unread
    }

    /// When the reader is to be woken, if it waits.
    pub(super) fn next_wake(&self) -> Option<Timestamp> {
        self.reader.as_ref()?;
        self.readable_at()
    }

    /// Wakes the reader if its time has come.
    pub(super) fn tick(&mut self) {
        if self.reader.is_some() && self.is_readable() {
            wake(&mut self.reader);
        }
    }

    // Inside.

    fn room(&mut self, cx: &Context<'_>) -> IoResult<usize> {
        if self.is_over() || self.end != End::None {
            return Poll::Ready(Err(error("EPIPE")));
        }
        let room = self.style.capacity.saturating_sub(self.unread);
        if room == 0 {
            self.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(room))
    }

    fn take(&mut self, bytes: &[u8]) {
        self.log.note_sent(bytes, self.time.now());
        self.push(Bytes::copy_from_slice(bytes));
    }

    fn push(&mut self, bytes: Bytes) {
        self.unread += bytes.len();
        let delay = if self.style.delay == 0 { 0 } else { self.random.below(self.style.delay + 1) };
        let at = self.time.after(delay).max(self.arrival());
        self.segments.push_back((at, bytes));
        self.tick();
    }

    /// When what is on the way has arrived.
    fn arrival(&self) -> Timestamp {
        self.segments.back().map_or_else(|| self.time.now(), |(at, _)| *at)
    }

    fn readable_at(&self) -> Option<Timestamp> {
        let at = match (self.segments.front(), self.end) {
            (_, End::Reset) => return Some(self.time.now()),
            (None, End::Eof(at) | End::Alert(at)) => at.min(self.opening.map_or(at, |opening| opening.at)),
            _ if self.opening.is_some() => self.opening?.at,
            (Some((at, _)), _) => *at,
            (None, End::None) => return None,
        };
        Some(at.max(self.held_until))
    }

    fn is_readable(&self) -> bool {
        self.readable_at().is_some_and(|at| at <= self.time.now())
    }

    fn read_into(&mut self, buffer: &mut BytesMut) {
        let limit = match self.style.cut {
            Cut::Coalesced => 64 << 10,
            Cut::Written => self.segments.front().map_or(0, |(_, bytes)| bytes.len()),
            // Long messages in more than crumbs, or they would take all the time.
            Cut::UpTo(most) => (1 + self.random.below(most) as usize).max(self.unread / 50),
        };
        let mut left = limit.min(64 << 10);
        while left > 0 && self.is_readable() {
            let Some((_, bytes)) = self.segments.front_mut() else { break };
            let n = left.min(bytes.len());
            buffer.extend_from_slice(&bytes[..n]);
            bytes.advance(n);
            left -= n;
            if bytes.is_empty() {
                self.segments.pop_front();
            }
        }
    }

    fn drop_from(&mut self, kept: usize) {
        self.lost |= self.unread > kept;
        let mut left = kept;
        for (_, bytes) in &mut self.segments {
            bytes.truncate(left);
            left -= bytes.len();
        }
        self.segments.retain(|(_, bytes)| !bytes.is_empty());
        self.unread = self.unread.min(kept);
    }
}

pub(super) fn error(code: &'static str) -> IoError {
    IoError::new(code, "as the script says")
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}
