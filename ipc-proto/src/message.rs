//! One received event: the envelope taken apart, its data still text.

use alloc::{boxed::Box, vec::Vec};
use core::{fmt, ops::Range};

use bytes::Bytes;
use serde::Deserialize;

use crate::{
    decode, encode,
    error::{Code, DecodeError, ProtocolError},
    frame::Frame,
    scan::{self, Scanner, Token},
    text,
};

mod json;
mod layout;

pub use json::Json;
use layout::{Form, Span};

/// The longest name that a peer may give itself, in bytes of JSON. It is kept as long as the peer is there.
const MAX_PEER_ID: usize = 1 << 10;

/// One received event, `{"type":…,"data":…}`, which owns its bytes.
///
/// Parsing checks the whole frame as `JSON.parse` would and remembers where name and data are; nothing is decoded
/// before [`decode`](Self::decode) asks for it. Of duplicate members the last one counts, others than `type` and
/// `data` are ignored. A clone is a reference count.
///
/// ```
/// use ipc_proto::Message;
///
/// let message = Message::parse(r#"{"type":"chat","data":["hi",5]}"#.into()).unwrap();
/// assert_eq!(message.name(), "chat");
/// assert_eq!(message.decode::<(&str, u8)>().unwrap(), ("hi", 5));
/// ```
#[derive(Clone)]
pub struct Message {
    frame: Bytes,
    name: Span,
    /// Empty when the frame has no `data`.
    data: Span,
    form: Form,
    rare: Option<Box<Rare>>,
}

/// What few messages need.
#[derive(Clone, Default)]
struct Rare {
    /// The name, when its token has escapes.
    name: Option<Box<str>>,
    /// The data that decoding reads, when the received one has halves of surrogate pairs.
    data: Option<Bytes>,
}

/// Where in a frame its members are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    name: Token,
    data: Option<Token>,
    canonical: bool,
    /// How long the frame is.
    pub(crate) len: usize,
}

impl Parts {
    /// Where the data is, nowhere where there is none.
    pub(crate) fn data_range(&self) -> Range<usize> {
        self.data.map_or(0..0, |data| data.range())
    }
}

impl Message {
    /// Takes one frame, without its delimiter, apart. Invalid UTF-8 is replaced by U+FFFD first, as Node does.
    ///
    /// # Errors
    ///
    /// [`Code::InvalidJson`] when the frame is not JSON (the empty frame is not, nor is one with a byte order
    /// mark), [`Code::InvalidMessage`] when it is no object, [`Code::InvalidEvent`] when `type` is missing or not
    /// a string, [`Code::FrameTooLarge`] from 4 GiB up. The empty name is a name.
    pub fn parse(frame: Bytes) -> Result<Self, ProtocolError> {
        let backing = frame.len();
        Self::parse_within(frame, backing)
    }

    /// As [`Message::parse`], of a slice of a buffer of `backing` bytes.
    pub(crate) fn parse_within(frame: Bytes, backing: usize) -> Result<Self, ProtocolError> {
        if text::is_valid(&frame) { Self::parse_valid(frame, backing) } else { Self::parse_lossy(&frame) }
    }

    #[cold]
    fn parse_lossy(frame: &[u8]) -> Result<Self, ProtocolError> {
        let frame = text::replaced(frame);
        let backing = frame.len();
        Self::parse_valid(frame, backing)
    }

    /// As [`Message::parse_within`], of bytes that are valid UTF-8.
    pub(crate) fn parse_valid(frame: Bytes, backing: usize) -> Result<Self, ProtocolError> {
        debug_assert!(text::is_valid(&frame), "the caller has checked it");
        if u32::try_from(frame.len()).is_err() {
            return Err(ProtocolError::new(Code::FrameTooLarge));
        }
        let parts = match Parts::canonical(Scanner::new(&frame, 0)).filter(|parts| parts.len == frame.len()) {
            Some(parts) => parts,
            None => general(&frame).map_err(ProtocolError::new)?,
        };
        Ok(Self::assemble(frame, &parts, backing))
    }

    /// The message in `frame`, which is valid UTF-8 and a slice of a buffer of `backing` bytes, from its parts.
    #[inline(always)]
    pub(crate) fn assemble(frame: Bytes, parts: &Parts, backing: usize) -> Self {
        let compact = parts.data.is_none_or(|data| data.traits.is_compact());
        Self {
            name: Span::of(parts.name),
            data: parts.data.map_or_else(Span::default, Span::of),
            form: Form::new(backing.max(frame.len()), parts.canonical, compact),
            rare: Rare::of(&frame, parts),
            frame,
        }
    }

