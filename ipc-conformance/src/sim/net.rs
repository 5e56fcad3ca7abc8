//! The network: doors to knock at, connections, dials.

use std::{
    cell::RefCell,
    collections::VecDeque,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use bytes::{Buf, BytesMut};
use ipc_proto::{
    Config, IoError, Outbox, Profile, Timestamp,
    drive::{Dial, Transport},
};

use super::{
    clock::Time,
    pipe::{Pipe, Style, error},
    random::Random,
    text::RAW_END,
};

pub(super) type Shared<T> = Rc<RefCell<T>>;

/// Both directions of one connection.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) client: usize,
    pub(super) server: usize,
    /// From the client to the server, and back.
    pub(super) up: Shared<Pipe>,
    pub(super) down: Shared<Pipe>,
}

/// Where a server listens.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) open: bool,
    /// So many dials are refused, whatever the server says.
    pub(super) refusals: u32,
    pub(super) queue: VecDeque<(usize, SimStream)>,
    pub(super) waker: Waker,
    pub(super) delimiter: Vec<u8>,
}

impl Door {
    pub(super) fn new(config: &Config, waker: Waker) -> Self {
        let raw = config.profile == Profile::Raw;
        let delimiter = if raw { &[RAW_END] } else { config.delimiter.as_bytes() };
        Self { open: true, refusals: 0, queue: VecDeque::new(), waker, delimiter: delimiter.to_vec() }
    }
}

/// How a client's connections are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Road {
    pub(super) server: usize,
    pub(super) style: Style,
    pub(super) session: bool,
    /// The client waits for an answer to each message.
    pub(super) sync: bool,
    /// Closing with unread input resets, as TCP does it.
    pub(super) resets: bool,
}

/// Everything between the parties.
#[derive(Debug)]
pub(super) struct Net {
    pub(super) time: Time,
    pub(super) random: Random,
    pub(super) links: Vec<Link>,
    pub(super) doors: Vec<Door>,
    pub(super) roads: Vec<Road>,
    /// Until when nothing moves between a client and its server.
    pub(super) parted_until: Vec<Timestamp>,
    /// What waits for a dial's answer.
    dials: Vec<Option<(Timestamp, Option<Waker>)>>,
    /// When which client began to dial, for the model to look at.
    pub(super) started: Vec<(usize, Timestamp)>,
}

impl Net {
    pub(super) fn new(time: &Time, random: Random) -> Self {
        Self {
            time: time.clone(),
            random,
            links: Vec::new(),
            doors: Vec::new(),
            roads: Vec::new(),
            parted_until: Vec::new(),
            dials: Vec::new(),
            started: Vec::new(),
        }
    }

    pub(super) fn add_road(&mut self, road: Road) {
        self.roads.push(road);
        self.parted_until.push(Timestamp::ZERO);
        self.dials.push(None);
    }

    /// The latest connection of a client.
    pub(super) fn latest_of(&self, client: usize) -> Option<usize> {
        self.links.iter().rposition(|link| link.client == client)
    }

    pub(super) fn next_wake(&self) -> Option<Timestamp> {
        let links = self.live().flat_map(|link| [link.up.borrow().next_wake(), link.down.borrow().next_wake()]);
        let dials = self.dials.iter().enumerate().filter_map(|(client, _)| self.answer_at(client));
        links.flatten().chain(dials).min()
    }

    /// Wakes whoever waited for this moment.
    pub(super) fn tick(&mut self) {
        for link in self.live() {
            link.up.borrow_mut().tick();
            link.down.borrow_mut().tick();
        }
        let now = self.time.now();
        for client in 0..self.dials.len() {
            if self.answer_at(client).is_some_and(|at| at <= now) {
                if let Some(waker) = self.dials[client].as_mut().and_then(|(_, waker)| waker.take()) {
                    waker.wake();
                }
            }
        }
    }

    pub(super) fn live(&self) -> impl Iterator<Item = &Link> {
        self.links.iter().filter(|link| !link.up.borrow().is_over() || !link.down.borrow().is_over())
    }

