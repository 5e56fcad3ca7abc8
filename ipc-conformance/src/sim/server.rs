//! A server: a door, a registry of peers, rooms, and a budget.

use std::{collections::BTreeMap, sync::Arc};

use ipc_proto::{
    Budget, Config, PeerId, Peers, Profile, SlowPeer,
    drive::{Drive, End},
};

use super::{clock::Seat, ledger::server_channel, outbound::Letter, peer::Peer, scene::Scene, stream::SimStream};

#[derive(Debug)]
pub(super) struct ServerParty {
    pub(super) number: usize,
    pub(super) config: Arc<Config>,
    pub(super) seat: Seat,
    pub(super) peers: Peers<Peer>,
    budget: Arc<Budget>,
    /// The model of the registry: who came in which order, and who is where.
    arrivals: Vec<PeerId>,
    rooms: BTreeMap<u16, Vec<PeerId>>,
    last: u64,
}

impl ServerParty {
    pub(super) fn new(number: usize, config: &Arc<Config>, scene: &Scene) -> Self {
        Self {
            number,
            seat: Seat::new(&scene.time),
            peers: Peers::new(config.limits.max_connections),
            budget: Arc::new(Budget::new(config.limits.memory_budget)),
            arrivals: Vec::new(),
            rooms: BTreeMap::new(),
            last: 0,
            config: Arc::clone(config),
        }
    }

    pub(super) fn is_woken(&self) -> bool {
        self.seat.is_woken() || self.peers.iter().any(|(_, peer)| peer.seat.is_woken())
    }

    pub(super) fn poll(&mut self, scene: &mut Scene) {
        self.seat.poll(|_| ());
        self.accept(scene);
        for (_, peer) in self.peers.iter_mut() {
            if peer.seat.is_woken() {
                peer.poll(scene);
            }
        }
        let over: Vec<PeerId> = self.peers.iter().filter(|(_, peer)| peer.over).map(|(id, _)| id).collect();
        for id in over {
            self.arrivals.retain(|known| *known != id);
            self.rooms.values_mut().for_each(|members| members.retain(|member| *member != id));
            drop(self.peers.remove(id));
        }
        self.keep_budget(scene);
    }

    fn accept(&mut self, scene: &mut Scene) {
        loop {
            let waiting = scene.net.borrow_mut().doors[self.number].queue.pop_front();
            let Some((link, stream)) = waiting else { break };
            self.admit(scene, link, stream);
        }
    }

    fn admit(&mut self, scene: &mut Scene, link: usize, stream: SimStream) {
        let full = self.arrivals.len() >= self.config.limits.max_connections;
        let peer = Peer::new(link, stream, &self.config, self.budget.share(), scene);
        match self.peers.insert(peer) {
            Ok(id) => {
                let fresh = id.get() == self.last + 1;
                self.last = id.get();
                scene.check(fresh && !full, || format!("server {} gave connection {link} the place {id}", self.number));
                self.arrivals.push(id);
            }
            Err(_) => {
                scene.totals.count("state: turned away");
                scene.link(link).up.borrow_mut().gave_up = true;
                scene.check(full, || format!("server {} turned connection {link} away", self.number));
            }
        }
    }

    /// Whoever holds most goes when all hold too much.
    fn keep_budget(&mut self, scene: &mut Scene) {
        let mut over = false;
        for (_, peer) in self.peers.iter_mut() {
            over |= peer.share.set(peer.driver.held_bytes());
        }
        while over {
            let shares = self.peers.iter().map(|(_, peer)| &peer.share);
            over = self.budget.evict_largest(shares).is_some();
        }
        let gone = self.peers.iter_mut().filter(|(_, peer)| peer.share.must_go() && !peer.inbound.overloaded);
        for (_, peer) in gone {
            scene.totals.count("state: evicted");
            peer.end(scene, End::Overloaded);
        }
        let held: usize =
            self.peers.iter().filter(|(_, peer)| !peer.share.must_go()).map(|(_, peer)| peer.share.held()).sum();
        let limit = self.config.limits.memory_budget;
        scene.check(held <= limit, || format!("server {} holds {held} bytes of {limit}", self.number));
    }

