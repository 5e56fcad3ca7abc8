//! The parts in a loop of the test's own.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod edges;
mod lifecycle;
mod places;
mod requests;
#[cfg(feature = "tls")]
mod tls;
mod traffic;
mod turns;
