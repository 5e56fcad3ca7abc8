//! What waits to be written: bytes, the ends of the frames among them, and the marks of back-pressure.

use alloc::collections::VecDeque;
use core::mem;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::spare;

#[cfg(feature = "facade")]
mod laid;

#[cfg(feature = "facade")]
pub(crate) use laid::Laid;

/// A frame at least this large is queued by reference; smaller ones are copied together.
const BY_REFERENCE: usize = 4 << 10;
/// When this much is copied together, it becomes a chunk of its own.
const CHUNK: usize = 64 << 10;
/// Room for the first few small frames.
const SMALL_TAIL: usize = 1 << 10;

/// Whether the other side keeps up, as an emit's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pressure {
    /// Less than 64 KiB wait.
    Low,
    /// 64 KiB or more wait; [`Event::Writable`](crate::Event::Writable) says when they are down to 16 KiB.
    High,
}

impl Pressure {
    /// [`High`](Self::High) begins here.
    pub const HIGH_MARK: usize = 64 << 10;
    /// After `High`, [`Event::Writable`](crate::Event::Writable) comes here.
    pub const LOW_MARK: usize = 16 << 10;

    pub(crate) const fn of(pending: usize) -> Self {
        if pending >= Self::HIGH_MARK { Self::High } else { Self::Low }
    }
}

/// What a frame in the outbox is, beside its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tag {
    /// Nobody asked.
    #[default]
    Plain,
    /// A frame of `Config::on_connect`: it belongs to one connection and is never sent again.
    Greeting,
    /// Somebody waits to hear what became of it.
    Ticket(u64),
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    /// Where the frame, with its delimiter, ends in the stream of all bytes ever queued.
    end: u64,
    tag: Tag,
    /// Some of its bytes left on an earlier connection.
    begun: bool,
}

/// A frame that had not been written whole.
#[derive(Debug)]
pub(crate) struct Unsent {
    /// With its delimiter.
    pub(crate) bytes: Bytes,
    /// How large the buffer is that `bytes` keeps alive.
    pub(crate) backing: usize,
    pub(crate) tag: Tag,
    /// Whether some of its bytes had been.
    pub(crate) begun: bool,
    /// Some of its bytes were in a session when that ended: the peer may have the whole frame, so that sending
    /// it again could give it twice.
    pub(crate) doubtful: bool,
}

/// Bytes waiting to be written to the transport.
///
/// Write what [`chunk`](Buf::chunk) (or `chunks_vectored`) shows and [`advance`](Buf::advance) by what the
/// transport took; a completion-based driver takes a chunk to own it and [`ack`](Self::ack)s it later. What
/// waits always ends where a frame ends, so a driver that writes all it is shown never stops inside a frame.
///
/// A transport with a session (TLS) keeps what it takes for a while. For such a one the outbox
/// [holds](Self::hold_until_confirmed) every frame until the driver has flushed the session and
/// [confirmed](Self::confirm) it.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Written, but not to the end of a frame, or not confirmed: kept so that frames can be taken back.
    held: VecDeque<Bytes>,
    /// Where the first held byte stands in the stream of all bytes ever queued.
    held_from: u64,
    chunks: VecDeque<Bytes>,
    tail: BytesMut,
    /// How much the tail held when it was given up last: a busy connection fills it again at once, and growing
    /// step by step costs more than the frames.
    usual_tail: usize,
    /// How much of the first chunk (of the tail where there is none) is written.
    start: usize,
    /// Bytes that no transport has taken yet.
    untaken: usize,
    /// Bytes ever written, how many of them are confirmed, and where the last whole frame among those ended.
    written: u64,
    confirmed: u64,
    frame_start: u64,
    /// Whether writing is not enough.
    in_session: bool,
    marks: VecDeque<Mark>,
    flushed: VecDeque<u64>,
}

impl Outbox {
    /// How many bytes wait: to be written, or to be confirmed.
    #[must_use]
    pub const fn pending(&self) -> usize {
        self.untaken + self.unconfirmed()
    }

    /// How many bytes are written and wait to be confirmed; none without a session.
    #[must_use]
    pub const fn unconfirmed(&self) -> usize {
        (self.written - self.confirmed) as usize
    }

