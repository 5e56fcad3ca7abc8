//! A server's peers: who is connected, in which order, and how much all of them may hold.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    sync::Arc,
};
use core::{
    fmt,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

/// A peer of a server. Numbered from 1 in the order of arrival, and never given to another peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(u64);

impl PeerId {
    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl From<u64> for PeerId {
    fn from(number: u64) -> Self {
        Self(number)
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The registry of a server's peers.
///
/// Generic over what the adapter keeps for each: a queue, or a connection with its socket. Iteration is in the
/// order of arrival, which is the order of a broadcast, as in node-ipc.
#[derive(Debug)]
pub struct Peers<T> {
    entries: BTreeMap<PeerId, T>,
    rooms: BTreeMap<String, BTreeSet<PeerId>>,
    /// Those that `max` does not count.
    extra: BTreeSet<PeerId>,
    last: u64,
    max: usize,
}

impl<T> Peers<T> {
    /// A registry for at most `max` peers at once.
    #[must_use]
    pub const fn new(max: usize) -> Self {
        Self { entries: BTreeMap::new(), extra: BTreeSet::new(), rooms: BTreeMap::new(), last: 0, max }
    }

    /// Adds a peer under a number of its own.
    ///
    /// # Errors
    ///
    /// `entry` comes back when there is no room for one more.
    pub fn insert(&mut self, entry: T) -> Result<PeerId, T> {
        self.insert_with(|_| entry)
    }

    /// As [`insert`](Self::insert), for an entry that knows its number.
    ///
    /// # Errors
    ///
    /// The entry comes back when there is no room for one more.
    pub fn insert_with(&mut self, entry: impl FnOnce(PeerId) -> T) -> Result<PeerId, T> {
        let peer = PeerId(self.last + 1);
        let entry = entry(peer);
        if self.is_full() {
            return Err(entry);
        }
        self.last += 1;
        self.entries.insert(peer, entry);
        Ok(peer)
    }

    /// Adds a peer that the limit does not count: one that is limited elsewhere, or has no connection.
    pub fn insert_extra(&mut self, entry: T) -> PeerId {
        self.last += 1;
        let peer = PeerId(self.last);
        self.entries.insert(peer, entry);
        self.extra.insert(peer);
        peer
    }

    /// Removes a peer, from its rooms as well.
    pub fn remove(&mut self, peer: PeerId) -> Option<T> {
        self.extra.remove(&peer);
        self.rooms.retain(|_, members| {
            members.remove(&peer);
            !members.is_empty()
        });
        self.entries.remove(&peer)
    }

    /// Lets a peer into a room, which exists as long as somebody is in it. Says whether the peer is known.
    pub fn join(&mut self, peer: PeerId, room: &str) -> bool {
        let known = self.entries.contains_key(&peer);
        if known {
            self.rooms.entry(room.into()).or_default().insert(peer);
        }
        known
    }

    /// Takes a peer out of a room. Says whether it was in it.
    pub fn leave(&mut self, peer: PeerId, room: &str) -> bool {
        let Some(members) = self.rooms.get_mut(room) else { return false };
        let was_in = members.remove(&peer);
        if members.is_empty() {
            self.rooms.remove(room);
        }
        was_in
    }

    /// Who is in a room, in the order of arrival at the server.
    pub fn room<'p>(&'p self, room: &str) -> impl DoubleEndedIterator<Item = (PeerId, &'p T)> + use<'p, T> {
        let members = self.rooms.get(room).into_iter().flatten();
        members.filter_map(|peer| self.entries.get_key_value(peer)).map(|(peer, entry)| (*peer, entry))
    }

    /// The entry of a peer.
    #[must_use]
    pub fn get(&self, peer: PeerId) -> Option<&T> {
        self.entries.get(&peer)
    }

    /// The entry of a peer, to change.
    #[must_use]
    pub fn get_mut(&mut self, peer: PeerId) -> Option<&mut T> {
        self.entries.get_mut(&peer)
    }

    /// All peers in the order of arrival.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (PeerId, &T)> {
        self.entries.iter().map(|(peer, entry)| (*peer, entry))
    }

    /// All peers in the order of arrival, to change.
    pub fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = (PeerId, &mut T)> {
        self.entries.iter_mut().map(|(peer, entry)| (*peer, entry))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether there is no room for one more.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.free() == 0
    }

    /// How many more [`insert`](Self::insert) takes.
    #[must_use]
    pub fn free(&self) -> usize {
        self.max.saturating_sub(self.entries.len() - self.extra.len())
    }
}

/// What all connections of one server may hold together.
///
/// Each connection keeps a [`Share`] and says what it holds; when all of them hold more than the budget, the
/// one that holds most at that moment is told to go.
#[derive(Debug)]
pub struct Budget {
    limit: usize,
    total: AtomicUsize,
    evicted: AtomicUsize,
}

/// One connection's part of a [`Budget`]. Dropping it gives back what it held.
#[derive(Debug)]
pub struct Share {
    budget: Arc<Budget>,
    held: AtomicUsize,
    evict: AtomicBool,
}

impl Budget {
    /// At most `limit` bytes.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { limit, total: AtomicUsize::new(0), evicted: AtomicUsize::new(0) }
    }

    /// A new connection's share.
    #[must_use]
    pub fn share(self: &Arc<Self>) -> Share {
        Share { budget: Arc::clone(self), held: AtomicUsize::new(0), evict: AtomicBool::new(false) }
    }

    /// How many bytes are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }

    /// How many connections had to go so far.
    #[must_use]
    pub fn evicted(&self) -> usize {
        self.evicted.load(Ordering::Relaxed)
    }

    /// Where the budget is exceeded, tells the largest of `shares` to go. Returns that one. What those hold that
    /// were told before counts as given back: they are on their way, and nobody else has to go for them.
    pub fn evict_largest<'s>(&self, shares: impl Iterator<Item = &'s Share>) -> Option<&'s Share> {
        let (mut going, mut largest) = (0, None::<&Share>);
        for share in shares {
            if share.must_go() {
                going += share.held();
            } else if largest.is_none_or(|largest| share.held() > largest.held()) {
                largest = Some(share);
            }
        }
        if self.held().saturating_sub(going) <= self.limit {
            return None;
        }
        let largest = largest?;
        largest.evict.store(true, Ordering::Relaxed);
        self.evicted.fetch_add(1, Ordering::Relaxed);
        Some(largest)
    }
}

