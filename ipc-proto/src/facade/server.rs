//! A server's handle, its accepting task, and what its connections share.

use alloc::{sync::Arc, vec::Vec};
use core::{
    fmt,
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll},
};
use std::sync::Mutex;

use futures_core::Stream;
use serde::Serialize;

use super::{
    Accept, AcceptErrors, Error, Runtime, Sender,
    accept::{AcceptTask, Gatekeeper},
    accept_errors::ErrorQueue,
    datagram::DatagramTask,
    direct::{Rhythm, ToMany},
    door::Door,
    events::Events,
    handshake::Handshakes,
    line::Line,
    lock,
    outlet::{HandlerFactory, PeerEvents, ServerOutlet},
    reload::reload_all,
    trace,
};
use crate::{
    config::{Config, SlowPeer},
    datagram::Datagrams,
    drive::{DatagramDriver, DatagramSocket, End, Reload},
    endpoint::Endpoint,
    error::{ConfigError, EmitError, IoError},
    event::{Event, Stats},
    frame::Frame,
    message::Json,
    outbox::Pressure,
    peer_info::PeerInfo,
    peers::{Budget, PeerId, Peers, Share},
};

/// A server: every peer's events in one stream, and ways to answer one or all.
///
/// Each connection has a task of its own, and so has each UDP socket. When events are not taken, all of them stop reading after 256 KiB,
/// and everything else goes on. Dropping it stops listening and closes the connections in the background.
pub struct Server<R: Runtime> {
    shared: Arc<Shared>,
    endpoints: Vec<Endpoint>,
    reloads: Vec<Arc<dyn Reload>>,
    runtime: R,
}

/// What a server's handle, its accepting task and its connections share.
pub(super) struct Shared {
    pub(super) config: Arc<Config>,
    pub(super) peers: Mutex<Peers<Entry>>,
    pub(super) events: PeerEvents,
    pub(super) budget: Arc<Budget>,
    pub(super) gate: Gatekeeper,
    pub(super) handlers: Option<HandlerFactory>,
    pub(super) handshakes: Handshakes,
    pub(super) accept_errors: Arc<ErrorQueue>,
    /// The ways to the tasks that own UDP sockets.
    doors: Vec<Arc<Door>>,
    refused: AtomicU64,
    failed_handshakes: AtomicU64,
    dropped: AtomicU64,
    rhythm: Rhythm,
}

/// A peer, as its server knows it.
pub(super) struct Entry {
    pub(super) line: Arc<Line>,
    pub(super) share: Arc<Share>,
    pub(super) name: Option<Json>,
    pub(super) info: PeerInfo,
}

/// What a server listens on.
pub(super) struct Sockets<R: Runtime> {
    accepts: Vec<R::Accept>,
    datagrams: Vec<(R::Datagram, Datagrams)>,
    endpoints: Vec<Endpoint>,
}

impl<R: Runtime> Sockets<R> {
    pub(super) const fn new() -> Self {
        Self { accepts: Vec::new(), datagrams: Vec::new(), endpoints: Vec::new() }
    }

    pub(super) fn add(&mut self, accept: R::Accept) {
        self.endpoints.push(accept.endpoint().clone());
        self.accepts.push(accept);
    }

    pub(super) fn add_datagram(&mut self, endpoint: Endpoint, socket: R::Datagram, machine: Datagrams) {
        self.endpoints.push(endpoint.with_port(socket.local_addr().port()));
        self.datagrams.push((socket, machine));
    }
}

impl Entry {
    pub(super) fn line(&self) -> Arc<Line> {
        Arc::clone(&self.line)
    }
}

/// What a server has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerStats {
    /// Peers that are connected.
    pub peers: usize,
    /// TLS handshakes that are under way. They count toward the limit of connections.
    pub handshakes: usize,
    /// Connections that were closed at once: there were too many, or
    /// [`allowed_uids`](Config#structfield.allowed_uids) does not list their user.
    pub refused: u64,
    /// TLS handshakes that failed; [`Server::accept_errors`] says why.
    pub failed_handshakes: u64,
    /// Connections that were closed because all of them together held more than the memory budget.
    pub evicted: usize,
    /// Frames of broadcasts that slow peers did not get.
    pub dropped: u64,
    /// Bytes that all connections hold.
    pub held_bytes: usize,
    /// The connected peers' counters together.
    pub connections: Stats,
}

