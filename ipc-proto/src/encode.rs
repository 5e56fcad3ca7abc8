//! encode
use bytes::BytesMut;
use serde::Serialize;

use crate::error::EncodeError;

pub(crate) fn envelope<T: Serialize + ?Sized>(
    _out: &mut BytesMut,
    _name: &str,
    _data: &T,
) -> Result<usize, EncodeError> {
    Ok(0)
}
