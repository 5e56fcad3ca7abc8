//! stub
#![allow(missing_docs, dead_code)]
use crate::{error::*, frame::Frame};
use bytes::Bytes;
#[derive(Clone, Debug)]
pub struct Message {
    frame: Bytes,
}
#[derive(Clone, Debug, PartialEq)]
pub struct Json(Bytes);
impl Message {
    pub fn parse(frame: Bytes) -> Result<Self, ProtocolError> {
        Ok(Self { frame })
    }
    pub(crate) fn parse_valid(frame: Bytes, _backing: usize) -> Result<Self, ProtocolError> {
        Self::parse(frame)
    }
    pub fn name(&self) -> &str {
        ""
    }
    pub fn peer_id(&self) -> Option<Json> {
        None
    }
    pub fn len(&self) -> usize {
        self.frame.len()
    }
    pub fn to_frame(&self) -> Frame {
        Frame::from_parts(self.frame.clone(), 8, 0)
    }
    pub fn data(&self) -> Option<Json> {
        None
    }
    pub fn decode<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, DecodeError> {
        Ok(serde_json::from_slice(&self.frame)?)
    }
    pub fn detach(self) -> Self {
        self
    }
}
impl Json {
    pub fn as_str(&self) -> &str {
        ""
    }
}