impl<R: Runtime> Server<R> {
    pub(super) fn start(
        runtime: &R,
        sockets: Sockets<R>,
        config: Arc<Config>,
        handlers: Option<HandlerFactory>,
    ) -> Self {
        let Sockets { accepts, datagrams, endpoints } = sockets;
        let reloads = accepts.iter().filter_map(Accept::reload).collect();
        let doors = datagrams.iter().map(|(socket, _)| Door::new(socket.local_addr())).collect();
        let shared = Arc::new(Shared::new(config, handlers, doors));
        for ((socket, machine), door) in datagrams.into_iter().zip(&shared.doors) {
            let driver = DatagramDriver::new(machine, socket, runtime.clock());
            let task = DatagramTask::new(runtime, driver, Arc::clone(door), Arc::clone(&shared));
            runtime.spawn(trace::server(&endpoints, task));
        }
        if accepts.is_empty() {
            shared.accept_errors.close();
        } else {
            let task = AcceptTask::new(runtime.clone(), accepts, Arc::clone(&shared));
            runtime.spawn(trace::server(&endpoints, task));
        }
        Self { shared, endpoints, reloads, runtime: runtime.clone() }
    }

    /// Where it listens, with the ports that the system picked.
    #[must_use]
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// The next event of any peer; `None` once the server is stopped and every peer is gone. A peer's first
    /// event is [`Event::Connected`], its last [`Event::Disconnected`]; UDP peers have neither.
    ///
    /// Cancel-safe: dropped before it is ready, no event is lost.
    pub async fn next(&mut self) -> Option<(PeerId, Event)> {
        poll_fn(|cx| self.shared.events.poll_next(cx)).await
    }