impl Share {
    /// The connection holds `bytes` now. Returns whether all of them hold more than the budget.
    pub fn set(&self, bytes: usize) -> bool {
        let total = &self.budget.total;
        // Mostly nothing is held when a turn ends, as when the one before did.
        if self.held.load(Ordering::Relaxed) == bytes {
            return total.load(Ordering::Relaxed) > self.budget.limit;
        }
        let before = self.held.swap(bytes, Ordering::Relaxed);
        let now = if bytes >= before {
            total.fetch_add(bytes - before, Ordering::Relaxed) + (bytes - before)
        } else {
            total.fetch_sub(before - bytes, Ordering::Relaxed) - (before - bytes)
        };
        now > self.budget.limit
    }

    /// What the connection holds.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Whether the connection was told to go.
    #[must_use]
    pub fn must_go(&self) -> bool {
        self.evict.load(Ordering::Relaxed)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn numbers_are_never_given_twice_and_order_is_arrival() {
        let mut peers = Peers::new(2);
        let first = peers.insert("a").unwrap();
        let second = peers.insert_with(|peer| if peer.get() == 2 { "b" } else { "?" }).unwrap();
        assert_eq!(peers.insert("c"), Err("c"));
        assert_eq!(peers.remove(first), Some("a"));
        let third = peers.insert("d").unwrap();
        assert_eq!((first.get(), second.get(), third.get()), (1, 2, 3));
        assert_eq!(peers.iter().map(|(_, name)| *name).collect::<Vec<_>>(), ["b", "d"]);
        peers.iter_mut().filter(|(peer, _)| *peer == third).for_each(|(_, name)| *name = "e");
        assert_eq!(peers.get_mut(third).copied(), Some("e"));
        assert!(!peers.is_empty() && Peers::<()>::new(1).is_empty());
        assert!(peers.is_full() && peers.get(first).is_none());
    }

    #[test]
    fn extra_peers_take_no_place() {
        let mut peers = Peers::new(1);
        let extra = peers.insert_extra("udp");
        let stream = peers.insert("tcp").unwrap();
        assert_eq!((extra.get(), stream.get(), peers.len(), peers.is_full()), (1, 2, 2, true));
        assert_eq!(peers.remove(extra), Some("udp"));
        assert!(peers.is_full());
        assert_eq!(peers.remove(stream), Some("tcp"));
        assert!(!peers.is_full());
    }

    #[test]
    fn rooms_end_with_their_members() {
        let mut peers = Peers::new(9);
        let [a, b, c] = ["a", "b", "c"].map(|name| peers.insert(name).unwrap());
        assert!(peers.join(c, "red") && peers.join(a, "red") && peers.join(b, "blue"));
        let members = |peers: &Peers<&'static str>, room| peers.room(room).map(|(_, name)| *name).collect::<Vec<_>>();
        assert_eq!(members(&peers, "red"), ["a", "c"]);
        assert!(peers.leave(a, "red") && !peers.leave(a, "red") && !peers.leave(a, "none"));
        peers.remove(c);
        assert!(members(&peers, "red").is_empty() && !peers.rooms.contains_key("red"));
        assert!(!peers.join(c, "red"));
        assert_eq!(members(&peers, "blue"), ["b"]);
    }

    #[test]
    fn the_largest_goes_when_the_budget_is_exceeded() {
        let budget = Arc::new(Budget::new(100));
        let (small, large) = (budget.share(), budget.share());
        assert!(!small.set(40));
        assert!(!large.set(60));
        assert!(budget.evict_largest([&small, &large].into_iter()).is_none());
        assert!(large.set(61));
        let gone = budget.evict_largest([&small, &large].into_iter()).unwrap();
        assert_eq!((gone.held(), large.must_go(), small.must_go()), (61, true, false));
        assert!(budget.evict_largest([&small, &large].into_iter()).is_none(), "one is enough");
        drop(large);
        assert_eq!((budget.held(), budget.evicted()), (40, 1));
    }
}

#[cfg(test)]
mod properties {
    use alloc::{vec, vec::Vec};

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Op {
        Insert,
        InsertExtra,
        Remove(u64),
        Join(u64, usize),
        Leave(u64, usize),
    }

