//! Text that is made at the end of a buffer.

#[cfg(feature = "std")]
use std::io;

use bytes::BytesMut;
use serde::Serialize;
use serde_json::Error;

use super::{
    json::Json,
    number::{Float, Written},
};
use crate::scan::{is_plain, plain_prefix};

/// JSON text at the end of a buffer. It comes in short pieces, and appending to `BytesMut` costs more than those do, so
/// they are collected first.
pub(super) struct Text<'o> {
    out: &'o mut BytesMut,
    stage: [u8; STAGE],
    staged: usize,
}

const STAGE: usize = 128;

impl<'o> Text<'o> {
    #[inline]
    pub(super) fn behind(out: &'o mut BytesMut) -> Self {
        Self { out, stage: [0; STAGE], staged: 0 }
    }

    /// Where the next byte will stand.
    #[inline]
    pub(super) fn end(&self) -> usize {
        self.out.len() + self.staged
    }

    #[inline]
    pub(super) fn put(&mut self, bytes: &[u8]) {
        match self.stage.get_mut(self.staged..).and_then(|room| room.get_mut(..bytes.len())) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.staged += bytes.len();
            }
            None => self.put_beyond(bytes),
        }
    }

    #[inline(never)]
    fn put_beyond(&mut self, bytes: &[u8]) {
        self.pass_on();
        self.out.extend_from_slice(bytes);
    }

    /// Moves what was collected to where it belongs.
    #[inline]
    pub(super) fn pass_on(&mut self) {
        self.out.extend_from_slice(&self.stage[..self.staged]);
        self.staged = 0;
    }

    #[inline]
    pub(super) fn value<T: Serialize + ?Sized>(&mut self, data: &T) -> Result<(), Error> {
        data.serialize(Json(self))
    }

    /// What serde_json writes as `JSON.stringify` does, numbers without a fraction above all.
    #[cfg(feature = "std")]
    #[inline]
    pub(super) fn number<T: Serialize>(&mut self, value: &T) -> Result<(), Error> {
        serde_json::to_writer(self, value)
    }

    // Without std, serde_json can write to a Vec only.
    #[cfg(not(feature = "std"))]
    pub(super) fn number<T: Serialize>(&mut self, value: &T) -> Result<(), Error> {
        self.put(&serde_json::to_vec(value)?);
        Ok(())
    }

    #[inline]
    pub(super) fn float<F: Float>(&mut self, value: F) -> Result<(), Error> {
        match value.written() {
            Written::Integer(integer) => self.number(&integer),
            Written::Alike(float) => self.number(&float),
            Written::Text(text) => {
                self.put(text.as_bytes());
                Ok(())
            }
        }
    }

    /// A string, with quotes.
    #[inline]
    pub(super) fn string(&mut self, text: &str) {
        self.put(b"\"");
        self.contents(text);
        self.put(b"\"");
    }

    /// The key of a member with a colon; `before` ends with its opening quote.
    #[inline]
    pub(super) fn key(&mut self, before: &[u8], key: &str) {
        self.put(before);
        self.contents(key);
        self.put(b"\":");
    }

    /// What stands between the quotes of a string.
    #[inline]
    fn contents(&mut self, text: &str) {
        if is_plain(text.as_bytes()) {
            self.put(text.as_bytes());
        } else {
            self.escaped(text);
        }
    }

    /// As [`contents`](Self::contents), where something is escaped.
    #[inline(never)]
    pub(super) fn escaped(&mut self, text: &str) {
        let mut rest = text.as_bytes();
        loop {
            let (plain, behind) = rest.split_at(plain_prefix(rest));
            self.put(plain);
            let [special, behind @ ..] = behind else { return };
            self.escape(*special);
            rest = behind;
        }
    }

    fn escape(&mut self, special: u8) {
        let short = match special {
            b'"' | b'\\' => special,
            0x08 => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            0x0C => b'f',
            b'\r' => b'r',
            control => {
                let [high, low] = [control >> 4, control & 0xF].map(|digit| b"0123456789abcdef"[usize::from(digit)]);
                return self.put(&[b'\\', b'u', b'0', b'0', high, low]);
            }
        };
        self.put(&[b'\\', short]);
    }
}

#[cfg(feature = "std")]
impl io::Write for Text<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(bytes);
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.put(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
