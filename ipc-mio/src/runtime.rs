//! mio as a runtime of the facade.

use std::sync::Arc;

use ipc_os::Inherited;
use ipc_proto::{
    Config,
    endpoint::{Endpoint, Environment},
    facade::{Error, Runtime, Task},
};

use crate::{accept::Accept, datagram::Datagram, dial::Dial, io::Io, reactor::Reactor, time::Clock, tls::Own};

/// A handle to an [`EventLoop`](crate::EventLoop), for [`Ipc::with_runtime`](crate::facade::Ipc::with_runtime) and for
/// tasks. Cheap to clone, and usable from any thread.
///
/// Nothing moves but while the loop is run. What is begun after the loop is gone ends at once.
#[derive(Clone, Debug)]
pub struct Mio {
    reactor: Arc<Reactor>,
    own: Own,
}

impl Mio {
    pub(crate) fn new(reactor: &Arc<Reactor>) -> Self {
        Self { reactor: Arc::clone(reactor), own: Default::default() }
    }

    /// Clients speak TLS by `config`, whatever the certificate options say, for all that those do not reach: other
    /// ways to verify, keys in hardware, revocation lists.
    ///
    /// [`Config::tls`](crate::Config#structfield.tls) still says whether a host and a port mean TLS, the server's name
    /// and the time a handshake may take. Such a configuration is never reloaded, and Assured refuses it.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls_client(mut self, config: Arc<rustls::ClientConfig>) -> Self {
        self.own.client = Some(config);
        self
    }

    /// Servers speak TLS by `config`, as [`with_tls_client`](Self::with_tls_client).
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls_server(mut self, config: Arc<rustls::ServerConfig>) -> Self {
        self.own.server = Some(config);
        self
    }
}

impl Runtime for Mio {
    type Io = Io;
    type Clock = Clock;
    type Dial = Dial;
    type Accept = Accept;
    type Datagram = Datagram;
    type Inherited = Inherited;

    fn clock(&self) -> Clock {
        Clock::new(&self.reactor)
    }

    fn spawn(&self, task: Task) {
        drop(self.reactor.tasks().spawn(task));
    }

    fn dial(&self, endpoints: &[Endpoint], config: &Arc<Config>) -> Result<Dial, Error> {
        Dial::new(&self.reactor, endpoints, config, &self.own)
    }

    async fn listen(&self, endpoint: &Endpoint, config: &Arc<Config>) -> Result<Accept, Error> {
        Accept::bind(&self.reactor, endpoint, config, &self.own)
    }

    async fn bind_datagram(&self, endpoint: &Endpoint, _config: &Arc<Config>) -> Result<Datagram, Error> {
        Datagram::bind(&self.reactor, endpoint)
    }

    fn adopt(&self, socket: Inherited, config: &Arc<Config>) -> Result<Accept, Error> {
        Accept::adopt(&self.reactor, socket, config, &self.own)
    }

    #[cfg(unix)]
    fn knows_users(&self, endpoint: &Endpoint) -> bool {
        ipc_os::HAS_PEER_CREDENTIALS && matches!(endpoint, Endpoint::Path(_) | Endpoint::Abstract(_))
    }

    fn environment(&self) -> Environment {
        ipc_os::environment()
    }
}
