//! A client with an application behind it.

use std::{collections::BTreeMap, sync::Arc, task::Poll};

use ipc_proto::{
    Client, ClientState, Code, Config, ConnectionError, Dialect, Event, Message, Profile, Reason, Timestamp,
    drive::{ClientDriver, Drive, End, Reading},
    request::{Answer, Requests},
};
use serde::Deserialize;

use super::{
    clock::{Seat, SimClock},
    inbound::Inbound,
    ledger::CLIENTS,
    net::SimDial,
    outbound::{Letter, Outbound},
    retry::RetryModel,
    scene::Scene,
    text::LONG,
};

#[derive(Debug)]
pub(super) struct ClientParty {
    pub(super) number: usize,
    pub(super) config: Arc<Config>,
    pub(super) driver: ClientDriver<SimDial, SimClock>,
    pub(super) seat: Seat,
    pub(super) session: bool,
    pub(super) inbound: Option<Inbound>,
    pub(super) outbound: Outbound,
    pub(super) retry: RetryModel,
    /// When the latest pause began.
    paused_at: Timestamp,
    pub(super) ending_since: Option<Timestamp>,
    pub(super) ended_at: Timestamp,
    /// Which messages are this client's.
    pub(super) mine: Vec<u64>,
    requests: Requests<u64>,
    /// The questions that wait: the message's number, and the question's.
    waiting: BTreeMap<u64, u64>,
}

#[derive(Deserialize)]
struct Answered {
    to: u64,
}

impl ClientParty {
    pub(super) fn new(number: usize, config: &Arc<Config>, session: bool, scene: &Scene) -> Self {
        let seat = Seat::new(&scene.time);
        let dial = SimDial { net: scene.net.clone(), client: number };
        Self {
            number,
            driver: ClientDriver::new(Client::new(Arc::clone(config)), dial, seat.clock()),
            seat,
            session,
            inbound: None,
            outbound: Outbound::new(format!("client {number}"), CLIENTS),
            retry: RetryModel::new(config, scene.time.now()),
            paused_at: Timestamp::ZERO,
            ending_since: None,
            ended_at: Timestamp::ZERO,
            mine: Vec::new(),
            requests: Requests::new(),
            waiting: BTreeMap::new(),
            config: Arc::clone(config),
        }
    }

    pub(super) fn state(&self) -> ClientState {
        self.driver.client_ref().state()
    }

    pub(super) fn is_raw(&self) -> bool {
        self.config.profile == Profile::Raw
    }

    // Polling.

    pub(super) fn poll(&mut self, scene: &mut Scene) {
        if self.seat.is_paused() {
            while self.seat.poll(|cx| self.driver.turn(cx, Reading::WhenStuck)) {}
            return self.note_dials(scene);
        }
        let mut events = 0;
        while let Poll::Ready(Some(event)) = self.seat.poll(|cx| self.driver.poll_event(cx)) {
            self.note_dials(scene);
            self.event(scene, event);
            events += 1;
            if !scene.goes_on(events) {
                return;
            }
        }
        self.note_dials(scene);
        let Self { driver, outbound, .. } = self;
        outbound.outcomes(scene, || driver.poll_outcome());
    }

    fn note_dials(&mut self, scene: &mut Scene) {
        let mut net = scene.net.borrow_mut();
        let mine: Vec<Timestamp> =
            net.started.iter().filter(|(client, _)| *client == self.number).map(|(_, at)| *at).collect();
        net.started.retain(|(client, _)| *client != self.number);
        drop(net);
        for at in mine {
            scene.totals.count("state: dialled");
            scene.say(|| format!("client {} dials", self.number));
            let result = self.retry.started(at, self.seat.resumed() == Some(at));
            let number = self.number;
            scene.require(result.map_err(|what| format!("client {number} {what}")));
        }
    }

