//! What becomes of messages when a peer does not read, and what a peer may cost the others.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::{ops::Range, time::Duration};

use ipc_tokio::{Client, Config, EmitError, Endpoint, Event, Frame, Ipc, Overflow, PeerId, Retry, Server, SlowPeer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
    time::timeout,
};

/// Long enough for the slowest machine; a test that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// The data of a big message; more of them than [`MANY`] fit neither into a socket nor into [`CAP`].
const BIG: usize = 16 << 10;
const CAP: usize = 1 << 20;

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("nothing came")
}

fn place() -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.sock").to_str().unwrap().to_owned();
    (dir, path)
}

fn config() -> Config {
    Config::default().retry(Retry::every(Duration::from_millis(20))).max_pending_bytes(CAP)
}

fn client(path: &str) -> Client {
    Ipc::new(config()).connect_to_path("s", path).unwrap()
}

fn big(n: usize) -> Frame {
    Frame::encode("n", &(n, "x".repeat(BIG))).unwrap()
}

/// The number in the text of a message that [`big`] made.
fn number(text: &[u8]) -> usize {
    let digits = text.strip_prefix(b"{\"type\":\"n\",\"data\":[").expect("a numbered message");
    let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap();
    std::str::from_utf8(&digits[..end]).unwrap().parse().unwrap()
}

/// The numbers of the whole frames that come until the end.
async fn read_to_end(mut stream: UnixStream) -> Vec<usize> {
    let mut bytes = Vec::new();
    // A reset ends it as well.
    let _ = soon(stream.read_to_end(&mut bytes)).await;
    let whole = bytes.iter().rposition(|byte| *byte == b'\x0c').map_or(0, |end| end + 1);
    bytes[..whole].split_terminator_frames().map(number).collect()
}

trait Frames {
    fn split_terminator_frames(&self) -> impl Iterator<Item = &[u8]>;
}

impl Frames for [u8] {
    fn split_terminator_frames(&self) -> impl Iterator<Item = &[u8]> {
        self.split(|byte| *byte == b'\x0c').filter(|frame| !frame.is_empty())
    }
}

async fn connected(server: &mut Server) -> PeerId {
    match soon(server.next()).await {
        Some((peer, Event::Connected)) => peer,
        event => panic!("{event:?}"),
    }
}

/// Posts big messages until there is no room; returns how many were taken.
fn fill(server: &Server, peer: PeerId) -> usize {
    let sender = server.sender(peer).unwrap();
    let full = (0..).position(|n| match sender.try_send(big(n)) {
        Ok(_) => false,
        Err(EmitError::Full(_)) => true,
        Err(error) => panic!("{error}"),
    });
    full.unwrap()
}

fn numbers(frames: &[Frame]) -> Vec<usize> {
    frames.iter().map(|frame| number(frame.as_bytes())).collect()
}

/// A reader and one that does not read; broadcasts until `enough`, each awaited by the reader.
async fn broadcast_past_the_slow(policy: SlowPeer, drops: u64) -> (Server, PeerId, UnixStream, usize, Client) {
    let (_dir, path) = place();
    let mut server = Ipc::new(config().slow_peer(policy)).serve_at(path.clone()).await.unwrap();
    let slow = UnixStream::connect(&path).await.unwrap();
    let slow_peer = connected(&mut server).await;
    let mut reader = client(&path);
    connected(&mut server).await;
    let mut sent = 0;
    while server.stats().dropped < drops {
        server.broadcast_frame(&big(sent)).unwrap();
        loop {
            match soon(reader.next()).await.unwrap() {
                Event::Message(message) => break assert_eq!(number(message.to_frame().as_bytes()), sent),
                Event::Connected => {}
                event => panic!("{event:?}"),
            }
        }
        sent += 1;
    }
    (server, slow_peer, slow, sent, reader)
}

