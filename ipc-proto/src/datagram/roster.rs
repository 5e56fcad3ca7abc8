//! The peers of a socket by number, by address, and by who is forgotten first.

use alloc::collections::{BTreeMap, BTreeSet};
use core::{net::SocketAddr, time::Duration};

use super::Standing;
use crate::{
    event::Stats,
    message::Json,
    outbox::Pressure,
    peers::{PeerId, Peers},
    time::Timestamp,
};

/// How many bytes an address may be sent for each one that came from it, before it is confirmed.
const AMPLIFICATION: u64 = 3;

/// What is known of an address.
#[derive(Debug)]
pub(super) struct Remote {
    pub(super) address: SocketAddr,
    pub(super) standing: Standing,
    active_at: Timestamp,
    /// Payload that came from it and that was queued for it, while it was not confirmed.
    received: u64,
    granted: u64,
    /// Bytes that wait to be sent to it.
    pub(super) pending: usize,
    owes_writable: bool,
    pub(super) name: Option<Json>,
    pub(super) stats: Stats,
    /// The owner was told of it.
    announced: bool,
}

impl Remote {
    fn new(address: SocketAddr, standing: Standing, now: Timestamp) -> Self {
        Self {
            address,
            standing,
            active_at: now,
            received: 0,
            granted: 0,
            pending: 0,
            owes_writable: false,
            name: None,
            stats: Stats::default(),
            announced: false,
        }
    }

    /// How many bytes it may still be sent; `None` without a limit.
    pub(super) fn allowance(&self) -> Option<usize> {
        let left = self.received.saturating_mul(AMPLIFICATION).saturating_sub(self.granted);
        (self.standing == Standing::Heard).then(|| usize::try_from(left).unwrap_or(usize::MAX))
    }

    pub(super) fn may_take(&self, len: usize) -> bool {
        self.allowance().is_none_or(|left| len <= left)
    }

    /// A datagram of `len` bytes is queued for it.
    pub(super) fn note_queued(&mut self, len: usize) {
        self.granted = self.granted.saturating_add(len as u64);
        self.pending += len;
        self.stats.messages_out += 1;
        self.owes_writable |= self.pressure() == Pressure::High;
    }

    /// A datagram of `len` bytes is not queued any more. Says whether `Writable` is due.
    pub(super) fn note_unqueued(&mut self, len: usize) -> bool {
        self.pending -= len;
        let writable = self.owes_writable && self.pending <= Pressure::LOW_MARK;
        self.owes_writable &= !writable;
        writable
    }

    pub(super) const fn pressure(&self) -> Pressure {
        Pressure::of(self.pending)
    }

    fn rank(&self, peer: PeerId) -> (Standing, Timestamp, PeerId) {
        (self.standing, self.active_at, peer)
    }
}

/// All peers of a socket, in three orders.
#[derive(Debug)]
pub(super) struct Roster {
    peers: Peers<Remote>,
    addresses: BTreeMap<SocketAddr, PeerId>,
    /// Who is forgotten first: the less certain, and of those the one that was silent longest.
    order: BTreeSet<(Standing, Timestamp, PeerId)>,
    /// Whose standing the owner is to be told; forgotten ones only where it was told of them before.
    changed: BTreeSet<PeerId>,
    gone: BTreeSet<PeerId>,
}

impl Roster {
    pub(super) const fn new(max: usize) -> Self {
        Self {
            peers: Peers::new(if max == 0 { 1 } else { max }),
            addresses: BTreeMap::new(),
            order: BTreeSet::new(),
            changed: BTreeSet::new(),
            gone: BTreeSet::new(),
        }
    }

    /// `len` bytes came from `address`. Returns whose they are, and who was forgotten to make room; `None` when
    /// every place is taken by a peer that the application named.
    pub(super) fn hear(&mut self, now: Timestamp, address: SocketAddr, len: usize) -> Option<(PeerId, Option<PeerId>)> {
        let known = self.at(address);
        let (peer, displaced) = match known {
            Some(peer) => (peer, None),
            None => self.admit(Remote::new(address, Standing::Heard, now))?,
        };
        let least = if known.is_some() { Standing::Confirmed } else { Standing::Heard };
        self.change(peer, |remote| {
            remote.standing = remote.standing.max(least);
            remote.active_at = now;
            remote.received = remote.received.saturating_add(len as u64);
            remote.stats.bytes_in += len as u64;
        });
        Some((peer, displaced))
    }

