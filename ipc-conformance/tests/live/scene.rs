//! What every test starts from: a version of node-ipc, a transport, a folder of its own.

use core::fmt;
use std::path::PathBuf;
use std::time::Duration;

use ipc_conformance::corpus::dialect_of;
use ipc_conformance::host::Host;
use ipc_proto::{
    Config, Dialect, Event, Message, PeerId,
    endpoint::Endpoint,
    facade::{Client, Ipc, Server},
};
use tempfile::TempDir;

use crate::{node, peer::Peer};

/// Longer than anything takes on the slowest machine; reaching it is a failure.
const DEADLINE: Duration = Duration::from_secs(30);

/// A major version of node-ipc.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V9,
    V12,
    V14,
}

pub(crate) const VERSIONS: [Version; 3] = [Version::V9, Version::V12, Version::V14];

impl Version {
    pub(crate) const fn number(self) -> &'static str {
        match self {
            Self::V9 => "9",
            Self::V12 => "12",
            Self::V14 => "14",
        }
    }

    pub(crate) fn dialect(self) -> Dialect {
        dialect_of(self.number())
    }

    pub(crate) fn is_classic(self) -> bool {
        self.dialect() == Dialect::Classic
    }

    /// The Node it runs under.
    pub(crate) fn node(self) -> PathBuf {
        node::node(self.number())
    }

    /// Whether the package and its Node are there.
    pub(crate) fn is_installed(self) -> bool {
        node::is_installed(self.number())
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.number())
    }
}

/// A transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Unix,
    Tcp,
    Udp4,
    Udp6,
}

impl Wire {
    /// Whether this machine has it: not every one has IPv6.
    pub(crate) fn is_there(self) -> bool {
        self != Self::Udp6 || std::net::UdpSocket::bind("[::1]:0").is_ok()
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unix => "unix",
            Self::Tcp => "tcp",
            Self::Udp4 => "udp4",
            Self::Udp6 => "udp6",
        })
    }
}

/// One test's surroundings.
pub(crate) struct Scene<H> {
    pub(crate) host: H,
    pub(crate) version: Version,
    pub(crate) wire: Wire,
    pub(crate) dir: TempDir,
    /// Whether processes are told a folder for sockets; node-ipc 14 puts them beside temporary files otherwise.
    pub(crate) runtime_dir: bool,
}

impl<H: Host> Scene<H> {
    pub(crate) fn new(host: H, version: Version, wire: Wire) -> Self {
        let dir = TempDir::new().expect("a temporary folder can be made");
        Self { host, version, wire, dir, runtime_dir: true }
    }

    /// A process on this scene's runtime.
    pub(crate) fn ipc(&self, config: Config) -> Ipc<H> {
        Ipc::with_runtime(config, self.host.clone())
    }

    /// Speaks the peer's dialect, and comes back quickly.
    pub(crate) fn config(&self) -> Config {
        Config::default()
            .id("rust")
            .dialect(self.version.dialect())
            .retry(ipc_proto::Retry::every(Duration::from_millis(50)))
    }

    /// The text that the peer's generation writes, of two.
    pub(crate) fn text<'a>(&self, classic: &'a str, modern: &'a str) -> &'a str {
        if self.version.is_classic() { classic } else { modern }
    }

    /// Where a server of this scene listens, before it does.
    pub(crate) fn endpoint(&self) -> Endpoint {
        match self.wire {
            // A pipe's name has no drive and no backslash.
            Wire::Unix if cfg!(windows) => {
                Endpoint::Path(self.dir.path().join("socket").to_string_lossy().replace([':', '\\'], "/"))
            }
            Wire::Unix => Endpoint::Path(self.dir.path().join("socket").to_string_lossy().into_owned()),
            Wire::Tcp => Endpoint::Tcp { host: "127.0.0.1".into(), port: 0 },
            Wire::Udp4 => Endpoint::Udp4 { host: "127.0.0.1".into(), port: 0 },
            Wire::Udp6 => Endpoint::Udp6 { host: "::1".into(), port: 0 },
        }
    }

    /// A Node server, and where it listens.
    pub(crate) async fn node_server(&self, more: &[&str]) -> (Peer, Endpoint) {
        self.node_server_at(&self.endpoint(), more).await
    }

    pub(crate) async fn node_server_at(&self, endpoint: &Endpoint, more: &[&str]) -> (Peer, Endpoint) {
        let mut peer = Peer::node(self, "server", Some(endpoint), more);
        let endpoint = peer.started().await;
        (peer, endpoint)
    }

    /// A Node client, on its way to `server`.
    pub(crate) fn node_client(&self, server: &Server<H>, more: &[&str]) -> Peer {
        Peer::node(self, "client", server.endpoints().first(), more)
    }

    pub(crate) async fn rust_server(&self, config: Config) -> Server<H> {
        let served = self.ipc(config).serve_endpoints(vec![self.endpoint()]).await;
        served.expect("a server can listen in a folder of its own, or at any port")
    }

    /// A client that is connected, its first event taken.
    pub(crate) async fn rust_client(&self, config: Config, to: &Endpoint) -> Client<H> {
        let mut client = self.ipc(config).connect_to_endpoint("node", to.clone()).expect("the config is good");
        let event = within("a connection", client.next()).await;
        assert!(matches!(event, Some(Event::Connected)), "{event:?}");
        client
    }
}

/// Waits, but not for ever.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {DEADLINE:?} for {what}"),
    }
}

/// Messages and other events, whoever gives them.
pub(crate) trait Events {
    /// The next event but Connected and Writable.
    async fn event(&mut self) -> Event;

    /// The next event, which is a message.
    async fn message(&mut self) -> Message {
        match self.event().await {
            Event::Message(message) => message,
            other => panic!("a message was due, and {other:?} came"),
        }
    }

    /// The next event, which is a message, as its name and its data's text.
    async fn texts(&mut self) -> (String, Option<String>) {
        let message = self.message().await;
        (message.name().to_owned(), message.data().map(|data| data.as_str().to_owned()))
    }
}

fn is_plain(event: &Event) -> bool {
    !matches!(event, Event::Connected | Event::Writable)
}

impl<H: Host> Events for Client<H> {
    async fn event(&mut self) -> Event {
        loop {
            let event = within("a client's event", self.next()).await.expect("the client goes on");
            if is_plain(&event) {
                return event;
            }
        }
    }
}

impl<H: Host> Events for Server<H> {
    async fn event(&mut self) -> Event {
        loop {
            let (_, event) = within("a server's event", self.next()).await.expect("the server goes on");
            if is_plain(&event) {
                return event;
            }
        }
    }
}

/// The next peer of a server.
pub(crate) async fn accepted<H: Host>(server: &mut Server<H>) -> PeerId {
    let (peer, event) = within("a peer", server.next()).await.expect("the server goes on");
    assert!(matches!(event, Event::Connected), "{event:?}");
    peer
}