    /// The event's name. Halves of surrogate pairs show as U+FFFD; see [`name_token`](Self::name_token).
    #[must_use]
    pub fn name(&self) -> &str {
        match self.rare.as_ref().and_then(|rare| rare.name.as_deref()) {
            Some(name) => name,
            None => {
                let Range { start, end } = self.name.range();
                utf8(&self.frame[start + 1..end - 1])
            }
        }
    }

    /// The name as it stood in the frame: a JSON string with its quotes and escapes.
    #[must_use]
    pub fn name_token(&self) -> &str {
        utf8(&self.frame[self.name.range()])
    }

    /// Whether the frame has `data` at all.
    #[must_use]
    pub const fn has_data(&self) -> bool {
        !self.data.is_empty()
    }

    /// The data as JSON text that shares this message's bytes; `None` when the frame has no `data`.
    #[must_use]
    pub fn data(&self) -> Option<Json> {
        let lenient = self.rare.as_ref().and_then(|rare| rare.data.clone());
        self.has_data().then(|| Json::from_parts(self.frame.slice(self.data.range()), self.form.is_compact(), lenient))
    }

    /// The data's bytes within the frame, as received.
    fn data_text(&self) -> Option<&[u8]> {
        self.has_data().then(|| &self.frame[self.data.range()])
    }

    /// The data's bytes with nothing that serde_json would refuse and JavaScript would not.
    fn decodable(&self) -> Option<&[u8]> {
        self.rare.as_ref().and_then(|rare| rare.data.as_deref()).or_else(|| self.data_text())
    }

    /// Decodes the data; strings without escapes can be borrowed from the message.
    ///
    /// Node has no way to send nothing: it sends `{}`, `null` or no `data` at all. Unit types decode from all
    /// three; with no `data` an `Option` is `None`, and any other type sees `null`. Halves of surrogate pairs
    /// decode as U+FFFD.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when the data does not fit `T`, is nested deeper than 128 levels, or has a number beyond
    /// the range of `f64` where `T` wants its value.
    pub fn decode<'a, T: Deserialize<'a>>(&'a self) -> Result<T, DecodeError> {
        decode::data(self.decodable())
    }

    /// Decodes name and data together into an enum that is tagged as the envelope is.
    ///
    /// A unit variant takes any data and ignores it, so `#[serde(other)]` catches every event that is not listed.
    ///
    /// ```
    /// use ipc_proto::Message;
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize, Debug, PartialEq)]
    /// #[serde(tag = "type", content = "data", rename_all = "camelCase")]
    /// enum Event<'a> {
    ///     Chat(&'a str),
    ///     Ping,
    ///     #[serde(other)]
    ///     Unknown,
    /// }
    ///
    /// let event = |text: &'static str| Message::parse(text.into()).unwrap();
    /// assert_eq!(event(r#"{"type":"chat","data":"hi"}"#).decode_event::<Event>()?, Event::Chat("hi"));
    /// assert_eq!(event(r#"{"type":"ping","data":{}}"#).decode_event::<Event>()?, Event::Ping);
    /// assert_eq!(event(r#"{"type":"else","data":[1]}"#).decode_event::<Event>()?, Event::Unknown);
    /// # Ok::<(), ipc_proto::DecodeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode), and when no variant has the name.
    pub fn decode_event<'a, E: Deserialize<'a>>(&'a self) -> Result<E, DecodeError> {
        decode::event(self.name(), self.decodable())
    }

    /// The name that the peer gives itself: `data.id` when it is truthy in JavaScript's sense.
    ///
    /// Never an identity: the peer says what it likes.
    #[must_use]
    pub fn peer_id(&self) -> Option<Json> {
        id_in(&self.frame, self.data.range())
    }

    /// As the [function](name_peer).
    pub(crate) fn name_peer(&self, name: &mut Option<Json>) {
        name_peer(name, &self.frame, self.data.range());
    }

    /// The frame as it came and where its data begins, when [`to_frame`](Self::to_frame) would give just that.
    pub(crate) fn as_canonical(&self) -> Option<(&Bytes, usize)> {
        self.form.is_canonical().then_some((&self.frame, self.data.start()))
    }

    /// The frame that sends this event on, tokens verbatim and whitespace between them dropped. Where there is no
    /// data there is none in the frame either (node-ipc would send `{}`).
    ///
    /// Costs a reference count when the received bytes are that frame already, as those of every known sender are.
    #[must_use]
    pub fn to_frame(&self) -> Frame {
        if self.form.is_canonical() {
            return Frame::from_parts(self.frame.clone(), self.data.start(), self.form.backing());
        }
        let Some(text) = self.data_text() else { return encode::frame_without_data(&self.frame[self.name.range()]) };
        let mut data = Vec::with_capacity(text.len());
        scan::compact_into(text, &mut data);
        encode::raw_frame(&self.frame[self.name.range()], &data)
    }

    /// The frame's length in bytes, without the delimiter.
    #[must_use]
    pub fn len(&self) -> usize {
        self.frame.len()
    }

    /// Never: the shortest message has an object and a name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frame.is_empty()
    }

    /// The message on bytes of its own when the buffer it shares is over four times its length.
    ///
    /// For messages that are kept: without it a small one can hold a large read buffer.
    #[must_use]
    pub fn detach(mut self) -> Self {
        if self.form.backing() > self.frame.len().saturating_mul(4) {
            self.frame = Bytes::copy_from_slice(&self.frame);
            self.form = self.form.with_backing(self.frame.len());
        }
        self
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("name", &self.name()).field("data", &self.data()).finish()
    }
}