#[tokio::test]
async fn a_slow_peer_misses_the_newest() {
    let (server, _, slow, sent, _reader) = broadcast_past_the_slow(SlowPeer::DropNewest, 5).await;
    let ((), got) = tokio::join!(soon(server.stop()), read_to_end(slow));
    assert_eq!(got, Vec::from_iter(0..sent - 5));
}

#[tokio::test]
async fn a_slow_peer_misses_the_oldest() {
    let (server, _, slow, sent, _reader) = broadcast_past_the_slow(SlowPeer::DropOldest, 5).await;
    assert_eq!(server.stats().dropped, 5);
    let ((), got) = tokio::join!(soon(server.stop()), read_to_end(slow));
    let gap = (1..got.len()).find(|at| got[at - 1] + 1 != got[*at]).expect("something was dropped");
    let after = Vec::from_iter(sent - (got.len() - gap)..sent);
    assert_eq!(got, [Vec::from_iter(0..gap), after].concat(), "a start that had left, and the newest");
    assert_eq!(got.len(), sent - 5);
}

#[tokio::test]
async fn a_slow_peer_is_disconnected_and_its_messages_come_back() {
    let (mut server, slow_peer, slow, sent, _reader) = broadcast_past_the_slow(SlowPeer::Disconnect, 1).await;
    let mut lost = Vec::new();
    let mut code = None;
    loop {
        match soon(server.next()).await.unwrap() {
            (peer, Event::Undelivered(undelivered)) if peer == slow_peer => lost.push(undelivered.frame),
            (peer, Event::Error(error)) if peer == slow_peer => code = Some(error.code().to_owned()),
            (peer, Event::Disconnected { .. }) => break assert_eq!(peer, slow_peer),
            event => panic!("{event:?}"),
        }
    }
    assert_eq!(code.as_deref(), Some("ERR_IPC_BACKPRESSURE"));
    let got = read_to_end(slow).await;
    // The last broadcast was never queued for it, which the counter says.
    assert_eq!([got, numbers(&lost)].concat(), Vec::from_iter(0..sent - 1));
    assert_eq!(server.stats().dropped, 1);
    assert_eq!(server.broadcast("still", "there").await.unwrap(), 1);
}

#[tokio::test]
async fn what_waits_for_a_peer_that_closes_comes_back() {
    let (_dir, path) = place();
    let mut server = Ipc::new(config()).serve_at(path.clone()).await.unwrap();
    let stream = UnixStream::connect(&path).await.unwrap();
    let peer = connected(&mut server).await;
    let sent = fill(&server, peer);
    drop(stream);
    let mut lost = Vec::new();
    loop {
        match soon(server.next()).await.unwrap() {
            (_, Event::Undelivered(undelivered)) => lost.push(undelivered.frame),
            (_, Event::Disconnected { .. }) => break,
            (_, event) => assert!(matches!(event, Event::Error(_)), "{event:?}"),
        }
    }
    let first = sent - lost.len();
    assert!(!lost.is_empty());
    assert_eq!(numbers(&lost), Vec::from_iter(first..sent), "all from the first that had not left");
}

#[tokio::test]
async fn a_clients_overflow_policy_leaves_a_servers_peers_bounded() {
    let (_dir, path) = place();
    let mut server = Ipc::new(config().overflow(Overflow::DropOldest)).serve_at(path.clone()).await.unwrap();
    let _deaf = UnixStream::connect(&path).await.unwrap();
    let peer = connected(&mut server).await;
    let sender = server.sender(peer).unwrap();
    for n in 0..4 * CAP / BIG {
        let _ = sender.try_send(big(n));
        tokio::task::yield_now().await;
        assert!(sender.pending_bytes() <= CAP, "{}", sender.pending_bytes());
    }
}

