//! Serving on a socket that somebody else bound, and what the options say about where to serve.

use alloc::string::ToString;

use super::{Accept, Error, Ipc, Listener, Runtime, Server, checked, server::Sockets};
use crate::{
    bind_error::BindError,
    config::{Config, Profile},
    endpoint::Endpoint,
    error::ConfigError,
};

impl<R: Runtime> Ipc<R> {
    /// Serves on a socket that listens already, for several processes on one endpoint, or one that starts when it is
    /// first connected to. A TCP socket is spoken to over TLS when [`tls`](Config#structfield.tls) is set. What several processes accept from one socket, the system shares out among them.
    ///
    /// The socket's file belongs to whoever bound it and is never removed here, whatever
    /// [`unlink`](Config#structfield.unlink) says; nor are its permissions changed.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a bad option, [`Error::Bind`] in Assured, which trusts no socket that others have bound,
    /// [`Error::Io`] for a socket that cannot be used.
    pub fn serve_listener(&self, socket: impl Into<R::Inherited>) -> Result<Server<R>, Error> {
        let listener = self.listen_on(socket)?;
        let mut sockets = Sockets::new();
        sockets.add(listener.into_accept());
        let server = Server::start(&self.runtime, sockets, checked(self.config())?, None);
        self.reloads.add(server.reloads());
        Ok(server)
    }

    /// As [`serve_listener`](Self::serve_listener), for connections that are yours to place.
    ///
    /// # Errors
    ///
    /// As [`serve_listener`](Self::serve_listener).
    pub fn listen_on(&self, socket: impl Into<R::Inherited>) -> Result<Listener<R>, Error> {
        let config = checked(self.config())?;
        let accept = self.runtime.adopt(socket.into(), &config)?;
        let endpoint = accept.endpoint();
        if matches!(config.profile, Profile::Assured) {
            return Err(BindError::Assured { endpoint: endpoint.to_string() }.into());
        }
        check_users(&self.runtime, endpoint, &config)?;
        Ok(Listener::adopted(self.runtime.clone(), accept, config))
    }
}

/// Whether the options about servers can be kept at `endpoint`.
pub(super) fn check_served<R: Runtime>(runtime: &R, endpoint: &Endpoint, config: &Config) -> Result<(), ConfigError> {
    check_users(runtime, endpoint, config)?;
    if config.reuse_port && !matches!(endpoint, Endpoint::Tcp { .. } | Endpoint::Tls { .. }) {
        let hint = "only TCP ports can be shared; for other endpoints, bind once and pass the listener on";
        return Err(ConfigError::new("reuse_port", endpoint.to_string(), hint));
    }
    Ok(())
}

fn check_users<R: Runtime>(runtime: &R, endpoint: &Endpoint, config: &Config) -> Result<(), ConfigError> {
    if config.allowed_uids.is_some() && !runtime.knows_users(endpoint) {
        let hint = "nobody says which user connects there; serve on a Unix socket, or leave the option out";
        return Err(ConfigError::new("allowed_uids", endpoint.to_string(), hint));
    }
    Ok(())
}
