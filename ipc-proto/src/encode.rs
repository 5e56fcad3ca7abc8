//! Values on their way to the wire, byte for byte as `JSON.stringify` would write them.

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;

use crate::{error::EncodeError, frame::Frame};

mod json;
mod key;
mod number;
mod text;

use text::Text;

#[cfg(test)]
mod tests;

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
    text.put(TYPE);
    text.string(name);
    text.put(DATA);
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
