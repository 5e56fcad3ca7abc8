//! Frames: cutting a byte stream at a delimiter, and the encoded message that goes the other way.

use alloc::{boxed::Box, string::String};
use core::fmt;

use bytes::{Bytes, BytesMut};
use serde::Serialize;

use crate::{
    encode,
    error::{EncodeError, ProtocolError},
};

/// What ends a frame: any non-empty string, as UTF-8 on the wire. Default: form feed, one byte `0C`.
///
/// JSON always escapes control characters, so `\f`, `\n` or `\0` can never occur inside a frame. With any other
/// delimiter an emit whose text contains it is refused ([`EncodeError::DelimiterInData`]).
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
/// Encoded once; a clone is a reference count, so one frame can go to many peers.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    bytes: Bytes,
    /// Where `data` begins; 0 in a raw frame.
    data: u32,
    /// How large the buffer is that `bytes` keeps alive, at least.
    backing: u32,
}

impl Frame {
    /// Encodes an event.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Json`] when `data` has no JSON form.
    pub fn encode<T: Serialize + ?Sized>(name: &str, data: &T) -> Result<Self, EncodeError> {
        let mut out = BytesMut::with_capacity(64);
        let data_at = encode::envelope(&mut out, name, data)?;
        Ok(Self::from_parts(out.freeze(), data_at, 0))
    }

    /// `data_at` is where the data begins within `bytes`, `backing` the size of the buffer that `bytes` is a
    /// slice of.
    pub(crate) fn from_parts(bytes: Bytes, data_at: usize, backing: usize) -> Self {
        let backing = u32::try_from(backing.max(bytes.len())).unwrap_or(u32::MAX);
        Self { bytes, data: u32::try_from(data_at).unwrap_or(u32::MAX), backing }
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Frame").field(&self.bytes).finish()
    }
}

/// Cuts a byte stream at a delimiter.
#[derive(Debug, Default)]
pub struct Deframer {}

impl Deframer {
    /// Placeholder.
    pub fn check(&self) -> Result<(), ProtocolError> {
        Ok(())
    }
}