    fn answer_at(&self, client: usize) -> Option<Timestamp> {
        let (at, waker) = self.dials[client].as_ref()?;
        waker.as_ref()?;
        Some((*at).max(self.parted_until[client]))
    }

    fn start(&mut self, client: usize) {
        let delay = self.roads[client].style.delay;
        let at = self.time.after(self.random.below(delay + 1));
        self.dials[client] = Some((at, None));
        self.started.push((client, self.time.now()));
    }

    fn poll_dial(&mut self, cx: &Context<'_>, client: usize) -> Poll<Result<SimStream, IoError>> {
        let Some((at, waker)) = &mut self.dials[client] else { return Poll::Pending };
        if (*at).max(self.parted_until[client]) > self.time.now() {
            *waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        self.dials[client] = None;
        Poll::Ready(self.knock(client))
    }

    fn knock(&mut self, client: usize) -> Result<SimStream, IoError> {
        let road = self.roads[client];
        let door = &mut self.doors[road.server];
        if !door.open || door.refusals > 0 {
            door.refusals = door.refusals.saturating_sub(1);
            return Err(error("ECONNREFUSED"));
        }
        let mut pipe = || {
            let random = Random::new(self.random.next());
            Rc::new(RefCell::new(Pipe::new(&self.time, random, road.style, &door.delimiter)))
        };
        let (up, down) = (pipe(), pipe());
        let number = self.links.len();
        let stream = |out: &Shared<Pipe>, inn: &Shared<Pipe>| SimStream {
            out: Rc::clone(out),
            inn: Rc::clone(inn),
            session: road.session.then(Vec::new),
            resets: road.resets,
        };
        door.queue.push_back((number, stream(&down, &up)));
        door.waker.wake_by_ref();
        let mine = stream(&up, &down);
        self.links.push(Link { client, server: road.server, up, down });
        Ok(mine)
    }
}

/// A client's way to its server.
#[derive(Debug)]
pub(super) struct SimDial {
    pub(super) net: Shared<Net>,
    pub(super) client: usize,
}

impl Dial for SimDial {
    type Io = SimStream;

    fn start(&mut self) {
        self.net.borrow_mut().start(self.client);
    }

    fn cancel(&mut self) {
        self.net.borrow_mut().dials[self.client] = None;
    }

    fn poll_dial(&mut self, cx: &mut Context<'_>) -> Poll<Result<SimStream, IoError>> {
        self.net.borrow_mut().poll_dial(cx, self.client)
    }
}

/// One end of a connection.
#[derive(Debug)]
pub(super) struct SimStream {
    out: Shared<Pipe>,
    inn: Shared<Pipe>,
    /// What a session (as of TLS) has taken and not given to the wire.
    session: Option<Vec<u8>>,
    resets: bool,
}

/// What a session takes before it wants to be flushed.
const RECORD: usize = 16 << 10;

impl Transport for SimStream {
    fn is_session(&self) -> bool {
        self.session.is_some()
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<Result<usize, IoError>> {
        self.inn.borrow_mut().poll_recv(cx, buffer)
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, outbox: &mut Outbox) -> Poll<Result<(), IoError>> {
        let mut out = self.out.borrow_mut();
        let Some(taken) = &mut self.session else { return out.poll_send(cx, outbox) };
        if taken.len() >= RECORD {
            let flushed = out.poll_bytes(cx, taken);
            if !matches!(flushed, Poll::Ready(Ok(()))) {
                return flushed;
            }
        }
        let n = outbox.chunk().len().min(RECORD);
        taken.extend_from_slice(&outbox.chunk()[..n]);
        outbox.advance(n);
        Poll::Ready(Ok(()))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        match &mut self.session {
            Some(taken) => self.out.borrow_mut().poll_bytes(cx, taken),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        self.out.borrow_mut().finish();
        Poll::Ready(Ok(()))
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        let unread = self.inn.borrow_mut().abandon();
        if unread && self.resets {
            self.out.borrow_mut().reset();
        } else {
            self.out.borrow_mut().finish();
        }
    }
}
