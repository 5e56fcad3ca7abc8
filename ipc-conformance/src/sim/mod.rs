//! Deterministic simulation: clients, servers and UDP sockets on one virtual clock and a wire that misbehaves.
//!
//! A seed makes a [`Script`]; [`run`] plays it through the machines of ipc-proto and the loop that the adapters use
//! ([`ipc_proto::drive`]), and checks after each step what a much simpler model says. Nothing depends on anything
//! but the script: the same one gives the same simulation on every machine. [`search`] runs many seeds and shortens
//! the first script that fails.
//!
//! SIMULATION.md, beside this crate's README, says what is checked.

mod acts;
mod client;
mod client_checks;
mod clock;
mod finish;
mod handshake;
mod inbound;
mod ledger;
mod log;
mod mail;
mod net;
mod outbound;
mod peer;
mod pipe;
mod post;
mod random;
mod retry;
mod scene;
mod script;
mod search;
mod server;
mod setup;
mod socket;
mod stream;
mod text;
mod totals;
mod world;

pub use script::Script;
pub use search::{Failure, Run, run, search, shorten};
pub use totals::Totals;
