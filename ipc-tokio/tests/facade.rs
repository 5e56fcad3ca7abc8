//! The facade over real sockets: the shape of the API, and what it promises.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use ipc_tokio::{
    Config, Endpoint, Error, Event, Frame, Ipc, Outcome, Overflow, PeerId, Profile, Reason, Retry, Router, Server,
};
use tokio::time::timeout;

/// Long enough for the slowest machine; a test that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a path is called in errors.
const PATH: &str = if cfg!(windows) { "pipe name" } else { "path" };

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> String {
        let path = self.dir.path().join(name).to_str().unwrap().to_owned();
        // A pipe's name has no drive and no backslash.
        if cfg!(windows) { path.replace([':', '\\'], "/") } else { path }
    }

    /// A config whose sockets are all in this folder.
    fn config(&self) -> Config {
        Config::default().id("world").socket_root(self.path("root/")).retry(Retry::every(Duration::from_millis(20)))
    }
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("nothing came")
}

async fn next_message(server: &mut Server) -> (PeerId, String, String) {
    loop {
        let (peer, event) = soon(server.next()).await.expect("the server is over");
        if let Event::Message(message) = event {
            let data = message.data().map(|data| data.as_str().to_owned());
            return (peer, message.name().to_owned(), data.unwrap_or_default());
        }
    }
}

async fn next_data<S>(stream: &mut S) -> String
where
    S: futures_util::Stream<Item = Event> + Unpin,
{
    loop {
        match soon(stream.next()).await.expect("the client is over") {
            Event::Message(message) => return message.data().map_or_else(String::new, |data| data.as_str().to_owned()),
            event => drop(event),
        }
    }
}

#[tokio::test]
async fn hello_world_by_id_path_and_port() {
    let place = Place::new();
    let ipc = Ipc::new(place.config());
    let mut by_id = ipc.serve().await.unwrap();
    let mut by_path = ipc.serve_at(place.path("s.sock")).await.unwrap();
    let mut by_port = ipc.serve_net("127.0.0.1:0").await.unwrap();
    let Endpoint::Tcp { port, .. } = by_port.endpoints()[0] else { panic!("no port") };

    let clients = [
        (ipc.connect_to("world").unwrap(), &mut by_id),
        (ipc.connect_to_path("path", place.path("s.sock")).unwrap(), &mut by_path),
        (ipc.connect_to_net("net", &format!("127.0.0.1:{port}")).unwrap(), &mut by_port),
    ];
    for (mut client, server) in clients {
        soon(client.ready()).await.unwrap();
        soon(client.emit("message", "hello")).await.unwrap();
        let (peer, name, data) = next_message(server).await;
        assert_eq!((name.as_str(), data.as_str()), ("message", "\"hello\""));
        soon(server.emit(peer, "message", "world")).await.unwrap();
        assert_eq!(next_data(&mut client).await, "\"world\"");
        assert!(soon(client.close()).await.is_empty());
        soon(server.stop()).await;
    }
}

#[tokio::test]
async fn what_is_emitted_before_the_server_is_there_arrives_in_order() {
    let place = Place::new();
    let ipc = Ipc::new(place.config());
    let mut client = ipc.connect_to("world").unwrap();
    for n in 0..100 {
        soon(client.emit("n", &n)).await.unwrap();
    }
    let failed = soon(client.next()).await;
    assert!(matches!(&failed, Some(Event::Error(error)) if error.code() == "ENOENT"), "{failed:?}");
    let mut server = ipc.serve().await.unwrap();
    for n in 0..100 {
        assert_eq!(next_message(&mut server).await.2, n.to_string());
    }
}

#[tokio::test]
async fn a_restarted_server_is_found_again() {
    let place = Place::new();
    let ipc = Ipc::new(place.config());
    let mut client = ipc.connect_to("world").unwrap();
    for round in 0..3 {
        let mut server = ipc.serve().await.unwrap();
        soon(client.emit("round", &round)).await.unwrap();
        assert_eq!(next_message(&mut server).await.2, round.to_string());
        soon(server.stop()).await;
    }
    client.disconnect();
    let mut connects = 0;
    let mut last = Vec::new();
    while let Some(event) = soon(client.next()).await {
        connects += usize::from(matches!(event, Event::Connected));
        last.push(event);
    }
    assert_eq!(connects, 3);
    assert!(matches!(last[last.len() - 2..], [Event::Disconnected { retry_in: None, .. }, Event::Destroyed]));
    assert!(client.is_closed() && client.emit("late", &0).await.is_err());
}

