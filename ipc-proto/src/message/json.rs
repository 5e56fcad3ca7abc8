//! JSON text that is known to be JSON.

use core::{fmt, str::FromStr};

use alloc::{boxed::Box, vec::Vec};
use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::value::RawValue;

use crate::{
    decode, encode,
    error::{Code, DecodeError, EncodeError, ProtocolError},
    scan::{self, Token},
    text,
};

/// One JSON value as text, kept as it was written: `1.0` stays `1.0`, and member order and escapes stay.
///
/// A clone is a reference count. Two are equal when their texts are; see [`to_compact`](Self::to_compact).
/// Serialises as that text through serde_json, and only through serde_json.
///
/// ```
/// use ipc_proto::Json;
///
/// let json = Json::parse(r#" {"a": 1.0} "#).unwrap();
/// assert_eq!(json.as_str(), r#"{"a": 1.0}"#);
/// assert_eq!(json.to_compact().as_str(), r#"{"a":1.0}"#);
/// ```
#[derive(Clone)]
pub struct Json {
    text: Bytes,
    compact: bool,
    /// What decoding reads instead, when `text` has halves of surrogate pairs.
    lenient: Option<Box<Bytes>>,
}

impl Json {
    /// Checks that `text` is one JSON value and drops the whitespace around it.
    ///
    /// # Errors
    ///
    /// [`Code::InvalidJson`] for what `JSON.parse` refuses, and for invalid UTF-8.
    pub fn parse(text: impl Into<Bytes>) -> Result<Self, ProtocolError> {
        let text = text.into();
        let checked = text::is_valid(&text).then(|| scan::document(&text)).flatten();
        checked.map(|token| Self::from_token(&text, token)).ok_or(ProtocolError::new(Code::InvalidJson))
    }

    /// The JSON that `value` is sent as.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Json`] when `value` has no JSON form.
    pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Self, EncodeError> {
        let mut out = BytesMut::new();
        encode::value(&mut out, value)?;
        Self::parse(out.freeze()).map_err(EncodeError::Refused)
    }

    /// `{}`, which Node sends when there is no data.
    #[must_use]
    pub const fn empty_object() -> Self {
        Self { text: Bytes::from_static(b"{}"), compact: true, lenient: None }
    }

    /// The value that `token` is within `text`.
    pub(super) fn from_token(text: &Bytes, token: Token) -> Self {
        let text = text.slice(token.range());
        let lenient = token.traits.has_lone().then(|| scan::replace_lone(&text).into());
        Self::from_parts(text, token.traits.is_compact(), lenient)
    }

    pub(super) fn from_parts(text: Bytes, compact: bool, lenient: Option<Bytes>) -> Self {
        Self { text, compact, lenient: lenient.map(Box::new) }
    }

    /// The same in memory of its own.
    pub(super) fn detached(&self) -> Self {
        Self { text: Bytes::copy_from_slice(&self.text), ..self.clone() }
    }

    /// The text. Costs a check for UTF-8, which [`as_bytes`](Self::as_bytes) does not.
    #[must_use]
    pub fn as_str(&self) -> &str {
        simdutf8::basic::from_utf8(&self.text).expect("checked when it was parsed")
    }

    /// The text's bytes, which are valid UTF-8.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// The text's bytes, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.text
    }

    /// The same value without whitespace between its tokens; a reference count when there is none.
    #[must_use]
    pub fn to_compact(&self) -> Self {
        if self.compact {
            return self.clone();
        }
        let mut text = Vec::with_capacity(self.text.len());
        scan::compact_into(&self.text, &mut text);
        Self { text: text.into(), compact: true, lenient: self.lenient.clone() }
    }

    /// Decodes the value, by the rules of [`Message::decode`](crate::Message::decode).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn decode<'a, T: Deserialize<'a>>(&'a self) -> Result<T, DecodeError> {
        decode::data(Some(self.lenient.as_deref().unwrap_or(&self.text)))
    }

    /// Whether JavaScript's `if` would take it: not `null`, `false`, `""`, nor a number that is zero as a double.
    #[must_use]
    pub fn is_truthy(&self) -> bool {
        match self.text.first() {
            Some(b'n' | b'f') => false,
            Some(b'"') => self.text.len() > 2,
            Some(b'-' | b'0'..=b'9') => self.as_str().parse::<f64>().is_ok_and(|number| number != 0.0),
            _ => true,
        }
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Json {}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Json({})", self.as_str())
    }
}

impl FromStr for Json {
    type Err = ProtocolError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl<'de> Deserialize<'de> for Json {
    /// Keeps the text as it stands in the input. Only through serde_json.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::parse(Bytes::from(Box::<str>::from(raw).into_boxed_bytes())).map_err(de::Error::custom)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_slice(&self.text).map_err(ser::Error::custom)?;
        raw.serialize(serializer)
    }
}
