//! Messages as their receivers published them.

use serde::Deserialize;

use super::bytes::base64_bytes;
use super::event::Digest;
use super::kinds::Direction;

/// A message or raw data as its receiver published it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "RawDecoded")]
#[non_exhaustive]
pub struct Decoded {
    /// The direction it came in.
    pub dir: Direction,
    /// The connection it came on.
    pub conn: u32,
    /// The type as JSON text; `None` for undefined.
    pub type_json: Option<String>,
    /// The data.
    pub data: Data,
    /// The dispatcher threw this message: handlers did not run, and the host process would have died.
    pub threw: Option<String>,
    /// Classic's `error` event for a frame that is not JSON; the frame is `response` in the data.
    pub invalid_json: bool,
}

impl Decoded {
    /// Whether a message with this type and data, as JSON texts, is the one recorded.
    pub fn matches(&self, type_json: Option<&str>, data_json: Option<&str>) -> bool {
        self.type_json.as_deref() == type_json && self.data.matches_json(data_json)
    }
}

/// The data of a recorded event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Data {
    /// The frame had no `data` key.
    Absent,
    /// JSON text.
    Json(String),
    /// A JSON text too long to keep.
    JsonDigest(Digest),
    /// Raw bytes.
    Bytes(Vec<u8>),
    /// Raw bytes too many to keep.
    BytesDigest(Digest),
}

impl Data {
    /// Whether this is the data with that JSON text, or none.
    pub fn matches_json(&self, text: Option<&str>) -> bool {
        match self {
            Self::Absent => text.is_none(),
            Self::Json(own) => text == Some(own),
            Self::JsonDigest(digest) => text.is_some_and(|text| digest.matches_text(text)),
            Self::Bytes(_) | Self::BytesDigest(_) => false,
        }
    }

    /// Whether these are the raw bytes.
    pub fn matches_bytes(&self, bytes: &[u8]) -> bool {
        match self {
            Self::Bytes(own) => own == bytes,
            Self::BytesDigest(digest) => digest.matches_bytes(bytes),
            Self::Absent | Self::Json(_) | Self::JsonDigest(_) => false,
        }
    }
}

#[derive(Deserialize)]
struct RawDecoded {
    dir: Direction,
    #[serde(default)]
    conn: u32,
    #[serde(default)]
    type_json: Option<String>,
    #[serde(default)]
    data_json: Option<String>,
    #[serde(default)]
    data_json_sha256: Option<String>,
    #[serde(default)]
    data_json_chars: u64,
    #[serde(default)]
    data_b64: Option<String>,
    #[serde(default)]
    data_sha256: Option<String>,
    #[serde(default)]
    data_len: u64,
    #[serde(default)]
    threw: Option<String>,
    #[serde(default)]
    invalid_json: bool,
}

impl TryFrom<RawDecoded> for Decoded {
    type Error = String;

    fn try_from(raw: RawDecoded) -> Result<Self, String> {
        let RawDecoded { dir, conn, type_json, threw, invalid_json, .. } = raw;
        let data = if let Some(text) = raw.data_json {
            Data::Json(text)
        } else if let Some(sha256) = raw.data_json_sha256 {
            Data::JsonDigest(Digest { sha256, len: raw.data_json_chars })
        } else if let Some(text) = raw.data_b64 {
            Data::Bytes(base64_bytes(&text).map_err(|error| error.to_string())?)
        } else if let Some(sha256) = raw.data_sha256 {
            Data::BytesDigest(Digest { sha256, len: raw.data_len })
        } else {
            Data::Absent
        };
        Ok(Self { dir, conn, type_json, data, threw, invalid_json })
    }
}
