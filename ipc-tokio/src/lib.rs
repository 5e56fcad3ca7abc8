//! node-ipc for tokio.