    // What the application does.

    pub(super) fn nth(&mut self, n: u16) -> Option<(PeerId, &mut Peer)> {
        let at = usize::from(n) % self.peers.len().max(1);
        self.peers.iter_mut().nth(at)
    }

    /// To everybody, or to a room; in the order of arrival.
    pub(super) fn broadcast(&mut self, scene: &mut Scene, room: Option<u16>, choice: u16, way: u16) {
        let to: Vec<PeerId> = match room {
            None => self.peers.iter().map(|(id, _)| id).collect(),
            Some(room) => self.peers.room(&room.to_string()).map(|(id, _)| id).collect(),
        };
        let expected = room.map_or_else(|| self.arrivals.clone(), |room| self.members(room));
        scene.check(to == expected, || format!("server {}: {to:?} are in {room:?}, not {expected:?}", self.number));
        scene.totals.add("app: broadcast to", to.len() as u64);
        let letter = Letter::plain(scene, self.config.profile == Profile::Raw, choice);
        let disconnects = self.config.slow_peer == SlowPeer::Disconnect;
        for id in to {
            let Some(peer) = self.peers.get_mut(id) else { continue };
            if peer.send(scene, &letter, way) == Some("full") && disconnects {
                peer.end(scene, End::Overloaded);
            }
        }
        self.seat.wake();
    }

    fn members(&self, room: u16) -> Vec<PeerId> {
        let mut members = self.rooms.get(&room).cloned().unwrap_or_default();
        members.sort_unstable();
        members
    }

    pub(super) fn join(&mut self, scene: &mut Scene, n: u16, room: u16) {
        let Some((id, _)) = self.nth(n) else { return };
        let known = self.peers.join(id, &room.to_string());
        scene.check(known, || format!("server {} does not know {id}", self.number));
        let members = self.rooms.entry(room).or_default();
        if !members.contains(&id) {
            members.push(id);
        }
        scene.totals.count("app: joined a room");
    }

    pub(super) fn leave(&mut self, scene: &mut Scene, n: u16, room: u16) {
        let Some((id, _)) = self.nth(n) else { return };
        let was_in = self.peers.leave(id, &room.to_string());
        let members = self.rooms.entry(room).or_default();
        let expected = members.contains(&id);
        members.retain(|member| *member != id);
        scene.check(was_in == expected, || format!("server {}: {id} was in room {room}: {was_in}", self.number));
        scene.totals.add("app: left a room", u64::from(was_in));
    }

    pub(super) fn stop(&mut self, scene: &mut Scene, how: End) {
        self.shut(scene);
        self.peers.iter_mut().for_each(|(_, peer)| peer.end(scene, how));
        self.seat.wake();
    }

    /// The process dies: what it knew is gone.
    pub(super) fn crash(&mut self, scene: &mut Scene) {
        self.shut(scene);
        let links: Vec<usize> = self.peers.iter().map(|(_, peer)| peer.link).collect();
        scene.ledger.excuse(|channel, _| links.iter().any(|link| channel == server_channel(*link)));
        for link in links {
            scene.link(link).up.borrow_mut().gave_up = true;
        }
        *self = Self { seat: Seat::new(&scene.time), ..Self::new(self.number, &self.config, scene) };
        scene.net.borrow_mut().doors[self.number].waker = self.seat.waker();
    }

    /// Closes the door; who stands before it is turned away.
    fn shut(&self, scene: &mut Scene) {
        let waiting = {
            let mut net = scene.net.borrow_mut();
            net.doors[self.number].open = false;
            std::mem::take(&mut net.doors[self.number].queue)
        };
        for (link, stream) in waiting {
            scene.link(link).up.borrow_mut().gave_up = true;
            drop(stream);
        }
    }

    pub(super) fn start(&self, scene: &Scene) {
        scene.net.borrow_mut().doors[self.number].open = true;
    }

    pub(super) fn check(&mut self, scene: &mut Scene) {
        let len = self.peers.len();
        scene.check(len == self.arrivals.len(), || format!("server {} has {len} peers", self.number));
        self.peers.iter_mut().for_each(|(_, peer)| peer.check(scene));
    }
}
