//! Values on their way to the wire, byte for byte as `JSON.stringify` would write them.

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;

use crate::{error::EncodeError, frame::Frame, scan};

mod ecma;

use ecma::Ecma;

/// Appends `{"type":NAME,"data":VALUE}` and tells where, from the beginning of that, the value begins.
///
/// On an error `out` is what it was.
pub(crate) fn envelope<T: Serialize + ?Sized>(out: &mut BytesMut, name: &str, data: &T) -> Result<usize, EncodeError> {
    let start = out.len();
    let done = whole(out, name, data);
    if done.is_err() {
        out.truncate(start);
    }
    done.map(|data_at| data_at - start)
}

fn whole<T: Serialize + ?Sized>(out: &mut BytesMut, name: &str, data: &T) -> Result<usize, EncodeError> {
    let mut text = Text::behind(out);
    if scan::is_plain(name.as_bytes()) {
        text.put(br#"{"type":""#);
        text.put(name.as_bytes());
        text.put(br#"","data":"#);
    } else {
        text.put(TYPE);
        text.value(name)?;
        text.put(DATA);
    }
    let data_at = text.end();
    text.value(data)?;
    text.put(b"}");
    text.pass_on();
    Ok(data_at)
}

const TYPE: &[u8] = br#"{"type":"#;
const DATA: &[u8] = br#","data":"#;

/// Appends the envelope of a name's JSON token and data that is JSON text already. Tells as [`envelope`] does.
pub(crate) fn envelope_raw(out: &mut BytesMut, name_token: &[u8], data: &[u8]) -> usize {
    let data_at = TYPE.len() + name_token.len() + DATA.len();
    out.reserve(data_at + data.len() + 1);
    for part in [TYPE, name_token, DATA, data, b"}"] {
        out.put_slice(part);
    }
    data_at
}

/// A frame of its own from the parts that [`envelope_raw`] takes.
pub(crate) fn raw_frame(name_token: &[u8], data: &[u8]) -> Frame {
    let mut out = BytesMut::new();
    let data_at = envelope_raw(&mut out, name_token, data);
    Frame::from_parts(out.freeze(), data_at, 0)
}

/// A frame of a name's JSON token alone.
pub(crate) fn frame_without_data(name_token: &[u8]) -> Frame {
    let bytes = Bytes::from([TYPE, name_token, b"}"].concat());
    let len = bytes.len();
    Frame::from_parts(bytes, len, 0)
}

/// Appends the JSON of `data`; on an error, part of it.
pub(crate) fn value<T: Serialize + ?Sized>(out: &mut BytesMut, data: &T) -> Result<(), EncodeError> {
    let mut text = Text::behind(out);
    text.value(data)?;
    text.pass_on();
    Ok(())
}

/// Text that is made at the end of a buffer. serde_json writes in short pieces, and appending to `BytesMut` costs more than
/// those do, so they are collected first.
struct Text<'a> {
    out: &'a mut BytesMut,
    stage: [u8; STAGE],
    staged: usize,
}

const STAGE: usize = 128;

impl<'a> Text<'a> {
    #[inline]
    fn behind(out: &'a mut BytesMut) -> Self {
        Self { out, stage: [0; STAGE], staged: 0 }
    }

    /// Where the next byte will stand.
    #[inline]
    fn end(&self) -> usize {
        self.out.len() + self.staged
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
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

    #[inline]
    fn pass_on(&mut self) {
        self.out.extend_from_slice(&self.stage[..self.staged]);
        self.staged = 0;
    }

    #[cfg(feature = "std")]
    fn value<T: Serialize + ?Sized>(&mut self, data: &T) -> Result<(), EncodeError> {
        Ok(serde_json::to_writer(&mut *self, &Ecma::<&T>(data))?)
    }

    // Without std, serde_json can write to a Vec only.
    #[cfg(not(feature = "std"))]
    fn value<T: Serialize + ?Sized>(&mut self, data: &T) -> Result<(), EncodeError> {
        self.put(&serde_json::to_vec(&Ecma::<&T>(data))?);
        Ok(())
    }
}

#[cfg(feature = "std")]
impl std::io::Write for Text<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.put(bytes);
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.put(bytes);
        Ok(())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
