//! UDP: one socket and everybody it hears from.
//!
//! There are no connections: both ends are servers, one datagram carries one frame with its delimiter, and an answer
//! goes to the address that a datagram came from. [`Datagrams`] is the machine of one socket, for both dialects.

use alloc::{collections::VecDeque, sync::Arc, vec::Vec};
use core::net::{IpAddr, SocketAddr};

use bytes::{Bytes, BytesMut};
use serde::Serialize;

use crate::{
    config::{Config, Profile},
    error::{Code, EmitError, EncodeError, IoError, ProtocolError},
    event::{Event, Outcome, Stats, Ticket},
    frame::Frame,
    message::{Json, Message},
    outbox::{Pressure, Tag, Unsent},
    peers::PeerId,
    rules,
    time::Timestamp,
};

mod inbox;
mod inside;
mod roster;
#[cfg(test)]
mod tests;

use inbox::{Inbox, Input};
use roster::Roster;

/// The longest datagram over IPv4: 65,535 less the headers of IP and UDP.
pub const MAX_IPV4: usize = 65_507;
/// The longest datagram over IPv6: 65,535 less the header of UDP.
pub const MAX_IPV6: usize = 65_527;

/// The longest datagram that can be sent to `address`, in bytes, the frame's delimiter included.
#[must_use]
pub fn max_len(address: SocketAddr) -> usize {
    match address.ip().to_canonical() {
        IpAddr::V4(_) => MAX_IPV4,
        IpAddr::V6(_) => MAX_IPV6,
    }
}

/// How sure it is that a peer is where its address says. The less sure, the sooner a peer is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Standing {
    /// Heard from once. The address may be forged, so no more than three times the bytes that came from it are sent
    /// to it.
    Heard,
    /// Heard from more than once.
    Confirmed,
    /// The application named the address. It is forgotten only for another one that the application names.
    Named,
    /// Not known any more: silent for too long, displaced, or forgotten on demand.
    Forgotten,
}

/// A datagram on its way out.
#[derive(Debug)]
struct Letter {
    peer: PeerId,
    to: SocketAddr,
    bytes: Bytes,
    tag: Tag,
}

/// The node-ipc protocol over one UDP socket, without the socket.
///
/// Datagrams go in by [`handle_datagram`](Self::handle_datagram) and come out of
/// [`poll_transmit`](Self::poll_transmit); [`poll_event`](Self::poll_event) says what they meant. A peer is an
/// address; it gets its number at its first datagram, or when the application [names it](Self::peer_at), and there
/// are no events for its coming and going: see [`poll_standing`](Self::poll_standing).
///
/// What strangers can make it hold is bounded: [`Limits`](crate::Limits) has the number of peers, the size of
/// incomplete frames, and how long a silent peer is remembered; at most 1 MiB of input waits, and what comes beyond
/// that is dropped, as the network may drop any datagram. PROTOCOL.md, rules U1–U14.
///
/// ```
/// use std::sync::Arc;
/// use ipc_proto::{Config, Event, Timestamp, datagram::Datagrams};
///
/// let mut socket = Datagrams::new(Arc::new(Config::default()))?;
/// let from = "127.0.0.1:9000".parse()?;
/// socket.handle_datagram(Timestamp::ZERO, from, b"{\"type\":\"message\",\"data\":\"hello\"}\x0c");
/// let Some((peer, Event::Message(message))) = socket.poll_event() else { panic!() };
/// assert_eq!((peer.get(), message.name()), (1, "message"));
///
/// let _ = socket.emit(peer, "message", "world")?;
/// let (to, datagram) = socket.poll_transmit().unwrap();
/// assert_eq!((to, &datagram[..]), (from, &b"{\"type\":\"message\",\"data\":\"world\"}\x0c"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Datagrams {
    config: Arc<Config>,
    roster: Roster,
    inbox: Inbox,
    letters: VecDeque<Letter>,
    pending: usize,
    /// Given out by `poll_transmit`, and not known to be sent.
    leaving: Option<Letter>,
    /// Events that are due before anything that is still in the inbox.
    due: VecDeque<(PeerId, Event)>,
    outcomes: VecDeque<(Ticket, Outcome)>,
    tickets: u64,
    now: Timestamp,
    dropped: u64,
}

impl Datagrams {
    /// A socket that nobody was heard from yet.
    ///
    /// `config` should have been [validated](Config::validate): with an empty delimiter no frame ever ends.
    ///
    /// # Errors
    ///
    /// [`Code::AssuredTransport`] in the Assured profile, which knows no UDP.
    pub fn new(config: Arc<Config>) -> Result<Self, ProtocolError> {
        if config.profile == Profile::Assured {
            return Err(ProtocolError::new(Code::AssuredTransport));
        }
        Ok(Self {
            roster: Roster::new(config.limits.max_udp_peers),
            inbox: Inbox::default(),
            letters: VecDeque::new(),
            pending: 0,
            leaving: None,
            due: VecDeque::new(),
            outcomes: VecDeque::new(),
            tickets: 0,
            now: Timestamp::ZERO,
            dropped: 0,
            config,
        })
    }

