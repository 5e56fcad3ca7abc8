//! The words the recordings use.

use core::fmt;

use serde::Deserialize;

/// How two recorded endpoints were joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Transport {
    /// Unix socket.
    Unix,
    /// TCP.
    Tcp,
    /// TLS over TCP; the bytes are the plain text.
    Tls,
    /// UDP on IPv4: every chunk is one datagram.
    Udp4,
    /// UDP on IPv6.
    Udp6,
    /// Node's channel between a parent and a forked child.
    ForkChannel,
    /// No bytes: a call that failed.
    None,
    /// Something this reader does not know.
    #[serde(other)]
    Other,
}

impl Transport {
    /// As the recordings have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unix => "unix",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Udp4 => "udp4",
            Self::Udp6 => "udp6",
            Self::ForkChannel => "fork-channel",
            Self::None => "none",
            Self::Other => "other",
        }
    }
}

/// What was exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Mode {
    /// JSON frames (for the fork channel: JSON lines).
    Json,
    /// JSON frames from a client with `sync: true`.
    Sync,
    /// Bytes (`rawBuffer: true`).
    Raw,
    /// Bytes from a client with `sync: true`.
    #[serde(rename = "raw+sync")]
    RawSync,
    /// The fork channel's `advanced` serialisation.
    Advanced,
    /// A call without traffic.
    Api,
    /// Something this reader does not know.
    #[serde(other)]
    Other,
}

impl Mode {
    /// As the recordings have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Sync => "sync",
            Self::Raw => "raw",
            Self::RawSync => "raw+sync",
            Self::Advanced => "advanced",
            Self::Api => "api",
            Self::Other => "other",
        }
    }
}

/// Which way bytes went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[non_exhaustive]
pub enum Direction {
    /// Client to server; over UDP, from the second endpoint to the first.
    #[serde(rename = "c2s")]
    ToServer,
    /// Server to client.
    #[serde(rename = "s2c")]
    ToClient,
    /// Forked child to its parent.
    #[serde(rename = "child2parent")]
    ToParent,
    /// Parent to forked child.
    #[serde(rename = "parent2child")]
    ToChild,
    /// Something this reader does not know.
    #[serde(other)]
    Other,
}

impl Direction {
    /// Whether the server, or the parent, receives it.
    pub(super) fn to_server(self) -> bool {
        matches!(self, Self::ToServer | Self::ToParent)
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ToServer => "c2s",
            Self::ToClient => "s2c",
            Self::ToParent => "child2parent",
            Self::ToChild => "parent2child",
            Self::Other => "other",
        })
    }
}

/// What happened to a recorded connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum MarkKind {
    /// Accepted, and joined to the server.
    Open,
    /// The sender of the direction ended it.
    Eof,
    /// The socket that sends the direction is closed.
    Close,
    /// That socket failed.
    Error,
    /// Something this reader does not know.
    #[serde(other)]
    Other,
}
