//! What a byte stream carried, cut into frames the slow way.

use ipc_proto::Timestamp;

use super::text::find;

/// A whole frame that the stream took.
#[derive(Debug)]
pub(super) struct Whole {
    /// Without what ends it.
    pub(super) text: Vec<u8>,
    /// Where it ends in the stream, with what ends it.
    end: u64,
    pub(super) at: Timestamp,
    /// The wire made it up; what the receiver should make of it.
    pub(super) forged: Option<Forged>,
}

/// What a receiver makes of a frame: a message's name and data, or an error.
pub(super) type Meaning = Result<(&'static str, &'static str), &'static str>;

/// A frame that nobody sent.
#[derive(Debug)]
pub(super) struct Forged {
    pub(super) bytes: &'static [u8],
    pub(super) meaning: Meaning,
}

/// One direction of one connection, from its first byte on.
#[derive(Debug)]
pub(super) struct Log {
    delimiter: Vec<u8>,
    /// The frame that is not whole yet.
    pub(super) tail: Vec<u8>,
    pub(super) whole: Vec<Whole>,
    pub(super) sent: u64,
    pub(super) read: u64,
    /// How many whole frames the reader has got all bytes of.
    pub(super) read_whole: usize,
    /// How many the model has looked at, and how many the receiver was handed.
    pub(super) absorbed: usize,
    pub(super) delivered: usize,
    /// When the reader got the first byte of the frame that it has a part of.
    pub(super) partial_since: Option<Timestamp>,
}

impl Log {
    pub(super) fn new(delimiter: &[u8]) -> Self {
        Self {
            delimiter: delimiter.to_vec(),
            tail: Vec::new(),
            whole: Vec::new(),
            sent: 0,
            read: 0,
            read_whole: 0,
            absorbed: 0,
            delivered: 0,
            partial_since: None,
        }
    }

    pub(super) fn note_sent(&mut self, bytes: &[u8], at: Timestamp) {
        let searched = (self.tail.len() + 1).saturating_sub(self.delimiter.len());
        self.tail.extend_from_slice(bytes);
        let mut from = searched;
        while let Some(len) = find(&self.tail[from..], &self.delimiter) {
            let end = from + len + self.delimiter.len();
            let text = self.tail[..from + len].to_vec();
            self.tail.drain(..end);
            self.sent += end as u64;
            self.whole.push(Whole { text, end: self.sent, at, forged: None });
            from = 0;
        }
    }

    /// Puts a frame in that nobody sent. The caller sees to it that the last frame is whole.
    pub(super) fn forge(&mut self, forged: Forged, at: Timestamp) -> Vec<u8> {
        let bytes = [forged.bytes, &self.delimiter].concat();
        self.sent += bytes.len() as u64;
        self.whole.push(Whole { text: forged.bytes.to_vec(), end: self.sent, at, forged: Some(forged) });
        bytes
    }

    pub(super) fn note_read(&mut self, n: usize, now: Timestamp) {
        self.read += n as u64;
        let before = self.read_whole;
        while self.whole.get(self.read_whole).is_some_and(|whole| whole.end <= self.read) {
            self.read_whole += 1;
        }
        let start = self.read_whole.checked_sub(1).map_or(0, |last| self.whole[last].end);
        if self.read == start {
            self.partial_since = None;
        } else if self.read_whole > before || self.partial_since.is_none() {
            self.partial_since = Some(now);
        }
    }
}
