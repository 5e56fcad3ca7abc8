//! Captured node-ipc traffic, its replay, simulation, live peers, and the `ipc` command.

pub mod corpus;
pub mod host;
pub mod replay;
pub mod sim;
