//! The runtime-independent half of the adapters: handles that touch no socket.
//!
//! An adapter implements [`Runtime`] and names these types with its runtime filled in; its users never see the
//! parameter. `Client` and `Server` run one task per connection, so that a [`Sender`], reconnecting and
//! draining work while nobody polls; [`Connection`] moves only while it is polled.

use alloc::{boxed::Box, string::String, sync::Arc};
use core::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{
    bind_error::BindError,
    config::Config,
    drive::{Clock, DatagramSocket, Dial, Reload, Transport},
    endpoint::{Endpoint, Environment},
    error::{Code, ConfigError, EmitError, IoError},
};

mod accept;
mod accept_errors;
mod backlog;
mod client;
mod connection;
mod datagram;
mod direct;
mod door;
mod events;
mod handshake;
mod inherited;
mod ipc;
mod line;
mod listener;
pub mod names;
mod outlet;
mod reload;
mod reply;
mod request;
mod rooms;
mod sender;
mod server;
mod task;
mod trace;

pub use accept_errors::AcceptErrors;
pub use client::Client;
pub use connection::Connection;
pub use ipc::Ipc;
pub use listener::Listener;
pub use outlet::Handler;
pub use request::{Asking, RequestError};
pub use rooms::Room;
pub use sender::{Delivery, Sender};
pub use server::{Server, ServerStats};

/// A task for a runtime to run.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What a runtime has to offer.
pub trait Runtime: Clone + Send + Sync + Unpin + 'static {
    /// A connected byte stream.
    type Io: Transport + Send + Unpin + 'static;
    /// The clock, with a timer.
    type Clock: Clock + Send + Unpin + 'static;
    /// A way to a peer.
    type Dial: Dial<Io = Self::Io> + Send + Unpin + 'static;
    /// A listening socket.
    type Accept: Accept<Io = Self::Io> + Send + Unpin + 'static;
    /// A UDP socket.
    type Datagram: DatagramSocket + Send + Unpin + 'static;
    /// A socket that listens already, bound by somebody else.
    type Inherited;

    /// A clock whose timestamps can be compared with those of every other clock of this runtime.
    fn clock(&self) -> Self::Clock;

    /// Runs `task` in the background.
    fn spawn(&self, task: Task);

    /// A way to the first of `endpoints` that answers.
    ///
    /// # Errors
    ///
    /// [`Error`] for an endpoint that this runtime cannot reach.
    fn dial(&self, endpoints: &[Endpoint], config: &Arc<Config>) -> Result<Self::Dial, Error>;

    /// Listens at `endpoint`.
    fn listen(
        &self,
        endpoint: &Endpoint,
        config: &Arc<Config>,
    ) -> impl Future<Output = Result<Self::Accept, Error>> + Send;

    /// Binds a UDP socket at `endpoint`, which is [`Endpoint::Udp4`] or [`Endpoint::Udp6`].
    fn bind_datagram(
        &self,
        endpoint: &Endpoint,
        config: &Arc<Config>,
    ) -> impl Future<Output = Result<Self::Datagram, Error>> + Send;

    /// Takes over a socket that listens already. It never removes the socket's file.
    ///
    /// # Errors
    ///
    /// [`Error`] for a socket that this runtime cannot take.
    fn adopt(&self, socket: Self::Inherited, config: &Arc<Config>) -> Result<Self::Accept, Error>;

    /// Whether the system says which user connects to `endpoint`.
    fn knows_users(&self, endpoint: &Endpoint) -> bool {
        let _ = endpoint;
        false
    }

    /// Where the sockets of an id are, on this machine.
    fn environment(&self) -> Environment;
}

/// A runtime that runs its tasks on whatever executor it is given.
pub trait AnyExecutor: Runtime {
    /// A runtime whose tasks `spawn` runs in the background.
    fn with_spawner(spawn: impl Fn(Task) + Send + Sync + 'static) -> Self;
}

/// A listening socket of a runtime.
pub trait Accept {
    /// What it gives.
    type Io: Transport;

    /// The next connection. One with a session is given before that is [ready](Transport::poll_ready), so that
    /// a slow handshake keeps nobody waiting.
    ///
    /// # Errors
    ///
    /// What accepting failed with. The listener stays usable.
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Result<Self::Io, IoError>>;

    /// Where it listens, with the port that the system picked.
    fn endpoint(&self) -> &Endpoint;

    /// What reads its certificates anew, where it has any.
    fn reload(&self) -> Option<Arc<dyn Reload>> {
        None
    }
}

/// What connecting, serving or listening fails with.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// An option cannot be.
    Config(ConfigError),
    /// The endpoint cannot be listened at.
    Bind(BindError),
    /// The transport failed.
    Io(IoError),
    /// A message was not taken.
    Emit(EmitError),
}

impl Error {
    /// `ERR_IPC_…`, or the errno's name, where there is one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Bind(error) => Some(error.code()),
            Self::Io(error) => Some(error.code()),
            Self::Config(error) => error.code().map(Code::as_str),
            Self::Emit(error) => error.code(),
        }
    }

    fn inner(&self) -> &(dyn core::error::Error + 'static) {
        match self {
            Self::Config(error) => error,
            Self::Bind(error) => error,
            Self::Io(error) => error,
            Self::Emit(error) => error,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.inner(), f)
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(self.inner())
    }
}

macro_rules! from {
    ($($variant:ident($error:ty)),*) => { $(
        impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        }
    )* };
}

from!(Config(ConfigError), Bind(BindError), Io(IoError), Emit(EmitError));

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error.into())
    }
}

/// Locks a mutex whose holders do not panic while they change what it guards.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A config for one endpoint: checked, and shared from here on.
fn checked(config: &Config) -> Result<Arc<Config>, Error> {
    config.validate()?;
    Ok(Arc::new(config.clone()))
}

/// The error for an id that is taken or missing.
fn bad_id(id: &str, hint: &str) -> Error {
    ConfigError::new("id", String::from(id), hint).into()
}
