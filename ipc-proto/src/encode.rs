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
    out.reserve(name.len() + 32);
    out.put_slice(TYPE);
    string(out, name)?;
    out.put_slice(DATA);
    let data_at = out.len();
    value(out, data)?;
    out.put_u8(b'}');
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

fn string(out: &mut BytesMut, text: &str) -> Result<(), EncodeError> {
    if scan::plain_prefix(text.as_bytes()) < text.len() {
        return value(out, text);
    }
    out.put_u8(b'"');
    out.put_slice(text.as_bytes());
    out.put_u8(b'"');
    Ok(())
}

/// Appends the JSON of `data`; on an error, part of it.
#[cfg(feature = "std")]
pub(crate) fn value<T: Serialize + ?Sized>(out: &mut BytesMut, data: &T) -> Result<(), EncodeError> {
    let mut staged = Staged { out, stage: [0; STAGE], len: 0 };
    serde_json::to_writer(&mut staged, &Ecma::<&T>(data))?;
    staged.pass_on();
    Ok(())
}

/// Appends the JSON of `data`; on an error, part of it.
// Without std, serde_json can write to a Vec only.
#[cfg(not(feature = "std"))]
pub(crate) fn value<T: Serialize + ?Sized>(out: &mut BytesMut, data: &T) -> Result<(), EncodeError> {
    out.put_slice(&serde_json::to_vec(&Ecma::<&T>(data))?);
    Ok(())
}

/// Collects the short pieces that serde_json writes, because appending to `BytesMut` costs more than the pieces do.
#[cfg(feature = "std")]
struct Staged<'a> {
    out: &'a mut BytesMut,
    stage: [u8; STAGE],
    len: usize,
}

#[cfg(feature = "std")]
const STAGE: usize = 128;

#[cfg(feature = "std")]
impl Staged<'_> {
    fn pass_on(&mut self) {
        self.out.extend_from_slice(&self.stage[..self.len]);
        self.len = 0;
    }

    #[cold]
    fn overflow(&mut self, bytes: &[u8]) {
        self.pass_on();
        self.out.extend_from_slice(bytes);
    }
}

#[cfg(feature = "std")]
impl std::io::Write for Staged<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self.stage.get_mut(self.len..).and_then(|rest| rest.get_mut(..bytes.len())) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.len += bytes.len();
            }
            None => self.overflow(bytes),
        }
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.write(bytes).map(drop)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
