//! Receive cases: bytes fed to an endpoint, and what it made of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de};

use super::bytes::{base64_list, hex_bytes, sha256_hex};
use super::event::Published;

/// One case, fed in turn to a server and a client of each version.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct ReceiveCase {
    /// What the case shows.
    pub name: String,
    /// `json`.
    pub mode: String,
    /// The delimiter of the endpoint under test.
    pub delimiter: String,
    /// Whether the peer ended its side after the last chunk.
    #[serde(default)]
    pub eof_after: bool,
    #[serde(default, deserialize_with = "base64_list")]
    chunks: Vec<Vec<u8>>,
    /// The recipe of input too large to keep; [`input`](Self::input) follows it.
    #[serde(default, rename = "chunks_generated")]
    pub generated: Option<Generated>,
    /// Results by set of options (`json` for the defaults, `guarded`, …), then by version.
    pub results: BTreeMap<String, BTreeMap<String, Roles>>,
}

impl ReceiveCase {
    /// The chunks, each sent by itself and read by itself.
    pub fn input(&self) -> Vec<Vec<u8>> {
        self.generated.as_ref().map_or_else(|| self.chunks.clone(), |recipe| vec![recipe.bytes()])
    }

    /// Whether a recipe gives the bytes that it means.
    ///
    /// # Errors
    /// It does not; with the reason.
    pub fn verify(&self) -> Result<(), String> {
        match &self.generated {
            Some(recipe) if recipe.bytes_are_meant() => Ok(()),
            Some(_) => Err(format!("{}: chunks_generated gives other bytes than its sha256 says", self.name)),
            None => Ok(()),
        }
    }

    /// What a version did under a set of options.
    pub fn outcome(&self, options: &str, version: &str) -> Option<&Roles> {
        self.results.get(options)?.get(version)
    }
}

/// The most that a recipe may come to.
const MOST_GENERATED: usize = 1 << 30;

/// The recipe of one large frame, of 1 GiB at most.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Generated {
    /// In words; ends in `without delimiter` when none follows.
    pub note: String,
    /// Length of the frame, delimiter excluded.
    #[serde(deserialize_with = "frame_bytes")]
    pub frame_bytes: usize,
    /// The text that is repeated, as hexadecimal UTF-8.
    pub unit: String,
    /// SHA-256 of the bytes, delimiter included.
    pub sha256: String,
}

fn frame_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let len = usize::deserialize(deserializer)?;
    if len <= MOST_GENERATED { Ok(len) } else { Err(de::Error::custom("a frame of more than 1 GiB")) }
}

impl Generated {
    fn bytes_are_meant(&self) -> bool {
        hex_bytes(&self.unit).is_some() && sha256_hex(&self.bytes()) == self.sha256
    }

    /// The frame, with its delimiter if it has one.
    ///
    /// It is `{"type":"a","data":"` + units + `"}`, and a form feed.
    pub fn bytes(&self) -> Vec<u8> {
        let (head, tail) = (br#"{"type":"a","data":""#, br#""}"#);
        let unit = hex_bytes(&self.unit).unwrap_or_default();
        let room = self.frame_bytes.saturating_sub(head.len() + tail.len());
        let end: &[u8] = if self.note.ends_with("without delimiter") { b"" } else { b"\x0c" };
        [head, &*unit.repeat(room / unit.len().max(1)), tail, end].concat()
    }
}

/// What a version did in either role.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Roles {
    /// As server, fed by a raw client.
    pub server: Outcome,
    /// As client, fed by a raw server.
    pub client: Outcome,
}

/// What an endpoint did with the input.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Outcome {
    /// The events from the first chunk on; `start` and the first `connect` are left out.
    pub published: Vec<Published>,
    /// Errors thrown out of the socket's listener; each kills a process without a handler for them.
    #[serde(default)]
    pub uncaught: Vec<String>,
    /// The endpoint closed the connection.
    pub peer_closed: bool,
    /// What the raw peer's socket said, where it said something.
    #[serde(default)]
    pub peer_err: Option<String>,
}
