//! Frames: cutting a byte stream at a delimiter, and the encoded message that goes the other way.

use alloc::{borrow::Cow, boxed::Box, string::String};
use core::fmt;

use bytes::{Bytes, BytesMut};
use serde::Serialize;

use crate::{encode, error::EncodeError, message::Message};

mod deframer;

pub(crate) use deframer::Cut;
pub use deframer::Deframer;

/// What ends a frame: any non-empty string, as UTF-8 on the wire. Default: form feed, one byte `0C`.
///
/// JSON always escapes control characters, so `\f`, `\n` or `\0` can never occur inside a frame that was
/// encoded here. With any other delimiter an emit whose text contains it is refused
/// ([`EncodeError::DelimiterInData`]). PROTOCOL.md, rules F1–F3.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Delimiter(Box<str>);

impl Delimiter {
    /// The delimiter as it stands on the wire.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The delimiter as it stands in a config.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How many bytes it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing in it, which no connection accepts.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is one control character, which compact JSON never has.
    pub(crate) fn is_control(&self) -> bool {
        matches!(self.as_bytes(), [byte] if *byte < 0x20)
    }

    /// Its only byte, where that can stand nowhere within JSON text, whitespace included.
    fn unmistakable(&self) -> Option<u8> {
        match *self.as_bytes() {
            [byte] if byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r') => Some(byte),
            _ => None,
        }
    }

    /// Whether `text`, compact JSON, has the delimiter in it.
    ///
    /// A control character never occurs there, so the usual delimiters cost no search.
    pub(crate) fn occurs_in(&self, text: &[u8]) -> bool {
        match self.as_bytes() {
            [byte] if *byte < 0x20 => false,
            [byte] => memchr::memchr(*byte, text).is_some(),
            bytes => memchr::memmem::find(text, bytes).is_some(),
        }
    }

    /// Whether a `text` that ends right before the delimiter would end the frame too early: `}` and a
    /// delimiter `}}`, say.
    pub(crate) fn straddles(&self, text: &[u8]) -> bool {
        let bytes = self.as_bytes();
        let tail = &text[text.len().saturating_sub(bytes.len() - 1)..];
        (0..tail.len()).any(|at| {
            let head = &tail[at..];
            bytes.starts_with(head) && bytes.starts_with(&bytes[head.len()..])
        })
    }
}

impl Default for Delimiter {
    fn default() -> Self {
        Self("\u{c}".into())
    }
}

impl From<&str> for Delimiter {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Delimiter {
    fn from(text: String) -> Self {
        Self(text.into_boxed_str())
    }
}

impl fmt::Debug for Delimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One encoded message, without a delimiter: `{"type":…,"data":…}`, or raw bytes.
///
/// Encoded once; a clone is a reference count, so one frame can go to many peers, whatever their dialect,
/// profile or delimiter: those are applied when the frame is sent.
#[derive(Clone)]
pub struct Frame {
    bytes: Bytes,
    /// Where `data` begins; 0 in a raw frame, and the end where an event has none.
    data: u32,
    /// How large the buffer is that `bytes` keeps alive, at least.
    backing: u32,
}

/// What stands before the name, and between the name and the data.
const NAME_AT: usize = 8;
const BETWEEN: usize = 8;

impl Frame {
    /// Encodes an event. `data` is written as JSON.stringify would write it, but for the order of members and
    /// for integers beyond 2^53, which stay exact.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Json`] when `data` has no JSON form.
    pub fn encode<T: Serialize + ?Sized>(name: &str, data: &T) -> Result<Self, EncodeError> {
        let mut out = BytesMut::with_capacity(name.len() + 64);
        let data_at = encode::envelope(&mut out, name, data)?;
        Ok(Self::from_parts(out.freeze(), data_at, 0))
    }

    /// An event without data, as node-ipc sends it when the argument is left out: `"data":{}`.
    #[must_use]
    pub fn event(name: &str) -> Self {
        #[derive(Serialize)]
        struct Nothing {}
        Self::encode(name, &Nothing {}).expect("a string and an object without members have a JSON form")
    }

