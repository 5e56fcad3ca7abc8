//! The entry point: one process's name and settings.

use alloc::{
    borrow::ToOwned,
    boxed::Box,
    collections::BTreeMap,
    format,
    string::{String, ToString},
    sync::Arc,
    vec,
    vec::Vec,
};
use core::fmt;
use std::sync::Mutex;

use super::{
    AnyExecutor, Client, Error, Handler, Listener, Runtime, Sender, Server, Task, bad_id, checked, inherited, lock,
    outlet::{self, HandlerFactory},
    reload::Reloads,
    server::Sockets,
};
use crate::{
    bind_error::BindError,
    config::Config,
    connection::Side,
    datagram::Datagrams,
    drive::End,
    endpoint::{self, Endpoint, Environment},
    error::ConfigError,
    peers::PeerId,
    router::Router,
};

/// A process among others: its id, its config, and the clients it has by their ids.
///
/// Several in one process do not know of each other. Cheap to clone; clones share the clients.
pub struct Ipc<R> {
    config: Arc<Config>,
    pub(super) runtime: R,
    clients: Arc<Mutex<BTreeMap<String, Sender>>>,
    pub(super) reloads: Arc<Reloads>,
}

impl<R: Runtime> Ipc<R> {
    /// With a runtime of your choice; adapters have a shorter way.
    ///
    /// `config` is checked when something is connected or served.
    pub fn with_runtime(config: Config, runtime: R) -> Self {
        Self { config: Arc::new(config), runtime, clients: Arc::default(), reloads: Arc::default() }
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Connects to the server called `id` on this machine: the socket of either generation that answers,
    /// node-ipc 14's first.
    ///
    /// Returns at once: connecting, and connecting again, happens in the background, and what is emitted
    /// meanwhile is kept. The first event of a client that gets through is [`crate::Event::Connected`].
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a bad option, and for an id that is connected already.
    pub fn connect_to(&self, id: &str) -> Result<Client<R>, Error> {
        self.connect_to_endpoint(id, Endpoint::Id(id.to_owned()))
    }

    /// As [`connect_to`](Self::connect_to), to the socket at `path`, on Windows the pipe that
    /// [`local_endpoint`](endpoint::local_endpoint) makes of it; `id` is only a name here.
    ///
    /// # Errors
    ///
    /// As [`connect_to`](Self::connect_to).
    pub fn connect_to_path(&self, id: &str, path: impl Into<String>) -> Result<Client<R>, Error> {
        self.connect(id, &[Endpoint::Path(path.into())])
    }

    /// As [`connect_to`](Self::connect_to), to `HOST:PORT`, over TLS when [`tls`](Config#structfield.tls) is set;
    /// `id` is only a name here. Where the host, the port or both are left out, it is
    /// [`network_host`](Config#structfield.network_host) and [`network_port`](Config#structfield.network_port).
    ///
    /// # Errors
    ///
    /// As [`connect_to`](Self::connect_to).
    pub fn connect_to_net(&self, id: &str, address: &str) -> Result<Client<R>, Error> {
        self.connect(id, &[self.net(address)?])
    }

    /// As [`connect_to`](Self::connect_to), to whatever an [`Endpoint`] names.
    ///
    /// # Errors
    ///
    /// As [`connect_to`](Self::connect_to).
    pub fn connect_to_endpoint(&self, id: &str, endpoint: Endpoint) -> Result<Client<R>, Error> {
        match endpoint {
            Endpoint::Id(server) => {
                let paths = endpoint::client_paths(&self.config, &self.environment(), checked_id(&server)?);
                let endpoints: Vec<Endpoint> = paths.into_iter().map(Endpoint::Path).collect();
                self.connect(id, &endpoints)
            }
            endpoint => self.connect(id, &[endpoint]),
        }
    }

    /// Serves under this process's id, at the path of its dialect.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a bad option, [`Error::Bind`] when the path is held by a server that lives, by
    /// something that is no socket, or cannot be made.
    pub async fn serve(&self) -> Result<Server<R>, Error> {
        let path = endpoint::server_path(&self.config, &self.environment());
        self.serve_endpoints(vec![Endpoint::Path(path)]).await
    }

    /// As [`serve`](Self::serve), at the paths of both generations, so that every stock client finds it.
    ///
    /// # Errors
    ///
    /// As [`serve`](Self::serve); then it listens at neither.
    pub async fn serve_both(&self) -> Result<Server<R>, Error> {
        let paths = endpoint::both_paths(&self.config, &self.environment());
        self.serve_endpoints(paths.into_iter().map(Endpoint::Path).collect()).await
    }

    /// As [`serve`](Self::serve), at `path`.
    ///
    /// # Errors
    ///
    /// As [`serve`](Self::serve).
    pub async fn serve_at(&self, path: impl Into<String>) -> Result<Server<R>, Error> {
        self.serve_endpoints(vec![Endpoint::Path(path.into())]).await
    }

    /// Serves TCP at `HOST:PORT`, or TLS when [`tls`](Config#structfield.tls) is set, parts left out as in
    /// [`connect_to_net`](Self::connect_to_net); port 0 lets the system pick one, see [`Server::endpoints`].
    ///
    /// # Errors
    ///
    /// As [`serve`](Self::serve).
    pub async fn serve_net(&self, address: &str) -> Result<Server<R>, Error> {
        self.serve_endpoints(vec![self.net(address)?]).await
    }

    /// Serves UDP over IPv4 at `HOST:PORT`, which may leave out what [`serve_net`](Self::serve_net) may.
    ///
    /// Both ends of UDP are servers, and every address that is heard from is a peer, without events for its coming
    /// and going; [`Server::udp_peer`] is the way to speak first. See [`crate::datagram::Datagrams`].
    ///
    /// # Errors
    ///
    /// As [`serve`](Self::serve), and [`BindError::Assured`] in the Assured profile.
    pub async fn serve_udp4(&self, address: &str) -> Result<Server<R>, Error> {
        self.serve_endpoints(vec![format!("udp4:{address}").parse()?]).await
    }

    /// As [`serve_udp4`](Self::serve_udp4), over IPv6; without a host it is `::1`.
    ///
    /// # Errors
    ///
    /// As [`serve_udp4`](Self::serve_udp4).
    pub async fn serve_udp6(&self, address: &str) -> Result<Server<R>, Error> {
        self.serve_endpoints(vec![format!("udp6:{address}").parse()?]).await
    }

    /// Serves at every one of `endpoints` as one server.
    ///
    /// # Errors
    ///
    /// As [`serve`](Self::serve); then it listens at none.
    pub async fn serve_endpoints(&self, endpoints: Vec<Endpoint>) -> Result<Server<R>, Error> {
        self.start_server(endpoints, None).await
    }

    /// As [`serve_endpoints`](Self::serve_endpoints), with a router that runs inside each connection's task,
    /// on a state of the connection's own that `state` makes.
    ///
    /// A message without a route, or whose data does not fit its handler, goes to the server's stream. A peer
    /// that does not take its answers is not read from while 64 KiB of them wait.
    ///
    /// # Errors
    ///
    /// As [`serve`](Self::serve).
    pub async fn serve_routed<S: Send + 'static>(
        &self,
        endpoints: Vec<Endpoint>,
        router: Router<S>,
        state: impl Fn(PeerId) -> S + Send + Sync + 'static,
    ) -> Result<Server<R>, Error> {
        self.start_server(endpoints, Some(outlet::routed(router, state))).await
    }

