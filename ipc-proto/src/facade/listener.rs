//! Accepting connections one by one.

use alloc::sync::Arc;
use core::{fmt, future::poll_fn};

use super::{Accept, Connection, Error, Runtime, reload::reload_all};
use crate::{config::Config, connection::Side, drive::Transport, endpoint::Endpoint};

/// A listening socket whose connections are yours to place: the fastest way to serve.
///
/// It keeps no registry and no limit on connections; [`crate::Peers`] and [`crate::Budget`] are there for
/// that. Dropping it stops listening and removes its socket file; connections stay.
pub struct Listener<R: Runtime> {
    runtime: R,
    accept: R::Accept,
    config: Arc<Config>,
}

impl<R: Runtime> Listener<R> {
    pub(super) async fn bind(runtime: R, endpoint: &Endpoint, config: Arc<Config>) -> Result<Self, Error> {
        config.check_transport(endpoint, Side::Server)?;
        let accept = runtime.listen(endpoint, &config).await?;
        Ok(Self { runtime, accept, config })
    }

    pub(super) const fn adopted(runtime: R, accept: R::Accept, config: Arc<Config>) -> Self {
        Self { runtime, accept, config }
    }

    /// The next connection; those that [`allowed_uids`](Config#structfield.allowed_uids) refuses are closed. Its first
    /// event is [`crate::Event::Connected`].
    ///
    /// Over TLS the handshake is made while the connection is polled, so that a slow one keeps nobody waiting; if
    /// it fails, the events are an `Error` and a `Disconnected`, without a `Connected`.
    ///
    /// Cancel-safe: dropped before it is ready, no connection is lost.
    ///
    /// # Errors
    ///
    /// What accepting failed with, too many open files for one. The listener stays usable.
    pub async fn accept(&mut self) -> Result<Connection<R>, Error> {
        let io = loop {
            let io = poll_fn(|cx| self.accept.poll_accept(cx)).await?;
            if self.config.admits(&io.peer_info()) {
                break io;
            }
        };
        Ok(Connection::new(&self.runtime, io, Arc::clone(&self.config), Side::Server))
    }

    /// Where it listens, with the port that the system picked.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        self.accept.endpoint()
    }

    /// As [`Server::reload_tls`](super::Server::reload_tls).
    ///
    /// # Errors
    ///
    /// As [`Server::reload_tls`](super::Server::reload_tls).
    pub fn reload_tls(&self) -> Result<(), Error> {
        reload_all(self.accept.reload().as_slice())
    }

    pub(super) fn into_accept(self) -> R::Accept {
        self.accept
    }
}

impl<R: Runtime> fmt::Debug for Listener<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Listener").field(self.accept.endpoint()).finish()
    }
}
