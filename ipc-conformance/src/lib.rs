//! Captured node-ipc traffic, its replay, simulation, live peers, and the `ipc` command.

// By its name from outside, for files that tests include.
#[cfg(feature = "async-std")]
extern crate self as ipc_conformance;

pub mod check;
pub mod corpus;
pub mod host;
pub mod replay;
pub mod sim;