#[tokio::test]
async fn a_server_that_stops_waits_for_a_late_reader() {
    let (_dir, path) = place();
    let mut server = Ipc::new(config()).serve_at(path.clone()).await.unwrap();
    let stream = UnixStream::connect(&path).await.unwrap();
    let peer = connected(&mut server).await;
    let sent = fill(&server, peer);
    let late = async {
        while std::fs::exists(&path).unwrap() {
            tokio::task::yield_now().await;
        }
        assert!(UnixStream::connect(&path).await.is_err());
        read_to_end(stream).await
    };
    let ((), got) = tokio::join!(soon(server.stop()), soon(late));
    assert_eq!(got, Vec::from_iter(0..sent));
    while let Some((_, event)) = soon(server.next()).await {
        assert!(matches!(event, Event::Disconnected { .. } | Event::Writable), "{event:?}");
    }
}

/// What a client posts to a server that takes it and never reads; `CAP` keeps it from being too much.
async fn post_to_the_deaf(client: &Client) -> Range<usize> {
    let full = (0..).position(|n| client.try_send(big(n)).is_err());
    0..full.unwrap()
}

#[tokio::test]
async fn a_close_that_takes_too_long_gives_back_what_is_left() {
    let (_dir, path) = place();
    let deaf = UnixListener::bind(&path).unwrap();
    let short = config().drain_timeout(Duration::from_millis(50));
    let mut client = Ipc::new(short).connect_to_path("s", path).unwrap();
    let (_stream, _) = soon(deaf.accept()).await.unwrap();
    soon(client.ready()).await.unwrap();
    let posted = post_to_the_deaf(&client).await;
    let left = soon(client.close()).await;
    assert!(!left.is_empty());
    assert_eq!(numbers(&left), Vec::from_iter(posted.end - left.len()..posted.end));
}

#[tokio::test]
async fn a_connections_close_gives_back_what_is_left_too() {
    let (_dir, path) = place();
    let short = config().drain_timeout(Duration::from_millis(50));
    let mut listener = Ipc::new(short).listen(Endpoint::Path(path.clone())).await.unwrap();
    let _deaf = UnixStream::connect(&path).await.unwrap();
    let mut conn = soon(listener.accept()).await.unwrap();
    let sent = (0..).position(|n| conn.try_send(big(n)).is_err()).unwrap();
    let left = soon(conn.close()).await;
    assert!(!left.is_empty());
    assert_eq!(numbers(&left), Vec::from_iter(sent - left.len()..sent));
}

#[tokio::test]
async fn a_client_that_was_never_connected_gives_back_everything() {
    let (_dir, path) = place();
    let short = config().drain_timeout(Duration::from_millis(50));
    let mut client = Ipc::new(short).connect_to_path("s", path).unwrap();
    let posted = post_to_the_deaf(&client).await;
    assert_eq!(numbers(&soon(client.close()).await), Vec::from_iter(posted));
}

/// Sends a message and waits for the server's loop to send it back.
async fn ping(client: &mut Client, n: usize) {
    soon(client.emit("ping", &n)).await.unwrap();
    loop {
        match soon(client.next()).await.unwrap() {
            Event::Message(message) => break assert_eq!(message.decode::<usize>().unwrap(), n),
            Event::Connected => {}
            event => panic!("{event:?}"),
        }
    }
}

/// Echoes, and notes each peer's lifecycle and errors.
#[derive(Default)]
struct Seen {
    connected: usize,
    disconnected: usize,
    codes: Vec<String>,
    done: Vec<PeerId>,
}

impl Seen {
    async fn take(&mut self, server: &Server, peer: PeerId, event: Event) {
        match event {
            Event::Connected => self.connected += 1,
            Event::Disconnected { .. } => self.disconnected += 1,
            Event::Error(error) => self.codes.push(error.code().to_owned()),
            Event::Message(message) if message.name() == "ping" => {
                server.send(peer, message.to_frame()).await.unwrap();
            }
            Event::Message(message) if message.name() == "done" => self.done.push(peer),
            _ => {}
        }
    }

