//! node-ipc for mio, and for event loops of your own.
//!
//! There are two levels:
//!
//! * **Parts** for a loop that is there already: [`Server`], [`Client`] and [`UdpEndpoint`] are built on a clone of your
//!   registry and a range of tokens that you grant. You hand them your poll's events ([`handle`](Part::handle)), ask
//!   whether there is something to do ([`ready`](Part::ready)) and how long you may sleep
//!   ([`next_timeout`](Part::next_timeout)), let them work ([`drive`](Part::drive)), and take events with `poll_event`.
//!   Their verbs never wait. Nothing blocks, no thread is started, nothing is polled behind your back, and no clock is
//!   read. [`Part`] shows the loop.
//! * [`EventLoop`], the ready-made loop, for programs without one. It runs futures, and the handles that every adapter
//!   has ([`facade`]: `Ipc`, `Client`, `Server` …), and wakes up for a [`Sender`] of another thread.
//!
//! Both run the same tasks over Unix sockets, on Windows named pipes, TCP, UDP and, with the feature `tls`, TLS by rustls.
//! The protocol itself, and everything that both sides of it mean, is in [`proto`].
//!
//! ```
//! use std::time::Instant;
//! use ipc_mio::{Client, Event, Server};
//! use mio::{Events, Poll};
//!
//! let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(64));
//! let mut server = Server::new(poll.registry().try_clone()?, 100..200);
//! let mut client = Client::new(poll.registry().try_clone()?, 200..201);
//! server.serve_net("127.0.0.1:0")?;
//! client.connect_to_endpoint("world", server.endpoints()[0].clone())?;
//! client.emit("message", "hello")?;
//!
//! let answer: String = 'answered: loop {
//!     let timeout = [server.next_timeout(), client.next_timeout()].into_iter().flatten().min();
//!     poll.poll(&mut events, timeout)?;
//!     let now = Instant::now();
//!     for event in &events {
//!         // Or it is one of your own sources.
//!         let _ = server.handle(event, now) || client.handle(event, now);
//!     }
//!     while server.ready() {
//!         server.drive(now);
//!         while let Some((peer, event)) = server.poll_event() {
//!             if let Event::Message(message) = event {
//!                 server.emit(peer, message.name(), "world")?;
//!             }
//!         }
//!     }
//!     while client.ready() {
//!         client.drive(now);
//!         while let Some(event) = client.poll_event() {
//!             if let Event::Message(message) = event {
//!                 break 'answered message.decode()?;
//!             }
//!         }
//!     }
//! };
//! assert_eq!(answer, "world");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What mio asks for
//!
//! mio tells an edge once. Each socket is therefore tried before it is waited for, and read and written until it blocks,
//! or until it gave or took less than it was asked for, where the system promises an edge for what comes later. So that a
//! busy peer starves nobody, one poll of a task does a bounded number of operations, and one [`drive`](Part::drive) or turn
//! of the loop a bounded number of polls; what is left comes later, and keeps [`ready`](Part::ready) true. Writing is
//! waited for only while it is stuck, so that idle connections cost no wake-ups.
//!
//! # Named pipes
//!
//! A server on a named pipe takes four tokens to listen, one for each client that may come at once, where a socket takes
//! one. A pipe closes when the poll has seen the end of what is under way there: as long as the poll is not polled, nobody
//! else can serve under the name of a server that was stopped or dropped, and its clients find the pipe busy.
//!
//! # Host names
//!
//! There is no thread for the system's resolver. A host name is looked up by the call that connects or serves, which blocks
//! for so long; addresses and Unix sockets never do. A client keeps the addresses that were found, and looks up again,
//! at its attempts, only a name that was not.
//!
//! # Features
//!
//! `tls` is TLS over TCP. `tracing` gives each client, server and connection a span, with events of its lifecycle at the
//! level debug and of its messages at trace; the messages' names and data are in there only by
//! [`log_payloads`](Config#structfield.log_payloads).

#![cfg_attr(not(windows), forbid(unsafe_code))]

mod accept;
mod client;
mod credit;
mod datagram;
mod dial;
mod event_loop;
pub mod facade;
mod io;
mod names;
mod part;
#[cfg(windows)]
mod pipe;
mod reactor;
mod runtime;
mod server;
mod slots;
mod source;
mod tasks;
mod time;
#[cfg_attr(not(feature = "tls"), path = "no_tls.rs")]
mod tls;
mod udp;
#[cfg(windows)]
mod windows;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use accept::Accept;
pub use client::Client;
pub use datagram::Datagram;
pub use dial::Dial;
pub use event_loop::EventLoop;
pub use io::{Io, Wire};
pub use ipc_proto as proto;
#[doc(no_inline)]
pub use names::*;
pub use part::{Part, RequestId};
#[cfg(windows)]
pub use pipe::{Pipe, PipeIo};
pub use runtime::Mio;
/// The TLS that is spoken, for [`Mio::with_tls_client`] and [`Mio::with_tls_server`].
#[cfg(feature = "tls")]
pub use rustls;
pub use server::Server;
pub use time::Clock;
#[cfg(feature = "tls")]
pub use tls::{TlsIo, TlsStream};
pub use udp::UdpEndpoint;

/// Locks a mutex whose holders do not panic while they change what it guards.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
