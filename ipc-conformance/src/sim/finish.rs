//! The last part of a simulation: peace, rest, and the end of everything.

use ipc_proto::{ClientState, Timestamp, drive::End};

use super::{
    client::ClientParty, inbound::Inbound, ledger::CLIENTS, pipe::CALM, post::Weather, socket::is_datagram,
    world::World,
};

impl World {
    /// From here on nothing goes wrong; then everything ends. All that is owed must come.
    pub(super) fn finish(&mut self) {
        self.heal();
        for _ in 0..40 {
            self.pass(self.scene.time.after(2000));
            if self.has_failed() || self.is_at_rest() {
                break;
            }
            self.nudge();
        }
        self.pass(self.scene.time.after(10_000));
        if !self.has_failed() {
            self.check_rest();
        }
        self.stop_everything();
        if !self.has_failed() {
            self.check_end();
        }
    }

    fn heal(&mut self) {
        self.scene.say(|| "-- calm from here on".to_owned());
        self.scene.calm = true;
        let mut net = self.scene.net.borrow_mut();
        net.calm = true;
        for link in &net.links {
            link.up.borrow_mut().heal();
            link.down.borrow_mut().heal();
        }
        net.doors.iter_mut().for_each(|door| {
            door.refusals = 0;
            door.open = true;
        });
        net.parted_until.fill(Timestamp::ZERO);
        net.roads.iter_mut().for_each(|road| road.style = CALM);
        drop(net);
        self.post.borrow_mut().weather = Weather::default();
        self.clients.iter_mut().for_each(|it| it.seat.cut_pause());
        self.sockets.iter_mut().for_each(|it| it.seat.cut_pause());
        let peers = self.servers.iter_mut().flat_map(|server| server.peers.iter_mut());
        peers.for_each(|(_, peer)| peer.seat.cut_pause());
    }

    /// Servers with fewer places than clients never come to rest.
    fn has_places(&self, client: usize) -> bool {
        let net = self.scene.net.borrow();
        let server = net.roads[client].server;
        let clients = net.roads.iter().filter(|road| road.server == server).count();
        let limits = &self.servers[server].config.limits;
        clients <= limits.max_connections && limits.memory_budget > 1 << 20
    }

    fn is_at_rest(&self) -> bool {
        let rests = |client: &ClientParty| match client.state() {
            ClientState::Open => client.driver.client_ref().is_drained(),
            ClientState::Stopped => true,
            _ => false,
        };
        self.clients.iter().filter(|client| self.has_places(client.number)).all(rests)
    }

    /// A sync client whose answer was lost goes on with whatever comes.
    fn nudge(&mut self) {
        for server in &mut self.servers {
            server.broadcast(&mut self.scene, None, 0, 1);
        }
        self.settle();
    }

    fn check_rest(&mut self) {
        let rests: Vec<bool> = self.clients.iter().map(|client| self.has_places(client.number)).collect();
        for (client, rests) in self.clients.iter_mut().zip(rests) {
            if rests {
                let state = client.state();
                let ended = matches!(state, ClientState::Open | ClientState::Stopped);
                self.scene.check(ended, || format!("client {} is still {state:?}", client.number));
                client.check_drained(&mut self.scene);
            }
        }
        for socket in &self.sockets {
            self.scene.check(socket.is_flushed(), || "a socket keeps datagrams".to_owned());
        }
        if self.clients.iter().all(|client| self.has_places(client.number)) {
            self.check_silence();
        }
    }

    /// Who has nothing to do says nothing.
    fn check_silence(&mut self) {
        let before = self.bytes_sent();
        self.pass(self.scene.time.after(3_600_000));
        let after = self.bytes_sent();
        self.scene.check(before == after, || format!("{before} bytes were sent, and {after} after an hour of rest"));
    }

    fn bytes_sent(&self) -> u64 {
        let net = self.scene.net.borrow();
        let links = net.links.iter().map(|link| link.up.borrow().log.sent + link.down.borrow().log.sent);
        links.sum::<u64>() + self.post.borrow().between.values().map(|it| it.sent_bytes as u64).sum::<u64>()
    }

    fn stop_everything(&mut self) {
        for client in &mut self.clients {
            client.end(&mut self.scene, End::Disconnect);
        }
        self.pass(self.scene.time.after(30_000));
        for server in &mut self.servers {
            server.stop(&mut self.scene, End::Drained);
        }
        self.pass(self.scene.time.after(30_000));
    }

    fn check_end(&mut self) {
        for client in &self.clients {
            let state = client.state();
            self.scene.check(state == ClientState::Stopped, || format!("client {} ends {state:?}", client.number));
        }
        for server in &self.servers {
            let left = server.peers.len();
            self.scene.check(left == 0, || format!("server {} ends with {left} peers", server.number));
        }
        self.absorb_links();
        self.clients.iter().for_each(|client| client.excuse_unreported(&mut self.scene));
        let result = {
            let net = self.scene.net.borrow();
            self.scene.ledger.close(|channel, link| {
                is_datagram(channel) || {
                    let pipe = if channel == CLIENTS { &net.links[link].up } else { &net.links[link].down };
                    let pipe = pipe.borrow();
                    pipe.lost || pipe.gave_up
                }
            })
        };
        self.scene.require(result);
    }

    fn absorb_links(&mut self) {
        let links = self.scene.net.borrow().links.len();
        for number in 0..links {
            let link = self.scene.link(number);
            Inbound::of_client(number, &link).absorb(&mut self.scene);
            Inbound::of_server(number, &link).absorb(&mut self.scene);
        }
    }
}
