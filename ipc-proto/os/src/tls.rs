//! Certificates and keys for rustls, from the options of the core.
//!
//! Every adapter loads the same way and names errors the same way. What drives the bytes of a session is its own; on
//! asynchronous runtimes [`Session`] makes a transport of it.

mod error;
mod load;
mod own;
mod pem;
mod reload;
mod session;

pub use error::{handshake_error, session_error, timed_out};
pub use load::{client_config, server_config, server_name};
pub use own::{Acceptor, Connector, Own};
pub use reload::Reloadable;
pub use session::{SecureStream, Session};
