//! A server for a loop of one's own.

use std::{
    ops::{Deref, DerefMut, Range},
    time::Duration,
};

use ipc_os::Inherited;
use ipc_proto::{
    Config, ConfigError, EmitError, Event, Frame, IoError, Json, PeerId, PeerInfo, Pressure, Router,
    endpoint::Endpoint,
    facade::{self, AcceptErrors, Delivery, Error, RequestError, Sender, ServerStats},
};
use mio::Registry;
use serde::Serialize;

use crate::{
    part::{Part, RequestId, at_once},
    runtime::Mio,
};

/// A server in a loop of your own: every peer's events, and ways to answer one or all.
///
/// It lives in the loop as a [`Part`], which it derefs to. It needs a token for each socket that listens and one for each
/// connection: as long as none is free, connections wait with the system, and none is refused for it.
///
/// ```no_run
/// use std::time::Instant;
/// use ipc_mio::{Event, Server};
/// use mio::{Events, Poll};
///
/// let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(64));
/// let mut server = Server::new(poll.registry().try_clone()?, 1000..2000);
/// server.serve_net("127.0.0.1:8000")?;
/// loop {
///     poll.poll(&mut events, server.next_timeout())?;
///     let now = Instant::now();
///     for event in &events {
///         server.handle(event, now);
///     }
///     while server.ready() {
///         server.drive(now);
///         while let Some((peer, event)) = server.poll_event() {
///             if let Event::Message(message) = event {
///                 server.send(peer, message.to_frame()).ok(); // gone?
///             }
///         }
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Server {
    /// Before the part, which ends it.
    serving: Option<Serving>,
    over: bool,
    part: Part,
}

#[derive(Debug)]
struct Serving {
    server: facade::Server<Mio>,
    errors: AcceptErrors,
}

impl Server {
    /// A server on `registry`, a [clone](Registry::try_clone) of the loop's, that uses the tokens of `tokens` and no
    /// others, with the default [`Config`]. It does nothing until it is told to serve.
    #[must_use]
    pub fn new(registry: Registry, tokens: Range<usize>) -> Self {
        Self::with_config(registry, tokens, Config::default())
    }

    /// As [`new`](Self::new), with a config. It is checked when it is told to serve.
    #[must_use]
    pub fn with_config(registry: Registry, tokens: Range<usize>, config: Config) -> Self {
        Self { serving: None, over: false, part: Part::new(registry, tokens, config) }
    }

    /// Serves under this process's id, at the path of its dialect.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a bad option, and when it serves already; [`Error::Bind`] when the path is held by a
    /// server that lives, by something that is no socket, or cannot be made; [`Error::Io`] with `EMFILE` when there is
    /// no token for it.
    pub fn serve(&mut self) -> Result<(), Error> {
        self.start(|ipc| at_once(ipc.serve()))
    }

    /// As [`serve`](Self::serve), at the paths of both generations.
    ///
    /// # Errors
    ///
    /// As [`serve`](Self::serve); then it listens at neither.
    pub fn serve_both(&mut self) -> Result<(), Error> {
        self.start(|ipc| at_once(ipc.serve_both()))
    }

    /// As [`serve`](Self::serve), at `path`.
    ///
    /// # Errors
    ///
    /// As [`serve`](Self::serve).
    pub fn serve_at(&mut self, path: impl Into<String>) -> Result<(), Error> {
        self.serve_endpoint(Endpoint::Path(path.into()))
    }

    /// Serves TCP at `HOST:PORT`, or TLS when [`tls`](Config#structfield.tls) is set; port 0 lets the system pick one,
    /// see [`endpoints`](Self::endpoints). A host that is a name is looked up, which blocks.
    ///
    /// # Errors
    ///
    /// As [`serve`](Self::serve).
    pub fn serve_net(&mut self, address: &str) -> Result<(), Error> {
        self.start(|ipc| at_once(ipc.serve_net(address)))
    }

    /// Serves at whatever an [`Endpoint`] names.
    ///
    /// # Errors
    ///
    /// As [`serve`](Self::serve).
    pub fn serve_endpoint(&mut self, endpoint: Endpoint) -> Result<(), Error> {
        self.serve_endpoints(vec![endpoint])
    }

    /// Serves at every one of `endpoints` as one server.
    ///
    /// # Errors
    ///
    /// As [`serve`](Self::serve); then it listens at none.
    pub fn serve_endpoints(&mut self, endpoints: Vec<Endpoint>) -> Result<(), Error> {
        self.start(|ipc| at_once(ipc.serve_endpoints(endpoints)))
    }