    fn event(&mut self, scene: &mut Scene, event: Event) {
        match event {
            Event::Connected => self.connected(scene),
            Event::Message(message) => self.message(scene, &message),
            Event::Raw(bytes) => drop(self.inbound.as_mut().map(|inbound| inbound.raw(scene, &bytes))),
            Event::Error(error) => self.error(scene, &error),
            Event::Writable => self.outbound.writable(scene, self.driver.pending_bytes()),
            Event::Undelivered(lost) => {
                self.inbound.iter().for_each(|inbound| inbound.absorb_own(scene));
                self.outbound.undelivered(scene, &lost);
            }
            Event::Disconnected { reason, retry_in, .. } => self.disconnected(scene, reason, retry_in),
            Event::Destroyed => self.destroyed(scene),
            _ => {}
        }
    }

    fn connected(&mut self, scene: &mut Scene) {
        scene.totals.count(if self.session { "state: session connected" } else { "state: connected" });
        let link = scene.net.borrow().latest_of(self.number);
        scene.check(link.is_some(), || format!("client {} is connected to nothing", self.number));
        let Some(link) = link else { return };
        let opening = scene.link(link).down.borrow().is_opening();
        scene.check(!opening, || format!("client {} is connected without a session", self.number));
        scene.say(|| format!("client {} is connected as {link}", self.number));
        scene.check(self.inbound.is_none(), || format!("client {} is connected twice", self.number));
        self.inbound = Some(Inbound::of_client(link, &scene.link(link)));
        self.retry.connected(self.session);
    }

    fn message(&mut self, scene: &mut Scene, message: &Message) {
        let Some(inbound) = &mut self.inbound else {
            return scene.check(false, || format!("client {} got a message and has no connection", self.number));
        };
        inbound.message(scene, message);
        let to = message.decode::<Reply>().ok().map(|reply| reply.body.to);
        match self.requests.answer(&self.config.reply_type, message) {
            Answer::Reply(asked, body) => {
                scene.totals.count("app: answers");
                let known = self.waiting.remove(&asked).is_some();
                let right = body.is_ok_and(|body| body.decode::<Answered>().is_ok_and(|body| body.to == asked));
                scene.check(known && right, || format!("question {asked} got the answer to {to:?}"));
            }
            Answer::Late => {
                scene.totals.count("app: late answers");
                let waits = to.is_some_and(|to| self.waiting.contains_key(&to));
                scene.check(!waits, || format!("the answer to {to:?} is called late"));
            }
            _ => {}
        }
    }

    fn error(&mut self, scene: &mut Scene, error: &ConnectionError) {
        if let ConnectionError::Protocol(broken) = error {
            let always = [Code::FrameTooLarge, Code::MessageTimeout, Code::Backpressure].contains(&broken.code());
            self.retry.violated |= always || self.config.dialect == Dialect::Modern;
        }
        if let Some(inbound) = &mut self.inbound {
            inbound.error(scene, &self.config, error);
        } else {
            scene.say(|| format!("client {}: {}", self.number, error.code()));
        }
    }

    fn disconnected(&mut self, scene: &mut Scene, reason: Reason, retry_in: Option<std::time::Duration>) {
        scene.totals.count(reason_name(reason));
        self.ended_at = scene.time.now();
        match self.inbound.take() {
            Some(inbound) => {
                inbound.ended(scene, reason);
                if inbound.bytes_read() > 0 {
                    self.retry.refill();
                }
            }
            None => scene.say(|| format!("client {}: {reason:?}, again in {retry_in:?}", self.number)),
        }
        let closing = self.ending_since.is_some();
        let now = scene.time.now();
        let told = if self.seat.resumed() == Some(now) { self.paused_at } else { now };
        let result = self.retry.ended(now, told, retry_in, closing);
        let number = self.number;
        scene.require(result.map_err(|what| format!("client {number} {what}")));
    }

    fn destroyed(&mut self, scene: &mut Scene) {
        scene.totals.count("state: destroyed");
        scene.say(|| format!("client {} is destroyed", self.number));
        let closing = self.ending_since.take().is_some();
        let result = self.retry.destroyed(scene.time.now(), closing);
        let number = self.number;
        scene.require(result.map_err(|what| format!("client {number} {what}")));
        let pending = self.driver.pending_bytes();
        scene.check(pending == 0, || format!("client {number} is destroyed and keeps {pending} bytes"));
    }

