//! A client for a loop of one's own.

use std::{
    ops::{Deref, DerefMut, Range},
    time::Duration,
};

use ipc_proto::{
    Config, ConfigError, EmitError, Event, Frame, Pressure, Stats,
    endpoint::Endpoint,
    facade::{self, Delivery, Error, RequestError, Sender},
};
use mio::Registry;
use serde::Serialize;

use crate::{
    part::{Part, RequestId, at_once},
    runtime::Mio,
};

/// A client in a loop of your own: one server, reconnecting included.
///
/// It lives in the loop as a [`Part`], which it derefs to. One token is enough for it. Its verbs never wait; what is
/// emitted while it is not connected is kept, as [`facade::Client`] does it. After [`close`](Self::close) or
/// [`disconnect`](Self::disconnect), and once it has given up by itself, the last event is [`Event::Destroyed`]; then
/// it can connect again.
///
/// ```no_run
/// use std::time::Instant;
/// use ipc_mio::{Client, Event};
/// use mio::{Events, Poll};
///
/// let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(64));
/// let mut world = Client::new(poll.registry().try_clone()?, 10..11);
/// world.connect_to("world")?;
/// world.emit("message", "hello")?; // waits for the connection
/// loop {
///     poll.poll(&mut events, world.next_timeout())?;
///     let now = Instant::now();
///     for event in &events {
///         world.handle(event, now);
///     }
///     while world.ready() {
///         world.drive(now);
///         while let Some(event) = world.poll_event() {
///             println!("{event:?}");
///         }
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Client {
    /// Before the part, which ends it.
    client: Option<facade::Client<Mio>>,
    over: bool,
    part: Part,
}

impl Client {
    /// A client on `registry`, a [clone](Registry::try_clone) of the loop's, that uses the tokens of `tokens` and no
    /// others, with the default [`Config`]. It does nothing until it is told to connect.
    #[must_use]
    pub fn new(registry: Registry, tokens: Range<usize>) -> Self {
        Self::with_config(registry, tokens, Config::default())
    }

    /// As [`new`](Self::new), with a config. It is checked when something is connected.
    #[must_use]
    pub fn with_config(registry: Registry, tokens: Range<usize>, config: Config) -> Self {
        Self { client: None, over: false, part: Part::new(registry, tokens, config) }
    }

    /// Connects to the server called `id` on this machine, as [`facade::Ipc::connect_to`].
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a bad option, and while there is a connection that is not over.
    pub fn connect_to(&mut self, id: &str) -> Result<(), Error> {
        self.connect(|ipc| ipc.connect_to(id))
    }

    /// Connects to the socket at `path`; `id` is only a name.
    ///
    /// # Errors
    ///
    /// As [`connect_to`](Self::connect_to).
    pub fn connect_to_path(&mut self, id: &str, path: impl Into<String>) -> Result<(), Error> {
        self.connect(|ipc| ipc.connect_to_path(id, path))
    }

    /// Connects to `HOST:PORT`, over TLS when [`tls`](Config#structfield.tls) is set; `id` is only a name.
    ///
    /// A host that is a name and no address is looked up right here, which blocks for as long as the system's resolver
    /// takes, and the addresses are kept. One that is not found is looked up again at each attempt, in
    /// [`drive`](Part::drive). Give an address where the loop must never wait.
    ///
    /// # Errors
    ///
    /// As [`connect_to`](Self::connect_to).
    pub fn connect_to_net(&mut self, id: &str, address: &str) -> Result<(), Error> {
        self.connect(|ipc| ipc.connect_to_net(id, address))
    }

    /// Connects to whatever an [`Endpoint`] names, as [`connect_to`](Self::connect_to) or
    /// [`connect_to_net`](Self::connect_to_net).
    ///
    /// # Errors
    ///
    /// As [`connect_to`](Self::connect_to).
    pub fn connect_to_endpoint(&mut self, id: &str, endpoint: Endpoint) -> Result<(), Error> {
        self.connect(|ipc| ipc.connect_to_endpoint(id, endpoint))
    }

