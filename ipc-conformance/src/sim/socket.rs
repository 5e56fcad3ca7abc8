//! A UDP socket with an application behind it.

use std::{collections::BTreeSet, sync::Arc, task::Poll};

use ipc_proto::{
    Config, EmitError, PeerId, Profile, Timestamp,
    datagram::{Datagrams, Standing},
    drive::{DatagramDriver, Reading},
};

use super::{
    client_checks::check_timer,
    clock::{Seat, SimClock},
    ledger::{Channel, Entry},
    mail::Mail,
    net::Shared,
    outbound::Letter,
    post::{Post, SimSocket, address_of, socket_at},
    scene::Scene,
    text::number_of,
};

mod heard;

/// The channels of datagrams come after those of connections.
const DATAGRAMS: Channel = 1 << 20;

pub(super) const fn datagram_channel(from: usize, to: usize) -> Channel {
    DATAGRAMS + from * 64 + to
}

pub(super) const fn is_datagram(channel: Channel) -> bool {
    channel >= DATAGRAMS
}

#[derive(Debug)]
pub(super) struct SocketParty {
    number: usize,
    config: Arc<Config>,
    driver: DatagramDriver<SimSocket, SimClock>,
    pub(super) seat: Seat,
    post: Shared<Post>,
    named: BTreeSet<usize>,
    /// Peers were forgotten, or there was no room: then some of what was received is not handed out.
    forgot: bool,
    seen: BTreeSet<(usize, u64)>,
    mail: Mail,
}

impl SocketParty {
    pub(super) fn new(number: usize, config: &Arc<Config>, post: &Shared<Post>, scene: &Scene) -> Self {
        let seat = Seat::new(&scene.time);
        let machine = Datagrams::new(Arc::clone(config)).expect("the profile is not Assured");
        let socket = SimSocket { post: Shared::clone(post), number };
        Self {
            number,
            driver: DatagramDriver::new(machine, socket, seat.clock()),
            seat,
            post: Shared::clone(post),
            named: BTreeSet::new(),
            forgot: false,
            seen: BTreeSet::new(),
            mail: Mail::default(),
            config: Arc::clone(config),
        }
    }

    pub(super) fn poll(&mut self, scene: &mut Scene) {
        if self.seat.is_paused() {
            while self.seat.poll(|cx| self.driver.turn(cx, Reading::Always)) {}
        } else {
            let mut events = 0;
            while let Poll::Ready((peer, event)) = self.seat.poll(|cx| self.driver.poll_event(cx)) {
                self.event(scene, peer, event);
                events += 1;
                if !scene.goes_on(events) {
                    return;
                }
            }
            self.note_standings(scene);
            self.catch_up(scene);
        }
        self.absorb(scene);
        self.note_standings(scene);
    }

    fn note_standings(&mut self, scene: &mut Scene) {
        while let Some((_, standing)) = self.driver.machine().poll_standing() {
            self.forgot |= standing == Standing::Forgotten;
            scene.totals.count(match standing {
                Standing::Heard => "state: datagram peer heard",
                Standing::Confirmed => "state: datagram peer confirmed",
                Standing::Named => "state: datagram peer named",
                _ => "state: datagram peer forgotten",
            });
        }
    }

    fn may_skip(&self) -> bool {
        self.forgot || self.driver.machine_ref().dropped() > 0 || self.config.limits.max_udp_peers <= 2
    }

    fn undelivered(&self, scene: &mut Scene, peer: PeerId, text: &[u8], maybe_sent: bool) {
        scene.totals.count("state: undelivered");
        self.absorb(scene);
        // The peer may be forgotten by now; the message says to whom it went.
        let n = number_of(text).unwrap_or(0);
        let channel = (0..64).map(|to| datagram_channel(self.number, to)).find(|channel| {
            scene.ledger.get(*channel, n).is_some_and(|entry| entry.whole_on.is_none() && entry.undelivered.is_none())
        });
        scene.check(channel.is_some(), || format!("socket {}: {n} to {peer} was never taken", self.number));
        let result = scene.ledger.give_up(channel.unwrap_or(0), text, maybe_sent);
        scene.require(result);
    }

    /// Lets the model see what sockets sent.
    fn absorb(&self, scene: &mut Scene) {
        let sent = std::mem::take(&mut self.post.borrow_mut().sent);
        for (from, to, bytes) in sent {
            // Every socket's delimiter is the usual one.
            let text = bytes.strip_suffix(self.config.delimiter.as_bytes()).unwrap_or(&bytes);
            let result = scene.ledger.sent(datagram_channel(from, to), text);
            scene.require(result);
        }
    }

    // What the application does.

    /// Sends to the socket with that number, which it names first, or to a peer that it heard of.
    pub(super) fn send_to(&mut self, scene: &mut Scene, to: usize, choice: u16) {
        let peer = self.driver.machine().peer_at(scene.time.now(), address_of(to));
        self.named.insert(to);
        self.send(scene, peer, choice);
    }

    pub(super) fn answer(&mut self, scene: &mut Scene, nth: u16, choice: u16) {
        let peers: Vec<PeerId> = self.driver.machine_ref().peers().collect();
        if !peers.is_empty() {
            self.send(scene, peers[usize::from(nth) % peers.len()], choice);
        }
    }