    const ROOMS: [&str; 3] = ["red", "green", "blue"];

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            3 => Just(Op::Insert),
            1 => Just(Op::InsertExtra),
            2 => (1..20_u64).prop_map(Op::Remove),
            4 => (1..20_u64, 0..ROOMS.len()).prop_map(|(peer, room)| Op::Join(peer, room)),
            2 => (1..20_u64, 0..ROOMS.len()).prop_map(|(peer, room)| Op::Leave(peer, room)),
        ]
    }

    /// A peer's number, whether a place is taken by it, and the rooms it is in.
    #[derive(Clone, Debug)]
    struct Entry {
        number: u64,
        counts: bool,
        rooms: [bool; ROOMS.len()],
    }

    fn step(peers: &mut Peers<u64>, model: &mut Vec<Entry>, op: Op, last: &mut u64, max: usize) -> bool {
        let free = max.saturating_sub(model.iter().filter(|entry| entry.counts).count());
        let find = |model: &mut Vec<Entry>, number| model.iter().position(|entry| entry.number == number);
        match op {
            Op::Insert if free == 0 => peers.insert(0) == Err(0),
            Op::Insert | Op::InsertExtra => {
                *last += 1;
                let counts = matches!(op, Op::Insert);
                model.push(Entry { number: *last, counts, rooms: [false; ROOMS.len()] });
                let peer = if counts { peers.insert(*last) } else { Ok(peers.insert_extra(*last)) };
                peer == Ok(PeerId(*last))
            }
            Op::Remove(number) => {
                let gone = find(model, number).map(|at| model.remove(at).number);
                peers.remove(PeerId(number)) == gone
            }
            Op::Join(number, room) => {
                let found = find(model, number);
                found.into_iter().for_each(|at| model[at].rooms[room] = true);
                peers.join(PeerId(number), ROOMS[room]) == found.is_some()
            }
            Op::Leave(number, room) => {
                let found = find(model, number).filter(|at| model[*at].rooms[room]);
                found.into_iter().for_each(|at| model[at].rooms[room] = false);
                peers.leave(PeerId(number), ROOMS[room]) == found.is_some()
            }
        }
    }

    proptest! {
        /// Against a list in which each peer knows its rooms.
        #[test]
        fn rooms_and_places_are_those_of_a_list(max in 0..8_usize, ops in prop::collection::vec(op(), 0..80)) {
            let (mut peers, mut model, mut last) = (Peers::new(max), Vec::new(), 0);
            for op in ops {
                prop_assert!(step(&mut peers, &mut model, op, &mut last, max), "{op:?}");
                let numbers: Vec<_> = model.iter().map(|entry| entry.number).collect();
                prop_assert_eq!(peers.iter().map(|(peer, entry)| (peer.get(), *entry)).collect::<Vec<_>>(),
                    numbers.iter().map(|number| (*number, *number)).collect::<Vec<_>>());
                let taken = model.iter().filter(|entry| entry.counts).count();
                prop_assert_eq!((peers.len(), peers.free()), (model.len(), max.saturating_sub(taken)));
                for (at, room) in ROOMS.into_iter().enumerate() {
                    let members: Vec<_> = model.iter().filter(|entry| entry.rooms[at]).map(|entry| entry.number).collect();
                    prop_assert_eq!(peers.room(room).map(|(peer, _)| peer.get()).collect::<Vec<_>>(), &members[..]);
                    prop_assert_eq!(peers.rooms.contains_key(room), !members.is_empty());
                }
            }
        }

        /// Against adding up what each holds.
        #[test]
        fn a_budget_is_the_sum_of_its_shares(
            limit in 0..300_usize,
            steps in prop::collection::vec((0..5_usize, 0..100_usize, any::<[bool; 2]>()), 0..60),
        ) {
            let budget = Arc::new(Budget::new(limit));
            let (mut shares, mut held) = (Vec::new(), vec![0; 5]);
            shares.extend((0..5).map(|_| budget.share()));
            let mut told = 0;
            for (at, bytes, [leaves, looks]) in steps {
                if leaves {
                    shares[at] = budget.share();
                    held[at] = 0;
                } else {
                    held[at] = bytes;
                    prop_assert_eq!(shares[at].set(bytes), held.iter().sum::<usize>() > limit);
                }
                prop_assert_eq!(budget.held(), held.iter().sum::<usize>());
                if looks {
                    let staying: Vec<_> = (0..5).filter(|at| !shares[*at].must_go()).collect();
                    let most = staying.iter().map(|at| held[*at]).max();
                    let over = staying.iter().map(|at| held[*at]).sum::<usize>() > limit;
                    let gone = budget.evict_largest(shares.iter());
                    prop_assert_eq!(gone.map(Share::held), most.filter(|_| over));
                    told += usize::from(gone.is_some());
                }
                prop_assert_eq!(budget.evicted(), told);
            }
            drop(shares);
            prop_assert_eq!(budget.held(), 0);
        }
    }
}