    // What the application does.

    pub(super) fn emit(&mut self, scene: &mut Scene, choice: u16, way: u16) {
        let letter = Letter::plain(scene, self.is_raw(), choice);
        self.send(scene, &letter, way);
    }

    /// Two to four times as much as a session may hold: few long messages or many that are shorter.
    pub(super) fn flood(&mut self, scene: &mut Scene, a: u16, b: u16) {
        let (choice, count) = if a % 2 == 0 { (LONG, 2 + a / 2 % 3) } else { (LONG - 1, 26 + a / 2 % 26) };
        (0..count).for_each(|_| self.emit(scene, choice, b));
    }

    fn send(&mut self, scene: &mut Scene, letter: &Letter, way: u16) -> bool {
        let is_taking = self.state() != ClientState::Stopped && self.ending_since.is_none();
        let refused = self.outbound.send(scene, self.driver.client(), letter, way, is_taking);
        self.mine.push(letter.n());
        let open = self.state() == ClientState::Open;
        if refused == Some("full") && open && self.config.is_guarded() {
            if let Some(inbound) = &mut self.inbound {
                inbound.overloaded = true;
            }
        }
        self.seat.wake();
        refused.is_none()
    }

    pub(super) fn ask(&mut self, scene: &mut Scene, choice: u16, way: u16) {
        if self.is_raw() {
            return self.emit(scene, choice, way);
        }
        let mut number = 0;
        let letter = Letter::question(
            scene,
            |n| {
                number = self.requests.begin(n);
                number
            },
            choice,
        );
        if self.send(scene, &letter, way) {
            self.waiting.insert(letter.n(), number);
        } else {
            self.requests.cancel(number);
        }
    }

    /// The oldest question is given up.
    pub(super) fn cancel(&mut self, scene: &mut Scene) {
        if let Some((n, number)) = self.waiting.pop_first() {
            scene.say(|| format!("client {} gives up question {n}", self.number));
            let entry = self.requests.cancel(number);
            scene.check(entry == Some(n), || format!("question {n} was not kept"));
        }
    }

    pub(super) fn connect(&mut self, scene: &mut Scene) {
        let state = self.state();
        if state == ClientState::Stopped && self.seat.is_paused() {
            // It has not heard yet that it is stopped.
            return;
        }
        if matches!(state, ClientState::Waiting | ClientState::Stopped) {
            self.retry.ask(scene.time.now(), state == ClientState::Stopped);
            self.ending_since.take_if(|_| state == ClientState::Stopped);
        }
        self.driver.client().connect(scene.time.now());
        self.seat.wake();
    }

    pub(super) fn end(&mut self, scene: &mut Scene, how: End) {
        if self.state() != ClientState::Stopped {
            self.retry.ending |= how != End::Drained;
            self.ending_since.get_or_insert_with(|| scene.time.now());
        }
        self.driver.end(how);
        self.seat.wake();
    }

    pub(super) fn renew(&mut self) {
        self.driver.renew();
        self.seat.wake();
    }

    pub(super) fn stop_retrying(&mut self, stop: bool) {
        self.retry.stop = stop;
        self.driver.client().stop_retrying(stop);
        self.seat.wake();
    }

    pub(super) fn pause(&mut self, now: Timestamp, until: Timestamp, moves: bool) {
        if !self.seat.is_paused() {
            self.paused_at = now;
        }
        self.seat.pause(until, moves && self.state() == ClientState::Open);
    }
}

#[derive(Deserialize)]
struct Reply {
    body: Answered,
}

pub(super) const fn reason_name(reason: Reason) -> &'static str {
    match reason {
        Reason::Peer => "end: by the peer",
        Reason::Local => "end: by the application",
        Reason::Protocol => "end: over a rule",
        Reason::Io => "end: of the transport",
        Reason::Refused => "end: refused",
        _ => "end: other",
    }
}
