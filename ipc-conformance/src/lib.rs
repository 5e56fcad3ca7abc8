//! Captured node-ipc traffic, its replay, live peers, and the `ipc` command.

pub mod corpus;
pub mod host;
pub mod replay;