    /// The peer at an address that the application names, and who was forgotten to make room.
    pub(super) fn name(&mut self, now: Timestamp, address: SocketAddr) -> (PeerId, Option<PeerId>) {
        if let Some(peer) = self.at(address) {
            self.change(peer, |remote| remote.standing = Standing::Named);
            return (peer, None);
        }
        let remote = Remote::new(address, Standing::Named, now);
        self.admit(remote).expect("a named peer takes the place of any other, and there is at least one place")
    }

    /// Forgets a peer. Says whether it was there.
    pub(super) fn forget(&mut self, peer: PeerId) -> bool {
        let Some(remote) = self.peers.remove(peer) else { return false };
        self.addresses.remove(&remote.address);
        self.order.remove(&remote.rank(peer));
        self.changed.remove(&peer);
        if remote.announced {
            self.gone.insert(peer);
        }
        true
    }

    /// Whose standing has changed since the last call.
    pub(super) fn poll_standing(&mut self) -> Option<(PeerId, Standing)> {
        if let Some(peer) = self.gone.pop_first() {
            return Some((peer, Standing::Forgotten));
        }
        let peer = self.changed.pop_first()?;
        let remote = self.peers.get_mut(peer)?;
        remote.announced = true;
        Some((peer, remote.standing))
    }

    /// The peer that was silent longest, of those that are forgotten for it, and when that is due.
    pub(super) fn next_idle(&self, timeout: Duration) -> Option<(PeerId, Timestamp)> {
        let oldest = |standing| {
            let rank = self.order.range((standing, Timestamp::ZERO, PeerId::from(0))..).next();
            rank.filter(|(found, ..)| *found == standing).map(|(_, at, peer)| (*at, *peer))
        };
        let (at, peer) = [oldest(Standing::Heard), oldest(Standing::Confirmed)].into_iter().flatten().min()?;
        Some((peer, at.checked_add(timeout)?))
    }

    pub(super) fn at(&self, address: SocketAddr) -> Option<PeerId> {
        self.addresses.get(&address).copied()
    }

    pub(super) fn get(&self, peer: PeerId) -> Option<&Remote> {
        self.peers.get(peer)
    }

    /// A peer, to change anything but its rank.
    pub(super) fn get_mut(&mut self, peer: PeerId) -> Option<&mut Remote> {
        self.peers.get_mut(peer)
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (PeerId, &Remote)> {
        self.peers.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.peers.len()
    }

    /// Adds a peer, in the place of another if need be.
    fn admit(&mut self, remote: Remote) -> Option<(PeerId, Option<PeerId>)> {
        let mut displaced = None;
        if self.peers.is_full() {
            let (standing, _, first) = *self.order.first()?;
            if standing == Standing::Named && remote.standing != Standing::Named {
                return None;
            }
            self.forget(first);
            displaced = Some(first);
        }
        let (address, standing, active_at) = (remote.address, remote.standing, remote.active_at);
        let peer = self.peers.insert(remote).ok()?;
        self.addresses.insert(address, peer);
        self.order.insert((standing, active_at, peer));
        self.changed.insert(peer);
        Some((peer, displaced))
    }

    /// Changes what a peer's rank is made of.
    fn change(&mut self, peer: PeerId, change: impl FnOnce(&mut Remote)) {
        let Some(remote) = self.peers.get_mut(peer) else { return };
        let (before, standing) = (remote.rank(peer), remote.standing);
        change(remote);
        if remote.standing != standing {
            self.changed.insert(peer);
        }
        if remote.rank(peer) != before {
            self.order.remove(&before);
            self.order.insert(remote.rank(peer));
        }
    }
}

#[cfg(test)]
impl Roster {
    /// Whether all orders have the same peers.
    pub(super) fn is_consistent(&self) -> bool {
        let sizes = [self.addresses.len(), self.order.len()].into_iter().all(|len| len == self.peers.len());
        let found = |(peer, remote): (PeerId, &Remote)| {
            self.at(remote.address) == Some(peer) && self.order.contains(&remote.rank(peer))
        };
        sizes && self.peers.iter().all(found)
    }
}
