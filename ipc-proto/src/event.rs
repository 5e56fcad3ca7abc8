//! What a machine tells its owner.

use core::time::Duration;

use bytes::Bytes;

use crate::{
    error::ConnectionError,
    frame::Frame,
    message::{Json, Message},
};

/// What happened, in the order in which it happened.
///
/// Lifecycle and messages are different variants, so no peer can make its message look like lifecycle, whatever
/// name it gives it (node-ipc publishes both under one name space).
#[derive(Clone, Debug)]
#[non_exhaustive]
// A whole word for the variant keeps the fields of all variants aligned, and copies of them fast.
#[repr(u64)]
pub enum Event {
    /// The connection is there. A client's comes again after each reconnect.
    Connected,
    /// A named event from the peer.
    Message(Message),
    /// Bytes from the peer, as many as one read gave (raw profile).
    Raw(Bytes),
    /// Something went wrong. In Classic a bad frame is only this; otherwise `Disconnected` follows.
    Error(ConnectionError),
    /// The outbox is down to the low mark again after [`Pressure::High`](crate::Pressure::High).
    Writable,
    /// A message is given up.
    Undelivered(Undelivered),
    /// The connection is gone, or an attempt has failed. A connection's last event.
    Disconnected {
        /// Why.
        reason: Reason,
        /// A client's next attempt comes after this; `None` when there will be none.
        retry_in: Option<Duration>,
        /// How the peer named itself by `data.id`, where a server lets it. Never an identity.
        id: Option<Json>,
    },
    /// The client has given up, or was told to. A client's last event.
    Destroyed,
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The peer closed it.
    Peer,
    /// We closed it.
    Local,
    /// The peer broke a rule, or did not keep up; the `Error` before says which.
    Protocol,
    /// The transport failed; the `Error` before says how.
    Io,
    /// The attempt to connect failed; the `Error` before says how.
    Refused,
}

/// A message that is given up, with what is known of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Undelivered {
    /// The message.
    pub frame: Frame,
    /// Whether some of it left, so that the peer may have it.
    pub maybe_sent: bool,
}

impl Undelivered {
    /// The same, as a ticket's answer.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        if self.maybe_sent { Outcome::Maybe } else { Outcome::Undelivered }
    }
}

/// Stands for one message whose end its sender wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub(crate) u64);

/// What became of a message with a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The transport took it whole. Whether the peer read it is not known.
    Flushed,
    /// Given up; no byte of it left.
    Undelivered,
    /// Given up after some of it left.
    Maybe,
}

/// What a connection has done so far. Counters only grow; the machine that owns them never resets them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Messages, or raw reads, handed out.
    pub messages_in: u64,
    /// Messages, or raw writes, taken.
    pub messages_out: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes written.
    pub bytes_out: u64,
    /// Frames that broke a rule.
    pub errors: u64,
    /// Messages given up.
    pub undelivered: u64,
    /// Times the connection was established (clients count reconnects here).
    pub connects: u64,
}

impl Stats {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            messages_in: self.messages_in + other.messages_in,
            messages_out: self.messages_out + other.messages_out,
            bytes_in: self.bytes_in + other.bytes_in,
            bytes_out: self.bytes_out + other.bytes_out,
            errors: self.errors + other.errors,
            undelivered: self.undelivered + other.undelivered,
            connects: self.connects + other.connects,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_stay_small() {
        assert!(size_of::<Event>() <= 112, "{}", size_of::<Event>());
    }
}
