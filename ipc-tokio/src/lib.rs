//! node-ipc for tokio.
//!
//! ```no_run
//! use ipc_tokio::{Config, Event, Ipc};
//!
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut server = Ipc::new(Config::default().id("world")).serve().await?;
//! while let Some((peer, event)) = server.next().await {
//!     if let Event::Message(message) = event {
//!         server.emit(peer, message.name(), &message.data()).await?;
//!     }
//! }
//! # Ok(()) }
//! ```
//!
//! [`Ipc`] is where to begin: it connects ([`Client`]) and serves ([`Server`]), on Unix sockets by id or path, on
//! TCP, with the feature `tls` on TLS, and over UDP, where both ends are servers. A [`Client`] and each of a
//! [`Server`]'s connections run in a task of their own; [`Listener`] and [`Connection`] spawn nothing. The protocol
//! itself, and everything that both sides of it mean, is in [`proto`]; this crate only binds it to tokio's sockets and
//! timers.
//!
//! With the feature `tracing`, each client, server and connection has a span, with events of its lifecycle at the
//! level debug and of its messages at trace; the messages' names and data are in there only by
//! [`log_payloads`](Config#structfield.log_payloads).

mod accept;
mod codec;
mod datagram;
mod dial;
mod io;
#[cfg(windows)]
mod pipe;
mod runtime;
mod tcp;
#[cfg_attr(not(feature = "tls"), path = "no_tls.rs")]
mod tls;

pub use accept::Accept;
pub use codec::{Codec, CodecError};
pub use datagram::Datagram;
pub use dial::{Connect, Dial};
pub use io::Io;
pub use ipc_os::Inherited;
pub use ipc_proto as proto;
#[doc(no_inline)]
pub use ipc_proto::facade::names::*;
#[cfg(windows)]
pub use pipe::{Pipe, PipeIo};
pub use runtime::{Clock, Tokio};
#[cfg(feature = "tls")]
pub use tls::{TlsIo, TlsStream};
/// The TLS that is spoken, for [`Tokio::with_tls_client`] and [`Tokio::with_tls_server`].
#[cfg(feature = "tls")]
pub use tokio_rustls::rustls;

/// A process among others: its id, its config, its clients. See [`proto::facade::Ipc`].
pub type Ipc = proto::facade::Ipc<Tokio>;

/// A client that reconnects. See [`proto::facade::Client`].
pub type Client = proto::facade::Client<Tokio>;

/// A server: every peer's events in one stream. See [`proto::facade::Server`].
pub type Server = proto::facade::Server<Tokio>;

/// A listening socket whose connections are yours to place. See [`proto::facade::Listener`].
pub type Listener = proto::facade::Listener<Tokio>;

/// One connection that moves only while it is polled. See [`proto::facade::Connection`].
pub type Connection = proto::facade::Connection<Tokio>;