    fn connect(
        &mut self,
        connect: impl FnOnce(&facade::Ipc<Mio>) -> Result<facade::Client<Mio>, Error>,
    ) -> Result<(), Error> {
        if self.client.is_some() && !self.over {
            let hint = "this client has a connection already; take its events up to the last, or make another client";
            return Err(ConfigError::new("client", "connected", hint).into());
        }
        self.client = Some(connect(self.part.ipc())?);
        self.over = false;
        Ok(())
    }

    /// The next event. `None` when there is none for now, and after [`Event::Destroyed`], see [`is_over`](Self::is_over).
    ///
    /// It may change after each [`drive`](Part::drive). Events that are not taken stop reading after 256 KiB of them.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        let event = at_once(self.client.as_mut()?.next())?;
        self.over = event.is_none();
        event
    }

    /// Whether the last event was taken.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.over
    }

    /// Emits an event. It is queued, and leaves by [`drive`](Part::drive).
    ///
    /// # Errors
    ///
    /// [`EmitError::Full`] with the frame when there is no room for it, [`EmitError::Closed`] when the client is over
    /// or was never connected, [`EmitError::Encode`] for data that cannot be encoded.
    pub fn emit<T: Serialize + ?Sized>(&mut self, name: &str, data: &T) -> Result<Pressure, EmitError> {
        self.send(Frame::encode(name, data)?)
    }

    /// Emits an event without data.
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit).
    pub fn emit_type(&mut self, name: &str) -> Result<Pressure, EmitError> {
        self.send(Frame::event(name))
    }

    /// Sends a frame that was encoded before.
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit).
    pub fn send(&mut self, frame: Frame) -> Result<Pressure, EmitError> {
        match &self.client {
            Some(client) => client.try_send(frame),
            None => Err(EmitError::Closed(frame)),
        }
    }

    /// Sends a frame; what became of it, [`Delivery::outcome`] will say.
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit).
    pub fn send_tracked(&mut self, frame: Frame) -> Result<Delivery, EmitError> {
        match &self.client {
            Some(client) => client.try_send_tracked(frame),
            None => Err(EmitError::Closed(frame)),
        }
    }

    /// Asks the server; [`poll_reply`](Part::poll_reply) gives the answer. Its time,
    /// [`request_timeout`](Config#structfield.request_timeout), runs from the next [`drive`](Part::drive) on.
    ///
    /// # Errors
    ///
    /// [`RequestError::Emit`] for data that cannot be encoded, [`RequestError::Lost`] where there is no connection.
    /// Everything else comes as the answer.
    pub fn request<T: Serialize + ?Sized>(&mut self, name: &str, data: &T) -> Result<RequestId, RequestError> {
        self.request_within(self.part.config().request_timeout, name, data)
    }

    /// As [`request`](Self::request), with a timeout of its own.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request).
    pub fn request_within<T: Serialize + ?Sized>(
        &mut self,
        timeout: Duration,
        name: &str,
        data: &T,
    ) -> Result<RequestId, RequestError> {
        let asking = self.client.as_ref().ok_or(RequestError::Lost)?.asking(timeout, name, data)?;
        Ok(self.part.ask(asking))
    }

    /// Gives up for good, as [`facade::Client::disconnect`].
    pub fn disconnect(&mut self) {
        self.client.iter().for_each(facade::Client::disconnect);
    }

    /// Takes nothing more, and ends when all that was emitted is written, on the next connection if need be, or
    /// [`drain_timeout`](Config#structfield.drain_timeout) is over. What could not be delivered comes as events.
    pub fn close(&mut self) {
        self.client.iter().for_each(facade::Client::drain);
    }

    /// A handle to emit with from anywhere, see [`Part::set_waker`]; `None` before it is told to connect.
    #[must_use]
    pub fn sender(&self) -> Option<Sender> {
        self.client.as_ref().map(facade::Client::sender)
    }

    /// How many bytes wait to be written.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        self.client.as_ref().map_or(0, |client| client.pending_bytes())
    }

    /// What was done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.client.as_ref().map(|client| client.stats()).unwrap_or_default()
    }
}

impl Deref for Client {
    type Target = Part;

    fn deref(&self) -> &Part {
        &self.part
    }
}

impl DerefMut for Client {
    fn deref_mut(&mut self) -> &mut Part {
        &mut self.part
    }
}