    /// Serves until `work` is over.
    async fn during<T>(&mut self, server: &mut Server, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                value = &mut work => return value,
                Some((peer, event)) = server.next() => self.take(server, peer, event).await,
            }
        }
    }
}

#[tokio::test]
async fn the_peer_that_holds_most_goes_and_no_other_notices() {
    const BUDGET: usize = 4 << 20;
    let (_dir, path) = place();
    let mut config = config();
    config.limits.memory_budget = BUDGET;
    let mut server = Ipc::new(config).serve_at(path.clone()).await.unwrap();
    let (mut friend, mut modest) = (client(&path), UnixStream::connect(&path).await.unwrap());
    let mut hog = UnixStream::connect(&path).await.unwrap();
    let mut seen = Seen::default();

    let start = format!("{{\"type\":\"done\",\"data\":\"{}", "y".repeat(CAP));
    let hogging = async {
        soon(modest.write_all(start.as_bytes())).await.unwrap();
        let mut written = 0;
        while hog.write_all(&[b'z'; BIG]).await.is_ok() {
            written += BIG;
            if written % CAP == 0 {
                ping(&mut friend, written).await;
            }
        }
        ping(&mut friend, 1).await;
        soon(modest.write_all(b"\"}\x0c")).await.unwrap();
        written
    };
    let written = soon(seen.during(&mut server, hogging)).await;
    assert!((BUDGET - 2 * CAP..=2 * BUDGET).contains(&written), "{written}");
    while seen.done.is_empty() || seen.disconnected == 0 {
        let (peer, event) = soon(server.next()).await.unwrap();
        seen.take(&server, peer, event).await;
    }
    assert_eq!((seen.connected, seen.disconnected, seen.done.len()), (3, 1, 1));
    assert_eq!(seen.codes, ["ERR_IPC_BACKPRESSURE"]);
    assert_eq!((server.stats().evicted, server.stats().peers), (1, 2));
    assert!(server.stats().held_bytes <= BUDGET);
}

/// A sequence of bytes that looks like none, but is always the same.
fn garbage(seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    // Every other one has no delimiter: a frame that never ends.
    let endless = seed % 2 == 0;
    std::iter::repeat_with(next).flatten().filter(|byte| !endless || *byte != b'\x0c').take(4096).collect()
}

#[tokio::test]
async fn garbage_from_many_costs_no_more_than_the_limits() {
    const ROUNDS: usize = 20;
    const AT_ONCE: usize = 20;
    const ROOM: usize = 10;
    let (_dir, path) = place();
    let mut server = Ipc::new(config().max_connections(ROOM)).serve_at(path.clone()).await.unwrap();
    let mut friend = client(&path);
    let mut seen = Seen::default();
    seen.during(&mut server, ping(&mut friend, 0)).await;

    for round in 1..=ROUNDS {
        let mut crowd = Vec::new();
        for n in 0..AT_ONCE {
            let mut stream = soon(UnixStream::connect(&path)).await.unwrap();
            // One that is refused may be closed already.
            let _ = stream.write_all(&garbage((round * AT_ONCE + n) as u64)).await;
            crowd.push(stream);
        }
        seen.during(&mut server, ping(&mut friend, round)).await;
        let stats = server.stats();
        assert!(stats.peers <= ROOM && stats.held_bytes <= ROOM * CAP, "{stats:?}");
    }
    // The friend is one of them, and stays.
    while server.stats().peers > 1 || seen.connected > seen.disconnected + 1 {
        let (peer, event) = soon(server.next()).await.unwrap();
        seen.take(&server, peer, event).await;
    }
    let stats = server.stats();
    assert_eq!(seen.connected as u64 + stats.refused, (ROUNDS * AT_ONCE + 1) as u64);
    assert!(stats.refused > 0 && !seen.codes.is_empty(), "{stats:?}");
    assert!(stats.held_bytes < BIG, "{stats:?}");
    seen.during(&mut server, ping(&mut friend, 0)).await;
}
