//! Frames: cutting a byte stream at a delimiter, and the encoded message that goes the other way.

use alloc::{borrow::Cow, boxed::Box, string::String};
use core::fmt;

use bytes::{Bytes, BytesMut};
use serde::Serialize;

use crate::{encode, error::EncodeError, message::Message};

mod deframer;
mod kept;

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
    #[inline]
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
        if self.is_raw() { None } else { Message::parse_within(self.bytes.clone(), self.backing as usize).ok() }
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
        assert!(Delimiter::from(" ").occurs_in(b"a b"));
    }

    #[test]
    fn which_delimiters_stand_in_no_text() {
        for (text, control, unmistakable) in [
            ("\u{c}", true, true),
            ("\0", true, true),
            ("\u{1f}", true, true),
            ("\n", true, false),
            ("\t", true, false),
            ("\r", true, false),
            (" ", false, false),
            ("|", false, false),
            ("\u{c}\u{c}", false, false),
        ] {
            let delimiter = Delimiter::from(text);
            assert_eq!(
                (delimiter.is_control(), delimiter.unmistakable().is_some()),
                (control, unmistakable),
                "{text:?}"
            );
        }
    }

    #[test]
    fn debug_shows_what_is_sent() {
        assert_eq!(alloc::format!("{:?}", Delimiter::from("\n")), r#""\n""#);
        assert_eq!(alloc::format!("{:?}", Frame::raw("a\0")), r#"Frame(b"a\0")"#);
    }

    #[test]
    fn only_raw_frames_can_be_empty() {
        assert!(Frame::raw("").is_empty() && Frame::raw("").is_raw());
        assert!(!Frame::raw("x").is_empty() && !Frame::event("").is_empty());
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

#[cfg(test)]
mod properties {
    use alloc::{format, string::ToString, vec::Vec};

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::error::Code;

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,20}".prop_map(Value::from),
            prop::collection::vec(".{0,6}", 0..4).prop_map(Value::from),
            (".{0,4}", any::<u32>()).prop_map(|(key, value)| json!({ key: value })),
        ]
    }

    /// The frames of a stream cut by a search through all of it, and whether one over the limit follows them.
    fn split(stream: &[u8], delimiter: &[u8], limit: usize) -> (Vec<Vec<u8>>, bool) {
        let (mut frames, mut rest) = (Vec::new(), stream);
        while let Some(at) = rest.windows(delimiter.len()).position(|window| window == delimiter) {
            if at > limit {
                return (frames, true);
            }
            frames.push(rest[..at].to_vec());
            rest = &rest[at + delimiter.len()..];
        }
        // The last bytes may be the beginning of a delimiter, which does not count.
        (frames, rest.len() >= limit + delimiter.len())
    }

    #[derive(Clone, Copy, Debug)]
    enum How {
        Push,
        Owned,
        Buffer,
    }

    fn receive(deframer: &mut Deframer, bytes: &[u8], how: How) -> bool {
        match how {
            How::Push => deframer.push(bytes),
            How::Owned => deframer.push_owned(bytes.into()),
            How::Buffer => {
                deframer.buffer().extend_from_slice(bytes);
                deframer.commit()
            }
        }
    }

    fn chunk() -> impl Strategy<Value = (Vec<u8>, How, bool, bool)> {
        let bytes = prop::collection::vec(prop::sample::select(b"ab|\x0c\r\n".to_vec()), 0..12);
        let how = prop_oneof![Just(How::Push), Just(How::Owned), Just(How::Buffer)];
        (bytes, how, any::<bool>(), any::<bool>())
    }

    proptest! {
        /// Against a search through the whole stream, however it is cut and whenever frames are taken.
        #[test]
        fn frames_are_those_of_a_plain_search(
            delimiter in prop::sample::select(alloc::vec!["\u{c}", "|", "||", "\r\n", "aba", "a"]),
            limit in prop_oneof![0..12_usize, Just(1000)],
            chunks in prop::collection::vec(chunk(), 0..20),
        ) {
            let mut deframer = Deframer::new(delimiter.into(), limit);
            let (mut stream, mut frames, mut refused) = (Vec::new(), Vec::new(), false);
            for (bytes, how, takes, shrinks) in chunks {
                let before = split(&stream, delimiter.as_bytes(), usize::MAX / 2).0.len();
                stream.extend_from_slice(&bytes);
                let completed = split(&stream, delimiter.as_bytes(), usize::MAX / 2).0.len() > before;
                prop_assert_eq!(receive(&mut deframer, &bytes, how), completed);
                while takes && !refused && deframer.has_frame() {
                    match deframer.next_frame() {
                        Ok(frame) => frames.push(frame.expect("it said so").to_vec()),
                        Err(error) => refused = error.code() == Code::FrameTooLarge,
                    }
                }
                if shrinks {
                    deframer.shrink();
                }
                let (expected, overlong) = split(&stream, delimiter.as_bytes(), limit);
                prop_assert!(expected.starts_with(&frames));
                if refused {
                    prop_assert!(overlong && expected.len() == frames.len());
                    break;
                }
                let taken: usize = frames.iter().map(|frame| frame.len() + delimiter.len()).sum();
                prop_assert_eq!(deframer.held(), stream.len() - taken);
                prop_assert_eq!(deframer.has_frame(), overlong || expected.len() > frames.len());
            }
        }

        /// Against a search in the text and the delimiter behind it.
        #[test]
        fn a_delimiter_is_found_wherever_it_would_cut(
            text in "[{}|a\"]{1,12}",
            delimiter in "[{}|a\"]{1,4}|\u{c}|é",
        ) {
            let wire = [&*text, &*delimiter].concat();
            let early = wire.find(&delimiter) != Some(text.len());
            let delimiter = Delimiter::from(delimiter);
            prop_assert_eq!(delimiter.occurs_in(text.as_bytes()) || delimiter.straddles(text.as_bytes()), early);
            prop_assert_eq!(delimiter.occurs_in(text.as_bytes()), text.contains(delimiter.as_str()));
        }

        /// Against serde_json and plain text.
        #[test]
        fn a_frame_is_its_parts(name in ".{0,12}", data in value(), padding in 0..2000_usize) {
            let frame = Frame::encode(&name, &data).unwrap();
            let (name_json, data_json) = (serde_json::to_string(&name).unwrap(), data.to_string());
            prop_assert_eq!(frame.as_bytes(), &format!("{{\"type\":{name_json},\"data\":{data_json}}}"));
            prop_assert_eq!(frame.name_text(), &name_json[1..name_json.len() - 1]);
            prop_assert_eq!(frame.data_text(), data_json.as_bytes());
            prop_assert_eq!([frame.head_text(), frame.data_text(), b"}"].concat(), frame.as_bytes().to_vec());
            prop_assert!(!frame.is_raw() && !frame.is_empty());
            // The same in a large buffer keeps at most four times its size, or 256 bytes.
            let large = Frame::from_parts(frame.as_bytes().clone(), frame.data as usize, frame.len() + padding);
            let kept = large.detach();
            prop_assert!(kept.backing as usize <= (4 * frame.len()).max(256));
            prop_assert_eq!(&kept, &frame);
            prop_assert_eq!(kept.message().expect("an event").decode::<Value>().ok(), Some(data));
        }
    }
}
