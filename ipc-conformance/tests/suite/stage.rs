//! What a scenario starts from: a runtime, a transport, a folder of its own.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
    task::{Poll, Waker},
    thread,
    time::Duration,
};

use futures_util::{Stream, StreamExt as _};
use ipc_conformance::host::Host;
use ipc_proto::{
    Config, Event, Message, PeerId, Retry, Router,
    endpoint::Endpoint,
    facade::{Client, Ipc, Listener, Server},
};
use tempfile::TempDir;

use crate::{raw::Raw, tls, wire::Wire};

/// One scenario's surroundings.
pub(crate) struct Stage<H> {
    pub(crate) host: H,
    pub(crate) wire: Wire,
    pub(crate) dir: TempDir,
    /// An address that no other scenario uses: a port that is given up is free until it is taken again.
    pub(crate) host_name: String,
    /// How many endpoints of their own there are.
    count: AtomicU16,
}

impl<H: Host> Stage<H> {
    pub(crate) fn new(host: H, wire: Wire) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder can be made");
        Self { host, wire, dir, host_name: own_loopback(), count: AtomicU16::new(0) }
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().expect("the name is text").to_owned()
    }

    /// A name that no other scenario has.
    fn own_name(&self) -> String {
        self.dir.path().file_name().and_then(|name| name.to_str()).expect("the name is text").to_owned()
    }

    /// Comes back quickly; over TLS, both sides show certificates.
    pub(crate) fn config(&self) -> Config {
        // On Windows the root is a part of a pipe's name.
        let root = if cfg!(windows) { format!("/{}/", self.own_name()) } else { self.path("sockets/") };
        let config = Config::default().id("world").socket_root(root).retry(Retry::every(Duration::from_millis(10)));
        if self.wire == Wire::Tls { config.tls(tls::member()) } else { config }
    }

    /// A process of these settings.
    pub(crate) fn ipc(&self, config: Config) -> Ipc<H> {
        Ipc::with_runtime(config, self.host.clone())
    }

    /// Where a server of this scenario listens, before it does.
    pub(crate) fn endpoint(&self) -> Endpoint {
        match self.wire {
            Wire::Unix => Endpoint::Path(self.path("s.sock")),
            Wire::Pipe => Endpoint::Pipe(self.own_name()),
            Wire::Tcp => Endpoint::Tcp { host: self.host_name.clone(), port: 0 },
            Wire::Tls => Endpoint::Tls { host: self.host_name.clone(), port: 0 },
            Wire::Udp4 => Endpoint::Udp4 { host: self.host_name.clone(), port: 0 },
            Wire::Udp6 => Endpoint::Udp6 { host: "::1".into(), port: 0 },
        }
    }

    /// As [`endpoint`](Self::endpoint), and no other one of this scenario.
    pub(crate) fn endpoint_of_its_own(&self) -> Endpoint {
        match self.endpoint() {
            Endpoint::Path(path) => Endpoint::Path(format!("{path}{}", self.count.fetch_add(1, Ordering::Relaxed))),
            Endpoint::Pipe(name) => Endpoint::Pipe(format!("{name}{}", self.count.fetch_add(1, Ordering::Relaxed))),
            other => other,
        }
    }

    /// Where the next server listens. Wine lets two servers have one pipe, the second while the first is going.
    fn place(&self) -> Endpoint {
        if self.wire == Wire::Pipe { self.endpoint_of_its_own() } else { self.endpoint() }
    }

    /// An endpoint at which nobody listens, and at which somebody may later.
    pub(crate) async fn free_endpoint(&self) -> Endpoint {
        self.free_endpoint_of(self.serve(self.config()).await).await
    }

    /// Where a server was that is stopped now.
    pub(crate) async fn free_endpoint_of(&self, server: Server<H>) -> Endpoint {
        server.stop().await;
        server.endpoints()[0].clone()
    }

    /// Whether nobody listens at `endpoint` any more.
    pub(crate) fn is_free(&self, endpoint: &Endpoint) -> bool {
        match endpoint {
            Endpoint::Path(path) => !std::path::Path::new(path).exists(),
            // Opening it would be a visit: all of this process's pipes are made here.
            Endpoint::Pipe(name) => !std::fs::exists(format!(r"\\.\pipe\{name}")).is_ok_and(|there| there),
            Endpoint::Tcp { host, port } | Endpoint::Tls { host, port } => {
                std::net::TcpStream::connect((host.as_str(), *port)).is_err()
            }
            other => panic!("{other} is no stream"),
        }
    }

    pub(crate) async fn serve(&self, config: Config) -> Server<H> {
        self.serve_at(config, &self.place()).await
    }

    /// A server at an endpoint that another one may just be leaving.
    pub(crate) async fn serve_at(&self, config: Config, endpoint: &Endpoint) -> Server<H> {
        loop {
            match self.ipc(config.clone()).serve_endpoints(vec![endpoint.clone()]).await {
                Ok(server) => return server,
                Err(error) if error.code() == Some("EADDRINUSE") => self.pause().await,
                Err(error) => panic!("{endpoint}: {error}"),
            }
        }
    }

    pub(crate) async fn serve_routed<S: Send + 'static>(
        &self,
        config: Config,
        router: Router<S>,
        state: impl Fn(PeerId) -> S + Send + Sync + 'static,
    ) -> Server<H> {
        let served = self.ipc(config);
        served.serve_routed(vec![self.place()], router, state).await.expect("the endpoint is free")
    }

    pub(crate) async fn listen(&self, config: Config) -> Listener<H> {
        self.ipc(config).listen(self.place()).await.expect("the endpoint is this scenario's own")
    }

    pub(crate) fn connect(&self, config: Config, server: &Server<H>) -> Client<H> {
        self.connect_at(config, &server.endpoints()[0])
    }

    pub(crate) fn connect_at(&self, config: Config, endpoint: &Endpoint) -> Client<H> {
        let client = self.ipc(config).connect_to_endpoint("world", endpoint.clone());
        client.expect("the options are good")
    }

    /// A server, its peer's number, and a client that has taken its first event.
    pub(crate) async fn pair(&self, config: Config) -> (Server<H>, PeerId, Client<H>) {
        let mut server = self.serve(config.clone()).await;
        let mut client = self.connect(config, &server);
        let first = client.next().await;
        assert!(matches!(first, Some(Event::Connected)), "{first:?}");
        let peer = accepted(&mut server).await;
        (server, peer, client)
    }

    /// A bare connection to `server`, and its number there.
    pub(crate) async fn stranger(&self, server: &mut Server<H>) -> (Raw, PeerId) {
        let raw = Raw::connect(&server.endpoints()[0]).await;
        (raw, accepted(server).await)
    }

    /// Lets the others run.
    pub(crate) async fn pause(&self) {
        self.host.sleep(Duration::from_millis(1)).await;
    }

    /// Waits for something that no event tells.
    pub(crate) async fn until(&self, mut condition: impl FnMut() -> bool) {
        while !condition() {
            self.pause().await;
        }
    }
}

