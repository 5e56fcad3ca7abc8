//! Some of a server's peers at once.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use serde::Serialize;

use super::{Runtime, Server, lock};
use crate::{error::EmitError, frame::Frame, peers::PeerId};

/// The peers in a room, but for those that are left out: what [`Server::to`] gives.
pub struct Room<'s, R: Runtime> {
    server: &'s Server<R>,
    name: String,
    except: Vec<PeerId>,
}

impl<R: Runtime> Server<R> {
    /// Lets a peer into a room. A room exists as long as somebody is in it; a peer's rooms end with its
    /// connection. Says whether the peer is connected.
    pub fn join(&self, peer: PeerId, room: &str) -> bool {
        lock(&self.shared().peers).join(peer, room)
    }

    /// Takes a peer out of a room. Says whether it was in it.
    pub fn leave(&self, peer: PeerId, room: &str) -> bool {
        lock(&self.shared().peers).leave(peer, room)
    }

    /// The peers in `room`, to emit to.
    #[must_use]
    pub fn to(&self, room: &str) -> Room<'_, R> {
        Room { server: self, name: room.to_string(), except: Vec::new() }
    }
}

impl<R: Runtime> Room<'_, R> {
    /// Leaves `peer` out: the one that spoke, mostly.
    #[must_use]
    pub fn except(mut self, peer: PeerId) -> Self {
        self.except.push(peer);
        self
    }

    /// Who is meant, in the order of arrival at the server.
    #[must_use]
    pub fn peers(&self) -> Vec<PeerId> {
        let peers = lock(&self.server.shared().peers);
        peers.room(&self.name).map(|(peer, _)| peer).filter(|peer| !self.except.contains(peer)).collect()
    }

    /// Emits an event to them, as [`Server::broadcast`] does to all. Returns how many it is queued for.
    ///
    /// # Errors
    ///
    /// As [`Server::broadcast`].
    pub async fn emit<T: Serialize + ?Sized>(&self, name: &str, data: &T) -> Result<usize, EmitError> {
        self.send(&Frame::encode(name, data)?)
    }

    /// As [`emit`](Self::emit), for a frame that was encoded before.
    ///
    /// # Errors
    ///
    /// As [`Server::broadcast`].
    pub fn send(&self, frame: &Frame) -> Result<usize, EmitError> {
        self.server.send_to(frame, |peers| {
            let members = peers.room(&self.name).filter(|(peer, _)| !self.except.contains(peer));
            members.map(|(_, entry)| entry.line()).collect()
        })
    }
}

impl<R: Runtime> fmt::Debug for Room<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room").field("name", &self.name).field("except", &self.except).finish_non_exhaustive()
    }
}
