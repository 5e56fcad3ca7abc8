//! node-ipc over futures-io and async-io, for programs on smol or async-std.
//!
//! This crate is reserved for the adapter that binds [`ipc-proto`](https://docs.rs/ipc-proto)'s machines to
//! async-io's sockets. It holds no code yet: use `ipc-tokio`, or drive `ipc_proto::Connection` yourself as
//! ipc-proto's example `bare_loop` shows.
