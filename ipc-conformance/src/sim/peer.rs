//! A server's end of one connection, with an application behind it.

use std::{sync::Arc, task::Poll};

use ipc_proto::{
    Config, Connection, Event, Message, Profile, Share, Side, Timestamp,
    drive::{Drive, Driver, End, Reading},
    request::Request,
};

use super::{
    client::reason_name,
    client_checks::check_timer,
    clock::{Seat, SimClock},
    inbound::Inbound,
    ledger::server_channel,
    outbound::{Letter, Outbound},
    random::mix,
    scene::Scene,
    stream::SimStream,
};

#[derive(Debug)]
pub(super) struct Peer {
    pub(super) link: usize,
    pub(super) config: Arc<Config>,
    pub(super) driver: Driver<SimStream, SimClock>,
    pub(super) seat: Seat,
    pub(super) inbound: Inbound,
    pub(super) outbound: Outbound,
    pub(super) share: Share,
    /// The application closed it.
    closing_since: Option<Timestamp>,
    /// The client waits for an answer to each message.
    sync: bool,
    /// Questions that are answered later.
    held: Vec<(Request, u64)>,
    is_connected: bool,
    pub(super) over: bool,
}

impl Peer {
    pub(super) fn new(link: usize, stream: SimStream, config: &Arc<Config>, share: Share, scene: &Scene) -> Self {
        let seat = Seat::new(&scene.time);
        let (it, net) = (scene.link(link), scene.net.borrow());
        Self {
            link,
            driver: Driver::new(Connection::new(Arc::clone(config), Side::Server), stream, seat.clock()),
            seat,
            inbound: Inbound::of_server(link, &it),
            outbound: Outbound::new(format!("server {} on connection {link}", it.server), server_channel(link)),
            share,
            closing_since: None,
            sync: net.roads[it.client].sync,
            held: Vec::new(),
            is_connected: false,
            over: false,
            config: Arc::clone(config),
        }
    }

    pub(super) fn poll(&mut self, scene: &mut Scene) {
        if self.seat.is_paused() {
            while self.seat.poll(|cx| self.driver.turn(cx, Reading::WhenStuck)) {}
            return;
        }
        let mut events = 0;
        while scene.goes_on(events) {
            events += 1;
            match self.seat.poll(|cx| self.driver.poll_event(cx)) {
                Poll::Ready(Some(event)) => self.event(scene, event),
                Poll::Ready(None) => {
                    self.over = true;
                    break;
                }
                Poll::Pending => break,
            }
        }
        let Self { driver, outbound, .. } = self;
        outbound.outcomes(scene, || driver.poll_outcome());
    }

    fn event(&mut self, scene: &mut Scene, event: Event) {
        match event {
            Event::Connected => self.connected(scene),
            Event::Message(message) => self.message(scene, &message),
            Event::Raw(bytes) => {
                let numbers = self.inbound.raw(scene, &bytes);
                if self.sync {
                    numbers.into_iter().for_each(|n| self.acknowledge(scene, n));
                }
            }
            Event::Error(error) => {
                scene.totals.count("state: peer's error");
                self.inbound.error(scene, &self.config, &error);
                if self.sync && !self.inbound.gave_up {
                    self.acknowledge(scene, 0);
                }
            }
            Event::Writable => self.outbound.writable(scene, self.driver.pending_bytes()),
            Event::Undelivered(lost) => {
                self.inbound.absorb_own(scene);
                self.outbound.undelivered(scene, &lost);
            }
            Event::Disconnected { reason, .. } => {
                scene.totals.count(reason_name(reason));
                self.inbound.ended(scene, reason);
            }
            _ => {}
        }
    }

    fn connected(&mut self, scene: &mut Scene) {
        scene.totals.count("state: accepted");
        let fresh = !std::mem::replace(&mut self.is_connected, true) && self.inbound.has_session();
        scene.check(fresh, || format!("connection {} is connected twice, or without a session", self.link));
    }