    // From the wire and the clock.

    /// A datagram came; it is copied. One of no bytes counts as heard from its sender.
    ///
    /// It is dropped, and [counted](Self::dropped), when too much input waits already, or when it comes from a
    /// stranger and every place is taken by a peer that the application named.
    pub fn handle_datagram(&mut self, now: Timestamp, from: SocketAddr, datagram: &[u8]) {
        self.tick(now);
        let Some((peer, displaced)) = self.roster.hear(self.now, from, datagram.len()) else {
            self.dropped += 1;
            return;
        };
        self.clear_after(displaced);
        let means_something = !datagram.is_empty() || self.is_raw();
        if means_something && !self.inbox.push(peer, datagram) {
            self.dropped += 1;
        }
    }

    /// The point that [`poll_timeout`](Self::poll_timeout) named may have come. Early and spurious calls are safe.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.tick(now);
        while let Some((peer, _)) = self.next_idle().filter(|(_, at)| *at <= self.now) {
            self.forget(peer);
        }
        while let Some((peer, _)) = self.inbox.next_stale(&self.config).filter(|(_, at)| *at <= self.now) {
            let event = self.reject(peer, ProtocolError::new(Code::MessageTimeout));
            self.due.push_back((peer, event));
        }
    }

    /// The datagram that [`poll_transmit`](Self::poll_transmit) gave last could not be sent. Its peer has an
    /// [`Event::Error`] and an [`Event::Undelivered`]. Without such a datagram it does nothing.
    pub fn handle_unsent(&mut self, error: impl Into<IoError>) {
        let Some(letter) = self.leaving.take() else { return };
        self.count_error(letter.peer);
        self.due.push_back((letter.peer, Event::Error(error.into().into())));
        self.give_up(letter);
    }

    // From the application.

    /// Emits an event to one peer.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`EmitError::Encode`] when `data` has no JSON form.
    pub fn emit<T: Serialize + ?Sized>(&mut self, peer: PeerId, name: &str, data: &T) -> Result<Pressure, EmitError> {
        self.send(peer, Frame::encode(name, data)?)
    }

    /// Sends a frame that was encoded before to one peer.
    ///
    /// # Errors
    ///
    /// [`EmitError::Closed`] for a peer that is not known (any more), [`EmitError::Full`] when as much waits on this
    /// socket as [`max_pending_bytes`](crate::Limits::max_pending_bytes) allows, [`EmitError::Unconfirmed`] when the
    /// peer was heard from once only and this is too much for it, [`EmitError::Encode`] when the profile refuses the
    /// frame, the delimiter occurs in it, or it is [too large](EncodeError::TooLargeForDatagram) for a datagram. On
    /// an error nothing is queued.
    pub fn send(&mut self, peer: PeerId, frame: Frame) -> Result<Pressure, EmitError> {
        self.send_tagged(peer, frame, Tag::Plain)
    }

    /// As [`send`](Self::send), and [`poll_outcome`](Self::poll_outcome) will say what became of it.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_tracked(&mut self, peer: PeerId, frame: Frame) -> Result<Ticket, EmitError> {
        self.tickets += 1;
        let ticket = self.tickets;
        self.send_tagged(peer, frame, Tag::Ticket(ticket)).map(|_| Ticket(ticket))
    }

    /// Sends a frame to every peer, in the order in which they came, but not to one that was heard from once only
    /// and for which it would be too much. Returns how many it is queued for.
    ///
    /// # Errors
    ///
    /// [`EmitError::Encode`] as [`send`](Self::send); then it is queued for nobody.
    pub fn broadcast(&mut self, frame: Frame) -> Result<usize, EmitError> {
        let frame = rules::outgoing(&self.config, frame)?;
        let wire = self.wire(&frame);
        self.roster.iter().try_for_each(|(_, remote)| check_len(max_len(remote.address), wire.len()))?;
        let takes = |remote: &roster::Remote| remote.may_take(wire.len());
        let peers: Vec<PeerId> = self.roster.iter().filter(|(_, remote)| takes(remote)).map(|(peer, _)| peer).collect();
        let mut queued = 0;
        for peer in peers {
            if !rules::exceeds(&self.config, self.pending, wire.len()) {
                queued += usize::from(self.queue(peer, wire.clone(), Tag::Plain).is_some());
            }
        }
        Ok(queued)
    }

    /// The peer at `address`, which the application vouches for: it may be spoken to first, and is not forgotten for
    /// being silent. When there are [too many](crate::Limits::max_udp_peers), another one is forgotten for it.
    pub fn peer_at(&mut self, now: Timestamp, address: SocketAddr) -> PeerId {
        self.tick(now);
        let (peer, displaced) = self.roster.name(self.now, address);
        self.clear_after(displaced);
        peer
    }

    /// Forgets a peer and what it sent and nobody took; what waits to be sent to it still leaves. Its next datagram
    /// comes from a peer with a new number. Says whether it was known.
    pub fn forget(&mut self, peer: PeerId) -> bool {
        self.inbox.reset(peer);
        self.roster.forget(peer)
    }

    /// Gives up everything that waits to be sent; it is reported undelivered.
    pub fn abort(&mut self) {
        self.settle_leaving();
        while let Some(letter) = self.take_letter() {
            self.give_up(letter);
        }
    }

    // To the caller.

    /// The next event: a message, raw bytes (a whole datagram), an error, `Writable`, or something undelivered. `None`
    /// until something is handled.
    ///
    /// An error of a peer ends nothing: it has lost its incomplete frame, in Modern also the rest of its datagram.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<(PeerId, Event)> {
        if let Some(due) = self.due.pop_front() {
            return Some(due);
        }
        let Self { inbox, config, roster, now, .. } = self;
        let raw = config.profile == Profile::Raw;
        let (peer, input) = inbox.next(config, *now, raw, |peer| roster.get(peer).is_some())?;
        Some((peer, self.event(peer, input)))
    }

    /// The next datagram to send, and where to. `None` until something is emitted.
    ///
    /// The one before counts as sent once this is called again, unless [`handle_unsent`](Self::handle_unsent) said
    /// otherwise: call it when the socket has taken that one.
    #[must_use]
    pub fn poll_transmit(&mut self) -> Option<(SocketAddr, Bytes)> {
        self.settle_leaving();
        let letter = self.take_letter()?;
        let transmit = (letter.to, letter.bytes.clone());
        self.leaving = Some(letter);
        Some(transmit)
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); `None` when nothing is timed. The answer may change
    /// with every other call.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let idle = self.next_idle();
        let stale = self.inbox.next_stale(&self.config);
        [idle, stale].into_iter().flatten().map(|(_, at)| at).min()
    }

    /// Whose standing has changed: a peer that is new, one that is sure now, one that is not known any more. Need not
    /// be polled; a peer that comes and goes between two calls is not told of. Ask it before the events, and every
    /// event's peer is known.
    #[must_use]
    pub fn poll_standing(&mut self) -> Option<(PeerId, Standing)> {
        self.roster.poll_standing()
    }

    /// What became of a frame with a ticket. The answer may change when datagrams are sent.
    #[must_use]
    pub fn poll_outcome(&mut self) -> Option<(Ticket, Outcome)> {
        self.outcomes.pop_front()
    }

    /// Whether to receive. `false` when enough unread input is held.
    #[must_use]
    pub const fn wants_read(&self) -> bool {
        !self.inbox.is_full()
    }

    // Getters.

    /// Where a peer is.
    #[must_use]
    pub fn peer_addr(&self, peer: PeerId) -> Option<SocketAddr> {
        self.roster.get(peer).map(|remote| remote.address)
    }

    /// How sure it is that a peer is where its address says.
    #[must_use]
    pub fn standing(&self, peer: PeerId) -> Standing {
        self.roster.get(peer).map_or(Standing::Forgotten, |remote| remote.standing)
    }

    /// How many more bytes, delimiters included, can be sent to a peer that was heard from once; `None` where there
    /// is no such limit.
    #[must_use]
    pub fn allowance(&self, peer: PeerId) -> Option<usize> {
        self.roster.get(peer)?.allowance()
    }

    /// How a peer named itself by `data.id`, where [`Config::identifies_peers`]. Never an identity.
    #[must_use]
    pub fn peer_id(&self, peer: PeerId) -> Option<&Json> {
        self.roster.get(peer)?.name.as_ref()
    }

    /// The peers that are known, in the order in which they came.
    pub fn peers(&self) -> impl DoubleEndedIterator<Item = PeerId> {
        self.roster.iter().map(|(peer, _)| peer)
    }

    /// How many peers are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.roster.len()
    }

    /// Whether nobody is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes wait to be sent.
    #[must_use]
    pub const fn pending_bytes(&self) -> usize {
        self.pending
    }

    /// How many bytes wait to be sent to one peer.
    #[must_use]
    pub fn pending_to(&self, peer: PeerId) -> usize {
        self.roster.get(peer).map_or(0, |remote| remote.pending)
    }

    /// How many bytes are held, both ways.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.pending + self.inbox.held()
    }

    /// How many datagrams were dropped because there was no room for them, or for their sender.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// What a peer has done so far.
    #[must_use]
    pub fn stats(&self, peer: PeerId) -> Option<Stats> {
        self.roster.get(peer).map(|remote| remote.stats)
    }

    /// What the socket was configured with.
    #[must_use]
    pub const fn config(&self) -> &Arc<Config> {
        &self.config
    }
}

/// How long a frame's datagram is.
pub(crate) fn wire_len(config: &Config, frame: &Frame) -> usize {
    let delimiter = if frame.is_raw() { 0 } else { config.delimiter.len() };
    frame.len() + delimiter
}

/// Refuses a datagram of `len` bytes where `limit` are the most.
pub(crate) fn check_len(limit: usize, len: usize) -> Result<(), EncodeError> {
    if len <= limit {
        return Ok(());
    }
    Err(EncodeError::TooLargeForDatagram { limit: clamp(limit), len: clamp(len) })
}

fn clamp(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
