//! The node-ipc protocol as a pure state machine.
#![no_std]
#![warn(clippy::disallowed_methods)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod config;
mod decode;
mod encode;
pub mod endpoint;
mod error;
mod frame;
mod message;
mod scan;
pub mod text;
mod time;

pub use config::{Config, Dialect, Encoding, Limits, Overflow, Profile, Retry, SlowPeer, SyncLoss};
pub use error::{Code, ConfigError, ConnectionError, DecodeError, EmitError, EncodeError, IoError, ProtocolError};
pub use frame::{Deframer, Delimiter, Frame};
pub use message::{Json, Message};
pub use time::Timestamp;