    /// Emits an event to one peer, and waits while there is no room for it.
    ///
    /// Cancel-safe: dropped before it is ready, nothing was queued.
    ///
    /// # Errors
    ///
    /// [`EmitError::Closed`] for a peer that is gone; otherwise as [`Sender::emit`].
    pub fn emit<'s, T: Serialize + ?Sized>(
        &'s self,
        peer: PeerId,
        name: &str,
        data: &T,
    ) -> impl Future<Output = Result<Pressure, EmitError>> + use<'s, R, T> {
        let frame = Frame::encode(name, data);
        async move { self.send(peer, frame?).await }
    }

    /// Sends a frame that was encoded before to one peer, and waits while there is no room for it.
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit).
    pub async fn send(&self, peer: PeerId, frame: Frame) -> Result<Pressure, EmitError> {
        match self.sender(peer) {
            Some(sender) => sender.send(frame).await,
            None => Err(EmitError::Closed(frame)),
        }
    }

    /// Emits an event to every peer, in the order in which they came. It is encoded once, and never waits:
    /// what becomes of a peer that has no room is [`Config::slow_peer`](Config#structfield.slow_peer)'s
    /// choice.
    ///
    /// Peers for whom nothing waits, up to 1,024, are written to from here, which costs much less than a turn of each
    /// one's task; not so in a burst (within 50 µs of the last broadcast), whose frames leave together.
    ///
    /// Returns how many peers it is queued for, or written to.
    ///
    /// # Errors
    ///
    /// [`EmitError::Encode`] as [`crate::Connection::emit`]; then it is queued for nobody.
    pub async fn broadcast<T: Serialize + ?Sized>(&self, name: &str, data: &T) -> Result<usize, EmitError> {
        self.broadcast_frame(&Frame::encode(name, data)?)
    }

    /// As [`broadcast`](Self::broadcast), for a frame that was encoded before.
    ///
    /// # Errors
    ///
    /// As [`broadcast`](Self::broadcast).
    pub fn broadcast_frame(&self, frame: &Frame) -> Result<usize, EmitError> {
        self.send_to(frame, |peers| peers.iter().map(|(_, entry)| entry.line()).collect())
    }

    /// Queues a frame for the peers that `pick` picks; returns for how many.
    pub(super) fn send_to(
        &self,
        frame: &Frame,
        pick: impl FnOnce(&Peers<Entry>) -> Vec<Arc<Line>>,
    ) -> Result<usize, EmitError> {
        let frame = crate::rules::outgoing(&self.shared.config, frame.clone())?.detach();
        let lines = pick(&lock(&self.shared.peers));
        lines.iter().try_for_each(|line| line.check_len(&frame))?;
        let mut what = ToMany::from(frame);
        let tell = |directly: usize| {
            // Each is let go while it is still at hand.
            let told = |(n, line): &(usize, Arc<Line>)| {
                *n < directly && line.send_directly(&mut what) || self.shared.post_or_drop(line, &what.frame)
            };
            lines.into_iter().enumerate().filter(told).count()
        };
        Ok(self.shared.rhythm.paced(&self.runtime.clock(), tell))
    }

    pub(super) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(super) const fn runtime(&self) -> &R {
        &self.runtime
    }

    /// The way to emit to one peer from anywhere; `None` for a peer that is gone.
    #[must_use]
    pub fn sender(&self, peer: PeerId) -> Option<Sender> {
        lock(&self.shared.peers).get(peer).map(|entry| Sender::new(Arc::clone(&entry.line)))
    }

    /// The peers that are connected, in the order in which they came.
    #[must_use]
    pub fn peers(&self) -> Vec<PeerId> {
        lock(&self.shared.peers).iter().map(|(peer, _)| peer).collect()
    }

    /// The UDP peer at `address`, an IP address and a port (`192.0.2.1:8000`, `[::1]:8000`), so that this side can
    /// speak first.
    ///
    /// Such a peer may be sent any amount at once, and is not forgotten for being silent; one that was heard from
    /// before keeps its number. [`disconnect`](Self::disconnect) forgets it.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for what is no such address, or when no UDP socket of this server is of its family;
    /// [`Error::Io`] with `ECANCELED` when the server is stopped.
    pub async fn udp_peer(&self, address: &str) -> Result<PeerId, Error> {
        let bad = |hint| ConfigError::new("address", address, hint);
        let parsed = address.parse().map_err(|_| bad("write an IP address and a port, like 192.0.2.1:8000"))?;
        let door = self.shared.doors.iter().find(|door| door.reaches(parsed));
        let door =
            door.ok_or_else(|| bad("this server has no UDP socket for it; add one with serve_udp4 or serve_udp6"))?;
        let admission = door.name(parsed);
        let peer = poll_fn(|cx| admission.poll(cx)).await;
        peer.ok_or_else(|| IoError::new("ECANCELED", "the server is stopped").into())
    }

    /// How a peer named itself by `data.id`, where the config lets it. Never an identity.
    #[must_use]
    pub fn peer_id(&self, peer: PeerId) -> Option<Json> {
        lock(&self.shared.peers).get(peer)?.name.clone()
    }

    /// Who a peer is, as the system says; `None` for a peer that is gone. It is there from the peer's first event
    /// on. Of a UDP peer it is the address, which may be forged.
    #[must_use]
    pub fn peer_info(&self, peer: PeerId) -> Option<PeerInfo> {
        lock(&self.shared.peers).get(peer).map(|entry| entry.info)
    }

    /// Closes one peer's connection, once what waits is written. A UDP peer is forgotten then, without an event.
    pub fn disconnect(&self, peer: PeerId) {
        if let Some(entry) = lock(&self.shared.peers).get(peer) {
            entry.line.end(End::Drained);
        }
    }

    /// Stops listening, removes the socket file, writes what waits, and closes every connection; waits for
    /// all of that, at most [`drain_timeout`](Config#structfield.drain_timeout).
    ///
    /// The peers' last events, what could not be delivered among them, are there for [`next`](Self::next).
    /// Cancel-safe: called again, it goes on.
    pub async fn stop(&self) {
        self.shared.stop();
        poll_fn(|cx| self.shared.events.poll_producers_gone(cx)).await;
    }

    /// What goes wrong before there is a peer: handshakes that fail, connections that cannot be accepted. It is a
    /// handle of its own, so that it can be awaited beside [`next`](Self::next).
    #[must_use]
    pub fn accept_errors(&self) -> AcceptErrors {
        AcceptErrors::new(Arc::clone(&self.shared.accept_errors))
    }

    /// Reads the certificates and keys anew, for the handshakes to come. Connections that are there stay. It blocks
    /// while the files are read; without TLS it does nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the option and the file; then the certificates from before stay in use.
    pub fn reload_tls(&self) -> Result<(), Error> {
        reload_all(&self.reloads)
    }

    pub(super) fn reloads(&self) -> &[Arc<dyn Reload>] {
        &self.reloads
    }

    /// What the server has done so far.
    #[must_use]
    pub fn stats(&self) -> ServerStats {
        let peers = lock(&self.shared.peers);
        ServerStats {
            peers: peers.len(),
            handshakes: self.shared.handshakes.len(),
            refused: self.shared.refused.load(Ordering::Relaxed),
            failed_handshakes: self.shared.failed_handshakes.load(Ordering::Relaxed),
            evicted: self.shared.budget.evicted(),
            dropped: self.shared.dropped.load(Ordering::Relaxed),
            held_bytes: self.shared.budget.held(),
            connections: peers.iter().map(|(_, entry)| entry.line.stats()).fold(Stats::default(), Stats::plus),
        }
    }
}

