//! The choices a config is made of.

use core::time::Duration;

use crate::error::ConfigError;

/// Which generation of node-ipc the other side is.
///
/// Both generations read each other's frames; the dialects differ in what an endpoint does with a bad frame,
/// with empty data and with a peer's `data.id` (PROTOCOL.md, rules D1–D6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// node-ipc 9 to 12: a bad frame is an error event and the connection stays open; `null` and `""` are
    /// sent as `{}`; servers take `data.id` as the socket's name.
    Classic,
    /// node-ipc 14: a bad frame closes the connection, and the client does not come back.
    #[default]
    Modern,
}

/// How much an endpoint checks, by node-ipc 14's parser names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Profile {
    /// Bytes as they come, without frames.
    Raw,
    /// JSON events; every name that is a string.
    #[default]
    Fast,
    /// As `Fast`, with small limits, a message timeout, and reserved and unsafe names refused both ways.
    Guarded,
    /// As `Guarded`, and only the names in [`allowed_events`](crate::Config#structfield.allowed_events).
    Assured,
}

/// How raw bytes and strings turn into each other, by Node's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// `utf8`, `utf-8`.
    #[default]
    Utf8,
    /// `ascii`: on receive the top bit is dropped.
    Ascii,
    /// `latin1`, `binary`.
    Latin1,
    /// `utf16le`, `ucs2`, `ucs-2`, `utf-16le`.
    Utf16Le,
    /// `base64`.
    Base64,
    /// `base64url`.
    Base64Url,
    /// `hex`.
    Hex,
}

impl Encoding {
    /// The encoding Node knows by `name`, in any case.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for a name that Node does not know.
    pub fn from_name(name: &str) -> Result<Self, ConfigError> {
        name.parse()
    }
}

/// What a broadcast does about a peer that does not keep up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SlowPeer {
    /// The peer is disconnected; what it had not been sent is reported.
    #[default]
    Disconnect,
    /// Its oldest waiting frames make room.
    DropOldest,
    /// The new frame is not queued for it.
    DropNewest,
}

/// What a full offline queue does with one more message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Overflow {
    /// The new message comes back to its owner as an error.
    #[default]
    Refuse,
    /// The oldest messages make room and are reported as undelivered.
    DropOldest,
}

/// What becomes of the one message in flight when a sync client loses its connection or its answer is late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SyncLoss {
    /// It is reported as undelivered (it may have arrived), and the queue goes on.
    #[default]
    Report,
    /// It is sent again: at least once, so the peer may see it twice.
    Resend,
}

/// Sizes that hold in every profile. All are bytes unless named otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The largest frame either way, its delimiter not counted. `None` (the default) is 128 MiB, or 1 MiB in
    /// Guarded and Assured. node-ipc 14: `maxMessageSize`.
    pub max_message_size: Option<usize>,
    /// What may wait to be written on one connection, the offline queue included; one larger frame is taken
    /// when nothing waits. Default 8 MiB. node-ipc 14: `maxPendingBytes`.
    pub max_pending_bytes: usize,
    /// The longest event name in UTF-16 units, in Guarded and Assured. Default 256. node-ipc 14:
    /// `maxEventNameLength`.
    pub max_event_name_length: usize,
    /// How old a partial frame may grow. `None` (the default) is 30 s in Guarded and Assured, and no limit in
    /// Fast; zero is no limit. node-ipc 14: `messageTimeout`.
    pub message_timeout: Option<Duration>,
    /// What all connections of one server may hold together before the one that holds most is closed.
    /// Default 512 MiB.
    pub memory_budget: usize,
    /// How many peers a server serves at once; further ones are closed at once. Default 100, as node-ipc.
    pub max_connections: usize,
    /// How many peers a UDP socket remembers at once; the one that was silent longest makes room for a new one.
    /// Default 1024.
    pub max_udp_peers: usize,
    /// How long a UDP peer may be silent before it is forgotten, its incomplete frame with it. Zero is no limit.
    /// Default 5 min.
    pub udp_idle_timeout: Duration,
    /// What may be kept of one UDP peer's incomplete frame, between its datagrams. Default 1 MiB.
    pub max_udp_partial: usize,
    /// What may be kept of the incomplete frames of all peers of a UDP socket before the largest is dropped.
    /// Default 8 MiB.
    pub udp_partial_budget: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_message_size: None,
            max_pending_bytes: 8 << 20,
            max_event_name_length: 256,
            message_timeout: None,
            memory_budget: 512 << 20,
            max_connections: 100,
            max_udp_peers: 1024,
            udp_idle_timeout: Duration::from_secs(300),
            max_udp_partial: 1 << 20,
            udp_partial_budget: 8 << 20,
        }
    }
}