    /// From now on a frame counts as sent only when it is [confirmed](Self::confirm), not when it is written.
    /// Calling it again does nothing.
    pub fn hold_until_confirmed(&mut self) {
        self.in_session = true;
    }

    /// The session is flushed: all that was written has left. Without a session it does nothing.
    pub fn confirm(&mut self) {
        self.confirmed = self.written;
        self.settle();
    }

    /// How many frames wait, the one being written included.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.marks.len()
    }

    /// Bytes ever written.
    #[must_use]
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// The first bytes that wait, to own while a completion-based write runs; `None` when nothing waits.
    ///
    /// They stay in the outbox until [`ack`](Self::ack): asking twice gives them twice.
    pub fn take_chunk(&mut self) -> Option<Bytes> {
        if self.chunks.is_empty() {
            self.seal();
        }
        self.chunks.front().map(|chunk| chunk.slice(self.start..))
    }

    /// The transport took `n` of the bytes that wait.
    ///
    /// More than wait counts as all of them.
    pub fn ack(&mut self, n: usize) {
        self.advance(n.min(self.untaken));
    }

    /// The next ticket whose frame was written whole.
    pub(crate) fn poll_flushed(&mut self) -> Option<u64> {
        self.flushed.pop_front()
    }

    /// Queues a frame and its delimiter, by reference where it is large.
    pub(crate) fn push(&mut self, frame: &Bytes, delimiter: &[u8], tag: Tag) {
        // A session copies what it encrypts, and better in one piece with the delimiter.
        let by_reference = if self.in_session { CHUNK } else { BY_REFERENCE };
        if frame.len() < by_reference {
            if self.tail.capacity() == 0 {
                let room = self.usual_tail.max(SMALL_TAIL);
                self.tail = spare::take(room);
                self.tail.reserve(room);
            }
            self.tail.extend_from_slice(frame);
        } else {
            self.seal();
            self.chunks.push_back(frame.clone());
        }
        self.push_delimiter(delimiter);
        self.mark(frame.len() + delimiter.len(), tag);
    }

    #[inline]
    fn push_delimiter(&mut self, delimiter: &[u8]) {
        match *delimiter {
            // Nearly always, and a call to copy one byte costs more than the byte.
            [byte] => self.tail.put_u8(byte),
            _ => self.tail.extend_from_slice(delimiter),
        }
    }

    /// Queues a frame that `encode` appends to the buffer it is given. On an error nothing is queued.
    pub(crate) fn push_with<E>(
        &mut self,
        delimiter: &[u8],
        tag: Tag,
        encode: impl FnOnce(&mut BytesMut) -> Result<(), E>,
    ) -> Result<(), E> {
        let before = self.tail.len();
        if let Err(error) = encode(&mut self.tail) {
            self.tail.truncate(before);
            return Err(error);
        }
        self.push_delimiter(delimiter);
        let len = self.tail.len() - before;
        self.mark(len, tag);
        Ok(())
    }

    /// The last frame, if it is not written whole yet, still leaves, but is nobody's any more: it is neither taken
    /// back to be sent again nor asked after.
    pub(crate) fn disown_last(&mut self) {
        if let Some(mark) = self.marks.back_mut() {
            mark.tag = Tag::Greeting;
        }
    }

    /// Some bytes of the last frame left on an earlier connection.
    pub(crate) fn note_begun(&mut self) {
        if let Some(mark) = self.marks.back_mut() {
            mark.begun = true;
        }
    }

    /// Takes back what is not written whole, in order, and forgets it.
    pub(crate) fn take_unsent(&mut self) -> impl Iterator<Item = Unsent> + use<> {
        let mut rest = self.kept_bytes();
        let backing = rest.len();
        let (mut at, written, in_session) = (self.frame_start, self.written, self.in_session);
        let marks = mem::take(&mut self.marks);
        self.forget();
        marks.into_iter().map(move |mark| {
            let bytes = rest.split_to((mark.end - at) as usize);
            let begun = at < written;
            at = mark.end;
            Unsent { bytes, backing, tag: mark.tag, begun: begun || mark.begun, doubtful: begun && in_session }
        })
    }

    /// All bytes from the first frame on that is not settled.
    fn kept_bytes(&self) -> Bytes {
        let end = self.written + self.untaken as u64;
        let mut all = BytesMut::with_capacity((end - self.held_from) as usize);
        self.held.iter().chain(&self.chunks).for_each(|chunk| all.extend_from_slice(chunk));
        all.extend_from_slice(&self.tail);
        all.advance((self.frame_start - self.held_from) as usize);
        all.freeze()
    }

    /// Gives up buffers where nothing waits.
    pub(crate) fn shrink(&mut self) {
        if self.pending() == 0 {
            if self.tail.capacity() > 0 {
                self.usual_tail = self.tail.capacity().min(CHUNK);
            }
            spare::give(mem::take(&mut self.tail));
            if self.marks.capacity() > 32 {
                self.marks = VecDeque::new();
            }
        }
    }

    fn forget(&mut self) {
        self.held.clear();
        self.chunks.clear();
        self.tail = BytesMut::new();
        self.frame_start = self.written;
        self.held_from = self.written;
        self.confirmed = self.written;
        self.start = 0;
        self.untaken = 0;
    }

    fn mark(&mut self, len: usize, tag: Tag) {
        if len == 0 {
            // Raw bytes, none of them: nothing is written, so nothing is waited for.
            return self.note_flushed(tag);
        }
        self.untaken += len;
        self.marks.push_back(Mark { end: self.written + self.untaken as u64, tag, begun: false });
        if self.tail.len() >= CHUNK {
            self.seal();
        }
    }

    /// Makes a chunk of the tail.
    fn seal(&mut self) {
        if !self.tail.is_empty() {
            self.chunks.push_back(self.tail.split().freeze());
        }
    }

    /// Forgets the frames that are confirmed whole.
    fn settle(&mut self) {
        while let Some(mark) = self.marks.front() {
            if mark.end > self.confirmed {
                break;
            }
            self.frame_start = mark.end;
            self.note_flushed(mark.tag);
            self.marks.pop_front();
        }
        self.let_go();
    }

    /// Gives up the held chunks that no frame needs any more.
    fn let_go(&mut self) {
        while let Some(chunk) = self.held.front() {
            let end = self.held_from + chunk.len() as u64;
            if end > self.frame_start {
                break;
            }
            self.held_from = end;
            self.held.pop_front();
        }
    }

    fn note_flushed(&mut self, tag: Tag) {
        if let Tag::Ticket(ticket) = tag {
            self.flushed.push_back(ticket);
        }
    }

    /// Steps over the first chunk, which is written.
    fn drop_front(&mut self) {
        self.start = 0;
        if self.frame_start < self.written {
            let chunk = self.chunks.pop_front().unwrap_or_else(|| self.tail.split().freeze());
            self.held.push_back(chunk);
            return;
        }
        self.held_from = self.written;
        if self.chunks.pop_front().is_none() {
            self.tail.clear();
        }
    }

    fn front(&self) -> &[u8] {
        self.chunks.front().map_or(&self.tail, |chunk| chunk)
    }
}

