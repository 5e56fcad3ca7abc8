//! Captures: what passed between two live endpoints, and what each of them published.

use std::collections::BTreeSet;

use ipc_proto::Dialect;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::bytes::base64_bytes;
use super::decoded::Decoded;
use super::event::Published;
use super::kinds::{Direction, MarkKind, Mode, Transport};
use super::store::Store;
use super::{CAPTURE_SUFFIX, CorpusError, dialect_of};

const FORM_FEED: &str = "\u{c}";

/// One recorded conversation.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Capture {
    /// File name without suffix: version, then what is shown.
    pub name: String,
    /// The server's node-ipc version; `node v20.20.2` and the like for the fork channel.
    pub version: String,
    /// The client's, where a client took part.
    #[serde(default)]
    pub client_version: Option<String>,
    /// How the two were joined.
    pub transport: Transport,
    /// What was exchanged.
    pub mode: Mode,
    /// Options the server set; the rest are node-ipc's defaults. Over UDP they are both endpoints'.
    #[serde(default)]
    pub server_config: EndpointConfig,
    /// Options the client set.
    #[serde(default)]
    pub client_config: EndpointConfig,
    /// What the application did, in words.
    #[serde(default)]
    pub steps: Vec<String>,
    /// What the recorder's calls returned: JSON text of its own making, good for reading only.
    #[serde(default)]
    pub action_result: Option<Box<RawValue>>,
    /// Messages and raw data as the receivers published them, in the order of each receiver.
    #[serde(default)]
    pub decoded: Vec<Decoded>,
    /// Every event each endpoint published.
    #[serde(default)]
    pub expect: Sides,
    /// What a forked child printed (fork channel only).
    #[serde(default)]
    pub child_stdout: Vec<String>,
    /// The bytes, as the recorder read them from either side.
    #[serde(skip)]
    pub chunks: Vec<Chunk>,
    /// Opens, ends and closes of the recorded connections.
    #[serde(skip)]
    pub marks: Vec<Mark>,
}

impl Capture {
    pub(super) fn load(store: &Store, dir: &str, name: &str) -> Result<Self, CorpusError> {
        let file =
            |suffix: &str| if dir.is_empty() { format!("{name}{suffix}") } else { format!("{dir}/{name}{suffix}") };
        let mut capture: Self = store.read_json(&file(CAPTURE_SUFFIX))?;
        let lines = file(".jsonl");
        let text = store.read(&lines)?;
        for (number, line) in (1_u64..).zip(text.split(|byte| *byte == b'\n')).filter(|(_, line)| !line.is_empty()) {
            let step = Step::parse(line);
            match step.map_err(|reason| CorpusError::new(&store.path(&lines), format!("line {number}: {reason}")))? {
                Step::Chunk(chunk) => capture.chunks.push(chunk),
                Step::Mark(mark) => capture.marks.push(mark),
            }
        }
        Ok(capture)
    }

    /// Whether both directions are byte streams of JSON frames.
    pub fn is_framed_stream(&self) -> bool {
        matches!(self.transport, Transport::Unix | Transport::Tcp | Transport::Tls)
            && matches!(self.mode, Mode::Json | Mode::Sync)
    }

    /// Whether the chunks are datagrams.
    pub fn is_datagrams(&self) -> bool {
        matches!(self.transport, Transport::Udp4 | Transport::Udp6)
    }

    /// Whether the datagrams are JSON frames.
    pub fn is_framed_datagram(&self) -> bool {
        self.is_datagrams() && self.mode == Mode::Json
    }

    /// Whether both directions are byte streams without frames.
    pub fn is_raw_stream(&self) -> bool {
        matches!(self.transport, Transport::Unix | Transport::Tcp | Transport::Tls)
            && matches!(self.mode, Mode::Raw | Mode::RawSync)
    }

    /// The dialect of the endpoint that received this direction.
    pub fn receiver_dialect(&self, dir: Direction) -> Dialect {
        dialect_of(self.version_at(dir.to_server()))
    }

    /// The version of the endpoint that received this direction.
    pub fn receiver_version(&self, dir: Direction) -> &str {
        self.version_at(dir.to_server())
    }

    /// The dialect of the endpoint that sent this direction.
    pub fn sender_dialect(&self, dir: Direction) -> Dialect {
        dialect_of(self.version_at(!dir.to_server()))
    }

    /// The options of the endpoint that received this direction.
    pub fn receiver_config(&self, dir: Direction) -> &EndpointConfig {
        if dir.to_server() || self.is_datagrams() { &self.server_config } else { &self.client_config }
    }

    /// The options of the endpoint that sent this direction.
    pub fn sender_config(&self, dir: Direction) -> &EndpointConfig {
        if dir.to_server() && !self.is_datagrams() { &self.client_config } else { &self.server_config }
    }

    /// Every direction and connection that carried bytes.
    pub fn streams(&self) -> BTreeSet<(Direction, u32)> {
        self.chunks.iter().map(|chunk| (chunk.dir, chunk.conn)).collect()
    }

    /// The chunks of one direction of a connection, in order.
    pub fn chunks_of(&self, dir: Direction, conn: u32) -> impl Iterator<Item = &[u8]> {
        self.chunks.iter().filter(move |c| c.dir == dir && c.conn == conn).map(|chunk| &*chunk.bytes)
    }

    /// All bytes of one direction of a connection.
    pub fn bytes_of(&self, dir: Direction, conn: u32) -> Vec<u8> {
        self.chunks_of(dir, conn).flatten().copied().collect()
    }

