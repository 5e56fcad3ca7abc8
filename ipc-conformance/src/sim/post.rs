//! The wire for datagrams: it delays, drops, doubles and reorders them.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    task::{Context, Poll, Waker},
};

use ipc_proto::{IoError, Timestamp, drive::DatagramSocket};

use super::{clock::Time, mail::Taken, net::Shared, pipe::error, random::Random, totals::Totals};

/// What happens to datagrams, each in so many of a hundred.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Weather {
    pub(super) dropped: u64,
    pub(super) doubled: u64,
    pub(super) failed: u64,
    /// Cut short, cut in two, changed, joined, or with an empty one behind them.
    pub(super) mangled: u64,
    /// Each takes up to so many milliseconds, so that they overtake each other.
    pub(super) delay: u64,
}

/// How many datagrams wait for a socket that does not read.
const ROOM: usize = 32;

/// What happened between two sockets, for the model.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Between {
    pub(super) sent_bytes: usize,
    pub(super) taken: usize,
    pub(super) taken_bytes: usize,
    pub(super) taken_at: Timestamp,
}

#[derive(Debug)]
struct Mailbox {
    arrived: VecDeque<(usize, Vec<u8>)>,
    reader: Option<Waker>,
    writer: Option<Waker>,
    stuck_until: Timestamp,
}

#[derive(Debug)]
pub(super) struct Post {
    time: Time,
    random: Random,
    pub(super) weather: Weather,
    under_way: BTreeMap<(Timestamp, u64), (usize, usize, Vec<u8>)>,
    boxes: Vec<Mailbox>,
    last: u64,
    /// By who sent and who received.
    pub(super) between: BTreeMap<(usize, usize), Between>,
    /// What sockets took to send, and to whom, since the model looked.
    pub(super) sent: Vec<(usize, usize, Vec<u8>)>,
    /// What a machine took in and has not handed out: for each socket, from whom, in order.
    pub(super) taken: Vec<VecDeque<Taken>>,
    /// Which sockets something else was sent to than somebody sent.
    pub(super) mangled: Vec<bool>,
    pub(super) totals: Totals,
}

impl Post {
    pub(super) fn new(time: &Time, random: Random, sockets: usize) -> Self {
        let boxes = (0..sockets).map(|_| Mailbox {
            arrived: VecDeque::new(),
            reader: None,
            writer: None,
            stuck_until: Timestamp::ZERO,
        });
        Self {
            time: time.clone(),
            random,
            weather: Weather::default(),
            under_way: BTreeMap::new(),
            boxes: boxes.collect(),
            last: 0,
            between: BTreeMap::new(),
            sent: Vec::new(),
            taken: (0..sockets).map(|_| VecDeque::new()).collect(),
            mangled: vec![false; sockets],
            totals: Totals::default(),
        }
    }

    pub(super) fn next_wake(&self) -> Option<Timestamp> {
        let stuck = self.boxes.iter().filter(|it| it.writer.is_some()).map(|it| it.stuck_until);
        self.under_way.keys().next().map(|(at, _)| *at).into_iter().chain(stuck).min()
    }

    pub(super) fn tick(&mut self) {
        let now = self.time.now();
        while let Some(first) = self.under_way.first_entry().filter(|first| first.key().0 <= now) {
            let (from, to, bytes) = first.remove();
            self.arrive(from, to, bytes);
        }
        for it in self.boxes.iter_mut().filter(|it| it.stuck_until <= now) {
            it.writer.take().into_iter().for_each(Waker::wake);
        }
    }

    pub(super) fn stick(&mut self, socket: usize, until: Timestamp) {
        self.boxes[socket].stuck_until = until;
    }

    fn arrive(&mut self, from: usize, to: usize, bytes: Vec<u8>) {
        let it = &mut self.boxes[to];
        if it.arrived.len() >= ROOM {
            self.totals.count("fault: datagram without room");
            return;
        }
        it.arrived.push_back((from, bytes));
        it.reader.take().into_iter().for_each(Waker::wake);
    }

