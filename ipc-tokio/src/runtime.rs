//! tokio as a runtime of the facade.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};

use ipc_os::Inherited;
use ipc_proto::{
    Config, ConfigError, Timestamp, drive,
    endpoint::{Endpoint, Environment},
    facade::{Error, Runtime, Task},
};
use tokio::{
    runtime::Handle,
    task::yield_now,
    time::{Instant, Sleep},
};

use crate::{
    accept::Accept,
    datagram::Datagram,
    dial::{self, Connect, Dial},
    io::Io,
    tls::Own,
};

/// tokio, for [`Ipc::with_runtime`](crate::Ipc::with_runtime).
///
/// [`Ipc::new`](crate::Ipc::new) uses the runtime in whose context something is connected or served.
#[derive(Clone, Debug)]
pub struct Tokio {
    handle: Option<Handle>,
    epoch: Instant,
    own: Own,
}

impl Tokio {
    /// The runtime of `handle`, wherever it is used from.
    #[must_use]
    pub fn with_handle(handle: Handle) -> Self {
        Self { handle: Some(handle), ..Self::default() }
    }

    /// Clients speak TLS by `config`, whatever the certificate options say, for all that those do not reach: other
    /// ways to verify, keys in hardware, revocation lists.
    ///
    /// [`Config::tls`](crate::Config#structfield.tls) still says whether a host and a port mean TLS, the server's name
    /// and the time a handshake may take. Such a configuration is never reloaded, and Assured refuses it.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls_client(mut self, config: Arc<crate::rustls::ClientConfig>) -> Self {
        self.own.client = Some(config);
        self
    }

    /// Servers speak TLS by `config`, as [`with_tls_client`](Self::with_tls_client).
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls_server(mut self, config: Arc<crate::rustls::ServerConfig>) -> Self {
        self.own.server = Some(config);
        self
    }

    fn handle(&self) -> Result<Handle, Error> {
        let current = || Handle::try_current().ok();
        self.handle.clone().or_else(current).ok_or_else(|| {
            let hint = "call this inside a tokio runtime, or give one with Tokio::with_handle";
            ConfigError::new("runtime", "none", hint).into()
        })
    }
}

impl Default for Tokio {
    fn default() -> Self {
        Self { handle: None, epoch: Instant::now(), own: Own::default() }
    }
}

impl Runtime for Tokio {
    type Io = Io;
    type Clock = Clock;
    type Dial = Dial;
    type Accept = Accept;
    type Datagram = Datagram;
    type Inherited = Inherited;

    fn clock(&self) -> Clock {
        Clock { epoch: self.epoch, sleep: None, handle: self.handle.clone() }
    }

    fn spawn(&self, task: Task) {
        // Both ways to a task, dialling and listening, have made sure that there is a runtime.
        if let Ok(handle) = self.handle() {
            drop(handle.spawn(task));
        }
    }

    fn dial(&self, endpoints: &[Endpoint], config: &Arc<Config>) -> Result<Dial, Error> {
        self.handle()?;
        endpoints.iter().try_for_each(dial::check)?;
        Ok(Dial::new(Connect, endpoints, config, self.own.connector(endpoints, config)?))
    }

    async fn listen(&self, endpoint: &Endpoint, config: &Arc<Config>) -> Result<Accept, Error> {
        let handle = self.handle()?;
        let _context = handle.enter();
        Accept::bind(endpoint, config, &self.own)
    }

    async fn bind_datagram(&self, endpoint: &Endpoint, _config: &Arc<Config>) -> Result<Datagram, Error> {
        let handle = self.handle()?;
        let _context = handle.enter();
        Datagram::bind(endpoint)
    }

    fn adopt(&self, socket: Inherited, config: &Arc<Config>) -> Result<Accept, Error> {
        let handle = self.handle()?;
        let _context = handle.enter();
        Accept::adopt(socket, config, &self.own)
    }

    fn knows_users(&self, endpoint: &Endpoint) -> bool {
        ipc_os::knows_users(endpoint)
    }

    fn environment(&self) -> Environment {
        ipc_os::environment()
    }
}

/// tokio's clock, with one timer that is made when it is first needed.
#[derive(Debug)]
pub struct Clock {
    epoch: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
    /// Whose timer it is, where that may be used outside it.
    handle: Option<Handle>,
}

impl Clock {
    /// A clock of this runtime that begins now.
    #[cfg(any(feature = "tls", windows))]
    pub(crate) fn start() -> Self {
        Self { epoch: Instant::now(), sleep: None, handle: Handle::try_current().ok() }
    }
}

impl drive::Clock for Clock {
    fn now(&self) -> Timestamp {
        Timestamp::new(self.epoch.elapsed())
    }

    fn poll_until(&mut self, cx: &mut Context<'_>, at: Timestamp) -> Poll<()> {
        let Some(at) = self.epoch.checked_add(at.since_epoch()) else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| {
            let _context = self.handle.as_ref().map(Handle::enter);
            Box::pin(tokio::time::sleep_until(at))
        });
        if sleep.deadline() != at {
            sleep.as_mut().reset(at);
        }
        sleep.as_mut().poll(cx)
    }

    fn yield_now(&mut self, cx: &mut Context<'_>) {
        // Polled once it has noted whom to wake after the sockets were looked at.
        if pin!(yield_now()).poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
    }
}
