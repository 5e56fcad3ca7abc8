//! The transports.

use core::fmt;

/// What connects two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wire {
    Unix,
    Pipe,
    Tcp,
    Tls,
    Udp4,
    Udp6,
}

/// The local one.
const LOCAL: Wire = if cfg!(windows) { Wire::Pipe } else { Wire::Unix };

impl Wire {
    pub(crate) const ALL: &[Self] = &[LOCAL, Self::Tcp, Self::Tls, Self::Udp4, Self::Udp6];
    pub(crate) const STREAMS: &[Self] = &[LOCAL, Self::Tcp, Self::Tls];
    /// Those whose bytes a bare socket sees as they are.
    pub(crate) const PLAIN: &[Self] = &[LOCAL, Self::Tcp];
    pub(crate) const DATAGRAMS: &[Self] = &[Self::Udp4, Self::Udp6];
    pub(crate) const LOCAL: &[Self] = &[Self::Unix];
    pub(crate) const NET: &[Self] = &[Self::Tcp];
    pub(crate) const SECURE: &[Self] = &[Self::Tls];

    /// Whether this machine has it: not every one has IPv6.
    pub(crate) fn is_there(self) -> bool {
        self != Self::Udp6 || std::net::UdpSocket::bind("[::1]:0").is_ok()
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unix => "unix",
            Self::Pipe => "pipe",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Udp4 => "udp4",
            Self::Udp6 => "udp6",
        })
    }
}