    fn send(&mut self, from: usize, to: usize, bytes: &[u8]) -> Result<(), IoError> {
        if self.random.below(100) < self.weather.failed {
            self.totals.count("fault: datagram not sent");
            return Err(error("ENETUNREACH"));
        }
        self.between.entry((from, to)).or_default().sent_bytes += bytes.len();
        self.sent.push((from, to, bytes.to_vec()));
        if self.random.below(100) < self.weather.dropped {
            self.totals.count("fault: datagram dropped");
            return Ok(());
        }
        if self.random.below(100) < self.weather.mangled {
            self.mangle(from, to, bytes);
            return Ok(());
        }
        self.put(from, to, bytes);
        if self.random.below(100) < self.weather.doubled {
            self.totals.count("fault: datagram doubled");
            self.put(from, to, bytes);
        }
        Ok(())
    }

    /// Another datagram arrives than was sent, or two do.
    fn mangle(&mut self, from: usize, to: usize, bytes: &[u8]) {
        let at = self.random.below(bytes.len() as u64 + 1) as usize;
        let (name, parts) = match self.random.below(6) {
            0 => ("fault: datagram cut short", vec![bytes[..at].to_vec()]),
            1 => ("fault: datagram in two parts", vec![bytes[..at].to_vec(), bytes[at..].to_vec()]),
            2 => ("fault: datagram with another's beginning", vec![[bytes, &bytes[..at]].concat()]),
            3 => ("fault: datagram with an empty one", vec![bytes.to_vec(), Vec::new()]),
            4 => ("fault: datagram with garbage", vec![[&b"bad\x0c"[..], bytes].concat()]),
            _ => {
                let other = self.random.pick(b"\xffx\"}\0\x0c");
                let mut changed = bytes.to_vec();
                changed.get_mut(at).into_iter().for_each(|byte| *byte = other);
                ("fault: datagram corrupted", vec![changed])
            }
        };
        self.totals.count(name);
        self.mangled[to] = true;
        parts.iter().for_each(|part| self.put(from, to, part));
    }

    fn put(&mut self, from: usize, to: usize, bytes: &[u8]) {
        let delay = self.random.below(self.weather.delay + 1);
        let latest = self.under_way.last_key_value().map(|((at, _), _)| *at);
        let at = self.time.after(1 + delay);
        if latest.is_some_and(|latest| latest > at) {
            self.totals.count("fault: datagram overtook");
        }
        self.last += 1;
        self.under_way.insert((at, self.last), (from, to, bytes.to_vec()));
    }

    fn receive(&mut self, socket: usize) -> Option<(usize, Vec<u8>)> {
        let (from, bytes) = self.boxes[socket].arrived.pop_front()?;
        let between = self.between.entry((from, socket)).or_default();
        between.taken += 1;
        between.taken_bytes += bytes.len();
        between.taken_at = self.time.now();
        self.taken[socket].push_back(Taken { from, bytes: bytes.clone(), at: self.time.now() });
        Some((from, bytes))
    }
}

pub(super) fn address_of(socket: usize) -> SocketAddr {
    ([127, 0, 0, 1], 9000 + socket as u16).into()
}

pub(super) fn socket_at(address: SocketAddr) -> usize {
    usize::from(address.port()) - 9000
}

#[derive(Debug)]
pub(super) struct SimSocket {
    pub(super) post: Shared<Post>,
    pub(super) number: usize,
}

impl DatagramSocket for SimSocket {
    fn poll_recv_from(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<(usize, SocketAddr), IoError>> {
        let mut post = self.post.borrow_mut();
        let Some((from, bytes)) = post.receive(self.number) else {
            post.boxes[self.number].reader = Some(cx.waker().clone());
            return Poll::Pending;
        };
        buffer[..bytes.len()].copy_from_slice(&bytes);
        Poll::Ready(Ok((bytes.len(), address_of(from))))
    }

    fn poll_send_to(&mut self, cx: &mut Context<'_>, datagram: &[u8], to: SocketAddr) -> Poll<Result<(), IoError>> {
        let mut post = self.post.borrow_mut();
        let now = post.time.now();
        let mailbox = &mut post.boxes[self.number];
        if mailbox.stuck_until > now {
            mailbox.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(post.send(self.number, socket_at(to), datagram))
    }

    fn local_addr(&self) -> SocketAddr {
        address_of(self.number)
    }
}