impl Shared {
    pub(super) fn new(config: Arc<Config>, handlers: Option<HandlerFactory>, doors: Vec<Arc<Door>>) -> Self {
        Self {
            peers: Mutex::new(Peers::new(config.limits.max_connections)),
            events: Events::new(),
            budget: Arc::new(Budget::new(config.limits.memory_budget)),
            gate: Gatekeeper::default(),
            handlers,
            handshakes: Handshakes::default(),
            accept_errors: Arc::default(),
            doors,
            refused: AtomicU64::new(0),
            failed_handshakes: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            rhythm: Rhythm::default(),
            config,
        }
    }

    fn stop(&self) {
        self.gate.close();
        self.handshakes.wake_all();
        self.events.lift_limit();
        self.doors.iter().for_each(|door| door.close());
        for (_, entry) in lock(&self.peers).iter() {
            entry.line.end(End::Drained);
        }
    }

    /// Whether one more connection may come.
    pub(super) fn has_room(&self) -> bool {
        lock(&self.peers).free() > self.handshakes.len()
    }

    pub(super) fn note_failed_handshake(&self, error: IoError) {
        trace::accept_failed(&error);
        self.failed_handshakes.fetch_add(1, Ordering::Relaxed);
        self.accept_errors.push(error);
    }

    /// Takes a UDP peer in, which counts for no connection.
    pub(super) fn admit_datagrams(self: &Arc<Self>, line: Arc<Line>, address: SocketAddr) -> ServerOutlet {
        let share = Arc::new(self.budget.share());
        let info = PeerInfo::network(address);
        let entry = Entry { line: Arc::clone(&line), share: Arc::clone(&share), name: None, info };
        let peer = lock(&self.peers).insert_extra(entry);
        ServerOutlet::new(Arc::clone(self), peer, share, line)
    }

    pub(super) fn count_refused(&self) {
        trace::refused();
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Queues a broadcast's frame for a peer, or does what is to be done with one that is slow.
    fn post_or_drop(&self, line: &Line, frame: &Frame) -> bool {
        let result = match self.config.slow_peer {
            SlowPeer::DropOldest => line.post_over_oldest(frame).map(|dropped| self.count_dropped(dropped)),
            SlowPeer::Disconnect | SlowPeer::DropNewest => line.post(frame.clone().into()).map(drop),
        };
        match result {
            Ok(()) => return true,
            Err(EmitError::Full(_)) => self.count_dropped(1),
            Err(_) => return false,
        }
        if self.config.slow_peer == SlowPeer::Disconnect {
            line.end(End::Overloaded);
        }
        false
    }

    fn count_dropped(&self, frames: usize) {
        self.dropped.fetch_add(frames as u64, Ordering::Relaxed);
    }

    /// A connection holds `bytes` now; where all of them hold too much, the largest has to go.
    pub(super) fn note_held(&self, share: &Share, bytes: usize) {
        if !share.set(bytes) {
            return;
        }
        let peers = lock(&self.peers);
        let shares = peers.iter().map(|(_, entry)| entry.share.as_ref());
        let Some(largest) = self.budget.evict_largest(shares) else { return };
        if let Some((_, entry)) = peers.iter().find(|(_, entry)| core::ptr::eq(entry.share.as_ref(), largest)) {
            entry.line.end(End::Overloaded);
        }
    }
}

impl<R: Runtime> Stream for Server<R> {
    type Item = (PeerId, Event);

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<(PeerId, Event)>> {
        self.shared.events.poll_next(cx)
    }
}

impl<R: Runtime> Drop for Server<R> {
    fn drop(&mut self) {
        self.shared.events.abandon();
        self.shared.stop();
    }
}

impl<R: Runtime> fmt::Debug for Server<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}
