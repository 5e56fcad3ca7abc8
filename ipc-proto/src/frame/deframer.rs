//! From bytes to frames: the search, the run of complete frames, the partial rest.

use core::mem;

use bytes::{Buf, Bytes, BytesMut};
use memchr::{memchr, memmem, memrchr};

use super::{Delimiter, kept::Kept};
use crate::{
    error::{Code, ProtocolError},
    scan::{self, Makeup, Quotes, Scanner},
    spare,
};

/// The least that is asked of one read.
const SMALL_READ: usize = 2 << 10;
/// The most that is asked of one read.
const LARGE_READ: usize = 64 << 10;

/// Cuts a byte stream into frames, without looking into them.
///
/// Work is linear in the bytes received however they are cut: nothing is searched twice for the end of a
/// frame. It holds at most the largest frame plus what was received and not yet taken.
///
/// ```
/// use ipc_proto::{Deframer, Delimiter};
///
/// let mut lines = Deframer::new(Delimiter::from("\n"), 1 << 20);
/// lines.push(b"one\ntw");
/// assert_eq!(lines.next_frame()?.as_deref(), Some(&b"one"[..]));
/// assert_eq!(lines.next_frame()?, None);
/// lines.push(b"o\n");
/// assert_eq!(lines.next_frame()?.as_deref(), Some(&b"two"[..]));
/// # Ok::<(), ipc_proto::ProtocolError>(())
/// ```
#[derive(Debug)]
pub struct Deframer {
    delimiter: Delimiter,
    max_frame: usize,
    /// Finds quotes, and the one byte of a delimiter that can stand nowhere within JSON text.
    quick: Option<Quotes>,
    /// Received, and no frame taken from it yet.
    buffer: BytesMut,
    /// How much of `buffer` was searched.
    searched: usize,
    /// How much of `buffer` is complete frames.
    complete: usize,
    /// Complete frames that are being handed out, and whether all of them are UTF-8.
    run: Bytes,
    run_len: usize,
    run_is_utf8: bool,
    /// It is [plain](Makeup::Plain) up to the delimiters.
    run_is_plain: bool,
    /// What the next read asks for.
    read_size: usize,
    /// The buffer of a large frame is kept for the next one.
    kept: Option<Kept>,
}

/// A frame, with what its reader needs to know about the buffer it lies in.
#[derive(Debug)]
pub(crate) struct Cut {
    pub(crate) frame: Bytes,
    pub(crate) is_utf8: bool,
    pub(crate) backing: usize,
}

impl Deframer {
    /// Frames end at `delimiter` and have at most `max_frame` bytes without it.
    ///
    /// An empty delimiter never ends a frame.
    #[must_use]
    pub fn new(delimiter: Delimiter, max_frame: usize) -> Self {
        Self {
            quick: delimiter.unmistakable().and_then(Quotes::or),
            delimiter,
            max_frame,
            buffer: BytesMut::new(),
            searched: 0,
            complete: 0,
            run: Bytes::new(),
            run_len: 0,
            run_is_utf8: true,
            run_is_plain: false,
            read_size: SMALL_READ,
            kept: None,
        }
    }

    /// Where to append received bytes, with room for a read; then call [`commit`](Self::commit).
    ///
    /// What stands in the buffer already must stay.
    pub fn buffer(&mut self) -> &mut BytesMut {
        if let Some(kept) = self.kept.as_ref().filter(|_| self.buffer.is_empty()) {
            kept.reclaim(&mut self.buffer);
        }
        if self.buffer.capacity() == 0 {
            self.buffer = spare::take(self.read_size);
        }
        self.buffer.reserve(self.read_size);
        &mut self.buffer
    }

    /// Searches what was appended to [`buffer`](Self::buffer). Without new bytes it does nothing.
    ///
    /// Returns whether a frame was completed.
    pub fn commit(&mut self) -> bool {
        self.adapt_read_size();
        let found = match *self.delimiter.as_bytes() {
            [] => None,
            [byte] => memrchr(byte, &self.buffer[self.searched..]).map(|at| self.searched + at + 1),
            _ => self.last_long_delimiter(),
        };
        self.searched = self.buffer.len();
        self.complete = found.unwrap_or(self.complete);
        found.is_some()
    }