    /// As [`serve_endpoints`](Self::serve_endpoints), with a router that runs while the server is driven, as
    /// [`facade::Ipc::serve_routed`] does it.
    ///
    /// # Errors
    ///
    /// As [`serve`](Self::serve).
    pub fn serve_routed<S: Send + 'static>(
        &mut self,
        endpoints: Vec<Endpoint>,
        router: Router<S>,
        state: impl Fn(PeerId) -> S + Send + Sync + 'static,
    ) -> Result<(), Error> {
        self.start(|ipc| at_once(ipc.serve_routed(endpoints, router, state)))
    }

    /// Serves on a socket that listens already, as [`facade::Ipc::serve_listener`].
    ///
    /// # Errors
    ///
    /// As [`serve`](Self::serve).
    pub fn serve_listener(&mut self, socket: impl Into<Inherited>) -> Result<(), Error> {
        self.start(|ipc| Some(ipc.serve_listener(socket)))
    }

    fn start(
        &mut self,
        serve: impl FnOnce(&facade::Ipc<Mio>) -> Option<Result<facade::Server<Mio>, Error>>,
    ) -> Result<(), Error> {
        if self.serving.is_some() {
            let hint = "it serves already; serve_endpoints takes several, and another server takes other tokens";
            return Err(ConfigError::new("server", "serving", hint).into());
        }
        let server = serve(self.part.ipc()).expect("with mio nothing about binding has to wait")?;
        self.serving = Some(Serving { errors: server.accept_errors(), server });
        Ok(())
    }

    fn server(&self) -> Option<&facade::Server<Mio>> {
        self.serving.as_ref().map(|serving| &serving.server)
    }

    /// Where it listens, with the ports that the system picked.
    #[must_use]
    pub fn endpoints(&self) -> &[Endpoint] {
        self.server().map_or(&[], facade::Server::endpoints)
    }

    /// The next event of any peer. A peer's first event is [`Event::Connected`], its last [`Event::Disconnected`]; UDP peers
    /// have neither. `None` when there is none for now, and once the server is stopped and every peer is gone, see
    /// [`is_over`](Self::is_over).
    ///
    /// It may change after each [`drive`](Part::drive). Events that are not taken stop reading after 256 KiB of them.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<(PeerId, Event)> {
        let event = at_once(self.serving.as_mut()?.server.next())?;
        self.over = event.is_none();
        event
    }

    /// Whether it was stopped, every peer is gone, and every event was taken.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.over
    }

    /// What went wrong before there was a peer: a handshake that failed, a connection that could not be accepted. None of
    /// that ends the server, and who does not care need not ask.
    #[must_use]
    pub fn poll_accept_error(&mut self) -> Option<IoError> {
        at_once(self.serving.as_mut()?.errors.next()).flatten()
    }

    /// Emits an event to one peer. It is queued, and leaves by [`drive`](Part::drive).
    ///
    /// # Errors
    ///
    /// [`EmitError::Full`] with the frame when there is no room for it, [`EmitError::Closed`] for a peer that is gone,
    /// [`EmitError::Encode`] for data that cannot be encoded.
    pub fn emit<T: Serialize + ?Sized>(&mut self, peer: PeerId, name: &str, data: &T) -> Result<Pressure, EmitError> {
        self.send(peer, Frame::encode(name, data)?)
    }

    /// Sends a frame that was encoded before to one peer.
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit).
    pub fn send(&mut self, peer: PeerId, frame: Frame) -> Result<Pressure, EmitError> {
        match self.sender(peer) {
            Some(sender) => sender.try_send(frame),
            None => Err(EmitError::Closed(frame)),
        }
    }

    /// Sends a frame to one peer; what became of it, [`Delivery::outcome`] will say.
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit).
    pub fn send_tracked(&mut self, peer: PeerId, frame: Frame) -> Result<Delivery, EmitError> {
        match self.sender(peer) {
            Some(sender) => sender.try_send_tracked(frame),
            None => Err(EmitError::Closed(frame)),
        }
    }

    /// Emits an event to every peer, in the order in which they came; returns how many it is queued for. What becomes
    /// of a peer that has no room is [`slow_peer`](Config#structfield.slow_peer)'s choice.
    ///
    /// # Errors
    ///
    /// [`EmitError::Encode`]; then it is queued for nobody.
    pub fn broadcast<T: Serialize + ?Sized>(&mut self, name: &str, data: &T) -> Result<usize, EmitError> {
        self.broadcast_frame(&Frame::encode(name, data)?)
    }

    /// As [`broadcast`](Self::broadcast), for a frame that was encoded before.
    ///
    /// # Errors
    ///
    /// As [`broadcast`](Self::broadcast).
    pub fn broadcast_frame(&mut self, frame: &Frame) -> Result<usize, EmitError> {
        self.server().map_or(Ok(0), |server| server.broadcast_frame(frame))
    }

    /// As [`broadcast`](Self::broadcast), to the peers in `room` but for those of `except`: the one that spoke, mostly.
    ///
    /// # Errors
    ///
    /// As [`broadcast`](Self::broadcast).
    pub fn broadcast_to<T: Serialize + ?Sized>(
        &mut self,
        room: &str,
        except: &[PeerId],
        name: &str,
        data: &T,
    ) -> Result<usize, EmitError> {
        let frame = Frame::encode(name, data)?;
        let Some(server) = self.server() else { return Ok(0) };
        except.iter().fold(server.to(room), |room, peer| room.except(*peer)).send(&frame)
    }

    /// Lets a peer into a room, as [`facade::Server::join`]. Says whether the peer is connected.
    pub fn join(&mut self, peer: PeerId, room: &str) -> bool {
        self.server().is_some_and(|server| server.join(peer, room))
    }

    /// Takes a peer out of a room. Says whether it was in it.
    pub fn leave(&mut self, peer: PeerId, room: &str) -> bool {
        self.server().is_some_and(|server| server.leave(peer, room))
    }

    /// Asks one peer; [`poll_reply`](Part::poll_reply) gives the answer. Its time,
    /// [`request_timeout`](Config#structfield.request_timeout), runs from the next [`drive`](Part::drive) on.
    ///
    /// # Errors
    ///
    /// [`RequestError::Lost`] for a peer that is gone, [`RequestError::Emit`] for data that cannot be encoded.
    /// Everything else comes as the answer.
    pub fn request<T: Serialize + ?Sized>(
        &mut self,
        peer: PeerId,
        name: &str,
        data: &T,
    ) -> Result<RequestId, RequestError> {
        self.request_within(self.part.config().request_timeout, peer, name, data)
    }

    /// As [`request`](Self::request), with a timeout of its own.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request).
    pub fn request_within<T: Serialize + ?Sized>(
        &mut self,
        timeout: Duration,
        peer: PeerId,
        name: &str,
        data: &T,
    ) -> Result<RequestId, RequestError> {
        let asking = self.server().ok_or(RequestError::Lost)?.asking(timeout, peer, name, data)?;
        Ok(self.part.ask(asking))
    }

    /// The UDP peer at `address`, an IP address and a port, so that this side can speak first; see
    /// [`facade::Server::udp_peer`]. The socket takes a turn for it, which neither waits nor tells events.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for what is no such address, or when no UDP socket of this server is of its family;
    /// [`Error::Io`] with `ECANCELED` when the server is stopped or not serving.
    pub fn udp_peer(&mut self, address: &str) -> Result<PeerId, Error> {
        let found = self.server().and_then(|server| self.part.settle(server.udp_peer(address)));
        found.unwrap_or_else(|| Err(IoError::new("ECANCELED", "the server does not serve").into()))
    }

    /// The way to emit to one peer from anywhere, see [`Part::set_waker`]; `None` for a peer that is gone.
    #[must_use]
    pub fn sender(&self, peer: PeerId) -> Option<Sender> {
        self.server()?.sender(peer)
    }

    /// The peers that are connected, in the order in which they came.
    #[must_use]
    pub fn peers(&self) -> Vec<PeerId> {
        self.server().map(facade::Server::peers).unwrap_or_default()
    }

    /// How a peer named itself by `data.id`, where the config lets it. Never an identity.
    #[must_use]
    pub fn peer_id(&self, peer: PeerId) -> Option<Json> {
        self.server()?.peer_id(peer)
    }

    /// Who a peer is, as the system says; `None` for a peer that is gone.
    #[must_use]
    pub fn peer_info(&self, peer: PeerId) -> Option<PeerInfo> {
        self.server()?.peer_info(peer)
    }

    /// Closes one peer's connection, once what waits is written. A UDP peer is forgotten then, without an event.
    pub fn disconnect(&mut self, peer: PeerId) {
        if let Some(server) = self.server() {
            server.disconnect(peer);
        }
    }

    /// Stops listening, removes the socket file, and closes every connection once what waits is written, within
    /// [`drain_timeout`](Config#structfield.drain_timeout). It begins here and goes on while it is driven, until
    /// [`is_over`](Self::is_over).
    pub fn stop(&mut self) {
        if let Some(server) = self.server() {
            // Whether it is done is heard of by the last event.
            let _ = at_once(server.stop());
        }
    }

    /// What the server has done so far.
    #[must_use]
    pub fn stats(&self) -> ServerStats {
        self.server().map(facade::Server::stats).unwrap_or_default()
    }
}

impl Deref for Server {
    type Target = Part;

    fn deref(&self) -> &Part {
        &self.part
    }
}

impl DerefMut for Server {
    fn deref_mut(&mut self) -> &mut Part {
        &mut self.part
    }
}
