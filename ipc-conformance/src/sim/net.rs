//! The network: doors to knock at, connections, dials.

use std::{
    cell::RefCell,
    collections::VecDeque,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use ipc_proto::{
    Config, IoError, Profile, Timestamp,
    drive::{Dial, Transport},
};

use super::{
    clock::Time,
    handshake::Handshake,
    pipe::{Pipe, Style, error},
    random::Random,
    stream::SimStream,
    text::RAW_END,
    totals::Totals,
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
    /// How much a session takes before it has to be flushed, where there is one.
    pub(super) session: Option<usize>,
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
    /// The dials under way.
    dials: Vec<Option<Attempt>>,
    /// When which client began to dial, for the model to look at.
    pub(super) started: Vec<(usize, Timestamp)>,
    /// Nothing goes wrong any more.
    pub(super) calm: bool,
    pub(super) totals: Shared<Totals>,
}

/// A dial on its way.
#[derive(Debug)]
struct Attempt {
    /// When it comes to the door, and who waits for that.
    at: Timestamp,
    waker: Option<Waker>,
    /// It was let in, and its session is being established.
    opening: Option<SimStream>,
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
            calm: false,
            totals: Shared::default(),
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
                if let Some(waker) = self.dials[client].as_mut().and_then(|it| it.waker.take()) {
                    waker.wake();
                }
            }
        }
    }

    pub(super) fn live(&self) -> impl Iterator<Item = &Link> {
        self.links.iter().filter(|link| !link.up.borrow().is_over() || !link.down.borrow().is_over())
    }

    fn answer_at(&self, client: usize) -> Option<Timestamp> {
        let attempt = self.dials[client].as_ref()?;
        attempt.waker.as_ref()?;
        Some(attempt.at.max(self.parted_until[client]))
    }

    fn start(&mut self, client: usize) {
        let delay = self.roads[client].style.delay;
        let at = self.time.after(self.random.below(delay + 1));
        self.dials[client] = Some(Attempt { at, waker: None, opening: None });
        self.started.push((client, self.time.now()));
    }

    fn poll_dial(&mut self, cx: &mut Context<'_>, client: usize) -> Poll<Result<SimStream, IoError>> {
        let Some(attempt) = &mut self.dials[client] else { return Poll::Pending };
        let mut stream = match attempt.opening.take() {
            Some(stream) => stream,
            None if attempt.at.max(self.parted_until[client]) > self.time.now() => {
                attempt.waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
            None => match self.knock(client) {
                Ok(stream) => stream,
                Err(error) => return self.end_dial(client, Err(error)),
            },
        };
        match stream.poll_ready(cx) {
            Poll::Ready(result) => self.end_dial(client, result.map(|()| stream)),
            Poll::Pending => {
                self.dials[client].as_mut().map(|attempt| attempt.opening.insert(stream));
                Poll::Pending
            }
        }
    }

    fn end_dial(&mut self, client: usize, result: Result<SimStream, IoError>) -> Poll<Result<SimStream, IoError>> {
        self.dials[client] = None;
        Poll::Ready(result)
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
        let link = Link { client, server: road.server, up: pipe(), down: pipe() };
        if road.session.is_some() {
            let handshake = Handshake::random(&mut self.random, road.style.delay, self.calm);
            handshake.begin(&link, self.time.now(), &mut self.totals.borrow_mut());
        }
        let (mine, theirs) = SimStream::pair(&link, road.session, road.resets, &self.totals);
        door.queue.push_back((self.links.len(), theirs));
        door.waker.wake_by_ref();
        self.links.push(link);
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