    /// Appends a copy of `bytes` and searches them.
    ///
    /// Returns whether a frame was completed.
    pub fn push(&mut self, bytes: &[u8]) -> bool {
        self.buffer.extend_from_slice(bytes);
        self.commit()
    }

    /// Appends `bytes`, without a copy where nothing is held, and searches them.
    pub(crate) fn push_owned(&mut self, bytes: BytesMut) -> bool {
        if self.buffer.is_empty() {
            self.buffer = bytes;
        } else {
            self.buffer.extend_from_slice(&bytes);
        }
        self.commit()
    }

    /// The next complete frame, without its delimiter. Its answer changes when bytes come.
    ///
    /// # Errors
    ///
    /// [`Code::FrameTooLarge`] when the next frame, complete or not, is over the limit; again at each call.
    pub fn next_frame(&mut self) -> Result<Option<Bytes>, ProtocolError> {
        Ok(self.next_cut()?.map(|cut| cut.frame))
    }

    /// As [`next_frame`](Self::next_frame), and the bytes of a run are checked for UTF-8 at once.
    pub(crate) fn next_cut(&mut self) -> Result<Option<Cut>, ProtocolError> {
        if self.run.is_empty() && !self.begin_run()? {
            return Ok(None);
        }
        let end = self.first_delimiter();
        if end > self.max_frame {
            return Err(ProtocolError::new(Code::FrameTooLarge));
        }
        Ok(Some(Cut { frame: self.take_frame(end), is_utf8: self.run_is_utf8, backing: self.run_len }))
    }