impl Rare {
    #[inline]
    fn of(frame: &[u8], parts: &Parts) -> Option<Box<Self>> {
        let lone = parts.data.is_some_and(|data| data.traits.has_lone());
        (parts.name.traits.is_escaped() || lone).then(|| Self::make(frame, parts))
    }

    #[cold]
    fn make(frame: &[u8], parts: &Parts) -> Box<Self> {
        let data = parts
            .data
            .filter(|data| data.traits.has_lone())
            .map(|data| scan::replace_lone(&frame[data.range()]).into());
        let name = parts.name.traits.is_escaped().then(|| scan::unescape(&frame[parts.name.range()]).into_boxed_str());
        Box::new(Self { name, data })
    }
}

impl Parts {
    /// Of a frame as every known sender writes it, which begins where `scanner` is. No byte of it is a control character
    /// but for whitespace within the data.
    #[inline(always)]
    pub(crate) fn canonical(mut scanner: Scanner<'_>) -> Option<Self> {
        scanner.eat(b"{\"type\":")?;
        let name = scanner.string()?;
        scanner.eat(b",\"data\":")?;
        let data = scanner.value()?;
        scanner.eat(b"}")?;
        Some(Self { name, data: Some(data), canonical: true, len: scanner.at() })
    }
}

/// Any frame.
#[cold]
fn general(frame: &[u8]) -> Result<Parts, Code> {
    let whole = scan::document(frame).ok_or(Code::InvalidJson)?;
    if frame[whole.start] != b'{' {
        return Err(Code::InvalidMessage);
    }
    let (mut name, mut data) = (None, None);
    let members = Scanner::new(frame, whole.start).members(|member| {
        if member.key.says(frame, "type") {
            name = Some(member.value);
        } else if member.key.says(frame, "data") {
            data = Some(member.value);
        }
    });
    members.ok_or(Code::InvalidJson)?;
    let name = name.filter(|name| frame[name.start] == b'"').ok_or(Code::InvalidEvent)?;
    Ok(Parts { name, data, canonical: false, len: frame.len() })
}

/// Puts the name that a peer gives itself by the data at `data` in `name`, which outlives the frame and so does not share
/// its memory. One that is too long changes nothing. PROTOCOL.md, rule D3.
pub(crate) fn name_peer(name: &mut Option<Json>, frame: &Bytes, data: Range<usize>) {
    let Some(id) = id_in(frame, data).filter(|id| id.as_bytes().len() <= MAX_PEER_ID) else { return };
    if name.as_ref().is_none_or(|known| known.as_bytes() != id.as_bytes()) {
        *name = Some(id.detached());
    }
}

fn id_in(frame: &Bytes, data: Range<usize>) -> Option<Json> {
    let text = &frame[data.clone()];
    if text.first() != Some(&b'{') || !mentions_id(text) {
        return None;
    }
    let mut id = None;
    Scanner::new(text, 0).members(|member| {
        if member.key.says(text, "id") {
            id = Some(member.value);
        }
    })?;
    let json = Json::from_token(&frame.slice(data), id?);
    json.is_truthy().then_some(json)
}

/// Whether an object can have the key `id` at all.
fn mentions_id(data: &[u8]) -> bool {
    memchr::memmem::find(data, b"\"id\"").is_some() || memchr::memchr(b'\\', data).is_some()
}

/// Text that was checked when the message was parsed.
fn utf8(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).expect("parsed from valid UTF-8, and tokens end at ASCII bytes")
}

#[cfg(test)]
mod tests;
