//! node-ipc in a readiness loop, embeddable in your own `mio::Poll`.
//!
//! This crate is reserved for the adapter that binds [`ipc-proto`](https://docs.rs/ipc-proto)'s machines to mio
//! sources. It holds no code yet: drive `ipc_proto::Connection` yourself as ipc-proto's example `bare_loop` shows.
