//! The parts in a loop of the test's own.
#![cfg(unix)]

mod edges;
mod lifecycle;
mod requests;
#[cfg(feature = "tls")]
mod tls;
mod traffic;
mod turns;
