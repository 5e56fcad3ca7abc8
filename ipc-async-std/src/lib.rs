//! node-ipc for smol, for async-std, and for every other executor.
//!
//! ```
//! # #[cfg(feature = "smol")] fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use ipc_async_std::{Config, Event, Ipc};
//!
//! smol::block_on(async {
//!     let mut server = Ipc::new(Config::default().id("world")).serve_net("127.0.0.1:0").await?;
//!     let address = server.endpoints()[0].to_string();
//!     smol::spawn(async move {
//!         while let Some((peer, event)) = server.next().await {
//!             if let Event::Message(message) = event {
//!                 let _ = server.emit(peer, message.name(), &message.data()).await;
//!             }
//!         }
//!     })
//!     .detach();
//!
//!     let mut world = Ipc::new(Config::default().id("hello")).connect_to_endpoint("world", address.parse()?)?;
//!     world.emit("message", "hello").await?;
//!     while let Some(event) = world.next().await {
//!         if let Event::Message(message) = event {
//!             assert_eq!(message.decode::<&str>()?, "hello");
//!             break;
//!         }
//!     }
//!     Ok(())
//! })
//! # }
//! # #[cfg(not(feature = "smol"))] fn main() {}
//! ```
//!
//! [`Ipc`] is where to begin: it connects ([`Client`]) and serves ([`Server`]), on Unix sockets by id or path, on
//! TCP, with the feature `tls` on TLS, and over UDP, where both ends are servers. The names are those of `ipc-tokio`;
//! a program that uses these types changes its `use` line, and its executor. The protocol itself, and everything that
//! both sides of it mean, is in [`proto`]; this crate only binds it to async-io's sockets and timers.
//!
//! # The executor
//!
//! A [`Client`] and each of a [`Server`]'s connections run in a task of their own; [`Listener`] and [`Connection`]
//! spawn nothing. Nothing is chosen for you:
//!
//! * With the feature `smol`, [`Ipc::new`] runs tasks on smol's executor.
//! * With the feature `async-std` it runs them on async-std's. **async-std is discontinued** (RUSTSEC-2025-0052) and
//!   smol is its successor: the feature is there for programs that have not moved yet. Without it, nothing here depends
//!   on async-std. With both features [`Ipc`] means smol, and
//!   `Ipc::with_runtime(config, AsyncStd::default())` async-std.
//! * [`Ipc::with_spawner`] takes any executor, and needs neither feature. Without them there is no `Ipc::new`.
//!
//! ```
//! use std::sync::Arc;
//! use ipc_async_std::{Config, Ipc};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let executor = Arc::new(smol::Executor::new());
//! let spawner = Arc::clone(&executor);
//! let ipc = Ipc::with_spawner(Config::default(), move |task| spawner.spawn(task).detach());
//! smol::block_on(executor.run(async {
//!     ipc.serve_net("127.0.0.1:0").await?.stop().await;
//!     Ok(())
//! }))
//! # }
//! ```
//!
//! # What blocks
//!
//! Host names are looked up, and sockets bound, on the threads of the crate `blocking`, never on the executor's.
//! [`Ipc::serve_listener`], [`Ipc::reload_tls`] and connecting over TLS read certificates where they are called.
//!
//! # Windows
//!
//! async-io has no named pipes. On Windows an endpoint that would be one is an error at once, which names `ipc-tokio`
//! and `ipc-mio`; TCP, TLS and UDP work.
//!
//! With the feature `tracing`, each client, server and connection has a span, as in `ipc-tokio`.

mod accept;
mod clock;
mod datagram;
mod dial;
mod executor;
mod io;
mod runtime;
mod socket;
mod tcp;
#[cfg_attr(not(feature = "tls"), path = "no_tls.rs")]
mod tls;

pub use accept::Accept;
pub use clock::Clock;
pub use datagram::Datagram;
pub use dial::{Connect, Dial};
#[cfg(feature = "async-std")]
pub use executor::AsyncStdExecutor;
#[cfg(feature = "smol")]
pub use executor::SmolExecutor;
pub use executor::{Executor, NoExecutor};
/// The TLS that is spoken, for [`AsyncIo::with_tls_client`] and [`AsyncIo::with_tls_server`].
#[cfg(feature = "tls")]
pub use futures_rustls::rustls;
pub use io::{Io, Stream};
pub use ipc_os::Inherited;
pub use ipc_proto as proto;
#[doc(no_inline)]
pub use ipc_proto::facade::names::*;
pub use runtime::AsyncIo;
#[cfg(feature = "tls")]
pub use tls::{TlsIo, TlsStream};

/// smol: async-io, with tasks on smol's executor unless another one is given.
#[cfg(feature = "smol")]
pub type Smol = AsyncIo<SmolExecutor>;

/// async-std: async-io, with tasks on async-std's executor unless another one is given.
#[cfg(feature = "async-std")]
pub type AsyncStd = AsyncIo<AsyncStdExecutor>;

#[cfg(feature = "smol")]
type Chosen = Smol;
#[cfg(all(feature = "async-std", not(feature = "smol")))]
type Chosen = AsyncStd;
#[cfg(not(any(feature = "async-std", feature = "smol")))]
type Chosen = AsyncIo<NoExecutor>;

/// A process among others: its id, its config, its clients. See [`proto::facade::Ipc`].
pub type Ipc = proto::facade::Ipc<Chosen>;

/// A client that reconnects. See [`proto::facade::Client`].
pub type Client = proto::facade::Client<Chosen>;

/// A server: every peer's events in one stream. See [`proto::facade::Server`].
pub type Server = proto::facade::Server<Chosen>;

/// A listening socket whose connections are yours to place. See [`proto::facade::Listener`].
pub type Listener = proto::facade::Listener<Chosen>;

/// One connection that moves only while it is polled. See [`proto::facade::Connection`].
pub type Connection = proto::facade::Connection<Chosen>;
