//! The node-ipc protocol as a pure state machine.
#![no_std]
#![warn(clippy::alloc_instead_of_core, clippy::disallowed_methods, clippy::std_instead_of_core)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod bind_error;
mod client;
mod config;
mod connection;
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
mod message;
mod outbox;
mod peers;
pub mod request;
mod router;
mod rules;
mod scan;
pub mod text;
mod time;

pub use bind_error::BindError;
pub use client::{Action, Client, ClientState};
pub use config::{
    Config, Dialect, Encoding, Limits, Overflow, Profile, Retry, SlowPeer, SyncLoss, TlsOptions, TlsVersion,
};
pub use connection::{Connection, Side};
pub use error::{Code, ConfigError, ConnectionError, DecodeError, EmitError, EncodeError, IoError, ProtocolError};
pub use event::{Event, Outcome, Reason, Stats, Ticket, Undelivered};
pub use frame::{Deframer, Delimiter, Frame};
pub use message::{Json, Message};
pub use outbox::{Outbox, Pressure};
pub use peers::{Budget, PeerId, Peers, Share};
pub use router::{Cx, Emit, Router};
pub use time::Timestamp;