    /// What the receiver of a direction published for the messages of one connection, in order.
    ///
    /// It is less than the frames on the wire, or other, where the receiver differs from a plain split:
    /// `CORPUS.md` lists when.
    pub fn expected_stream_events(&self, dir: Direction, conn: u32) -> Vec<&Decoded> {
        self.decoded.iter().filter(|event| event.dir == dir && event.conn == conn).collect()
    }

    /// The delimiter that ended the frames of a direction on the wire.
    ///
    /// It is the sender's option, by default a form feed; a classic sender may be using one that another client or
    /// server of its process set, which is then read off the bytes.
    pub fn wire_delimiter(&self, dir: Direction) -> String {
        let configured = self.sender_config(dir).delimiter();
        let streams = self.streams().into_iter().filter(|(d, _)| *d == dir);
        let texts: Vec<_> = streams.map(|(_, conn)| lossy(&self.bytes_of(dir, conn))).collect();
        let seen = texts.is_empty() || texts.iter().any(|text| text.contains(configured));
        if seen { configured.to_owned() } else { tail_delimiter(&texts).unwrap_or(configured).to_owned() }
    }

    fn version_at(&self, server: bool) -> &str {
        if server { &self.version } else { self.client_version.as_deref().unwrap_or(&self.version) }
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What follows the last closing brace.
fn tail_delimiter(texts: &[String]) -> Option<&str> {
    let tails = texts.iter().filter_map(|text| Some(text.rsplit_once('}')?.1));
    tails.into_iter().find(|tail| !tail.is_empty())
}

/// The node-ipc options an endpoint set.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct EndpointConfig {
    /// `delimiter`; unset means a form feed.
    pub delimiter: Option<String>,
    /// `encoding`; unset means `utf8`.
    pub encoding: Option<String>,
    /// `rawBuffer`.
    pub raw_buffer: bool,
    /// `sync`.
    pub sync: bool,
    /// `parser` of node-ipc 14; unset means `fast`.
    pub parser: Option<String>,
    /// `identifyPeer` of node-ipc 14.
    pub identify_peer: bool,
    /// `allowedEvents` of node-ipc 14.
    pub allowed_events: Vec<String>,
    /// Options without a field above.
    #[serde(flatten)]
    pub others: serde_json::Map<String, serde_json::Value>,
}

impl EndpointConfig {
    /// The delimiter in force.
    pub fn delimiter(&self) -> &str {
        self.delimiter.as_deref().unwrap_or(FORM_FEED)
    }

    /// The encoding in force.
    pub fn encoding(&self) -> &str {
        self.encoding.as_deref().unwrap_or("utf8")
    }
}

/// Bytes read from one side at one time. Over UDP, one datagram.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Chunk {
    /// Milliseconds since the recorder started.
    pub t_ms: f64,
    /// Which way they went.
    pub dir: Direction,
    /// The connection, numbered from 0 in accept order.
    pub conn: u32,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// A change of a recorded connection.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Mark {
    /// Milliseconds since the recorder started.
    pub t_ms: f64,
    /// What happened.
    pub kind: MarkKind,
    /// The direction it happened in; `None` for an open.
    pub dir: Option<Direction>,
    /// The connection.
    pub conn: u32,
}

/// The events of either side.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Sides {
    /// What the server published; over UDP, the first endpoint.
    pub server: Vec<Published>,
    /// What the clients published, told apart by their side; over UDP, the second endpoint.
    pub client: Vec<Published>,
}

/// One line of a capture.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// Bytes.
    Chunk(Chunk),
    /// A change of the connection.
    Mark(Mark),
}

impl Step {
    /// Reads a line, without its line end.
    ///
    /// # Errors
    ///
    /// For text that is no line of a capture, and for more than 1 GiB of repeated pieces.
    pub fn parse(line: &[u8]) -> Result<Self, Box<dyn core::error::Error + Send + Sync>> {
        let line: Line = serde_json::from_slice(line)?;
        if let Some(kind) = line.ev {
            return Ok(Self::Mark(Mark { t_ms: line.t_ms, kind, dir: line.dir, conn: line.conn }));
        }
        let bytes = line.bytes()?;
        let dir = line.dir.ok_or("a chunk without direction")?;
        Ok(Self::Chunk(Chunk { t_ms: line.t_ms, dir, conn: line.conn, bytes }))
    }
}

/// The most that repeated pieces of one chunk may come to.
const MOST_REPEATED: usize = 1 << 30;

#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    t_ms: f64,
    #[serde(default)]
    dir: Option<Direction>,
    #[serde(default)]
    conn: u32,
    #[serde(default)]
    ev: Option<MarkKind>,
    #[serde(default)]
    b64: Option<String>,
    /// Repetitive chunks: pieces in base64, each with how often it repeats.
    #[serde(default)]
    parts: Vec<(String, usize)>,
}

impl Line {
    fn bytes(&self) -> Result<Vec<u8>, Box<dyn core::error::Error + Send + Sync>> {
        let mut bytes = self.b64.as_deref().map(base64_bytes).transpose()?.unwrap_or_default();
        for (text, times) in &self.parts {
            let piece = base64_bytes(text)?;
            let whole = piece.len().checked_mul(*times).and_then(|more| more.checked_add(bytes.len()));
            if whole.is_none_or(|whole| whole > MOST_REPEATED) {
                return Err("a chunk of more than 1 GiB".into());
            }
            bytes.extend(piece.repeat(*times));
        }
        Ok(bytes)
    }
}
