//! What every adapter of [`ipc_proto`] needs from the operating system, whatever its runtime.
//!
//! * [`environment`] tells the core about the machine and the user, [`path_limit`] how long a socket's path may be.
//! * [`bind`] listens at whatever kind of endpoint, by [`bind_local`], [`bind_abstract`], [`bind_tcp`] and
//!   [`bind_tcp_reusing_port`]; [`bind_datagram`] and [`bind_udp`] bind for UDP. The sockets are the standard library's
//!   and do not block, so that any runtime can take them.
//! * [`connect_path`], [`connect_any`], [`connect_abstract`], [`connect_local`] and [`dial_tcp`] dial without blocking;
//!   [`look_up_tcp`] blocks. [`Dialling`] tries endpoint after endpoint, for asynchronous runtimes.
//! * [`poll_send`] and [`Intake`] move bytes between a socket and a machine.
//! * `tls` (with the feature of that name) loads certificates and keys for rustls, and chooses between them and the
//!   application's own configurations; [`no_tls`] stands in for it.
//! * [`Inherited`] is a listener that somebody else bound.
//! * [`peer_credentials`] says which user is at the other end of a Unix socket, [`knows_users`] whether it can.
//!
//! The functions about Unix sockets exist on Unix only, and what is about named pipes on Windows only: `PipeListener`,
//! `dial_pipe` and `PipeIo` do all but the reading, writing and waiting itself, for which each runtime has its own pipes.
//!
//! # How a local server listens
//!
//! A socket in the file system outlives its server, so that a new server must tell a socket that was left behind from
//! one that is in use. [`bind_local`] does it under a lock, the file `<path>.lock` beside the socket, which every
//! server of this project takes for the short time of starting and of stopping. The lock file stays: removing it
//! would make the lock worthless. Under the lock the server
//!
//! 1. tries to connect to what stands at the path, and removes it only when it is a socket that refuses;
//! 2. binds, sets the permissions, and only then listens, so that nobody connects under other permissions.
//!
//! On stopping, the [`SocketGuard`] removes the path only while it still is the socket that was bound. node-ipc does
//! not know the lock: a Node server that starts on the same path takes it over, as it always does.

mod bind;
mod dial;
mod environment;
mod inherited;
pub mod no_tls;
mod stream;
mod tcp;
#[cfg(feature = "tls")]
pub mod tls;

#[cfg(unix)]
mod connect;
#[cfg(unix)]
mod guard;
#[cfg(unix)]
mod local;
#[cfg(unix)]
mod lock;
#[cfg(unix)]
mod peer;
#[cfg(windows)]
mod pipe;
#[cfg(unix)]
mod root;

pub use bind::{Bound, bind, bind_datagram, check_local, check_stream};
pub use dial::{Connect, Dialling, Reloads, dial_tcp, first_that_answers, literal_address, look_up_tcp, telling};
pub use environment::{environment, knows_users, path_limit};
pub use inherited::Inherited;
pub use stream::{Intake, MOST_READ, poll_send};
pub use tcp::{bind_tcp, bind_tcp_reusing_port, bind_udp};

#[cfg(unix)]
pub use connect::{connect_abstract, connect_any, connect_local, connect_path};
#[cfg(unix)]
pub use guard::SocketGuard;
#[cfg(unix)]
pub use local::{LocalListener, bind_abstract, bind_local};
#[cfg(unix)]
pub use peer::{HAS_PEER_CREDENTIALS, PeerCredentials, peer_credentials};
#[cfg(windows)]
pub use pipe::{
    PIPE_ROOM, Pipe, PipeInstance, PipeIo, PipeListener, WAITING_PIPES, dial_pipe, is_pipe_busy, is_pipe_end,
    pipe_bind_error, pipe_options, pipe_to_bind, pipe_to_dial,
};