impl Buf for Outbox {
    fn remaining(&self) -> usize {
        self.untaken
    }

    fn chunk(&self) -> &[u8] {
        self.front().get(self.start..).unwrap_or_default()
    }

    /// # Panics
    ///
    /// When `n` is more than what [`remaining`](Buf::remaining) says, as `Buf` demands.
    fn advance(&mut self, mut n: usize) {
        assert!(n <= self.untaken, "advanced past what waits");
        self.untaken -= n;
        while n > 0 {
            let step = n.min(self.front().len() - self.start);
            self.start += step;
            self.written += step as u64;
            n -= step;
            if !self.in_session {
                self.confirm();
            }
            if self.start == self.front().len() {
                self.drop_front();
            }
        }
    }

    #[cfg(feature = "std")]
    fn chunks_vectored<'a>(&'a self, slices: &mut [std::io::IoSlice<'a>]) -> usize {
        let mut skip = self.start;
        let parts = self.chunks.iter().map(Bytes::as_ref).chain(core::iter::once(self.tail.as_ref()));
        let mut count = 0;
        for part in parts {
            let part = &part[mem::take(&mut skip)..];
            if count == slices.len() {
                break;
            }
            if !part.is_empty() {
                slices[count] = std::io::IoSlice::new(part);
                count += 1;
            }
        }
        count
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
