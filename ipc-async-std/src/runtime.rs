//! async-io as a runtime of the facade.

use std::{fmt, marker::PhantomData, sync::Arc, time::Instant};

use ipc_os::Inherited;
use ipc_proto::{
    Config,
    endpoint::{Endpoint, Environment},
    facade::{AnyExecutor, Error, Runtime, Task},
};

use crate::{
    accept::Accept,
    clock::Clock,
    datagram::Datagram,
    dial::{self, Connect, Dial},
    executor::Executor,
    io::Io,
    tls::Own,
};

/// Sockets and timers of async-io, and tasks on the executor `E`, or on one that is given.
///
/// async-io has a thread of its own that waits for sockets and timers, so that they work on every executor.
pub struct AsyncIo<E> {
    spawn: Arc<dyn Fn(Task) + Send + Sync>,
    epoch: Instant,
    own: Own,
    executor: PhantomData<fn() -> E>,
}

impl<E> AsyncIo<E> {
    /// Runs tasks by `spawn`, whatever `E` is. It must run every task to its end, or drop it; it is called wherever
    /// something connects, serves, or is accepted, also from within other tasks.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use ipc_async_std::{AsyncIo, NoExecutor};
    ///
    /// let executor = Arc::new(smol::Executor::new());
    /// let spawner = Arc::clone(&executor);
    /// let runtime = AsyncIo::<NoExecutor>::with_spawner(move |task| spawner.spawn(task).detach());
    /// # drop(runtime);
    /// ```
    #[must_use]
    pub fn with_spawner(spawn: impl Fn(Task) + Send + Sync + 'static) -> Self {
        Self { spawn: Arc::new(spawn), epoch: Instant::now(), own: Own::default(), executor: PhantomData }
    }

    /// Clients speak TLS by `config`, whatever the certificate options say, for all that those do not reach: other
    /// ways to verify, keys in hardware, revocation lists.
    ///
    /// [`Config::tls`](crate::Config#structfield.tls) still says whether a host and a port mean TLS, the server's name
    /// and the time a handshake may take. Such a configuration is never reloaded, and Assured refuses it.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls_client(self, config: Arc<crate::rustls::ClientConfig>) -> Self {
        Self { own: Own { client: Some(config), ..self.own }, ..self }
    }

    /// Servers speak TLS by `config`, as [`with_tls_client`](Self::with_tls_client).
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls_server(self, config: Arc<crate::rustls::ServerConfig>) -> Self {
        Self { own: Own { server: Some(config), ..self.own }, ..self }
    }
}

impl<E: Executor> Default for AsyncIo<E> {
    fn default() -> Self {
        Self::with_spawner(E::spawn)
    }
}

impl<E> Clone for AsyncIo<E> {
    fn clone(&self) -> Self {
        let Self { spawn, epoch, own, executor } = self;
        Self { spawn: Arc::clone(spawn), epoch: *epoch, own: own.clone(), executor: *executor }
    }
}

impl<E> fmt::Debug for AsyncIo<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncIo").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

impl<E: 'static> AnyExecutor for AsyncIo<E> {
    fn with_spawner(spawn: impl Fn(Task) + Send + Sync + 'static) -> Self {
        Self::with_spawner(spawn)
    }
}

impl<E: 'static> Runtime for AsyncIo<E> {
    type Io = Io;
    type Clock = Clock;
    type Dial = Dial;
    type Accept = Accept;
    type Datagram = Datagram;
    type Inherited = Inherited;

    fn clock(&self) -> Clock {
        Clock::since(self.epoch)
    }

    fn spawn(&self, task: Task) {
        (self.spawn)(task);
    }

    fn dial(&self, endpoints: &[Endpoint], config: &Arc<Config>) -> Result<Dial, Error> {
        endpoints.iter().try_for_each(dial::check)?;
        let tls = self.own.connector(endpoints, config)?;
        Ok(Dial::new(Connect, endpoints, config, tls))
    }

    async fn listen(&self, endpoint: &Endpoint, config: &Arc<Config>) -> Result<Accept, Error> {
        dial::check(endpoint)?;
        let (endpoint, config, own) = (endpoint.clone(), Arc::clone(config), self.own.clone());
        // Looking up a host, reading certificates and waiting for a path's lock block.
        blocking::unblock(move || {
            let tls = own.acceptor(&endpoint, &config)?;
            Accept::new(ipc_os::bind(&endpoint, &config)?, tls)
        })
        .await
    }

    async fn bind_datagram(&self, endpoint: &Endpoint, _config: &Arc<Config>) -> Result<Datagram, Error> {
        let endpoint = endpoint.clone();
        Datagram::new(blocking::unblock(move || ipc_os::bind_datagram(&endpoint)).await?)
    }

    fn adopt(&self, socket: Inherited, config: &Arc<Config>) -> Result<Accept, Error> {
        let bound = socket.adopt(config)?;
        let tls = self.own.acceptor(&bound.endpoint, config)?;
        Accept::new(bound, tls)
    }

    fn knows_users(&self, endpoint: &Endpoint) -> bool {
        ipc_os::knows_users(endpoint)
    }

    fn environment(&self) -> Environment {
        ipc_os::environment()
    }
}
