//! The node-ipc protocol as a pure state machine.
//!
//! Everything that a node-ipc endpoint does is here, except for moving bytes: framing, events, reconnecting, sync
//! mode, limits, delivery. There is no IO, no clock, no runtime and no `unsafe`; the crate is `no_std` with `alloc`.
//! If you use tokio, you want the crate `ipc-tokio`, which is this one bound to sockets. Come here for an event loop of
//! your own, for another runtime, or to study or fuzz the protocol.
//!
//! What is read and written, rule by rule, is in PROTOCOL.md beside this crate's README; the documentation cites it.
//!
//! # Where bytes and events go
//!
//! ```text
//!                 handle_input, handle_eof, handle_timeout(now)
//! socket ──bytes──▶ Deframer ──frames──▶ Message ──▶ poll_event ──▶ application
//!   ▲                                                                  │
//!   └──bytes── Outbox ◀──frames── gate, queue ◀── emit, send, close ◀──┘
//!                 poll_timeout: when to call again
//! ```
//!
//! * [`Connection`] is one established byte stream, either side of it. Servers need nothing else but a registry,
//!   [`Peers`], since the operating system keeps connections apart.
//! * [`Client`] is one connection after another: it asks to be connected ([`Client::poll_action`]), keeps what is emitted
//!   meanwhile, and reports what it gives up.
//! * [`Deframer`], [`Message`], [`Frame`] and [`Json`] work without either.
//! * [`drive`] is the loop below for anything that polls, with three small traits to implement; [`endpoint`] says where
//!   an id's socket is; `facade` (a feature) is what the adapters share.
//!
//! # The loop
//!
//! Whatever drives a [`Connection`] does six things, over and over:
//!
//! 1. take events with [`poll_event`](Connection::poll_event) until there are none, and emit what they ask for;
//! 2. write what [`outbox`](Connection::outbox) shows, and advance it; after writing begin again, since that may make events;
//! 3. stop when [`is_closed`](Connection::is_closed), and shut down the writing half when
//!    [`wants_shutdown`](Connection::wants_shutdown);
//! 4. wait for the socket, to read when [`wants_read`](Connection::wants_read) and to write when something waits, and for
//!    the time of [`poll_timeout`](Connection::poll_timeout);
//! 5. read into [`recv_buffer`](Connection::recv_buffer) and call [`handle_received`](Connection::handle_received), or
//!    [`handle_input`](Connection::handle_input) with bytes that were read elsewhere, or
//!    [`handle_eof`](Connection::handle_eof), or [`handle_error`](Connection::handle_error);
//! 6. call [`handle_timeout`](Connection::handle_timeout) when its time has come; too early does no harm.
//!
//! [`guide`] has all of it: clients, servers, UDP, time, back-pressure, the end, common mistakes, and four whole loops.
//!
//! The order matters to speed only: any interleaving that keeps the order of input among itself and of emits among
//! itself gives the same events. `examples/bare_loop.rs` is this loop over blocking sockets in 30 lines. Here it is without
//! sockets:
//!
//! ```
//! use std::sync::Arc;
//! use bytes::Buf;
//! use ipc_proto::{Config, Connection, Event, Side, Timestamp};
//!
//! let config = Arc::new(Config::default());
//! let mut client = Connection::new(Arc::clone(&config), Side::Client);
//! let mut server = Connection::new(config, Side::Server);
//!
//! /// What a socket would do: everything that one writes, the other reads.
//! fn transfer(from: &mut Connection, to: &mut Connection) {
//!     while from.outbox().has_remaining() {
//!         let chunk = from.outbox().take_chunk().unwrap_or_default();
//!         to.handle_input(Timestamp::ZERO, &chunk);
//!         from.outbox().ack(chunk.len());
//!     }
//! }
//!
//! let _ = client.emit("message", "hello")?;
//! transfer(&mut client, &mut server);
//! while let Some(event) = server.poll_event() {
//!     if let Event::Message(message) = event {
//!         assert_eq!(message.decode::<&str>()?, "hello");
//!         let _ = server.emit(message.name(), "world")?;
//!     }
//! }
//! transfer(&mut server, &mut client);
//! let answer = std::iter::from_fn(|| client.poll_event()).find_map(|event| match event {
//!     Event::Message(message) => Some(message),
//!     _ => None,
//! });
//! assert_eq!(answer.ok_or("no answer")?.decode::<String>()?, "world");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Limits, and why these
//!
//! Each is an option of [`Config`] or [`Limits`]; nothing grows without one.
//!
//! | limit | default | why |
//! |---|---|---|
//! | `max_message_size` | 128 MiB; 1 MiB in Guarded and Assured | node-ipc has no limit in its default profile, so this one only stops what is an accident or an attack; 1 MiB is node-ipc 14's |
//! | `max_pending_bytes` | 8 MiB | node-ipc 14's; also holds what a client keeps while it is not connected |
//! | high and low mark, [`Pressure`] | 64 and 16 KiB | as much as one write takes; well below, so that a writer is not woken for each frame |
//! | unread input | `max_message_size`, at least 1 MiB | one frame must fit, or it would never be complete |
//! | `memory_budget` | 512 MiB for a server | a hundred peers, each below its own limit, must not hold gigabytes |
//! | `max_connections` | 100 | node-ipc's |
//! | `message_timeout` | none; 30 s in Guarded and Assured | node-ipc 14's |
//! | `max_event_name_length` | 256 UTF-16 units, in Guarded and Assured | node-ipc 14's |
//! | `retry` | every 500 ms, without end | node-ipc's |
//! | `drain_timeout` | 10 s | long enough for a slow peer to take 8 MiB, short enough to wait for |
//! | `request_timeout` | 30 s | a question that is never answered must not wait for ever |
//! | `sync_timeout`, `message_ttl` | none | what is late, only the application knows |
//!
//! # Errors and panics
//!
//! Whose fault it is decides the type: [`ConfigError`] and [`BindError`] are the configuration's, [`EmitError`] and
//! [`EncodeError`] the application's, [`DecodeError`] that of data which is not what was expected, [`ProtocolError`] the
//! peer's, [`IoError`] the transport's. The last two arrive as [`Event::Error`], with node-ipc's own codes. An error that refuses
//! a message holds the message.
//!
//! No input makes this crate panic, neither bytes nor times nor an order of calls; a panic is a defect, please report it.
//! The one exception is a rule of [`bytes::Buf`]: advancing the [`Outbox`] past what it has.
//!
//! # Features
//!
//! `std` (on by default) finds SIMD at run time, writes vectored, and converts `std::io::Error`. `facade` is for adapters.
#![no_std]
#![warn(clippy::alloc_instead_of_core, clippy::disallowed_methods, clippy::std_instead_of_core)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod bind_error;
mod client;
mod config;
mod connection;
pub mod datagram;
mod decode;
pub mod drive;
mod encode;
pub mod endpoint;
mod error;
mod event;
#[cfg(feature = "facade")]
pub mod facade;
mod frame;
mod gate;
pub mod guide;
mod message;
mod outbox;
mod peer_info;
mod peers;
pub mod request;
mod router;
mod rules;
mod scan;
mod spare;
pub mod text;
mod time;

pub use bind_error::BindError;
pub use client::{Action, Client, ClientState};
pub use config::{
    Backoff, Config, Dialect, Encoding, Family, Interface, Limits, Loaded, Overflow, Profile, Retry, SlowPeer,
    SyncLoss, TlsOptions, TlsVersion,
};
pub use connection::{Connection, Side};
pub use error::{Code, ConfigError, ConnectionError, DecodeError, EmitError, EncodeError, IoError, ProtocolError};
pub use event::{Event, Outcome, Reason, Stats, Ticket, Undelivered};
pub use frame::{Deframer, Delimiter, Frame};
pub use message::{Json, Message};
pub use outbox::{Outbox, Pressure};
pub use peer_info::PeerInfo;
pub use peers::{Budget, PeerId, Peers, Share};
pub use router::{Cx, Emit, Router};
pub use time::Timestamp;
