//! A whole simulation: all parties, and time.

use std::{cell::RefCell, rc::Rc};

use ipc_proto::{ClientState, Timestamp};

use super::{
    client::ClientParty,
    clock::{Seat, Time},
    net::{Door, Net, Shared},
    post::Post,
    random::Random,
    scene::Scene,
    server::ServerParty,
    setup::Setup,
    socket::SocketParty,
};

/// More polls than this at one moment are a loop without end.
const MANY_POLLS: usize = 20_000;

/// As often as this something may be due at one moment.
const MANY_STOPS: usize = 1000;

#[derive(Debug)]
pub(super) struct World {
    pub(super) scene: Scene,
    pub(super) clients: Vec<ClientParty>,
    pub(super) servers: Vec<ServerParty>,
    pub(super) sockets: Vec<SocketParty>,
    pub(super) post: Shared<Post>,
    /// In which order parties are polled.
    order: Random,
}

impl World {
    pub(super) fn new(seed: u64, setup: &Setup, traced: bool) -> Self {
        let time = Time::default();
        let net = Rc::new(RefCell::new(Net::new(&time, Random::part(seed, 3))));
        let mut scene = Scene::new(&time, &net, traced);
        let servers = setup.servers.iter().enumerate().map(|(number, config)| {
            let party = ServerParty::new(number, config, &scene);
            net.borrow_mut().doors.push(Door::new(config, party.seat.waker()));
            party
        });
        let servers = servers.collect();
        let clients = setup.clients.iter().enumerate().map(|(number, (config, road))| {
            net.borrow_mut().add_road(*road);
            ClientParty::new(number, config, road.session.is_some(), &scene)
        });
        let clients = clients.collect();
        let post = Rc::new(RefCell::new(Post::new(&time, Random::part(seed, 4), setup.sockets.len())));
        let sockets = setup.sockets.iter().enumerate();
        let sockets = sockets.map(|(number, config)| SocketParty::new(number, config, &post, &scene)).collect();
        scene.totals.add("endpoints", setup.endpoints() as u64);
        Self { scene, clients, servers, sockets, post, order: Random::part(seed, 5) }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.scene.time.now()
    }

    pub(super) const fn has_failed(&self) -> bool {
        self.scene.failure.is_some()
    }

    /// Lets everything happen that can at this moment, and looks at it.
    pub(super) fn settle(&mut self) {
        self.wake();
        let mut polls = 0;
        while self.poll_somebody() {
            polls += 1;
            if polls > MANY_POLLS || self.has_failed() {
                self.scene.check(polls <= MANY_POLLS, || "the parties keep each other busy without end".to_owned());
                break;
            }
        }
        self.check();
    }

    /// Lets time pass, from one thing that happens to the next.
    pub(super) fn pass(&mut self, until: Timestamp) {
        let mut stops = 0;
        while !self.has_failed() {
            let next = self.next_wake().filter(|at| *at <= until);
            stops = if next == Some(self.now()) { stops + 1 } else { 0 };
            self.scene.check(stops < MANY_STOPS, || "time stands still".to_owned());
            self.scene.time.set(next.unwrap_or(until).max(self.now()));
            self.settle();
            if next.is_none() {
                break;
            }
        }
    }

    /// When something happens next, if nobody does anything.
    pub(super) fn next_wake(&self) -> Option<Timestamp> {
        let clients = self.clients.iter().filter(|it| it.state() != ClientState::Stopped);
        let peers = self.servers.iter().flat_map(|server| server.peers.iter());
        let seats = clients.map(|it| &it.seat).chain(peers.map(|(_, it)| &it.seat));
        let seats = seats.chain(self.sockets.iter().map(|it| &it.seat));
        let wires = [self.scene.net.borrow().next_wake(), self.post.borrow().next_wake()];
        let all = seats.map(Seat::next_wake).chain(wires).flatten();
        all.map(|at| at.max(self.now())).min()
    }

    fn wake(&mut self) {
        self.scene.net.borrow_mut().tick();
        self.post.borrow_mut().tick();
        self.clients.iter_mut().for_each(|it| it.seat.ring());
        let peers = self.servers.iter_mut().flat_map(|server| server.peers.iter_mut());
        peers.for_each(|(_, peer)| peer.seat.ring());
        self.sockets.iter_mut().for_each(|it| it.seat.ring());
    }

    /// Polls one of those that were woken. Says whether there was one.
    fn poll_somebody(&mut self) -> bool {
        let count = self.clients.len() + self.servers.len() + self.sockets.len();
        let first = self.order.below(count.max(1) as u64) as usize;
        (0..count).any(|n| self.poll_if_woken((first + n) % count))
    }

    fn poll_if_woken(&mut self, at: usize) -> bool {
        let (clients, servers) = (self.clients.len(), self.servers.len());
        let scene = &mut self.scene;
        if at < clients {
            let it = &mut self.clients[at];
            it.seat.is_woken().then(|| it.poll(scene)).is_some()
        } else if at < clients + servers {
            let it = &mut self.servers[at - clients];
            it.is_woken().then(|| it.poll(scene)).is_some()
        } else {
            let it = &mut self.sockets[at - clients - servers];
            it.seat.is_woken().then(|| it.poll(scene)).is_some()
        }
    }

    fn check(&mut self) {
        self.clients.iter_mut().for_each(|it| it.check(&mut self.scene));
        self.servers.iter_mut().for_each(|it| it.check(&mut self.scene));
        self.sockets.iter_mut().for_each(|it| it.check(&mut self.scene));
    }
}