#[tokio::test]
async fn broadcasts_reach_everybody_and_emits_only_one() {
    let place = Place::new();
    let ipc = Ipc::new(place.config());
    let mut server = ipc.serve().await.unwrap();
    let mut clients = Vec::new();
    for n in 0..3 {
        let client = Ipc::new(place.config()).connect_to("world").unwrap();
        soon(client.emit("join", &n)).await.unwrap();
        next_message(&mut server).await;
        clients.push(client);
    }
    let peers = server.peers();
    assert_eq!(peers.iter().map(|peer| peer.get()).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(server.broadcast("all", "everybody").await.unwrap(), 3);
    server.emit(peers[1], "one", "second").await.unwrap();
    assert_eq!(server.broadcast("all", "again").await.unwrap(), 3);
    for (n, client) in clients.iter_mut().enumerate() {
        assert_eq!(next_data(client).await, "\"everybody\"");
        if n == 1 {
            assert_eq!(next_data(client).await, "\"second\"");
        }
        assert_eq!(next_data(client).await, "\"again\"");
    }
}

#[tokio::test]
async fn the_accept_level_needs_no_tasks() {
    let place = Place::new();
    let ipc = Ipc::new(place.config());
    let mut listener = ipc.listen(Endpoint::Path(place.path("s.sock"))).await.unwrap();
    let mut client = ipc.connect_to_path("s", place.path("s.sock")).unwrap();
    soon(client.emit("ping", &[1, 2])).await.unwrap();
    let mut conn = soon(listener.accept()).await.unwrap();
    assert!(matches!(soon(conn.next()).await, Some(Event::Connected)));
    let Some(Event::Message(message)) = soon(conn.next()).await else { panic!("no message") };
    conn.relay(&message).unwrap();
    soon(SinkExt::flush(&mut conn)).await.unwrap();
    assert_eq!(next_data(&mut client).await, "[1,2]");
    assert!(soon(conn.close()).await.is_empty());
    assert!(matches!(soon(client.next()).await, Some(Event::Disconnected { reason: Reason::Peer, .. })));
}

#[tokio::test]
async fn routed_messages_are_answered_in_the_connections_task() {
    let place = Place::new();
    let ipc = Ipc::new(place.config());
    let router = Router::new().on("add", |cx, n: u32| {
        *cx.state += n;
        let sum = *cx.state;
        let _ = cx.emit("sum", &sum);
    });
    let endpoint = Endpoint::Path(place.path("s.sock"));
    let mut server = ipc.serve_routed(vec![endpoint], router, |_| 0_u32).await.unwrap();
    let mut client = ipc.connect_to_path("s", place.path("s.sock")).unwrap();
    for n in [1, 2, 3] {
        soon(client.emit("add", &n)).await.unwrap();
    }
    soon(client.emit("other", "unmatched")).await.unwrap();
    for sum in ["1", "3", "6"] {
        assert_eq!(next_data(&mut client).await, sum);
    }
    assert_eq!(next_message(&mut server).await.1, "other");
}

#[tokio::test]
async fn deliveries_say_what_became_of_a_message() {
    let place = Place::new();
    let ipc = Ipc::new(place.config());
    let mut server = ipc.serve().await.unwrap();
    let client = ipc.connect_to("world").unwrap();
    let delivery = soon(client.emit_tracked("a", &1)).await.unwrap();
    assert_eq!(soon(delivery).await, Outcome::Flushed);
    next_message(&mut server).await;

    let mut lonely = ipc.connect_to("nobody").unwrap();
    let delivery = soon(lonely.emit_tracked("b", &2)).await.unwrap();
    lonely.disconnect();
    assert_eq!(soon(delivery).await, Outcome::Undelivered);
    let mut seen = Vec::new();
    while let Some(event) = soon(lonely.next()).await {
        seen.push(event);
    }
    assert!(seen.iter().any(|event| matches!(event, Event::Undelivered(lost) if !lost.maybe_sent)), "{seen:?}");
}

#[tokio::test]
async fn of_knows_the_connected_and_forgets_the_disconnected() {
    let place = Place::new();
    let ipc = Ipc::new(place.config());
    let mut server = ipc.serve().await.unwrap();
    assert!(ipc.of("world").is_none());
    let client = ipc.connect_to("world").unwrap();
    assert!(matches!(ipc.connect_to("world"), Err(Error::Config(error)) if error.option() == "id"));
    soon(ipc.of("world").unwrap().emit("by", "of")).await.unwrap();
    assert_eq!(next_message(&mut server).await.1, "by");
    ipc.disconnect("nobody");
    ipc.disconnect("world");
    assert!(ipc.of("world").is_none());
    let again = ipc.connect_to("world").unwrap();
    soon(again.emit("again", &())).await.unwrap();
    assert_eq!(next_message(&mut server).await.1, "again");
    drop((client, again));
    assert!(ipc.of("world").is_none());
}

#[tokio::test]
async fn surplus_connections_are_closed_at_once() {
    let place = Place::new();
    let ipc = Ipc::new(place.config().max_connections(1));
    let mut server = ipc.serve().await.unwrap();
    let first = ipc.connect_to("world").unwrap();
    soon(first.emit("in", &())).await.unwrap();
    next_message(&mut server).await;
    let mut second = Ipc::new(place.config().retry(Retry::never())).connect_to("world").unwrap();
    assert!(matches!(soon(second.next()).await, Some(Event::Connected)));
    let gone = soon(second.next()).await;
    assert!(matches!(gone, Some(Event::Disconnected { .. } | Event::Error(_))), "{gone:?}");
    assert_eq!((server.stats().peers, server.stats().refused), (1, 1));
}

// On Windows tests/pipes.rs has it, as far as the system lets it be tested.
#[cfg(unix)]
#[tokio::test]
async fn both_generations_of_paths() {
    let place = Place::new();
    let modern = Ipc::new(Config::default().id("world").socket_root(place.path("modern/")));
    let _server = modern.serve().await.unwrap();
    assert_eq!(modern.config().dialect, ipc_tokio::Dialect::Modern);
    let held = modern.serve().await;
    assert!(matches!(&held, Err(Error::Bind(error)) if error.code() == "EADDRINUSE"), "{held:?}");
}

#[tokio::test]
async fn bad_options_are_errors_at_once() {
    let place = Place::new();
    let cases = [
        (Ipc::new(place.config().delimiter("")).connect_to("a").err(), "delimiter"),
        (Ipc::new(place.config()).connect_to("a/b").err(), "id"),
        (Ipc::new(place.config()).connect_to("").err(), "id"),
        (Ipc::new(place.config()).connect_to_path("a", "x".repeat(300)).err(), PATH),
        (Ipc::new(place.config().max_connections(0)).serve().await.err(), "max_connections"),
    ];
    for (error, option) in cases {
        let Some(Error::Config(error)) = error else { panic!("{option}: {error:?}") };
        assert_eq!(error.option(), option);
    }
}

#[tokio::test]
async fn a_client_is_a_sink_and_a_stream() {
    let place = Place::new();
    let ipc = Ipc::new(place.config());
    let mut server = ipc.serve().await.unwrap();
    let mut client = ipc.connect_to("world").unwrap();
    let frames = (0..5).map(|n| Ok(Frame::encode("n", &n).unwrap()));
    soon(client.send_all(&mut futures_util::stream::iter(frames))).await.unwrap();
    for n in 0..5 {
        let (peer, _, data) = next_message(&mut server).await;
        assert_eq!(data, n.to_string());
        server.send(peer, Frame::encode("n", &n).unwrap()).await.unwrap();
        assert_eq!(next_data(&mut client).await, n.to_string());
    }
}

#[test]
fn without_a_runtime_it_is_an_error_and_no_panic() {
    let ipc = Ipc::new(Config::default());
    assert!(matches!(ipc.connect_to("world"), Err(Error::Config(error)) if error.option() == "runtime"));
}

#[tokio::test]
async fn the_oldest_make_room_where_that_is_wanted() {
    let place = Place::new();
    let config = place.config().max_pending_bytes(100).overflow(Overflow::DropOldest);
    let mut client = Ipc::new(config).connect_to("world").unwrap();
    for n in 0..10 {
        soon(client.emit("n", &n)).await.unwrap();
        // The client's task has its turn, so that it is the machine that makes room.
        tokio::task::yield_now().await;
    }
    let mut server = Ipc::new(place.config()).serve().await.unwrap();
    let mut arrived = vec![next_message(&mut server).await.2];
    while arrived.last().unwrap() != "9" {
        arrived.push(next_message(&mut server).await.2);
    }
    client.disconnect();
    let mut lost = Vec::new();
    while let Some(event) = soon(client.next()).await {
        if let Event::Undelivered(undelivered) = event {
            lost.push(undelivered.frame.message().unwrap().decode::<u32>().unwrap());
        }
    }
    let arrived: Vec<u32> = arrived.iter().map(|n| n.parse().unwrap()).collect();
    assert_eq!([lost, arrived].concat(), (0..10).collect::<Vec<_>>(), "each once, the oldest lost");
}

#[tokio::test]
async fn a_guarded_client_that_is_not_connected_survives_a_full_queue() {
    let place = Place::new();
    let guarded = place.config().profile(Profile::Guarded).max_pending_bytes(100);
    let client = Ipc::new(guarded).connect_to("world").unwrap();
    let mut taken = 0;
    while soon(client.emit("n", &taken)).await.is_ok() {
        taken += 1;
    }
    let mut server = Ipc::new(place.config()).serve().await.unwrap();
    for n in 0..taken {
        assert_eq!(next_message(&mut server).await.2, n.to_string());
    }
}