/// Linux has sixteen million loopback addresses; other systems have one.
fn own_loopback() -> String {
    static COUNT: AtomicU16 = AtomicU16::new(1);
    if cfg!(not(target_os = "linux")) {
        return "127.0.0.1".to_owned();
    }
    let [high, low] = COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    format!("127.{}.{high}.{low}", std::process::id() % 250 + 1)
}

/// The next event of a server, which is a new peer.
pub(crate) async fn accepted<H: Host>(server: &mut Server<H>) -> PeerId {
    match server.next().await {
        Some((peer, Event::Connected)) => peer,
        event => panic!("{event:?}"),
    }
}

/// The next message of a server; other events are passed over.
pub(crate) async fn message<H: Host>(server: &mut Server<H>) -> (PeerId, Message) {
    loop {
        let (peer, event) = server.next().await.expect("the server is over");
        if let Event::Message(message) = event {
            return (peer, message);
        }
    }
}

/// The data of the next message; other events are passed over.
pub(crate) async fn data(stream: &mut (impl Stream<Item = Event> + Unpin)) -> String {
    loop {
        if let Event::Message(message) = stream.next().await.expect("the client is over") {
            return text(&message);
        }
    }
}

pub(crate) fn text(message: &Message) -> String {
    message.data().map_or_else(String::new, |data| data.as_str().to_owned())
}

/// Everything until the end.
pub(crate) async fn rest(stream: &mut (impl Stream<Item = Event> + Unpin)) -> Vec<Event> {
    stream.collect().await
}

/// A message there and back.
pub(crate) async fn talk<H: Host>(client: &mut Client<H>, server: &mut Server<H>) {
    client.emit("message", "hello").await.expect("the client goes on");
    let (peer, message) = message(server).await;
    assert_eq!((message.name(), text(&message).as_str()), ("message", "\"hello\""));
    server.emit(peer, "message", "world").await.expect("the peer is there");
    assert_eq!(data(client).await, "\"world\"");
}

/// What `work` gives, in a thread of its own, so that a runtime of one thread goes on.
pub(crate) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let slot = Arc::new(Mutex::new((None, None::<Waker>)));
    let given = Arc::clone(&slot);
    thread::spawn(move || {
        let result = catch_unwind(AssertUnwindSafe(work));
        let mut slot = given.lock().expect("nobody panics with it");
        slot.0 = Some(result);
        if let Some(waker) = slot.1.take() {
            waker.wake();
        }
    });
    let result = poll_fn(|cx| {
        let mut slot = slot.lock().expect("nobody panics with it");
        slot.1 = Some(cx.waker().clone());
        slot.0.take().map_or(Poll::Pending, Poll::Ready)
    });
    result.await.unwrap_or_else(|panic| resume_unwind(panic))
}