    /// What is received of complete frames, where the end of a frame need not be searched: a reader that knows JSON
    /// finds it. `None` where there is no such frame, or it has to be [cut](Self::next_cut).
    #[inline]
    pub(crate) fn quick_run(&mut self) -> Option<Scanner<'_>> {
        self.quick.as_ref()?;
        if self.run.is_empty() && !self.begin_run().is_ok_and(|begun| begun) {
            return None;
        }
        let quotes = self.quick.as_ref().filter(|_| self.run_is_plain);
        let scanner = || quotes.map_or_else(|| Scanner::new(&self.run, 0), |quotes| Scanner::plain(&self.run, quotes));
        self.run_is_utf8.then(scanner)
    }

    /// Whether the first frame of the [quick run](Self::quick_run) ends at `end`, and may be so long.
    #[inline]
    pub(crate) fn quickly_ends_at(&self, end: usize) -> bool {
        u32::try_from(end).is_ok()
            && end <= self.max_frame
            && self.quick.as_ref().is_some_and(|quotes| self.run.get(end) == Some(&quotes.stop()))
    }

    /// What is left of the run.
    pub(crate) const fn run(&self) -> &Bytes {
        &self.run
    }

    /// The size of the buffer that the frames of the run share.
    pub(crate) const fn run_len(&self) -> usize {
        self.run_len
    }

    /// Everything received so far, frames or not: what the raw profile reads.
    pub(crate) fn take_all(&mut self) -> Option<Bytes> {
        self.searched = 0;
        self.complete = 0;
        Some(self.buffer.split().freeze()).filter(|bytes| !bytes.is_empty())
    }

    /// How much of the buffer was searched.
    pub(crate) const fn searched(&self) -> usize {
        self.searched
    }

    /// Drops what was appended to the buffer and not searched.
    pub(crate) fn drop_unsearched(&mut self) {
        self.buffer.truncate(self.searched);
    }

    /// Whether a frame, or an error, is waiting to be taken.
    #[must_use]
    pub fn has_frame(&self) -> bool {
        self.has_complete() || self.is_overlong()
    }

    pub(crate) fn has_complete(&self) -> bool {
        !self.run.is_empty() || self.complete > 0
    }

    /// How many bytes of an incomplete frame are held.
    #[must_use]
    pub fn partial_len(&self) -> usize {
        self.buffer.len() - self.complete
    }

    /// How many bytes are held, taken frames not counted.
    #[must_use]
    pub fn held(&self) -> usize {
        self.run.len() + self.buffer.len()
    }

    /// Gives up the read buffer where nothing is held. Call it when a read would block.
    pub fn shrink(&mut self) {
        // A buffer that is full to its end has no capacity after its last frame, and is held nonetheless.
        if self.buffer.is_empty() && self.run.is_empty() {
            self.kept = None;
            spare::give(mem::take(&mut self.buffer));
        }
    }

    /// Whether a large buffer is there for the next frame, until [`shrink`](Self::shrink) gives it up; and whether it has
    /// had a frame since this was asked last.
    pub(crate) fn keeps(&mut self) -> Option<bool> {
        self.kept.as_mut().map(Kept::was_used)
    }

    /// Forgets what is held.
    pub(crate) fn clear(&mut self) {
        self.buffer = BytesMut::new();
        self.kept = None;
        self.run = Bytes::new();
        self.searched = 0;
        self.complete = 0;
    }

    fn is_overlong(&self) -> bool {
        // A partial delimiter at the end does not count.
        self.partial_len() > self.max_frame.saturating_add(self.delimiter.len().saturating_sub(1))
    }

    /// Moves the complete frames out of the buffer; false when there are none.
    fn begin_run(&mut self) -> Result<bool, ProtocolError> {
        if self.complete == 0 {
            return if self.is_overlong() { Err(ProtocolError::new(Code::FrameTooLarge)) } else { Ok(false) };
        }
        self.kept = Kept::note(self.kept.take(), &self.buffer, self.complete, self.max_frame);
        self.run = self.buffer.split_to(self.complete).freeze();
        self.run_len = self.run.len();
        let makeup = self.quick.as_ref().map_or(Makeup::Special, |quotes| scan::makeup(&self.run, quotes.stop()));
        self.run_is_plain = makeup != Makeup::Special;
        self.run_is_utf8 = makeup == Makeup::PlainAscii || simdutf8::basic::from_utf8(&self.run).is_ok();
        self.searched -= self.complete;
        self.complete = 0;
        Ok(true)
    }

    /// Where the first delimiter of the run stands; a run always has one.
    fn first_delimiter(&self) -> usize {
        let found = match *self.delimiter.as_bytes() {
            [byte] => memchr(byte, &self.run),
            ref bytes => memmem::find(&self.run, bytes),
        };
        found.unwrap_or(self.run.len())
    }

    /// Takes the first frame of the run, which ends at `end`.
    #[inline(always)]
    pub(crate) fn take_frame(&mut self, end: usize) -> Bytes {
        if end + self.delimiter.len() >= self.run.len() {
            // The last one takes the run along and saves a reference count.
            let mut frame = mem::take(&mut self.run);
            frame.truncate(end);
            return frame;
        }
        let frame = self.run.split_to(end);
        self.run.advance(self.delimiter.len());
        frame
    }

    /// Where the last of the new delimiters ends, taken from left to right as the frames will be cut.
    fn last_long_delimiter(&self) -> Option<usize> {
        let delimiter = self.delimiter.as_bytes();
        let finder = memmem::Finder::new(delimiter);
        let mut from = self.searched.saturating_sub(delimiter.len() - 1).max(self.complete);
        let mut last = None;
        while let Some(at) = finder.find(&self.buffer[from..]) {
            from += at + delimiter.len();
            last = Some(from);
        }
        last
    }

    /// Asks for more after a read that filled the room, for less after one that needed little of it.
    fn adapt_read_size(&mut self) {
        let received = self.buffer.len() - self.searched;
        if received >= self.read_size {
            self.read_size = (self.read_size * 4).min(LARGE_READ);
        } else if received < self.read_size / 8 {
            self.read_size = (self.read_size / 2).max(SMALL_READ);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::{string::String, vec, vec::Vec};

    use super::*;

    fn frames(deframer: &mut Deframer) -> Vec<Bytes> {
        core::iter::from_fn(|| deframer.next_frame().unwrap()).collect()
    }

    fn cut(delimiter: &str, chunks: &[&[u8]]) -> (Vec<Bytes>, usize) {
        let mut deframer = Deframer::new(Delimiter::from(delimiter), 1 << 20);
        let mut all = Vec::new();
        for chunk in chunks {
            deframer.push(chunk);
            all.append(&mut frames(&mut deframer));
        }
        (all, deframer.partial_len())
    }

    #[test]
    fn every_split_of_every_delimiter_gives_the_same_frames() {
        for delimiter in ["\u{c}", "\n", "||", "\r\n", "\u{e9}", "\u{1f600}", "aba"] {
            let text: String = ["one", "", "two", "}"].iter().map(|part| String::from(*part) + delimiter).collect();
            let text = text + "rest";
            let expected: Vec<Bytes> = ["one", "", "two", "}"].into_iter().map(Bytes::from).collect();
            for first in 0..=text.len() {
                for second in first..=text.len() {
                    let bytes = text.as_bytes();
                    let chunks = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                    assert_eq!(cut(delimiter, &chunks), (expected.clone(), 4), "{delimiter:?} {first} {second}");
                }
            }
        }
    }

    #[test]
    fn an_overlapping_delimiter_is_cut_from_the_left() {
        for chunks in [vec![&b"a|||b||"[..]], vec![&b"a|"[..], b"||b|", b"|"]] {
            assert_eq!(cut("||", &chunks), (vec![Bytes::from("a"), Bytes::from("|b")], 0));
        }
    }

    #[test]
    fn frames_taken_late_are_the_same() {
        let mut deframer = Deframer::new(Delimiter::default(), 100);
        for byte in b"a\x0cbb\x0c\x0cccc" {
            deframer.push(&[*byte]);
        }
        assert_eq!(frames(&mut deframer), ["a", "bb", ""].map(Bytes::from));
        assert_eq!((deframer.held(), deframer.partial_len()), (3, 3));
    }

    #[test]
    fn the_limit_counts_no_delimiter() {
        for delimiter in ["\n", "\r\n"] {
            let mut deframer = Deframer::new(Delimiter::from(delimiter), 3);
            deframer.push(b"abc");
            deframer.push(&delimiter.as_bytes()[..1]);
            deframer.push(&delimiter.as_bytes()[1..]);
            assert_eq!(deframer.next_frame().unwrap().as_deref(), Some(&b"abc"[..]));
            deframer.push(b"x\nabcd\n");
            deframer.push(delimiter.as_bytes());
            let results: Vec<_> = core::iter::repeat_with(|| deframer.next_frame()).take(3).collect();
            assert!(results.iter().any(|result| *result == Err(ProtocolError::new(Code::FrameTooLarge))));
        }
    }

    #[test]
    fn an_endless_frame_is_refused_after_the_good_ones() {
        let mut deframer = Deframer::new(Delimiter::default(), 4);
        deframer.push(b"ok\x0cabcde");
        assert!(deframer.has_frame());
        assert_eq!(deframer.next_frame().unwrap().as_deref(), Some(&b"ok"[..]));
        let refused = Err(ProtocolError::new(Code::FrameTooLarge));
        assert_eq!(deframer.next_frame(), refused);
        assert_eq!(deframer.next_frame(), refused);
    }

    #[test]
    fn an_empty_delimiter_never_ends_a_frame() {
        let mut deframer = Deframer::new(Delimiter::from(""), 100);
        assert!(!deframer.push(b"abc") && !deframer.has_frame());
        assert_eq!((deframer.next_frame().unwrap(), deframer.partial_len()), (None, 3));
    }

    fn quick_run(deframer: &mut Deframer) -> Option<Bytes> {
        deframer.quick_run().is_some().then(|| deframer.run.clone())
    }

    #[test]
    fn a_quick_run_is_all_complete_frames_that_are_text() {
        let mut deframer = Deframer::new(Delimiter::default(), 3);
        assert_eq!(quick_run(&mut deframer), None);
        deframer.push(b"one\x0ctwo\x0cthr");
        assert_eq!(quick_run(&mut deframer).as_deref(), Some(&b"one\x0ctwo\x0c"[..]));
        assert_eq!(deframer.run_len(), 8);
        assert_eq!([2, 3, 4, 7].map(|end| deframer.quickly_ends_at(end)), [false, true, false, false]);
        assert_eq!(deframer.take_frame(3), "one");
        // What comes meanwhile waits for its turn.
        deframer.push(b"ee\x0c\xFF\x0c");
        assert_eq!(quick_run(&mut deframer).as_deref(), Some(&b"two\x0c"[..]));
        assert_eq!(deframer.take_frame(3), "two");
        assert_eq!(quick_run(&mut deframer), None, "it is not text, and has to be cut");
        assert!(!deframer.quickly_ends_at(5), "it is too long");
        let mut lines = Deframer::new(Delimiter::from("\n"), 3);
        lines.push(b"one\n");
        assert_eq!(quick_run(&mut lines), None, "a line feed may stand within JSON text");
    }

    #[test]
    fn what_was_not_searched_can_be_dropped() {
        let mut deframer = Deframer::new(Delimiter::default(), 100);
        deframer.push(b"a");
        deframer.buffer().extend_from_slice(b"lost\x0c");
        assert_eq!(deframer.searched(), 1);
        deframer.drop_unsearched();
        deframer.push(b"b\x0c");
        assert_eq!(frames(&mut deframer), [Bytes::from("ab")]);
    }

    #[test]
    fn reads_ask_for_two_kibibytes_and_up_to_64_while_they_fill() {
        let mut deframer = Deframer::new(Delimiter::default(), 1 << 20);
        let mut asked = Vec::new();
        for _ in 0..5 {
            asked.push(deframer.read_size);
            let room = deframer.read_size;
            assert!(deframer.buffer().spare_capacity_mut().len() >= room);
            deframer.push(&vec![b'x'; room]);
        }
        assert_eq!(asked, [2 << 10, 8 << 10, 32 << 10, 64 << 10, 64 << 10]);
        for expected in [32 << 10, 16 << 10, 8 << 10, 4 << 10, 2 << 10, 2 << 10] {
            deframer.push(b"x");
            assert_eq!(deframer.read_size, expected);
        }
    }

    #[test]
    fn a_read_that_fills_an_eighth_of_the_room_changes_nothing() {
        let mut deframer = Deframer::new(Delimiter::default(), 1 << 20);
        for (received, next) in [(2048, 8192), (1024, 8192), (1023, 4096), (4095, 4096)] {
            deframer.push(&vec![b'x'; received]);
            assert_eq!(deframer.read_size, next);
        }
    }

    #[test]
    fn a_cleared_deframer_begins_anew() {
        let mut deframer = Deframer::new(Delimiter::default(), 100);
        deframer.push(b"one\x0ctwo\x0cthr");
        assert!(deframer.next_frame().unwrap().is_some());
        deframer.clear();
        assert_eq!((deframer.held(), deframer.has_frame()), (0, false));
        deframer.push(b"new\x0c");
        assert_eq!(frames(&mut deframer), [Bytes::from("new")]);
    }

    #[test]
    fn an_idle_deframer_holds_no_buffer() {
        let mut deframer = Deframer::new(Delimiter::default(), 1 << 20);
        for _ in 0..8 {
            let buffer = deframer.buffer();
            let room = buffer.capacity() - buffer.len();
            deframer.push(&vec![b'x'; room.min(LARGE_READ)]);
        }
        deframer.push(b"\x0c");
        assert!(deframer.next_frame().unwrap().is_some());
        deframer.shrink();
        assert_eq!(deframer.buffer.capacity(), 0);

        // A buffer without room behind its only frame is held as any other.
        for len in [1 << 10, 2 << 20] {
            let mut deframer = Deframer::new(Delimiter::default(), 4 << 20);
            deframer.push_owned(BytesMut::from(&[&vec![b'x'; len], &b"\x0c"[..]].concat()[..]));
            let frame = deframer.next_frame().unwrap().unwrap();
            deframer.shrink();
            assert!(frame.is_unique() && deframer.keeps().is_none(), "{len}");
        }
    }
}
