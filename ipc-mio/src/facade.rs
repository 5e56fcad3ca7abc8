//! The handles, as every adapter has them, on an [`EventLoop`](crate::EventLoop).
//!
//! A program that was written for another adapter needs another `use` line, a loop to run in, and `event_loop.ipc(…)`
//! in place of `Ipc::new(…)`:
//!
//! ```no_run
//! use ipc_mio::{EventLoop, facade::{Config, Event, Ipc}};
//!
//! async fn echo(ipc: Ipc) -> Result<(), Box<dyn std::error::Error>> {
//!     let mut server = ipc.serve().await?;
//!     while let Some((peer, event)) = server.next().await {
//!         if let Event::Message(message) = event {
//!             server.emit(peer, message.name(), &message.data()).await?;
//!         }
//!     }
//!     Ok(())
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut event_loop = EventLoop::new()?;
//! let ipc = event_loop.ipc(Config::default().id("world"));
//! event_loop.block_on(echo(ipc))?
//! # }
//! ```

use crate::Mio;
#[doc(no_inline)]
pub use crate::names::*;

/// A process among others: its id, its config, its clients. See [`ipc_proto::facade::Ipc`].
pub type Ipc = ipc_proto::facade::Ipc<Mio>;

/// A client that reconnects. See [`ipc_proto::facade::Client`].
pub type Client = ipc_proto::facade::Client<Mio>;

/// A server: every peer's events in one stream. See [`ipc_proto::facade::Server`].
pub type Server = ipc_proto::facade::Server<Mio>;

/// A listening socket whose connections are yours to place. See [`ipc_proto::facade::Listener`].
pub type Listener = ipc_proto::facade::Listener<Mio>;

/// One connection that moves only while it is polled. See [`ipc_proto::facade::Connection`].
pub type Connection = ipc_proto::facade::Connection<Mio>;
