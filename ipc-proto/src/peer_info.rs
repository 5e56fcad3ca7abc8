//! Who is at the other end of a connection, as the system says.

use core::net::SocketAddr;

/// What the system knows of a peer, asked when its connection was accepted. Unlike
/// [`peer_id`](crate::Connection::peer_id), the peer has no say in it.
///
/// What a transport does not know is `None`; an adapter says which transports know what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct PeerInfo {
    /// The user's number.
    pub uid: Option<u32>,
    /// The group's number.
    pub gid: Option<u32>,
    /// The process's number. Only good for display, since numbers are used again.
    pub pid: Option<u32>,
    /// The address in the network. It says where a connection comes from, not who made it.
    pub address: Option<SocketAddr>,
}

impl PeerInfo {
    /// A user's process on this machine.
    #[must_use]
    pub const fn process(uid: u32, gid: u32, pid: Option<u32>) -> Self {
        Self { uid: Some(uid), gid: Some(gid), pid, address: None }
    }

    /// Somebody in the network.
    #[must_use]
    pub const fn network(address: SocketAddr) -> Self {
        Self { uid: None, gid: None, pid: None, address: Some(address) }
    }
}