    fn message(&mut self, scene: &mut Scene, message: &Message) {
        let n = self.inbound.message(scene, message);
        let asked = Request::of(message).zip(n);
        match asked {
            Some((request, n)) if !scene.calm && mix(n) % 8 == 1 => self.held.push((request, n)),
            Some((request, n)) if scene.calm || mix(n) % 8 > 1 => self.answer(scene, &request, n),
            _ if self.sync => self.acknowledge(scene, n.unwrap_or(0)),
            _ => {}
        }
    }

    /// Lets a sync client go on, most of the time.
    fn acknowledge(&mut self, scene: &mut Scene, n: u64) {
        if scene.calm || mix(n) % 8 != 0 {
            self.emit(scene, 0, 1);
        }
    }

    fn answer(&mut self, scene: &mut Scene, request: &Request, n: u64) {
        let letter = Letter::answer(scene, &self.config.reply_type, request, n, 2);
        self.send(scene, &letter, 1);
    }

    /// Answers one of the questions that were put off.
    pub(super) fn answer_held(&mut self, scene: &mut Scene, which: u16) {
        if !self.held.is_empty() {
            let (request, n) = self.held.remove(usize::from(which) % self.held.len());
            self.answer(scene, &request, n);
        }
    }

    fn is_taking(&self) -> bool {
        self.closing_since.is_none() && !self.driver.conn_ref().is_closed()
    }

    pub(super) fn emit(&mut self, scene: &mut Scene, choice: u16, way: u16) {
        let letter = Letter::plain(scene, self.config.profile == Profile::Raw, choice);
        self.send(scene, &letter, way);
    }

    /// Says how it was refused, if it was.
    pub(super) fn send(&mut self, scene: &mut Scene, letter: &Letter, way: u16) -> Option<&'static str> {
        let is_taking = self.is_taking();
        let refused = self.outbound.send(scene, self.driver.conn(), letter, way, is_taking);
        if refused == Some("full") && self.config.is_guarded() {
            self.inbound.overloaded = true;
        }
        self.seat.wake();
        refused
    }

    pub(super) fn end(&mut self, scene: &mut Scene, how: End) {
        self.inbound.overloaded |= how == End::Overloaded;
        self.closing_since.get_or_insert_with(|| scene.time.now());
        self.driver.end(how);
        self.seat.wake();
    }

    pub(super) fn check(&mut self, scene: &mut Scene) {
        self.check_caps(scene);
        if self.seat.is_paused() || self.driver.conn_ref().is_closed() {
            return;
        }
        let waiting = self.driver.conn().outbox().pending();
        self.inbound.check_rest(scene, waiting, self.driver.conn_ref().wants_read());
        let name = format!("connection {} at the server", self.link);
        check_timer(scene, &name, self.driver.conn_ref().poll_timeout(), self.seat.alarm());
        let late = self.inbound.partial_is_late(scene, &self.config);
        scene.check(!late, || format!("{name} keeps a partial frame for too long"));
        let deadline = self.closing_since.map(|since| since.saturating_add(self.config.drain_timeout));
        let open = deadline.is_some_and(|at| at <= scene.time.now());
        scene.check(!open, || format!("{name} has not ended in time"));
    }

    fn check_caps(&mut self, scene: &mut Scene) {
        let conn = self.driver.conn();
        let delimiters = conn.outbox().frames() * self.config.delimiter.len();
        let (pending, held) = (conn.pending_bytes(), conn.held_bytes());
        let most = self.config.limits.max_pending_bytes.max(self.outbound.largest) + delimiters;
        scene.check(pending <= most, || format!("connection {} lets {pending} bytes wait, {most} at most", self.link));
        // A read is of 64 KiB at most.
        let unread = self.config.unread_limit() + (64 << 10);
        scene.check(held - pending <= unread, || format!("connection {} holds {held} bytes", self.link));
    }
}
