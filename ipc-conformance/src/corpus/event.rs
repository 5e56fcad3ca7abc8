//! Events as the recorder saw node-ipc publish them.

use serde::{Deserialize, Deserializer};

use super::bytes::{base64_field, sha256_hex};

/// One event that an endpoint published, lifecycle or message.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Published {
    /// Milliseconds on the endpoint's own clock, good to about 3 ms; 0 where the recording has no times.
    #[serde(default)]
    pub t_ms: f64,
    /// Which endpoint process of a lifecycle scenario; 0 elsewhere.
    #[serde(default)]
    pub ep: u32,
    /// `server`, `client`, `client0` …, `proc` for the process itself, `cb` for callbacks, `note` for remarks of the recorder.
    #[serde(default)]
    pub side: String,
    /// The event type as JSON text; `None` for undefined.
    #[serde(default, rename = "type", deserialize_with = "type_json")]
    pub type_json: Option<String>,
    /// The arguments after the type.
    #[serde(default)]
    pub args: Vec<Arg>,
    /// The dispatcher or a handler threw, with this message; without a process-wide handler the process dies.
    #[serde(default)]
    pub threw: Option<String>,
}

impl Published {
    /// Whether the event's type is the string `name`.
    pub fn is(&self, name: &str) -> bool {
        self.type_json.as_deref() == Some(&text_of(name))
    }
}

/// One argument of a published event.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Arg {
    /// A JSON value.
    Json {
        /// Its text, as `JSON.stringify` gives it.
        #[serde(rename = "json")]
        text: String,
        /// For the value that classic publishes for an unreadable frame: the parser's error, which the text shows as `{}`.
        #[serde(default, rename = "err_in_data")]
        parse_error: Option<Failure>,
    },
    /// A JSON value too long to keep: digest of its text, length in UTF-16 units.
    JsonDigest {
        /// SHA-256 of the UTF-8 text, hexadecimal.
        json_sha256: String,
        /// Length in UTF-16 units.
        json_len: u64,
    },
    /// Bytes of a raw event.
    Bytes {
        /// The bytes.
        #[serde(rename = "buf", deserialize_with = "base64_field")]
        bytes: Vec<u8>,
    },
    /// Bytes too many to keep.
    BytesDigest {
        /// SHA-256 of the bytes, hexadecimal.
        buf_sha256: String,
        /// How many bytes.
        buf_len: u64,
    },
    /// A JavaScript Error.
    Error {
        /// What it said.
        #[serde(rename = "err")]
        failure: Failure,
    },
    /// A server's socket: its number in accept order, or `true` where only one exists.
    Socket {
        /// The number or `true`.
        sock: serde_json::Value,
        /// The id that the peer gave itself, if any.
        #[serde(default)]
        id: Option<serde_json::Value>,
    },
    /// A UDP sender.
    Peer {
        /// `address`, `family`, and whether a port was known.
        peer: serde_json::Value,
        /// The id that the peer gave itself, if any.
        #[serde(default)]
        id: Option<serde_json::Value>,
    },
    /// `undefined`.
    Undefined {
        /// Always true.
        undef: bool,
    },
    /// A `net.Server`, or something this reader does not know.
    Other(serde_json::Map<String, serde_json::Value>),
}

impl Arg {
    /// The JSON text, when it was kept.
    pub fn json(&self) -> Option<&str> {
        if let Self::Json { text, .. } = self { Some(text) } else { None }
    }

    /// The recorded Error, when the argument is one.
    pub fn failure(&self) -> Option<&Failure> {
        if let Self::Error { failure } = self { Some(failure) } else { None }
    }
}

/// A JavaScript Error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Failure {
    /// `Error`, `SyntaxError`, `IPCProtocolError` …
    #[serde(default)]
    pub name: String,
    /// `ENOENT`, `ERR_IPC_INVALID_JSON` …, where the Error has one.
    #[serde(default)]
    pub code: Option<String>,
    /// The message; it depends on the version of Node and may name temporary files.
    #[serde(default)]
    pub message: String,
}

/// A value known only by its SHA-256 and length.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Digest {
    /// Lower-case hexadecimal.
    pub sha256: String,
    /// Bytes, or UTF-16 units of a JSON text.
    pub len: u64,
}

impl Digest {
    /// Whether these are the bytes.
    pub fn matches_bytes(&self, bytes: &[u8]) -> bool {
        u64::try_from(bytes.len()) == Ok(self.len) && sha256_hex(bytes) == self.sha256
    }

    /// Whether this is the JSON text.
    pub fn matches_text(&self, text: &str) -> bool {
        u64::try_from(text.encode_utf16().count()) == Ok(self.len) && sha256_hex(text.as_bytes()) == self.sha256
    }
}

/// Types are plain names in lifecycle scenarios and JSON texts elsewhere.
#[derive(Deserialize)]
#[serde(untagged)]
enum RecordedType {
    Name(String),
    Json {
        json: String,
    },
    Undefined {
        #[serde(rename = "undef")]
        _undef: bool,
    },
}

fn type_json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match RecordedType::deserialize(deserializer)? {
        RecordedType::Name(name) => Some(text_of(&name)),
        RecordedType::Json { json } => Some(json),
        RecordedType::Undefined { .. } => None,
    })
}

fn text_of(name: &str) -> String {
    serde_json::Value::from(name).to_string()
}