    fn send(&mut self, scene: &mut Scene, peer: PeerId, choice: u16) {
        let letter = Letter::plain(scene, self.is_raw(), choice);
        let len = self.wire_len(&letter);
        let machine = self.driver.machine();
        let (pending, len) = (machine.pending_bytes(), len);
        let allowance = machine.allowance(peer);
        let Some(address) = machine.peer_addr(peer) else { return };
        let guarded = self.config.is_guarded();
        let over = pending + len > self.config.limits.max_pending_bytes && (pending > 0 || guarded);
        let expected = match allowance {
            _ if len > 65_507 => "encode",
            Some(left) if len > left => "unconfirmed",
            _ if over => "full",
            _ => "ok",
        };
        let result = match machine.send(peer, letter.frame().clone()) {
            Ok(_) => "ok",
            Err(EmitError::Unconfirmed(_)) => "unconfirmed",
            Err(EmitError::Full(_)) => "full",
            Err(EmitError::Encode(_)) => "encode",
            Err(_) => "other",
        };
        scene.check(result == expected, || format!("socket {}: {result} instead of {expected}", self.number));
        scene.totals.add("app: refused, unconfirmed", u64::from(result == "unconfirmed"));
        if result == "ok" {
            self.accept(scene, &letter, socket_at(address));
        }
        self.seat.wake();
    }

    fn accept(&self, scene: &mut Scene, letter: &Letter, to: usize) {
        scene.totals.count("app: datagrams taken");
        scene.say(|| format!("socket {} takes {} for {to}", self.number, letter.n()));
        let entry = Entry::new(letter.frame().as_bytes().to_vec(), scene.time.now(), false, false);
        scene.ledger.accept(datagram_channel(self.number, to), letter.n(), entry);
    }

    pub(super) fn broadcast(&mut self, scene: &mut Scene, choice: u16) {
        let letter = Letter::plain(scene, self.is_raw(), choice % 12);
        let len = self.wire_len(&letter);
        let machine = self.driver.machine();
        let takes = |peer: &PeerId| machine.allowance(*peer).is_none_or(|left| len <= left);
        let to: Vec<usize> =
            machine.peers().filter(takes).filter_map(|peer| machine.peer_addr(peer)).map(socket_at).collect();
        let before = machine.pending_bytes();
        let queued = machine.broadcast(letter.frame().clone()).unwrap_or(0);
        let room = self.config.limits.max_pending_bytes.saturating_sub(before) / len;
        let expected = if to.is_empty() {
            0
        } else {
            to.len().min(room.max(usize::from(before == 0 && !self.config.is_guarded())))
        };
        scene.check(queued == expected, || format!("socket {} sends to {queued} of {to:?}", self.number));
        to.into_iter().take(queued).for_each(|to| self.accept(scene, &letter, to));
        self.seat.wake();
    }

    pub(super) fn name(&mut self, now: Timestamp, other: usize) {
        self.driver.machine().peer_at(now, address_of(other));
        self.named.insert(other);
        self.seat.wake();
    }

    pub(super) fn forget(&mut self, nth: u16) {
        let peers: Vec<PeerId> = self.driver.machine_ref().peers().collect();
        if !peers.is_empty() {
            self.forgot = true;
            self.driver.machine().forget(peers[usize::from(nth) % peers.len()]);
            self.seat.wake();
        }
    }

    fn is_raw(&self) -> bool {
        self.config.profile == Profile::Raw
    }

    fn wire_len(&self, letter: &Letter) -> usize {
        letter.frame().len() + if self.is_raw() { 0 } else { self.config.delimiter.len() }
    }

    pub(super) fn is_flushed(&self) -> bool {
        self.driver.is_flushed()
    }

    // What must hold whenever nothing moves.

    pub(super) fn check(&mut self, scene: &mut Scene) {
        let machine = self.driver.machine_ref();
        let (len, pending, held) = (machine.len(), machine.pending_bytes(), machine.held_bytes());
        let limits = &self.config.limits;
        scene.check(len <= limits.max_udp_peers, || format!("socket {} has {len} peers", self.number));
        let most = limits.max_pending_bytes.max(70_000);
        scene.check(pending <= most, || format!("socket {} lets {pending} bytes wait", self.number));
        scene.check(held - pending <= (1 << 20) + limits.udp_partial_budget + 70_000, || {
            format!("socket {} holds {held} bytes", self.number)
        });
        self.check_amplification(scene);
        if !self.seat.is_paused() {
            check_timer(scene, &format!("socket {}", self.number), machine.poll_timeout(), self.seat.alarm());
            self.check_idle(scene);
        }
    }

    /// Who was heard from once is sent three times as much at most.
    fn check_amplification(&self, scene: &mut Scene) {
        let post = self.post.borrow();
        for ((from, to), sent) in post.between.range((self.number, 0)..(self.number + 1, 0)) {
            let heard = post.between.get(&(*to, *from)).copied().unwrap_or_default();
            let sure = heard.taken > 1 || self.named.contains(to);
            scene.check(sure || sent.sent_bytes <= 3 * heard.taken_bytes, || {
                format!("socket {from} sent {} bytes to {to}, heard of with {}", sent.sent_bytes, heard.taken_bytes)
            });
        }
    }

    /// Who was silent for too long is forgotten, and nobody before.
    fn check_idle(&self, scene: &mut Scene) {
        let span = self.config.limits.udp_idle_timeout;
        let machine = self.driver.machine_ref();
        for other in machine.peers().filter_map(|peer| machine.peer_addr(peer)).map(socket_at) {
            let heard = self.post.borrow().between.get(&(other, self.number)).copied().unwrap_or_default();
            let late = !span.is_zero() && heard.taken_at.saturating_add(span) <= scene.time.now();
            let named = self.named.contains(&other);
            scene.check(!late || named, || format!("socket {} still remembers {other}", self.number));
        }
    }
}