    /// As [`serve_routed`](Self::serve_routed), with a function instead of a router: `make` gives each new
    /// connection its handler, which looks at every event of it, and says whether the event goes on to the
    /// server's stream.
    ///
    /// # Errors
    ///
    /// As [`serve`](Self::serve).
    pub async fn serve_with(
        &self,
        endpoints: Vec<Endpoint>,
        make: impl Fn(PeerId) -> Handler + Send + Sync + 'static,
    ) -> Result<Server<R>, Error> {
        self.start_server(endpoints, Some(Box::new(make))).await
    }

    async fn start_server(
        &self,
        endpoints: Vec<Endpoint>,
        handlers: Option<HandlerFactory>,
    ) -> Result<Server<R>, Error> {
        let config = checked(&self.config)?;
        let mut sockets = Sockets::new();
        for endpoint in endpoints {
            self.bind(self.resolved(endpoint)?, &config, &mut sockets).await?;
        }
        let server = Server::start(&self.runtime, sockets, config, handlers);
        self.reloads.add(server.reloads());
        Ok(server)
    }

    /// Listens at `endpoint`, whichever kind it is.
    async fn bind(&self, endpoint: Endpoint, config: &Arc<Config>, sockets: &mut Sockets<R>) -> Result<(), Error> {
        if let Endpoint::Udp4 { .. } | Endpoint::Udp6 { .. } = endpoint {
            let assured = |_| BindError::Assured { endpoint: endpoint.to_string() };
            let machine = Datagrams::new(Arc::clone(config)).map_err(assured)?;
            let socket = self.runtime.bind_datagram(&endpoint, config).await?;
            sockets.add_datagram(endpoint, socket, machine);
        } else {
            let listener = Listener::bind(self.runtime.clone(), &endpoint, Arc::clone(config)).await?;
            sockets.add(listener.into_accept());
        }
        Ok(())
    }