    /// Bytes as they are, for connections of the raw profile.
    #[must_use]
    pub fn raw(bytes: impl Into<Bytes>) -> Self {
        Self::from_parts(bytes.into(), 0, 0)
    }

    /// `data_at` is where the data begins within `bytes`, `backing` the size of the buffer that `bytes` is a
    /// slice of.
    pub(crate) fn from_parts(bytes: Bytes, data_at: usize, backing: usize) -> Self {
        let backing = u32::try_from(backing.max(bytes.len())).unwrap_or(u32::MAX);
        Self { bytes, data: u32::try_from(data_at).unwrap_or(u32::MAX), backing }
    }

    /// The frame's bytes, without a delimiter.
    #[must_use]
    pub const fn as_bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// How many bytes it has, the delimiter not counted.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are no bytes in it (only a raw frame can be so).
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether these are raw bytes and no event.
    #[must_use]
    pub const fn is_raw(&self) -> bool {
        self.data == 0
    }

    /// The event, decoded again; `None` for raw bytes.
    #[must_use]
    pub fn message(&self) -> Option<Message> {
        if self.is_raw() { None } else { Message::parse(self.bytes.clone()).ok() }
    }

    /// The event's name as it stands in the JSON text, without its quotes: escapes are not resolved.
    pub(crate) fn name_text(&self) -> Cow<'_, str> {
        let data = self.data as usize;
        let end = if data < self.bytes.len() { data.saturating_sub(BETWEEN + 1) } else { data.saturating_sub(2) };
        String::from_utf8_lossy(self.bytes.get(NAME_AT + 1..end).unwrap_or_default())
    }

    /// The data's text. Empty for raw bytes, and where there is none.
    pub(crate) fn data_text(&self) -> &[u8] {
        let end = self.bytes.len().saturating_sub(1);
        if self.is_raw() { &[] } else { self.bytes.get(self.data as usize..end).unwrap_or_default() }
    }

    /// What stands before the data. Empty for raw bytes.
    pub(crate) fn head_text(&self) -> &[u8] {
        self.bytes.get(..self.data as usize).unwrap_or_default()
    }

    /// The same frame in a buffer of its own where it would keep more than four times its size alive.
    ///
    /// Call it before a frame is kept for long.
    #[must_use]
    pub fn detach(self) -> Self {
        if (self.backing as usize) <= self.bytes.len().saturating_mul(4).max(256) {
            return self;
        }
        Self { backing: 0, bytes: Bytes::copy_from_slice(&self.bytes), data: self.data }
    }
}

impl PartialEq for Frame {
    /// Whether the same bytes would leave.
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes && self.is_raw() == other.is_raw()
    }
}

impl Eq for Frame {}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Frame").field(&self.bytes).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_need_no_search() {
        assert!(!Delimiter::default().occurs_in(b"\x0c"));
        assert!(Delimiter::from("|").occurs_in(b"a|b"));
        assert!(!Delimiter::from("||").occurs_in(b"a|b"));
        assert!(Delimiter::from("\u{e9}").occurs_in("h\u{e9}".as_bytes()));
    }

    #[test]
    fn a_delimiter_may_not_begin_inside_the_frame() {
        assert!(Delimiter::from("}}").straddles(b"{}"));
        assert!(Delimiter::from("}}}").straddles(b"{\"a\":{}}"));
        assert!(!Delimiter::from("}|").straddles(b"{}"));
        assert!(!Delimiter::default().straddles(b"{}"));
    }

    #[test]
    fn a_small_frame_of_a_large_buffer_is_copied_out() {
        let large = Bytes::from(alloc::vec![b'x'; 4096]);
        let kept = Frame::from_parts(large.slice(..600), 8, large.len());
        assert_eq!(kept.clone().detach(), kept);
        assert_ne!(kept.clone().detach().bytes.as_ptr(), kept.bytes.as_ptr());
        let most = Frame::from_parts(large.slice(..2000), 8, large.len());
        assert_eq!(most.clone().detach().bytes.as_ptr(), most.bytes.as_ptr());
    }
}