    /// Listens, for connections that are yours to place.
    ///
    /// # Errors
    ///
    /// As [`serve`](Self::serve).
    pub async fn listen(&self, endpoint: Endpoint) -> Result<Listener<R>, Error> {
        let config = checked(&self.config)?;
        Listener::bind(self.runtime.clone(), &self.resolved(endpoint)?, config).await
    }

    /// Reads the certificates and keys of all clients and servers anew, for the connections to come. Those that are
    /// there stay. It blocks while the files are read. Listeners have a
    /// [way of their own](Listener::reload_tls).
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for the first that could not be read, naming the option and the file; where one fails,
    /// the certificates from before stay in use, and the others are reloaded nevertheless.
    pub fn reload_tls(&self) -> Result<(), Error> {
        self.reloads.reload()
    }

    /// The way to emit to the server called `id`, if it is connected or being connected.
    #[must_use]
    pub fn of(&self, id: &str) -> Option<Sender> {
        lock(&self.clients).get(id).filter(|sender| !sender.line().is_ending()).cloned()
    }

    /// Disconnects from the server called `id`, as [`Client::disconnect`]. For an id that is not connected it
    /// does nothing. From now on [`of`](Self::of) does not know it.
    pub fn disconnect(&self, id: &str) {
        let sender = lock(&self.clients).remove(id);
        if let Some(sender) = sender {
            sender.line().end(End::Disconnect);
        }
    }

    fn connect(&self, id: &str, endpoints: &[Endpoint]) -> Result<Client<R>, Error> {
        let config = checked(&self.config)?;
        let endpoints = endpoints.iter().map(|endpoint| self.located(endpoint.clone()));
        let endpoints = &endpoints.collect::<Result<Vec<_>, _>>()?[..];
        endpoints.iter().try_for_each(|endpoint| config.check_transport(endpoint, Side::Client))?;
        let mut clients = lock(&self.clients);
        clients.retain(|_, sender| !sender.line().is_ending());
        if clients.contains_key(id) {
            return Err(bad_id(id, "it is connected already: emit with of(id), or disconnect(id) first"));
        }
        let client = Client::start(&self.runtime, id.to_owned(), endpoints, config)?;
        self.reloads.add(client.reloads());
        clients.insert(id.to_owned(), client.sender());
        Ok(client)
    }

    /// Where to listen, if the options allow it there.
    fn resolved(&self, endpoint: Endpoint) -> Result<Endpoint, Error> {
        let endpoint = match endpoint {
            Endpoint::Id(id) => Endpoint::Path(endpoint::local_path(
                &self.config,
                &self.environment(),
                self.config.dialect,
                checked_id(&id)?,
            )),
            endpoint => endpoint,
        };
        let endpoint = self.located(endpoint)?;
        inherited::check_served(&self.runtime, &endpoint, &self.config)?;
        Ok(endpoint)
    }

    /// As this machine has it: on Windows paths are pipes.
    fn located(&self, endpoint: Endpoint) -> Result<Endpoint, ConfigError> {
        match endpoint {
            Endpoint::Path(path) => endpoint::local_endpoint(&self.environment(), path),
            endpoint => Ok(endpoint),
        }
    }

    /// A TCP address, spoken to over TLS if that is configured; what it leaves out, the config says.
    fn net(&self, address: &str) -> Result<Endpoint, Error> {
        let Config { network_host, network_port, tls, .. } = self.config();
        let (host, port) = match address {
            "" => (network_host.clone(), *network_port),
            address => endpoint::host_port_or(address, network_host, *network_port)?,
        };
        Ok(if tls.is_some() { Endpoint::Tls { host, port } } else { Endpoint::Tcp { host, port } })
    }

    fn environment(&self) -> Environment {
        self.runtime.environment()
    }
}

/// An id that can name a server.
fn checked_id(id: &str) -> Result<&str, Error> {
    endpoint::check_id(id)?;
    Ok(id)
}

impl<R: Runtime + Default> Ipc<R> {
    /// A process with these settings. They are checked when something is connected or served.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self::with_runtime(config, R::default())
    }
}

impl<R: AnyExecutor> Ipc<R> {
    /// A process with these settings whose tasks are run by `spawn`, on an executor of your choice. It must run every
    /// task to its end, or drop it: the connection is closed then. The settings are checked when something is
    /// connected or served.
    pub fn with_spawner(config: Config, spawn: impl Fn(Task) + Send + Sync + 'static) -> Self {
        Self::with_runtime(config, R::with_spawner(spawn))
    }
}

impl<R: Clone> Clone for Ipc<R> {
    fn clone(&self) -> Self {
        Self {
            config: Arc::clone(&self.config),
            runtime: self.runtime.clone(),
            clients: Arc::clone(&self.clients),
            reloads: Arc::clone(&self.reloads),
        }
    }
}

impl<R> fmt::Debug for Ipc<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ipc").field("id", &self.config.id).finish_non_exhaustive()
    }
}
