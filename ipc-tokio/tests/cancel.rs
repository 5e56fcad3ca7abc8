//! Futures that are dropped at random points, under traffic: nothing is lost, and nothing comes twice.
//!
//! A test that fails prints its seed; `IPC_CANCEL_SEED=… cargo test --test cancel` uses it again.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::{
    convert::Infallible,
    env,
    future::poll_fn,
    hash::{BuildHasher, RandomState},
    pin::pin,
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use ipc_tokio::{
    Client, Config, Connection, EmitError, Endpoint, Event, Frame, Ipc, Outcome, PeerId, Pressure, Retry, Router,
    Server,
};
use tokio::time::timeout;

/// Long enough for the slowest machine; a test that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// Messages each way.
const MANY: usize = 400;
const ROUNDS: u64 = 5;

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("nothing came")
}

/// Where futures are dropped.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn new(round: u64) -> Self {
        let given = env::var("IPC_CANCEL_SEED").ok().map(|seed| seed.parse().expect("a number"));
        let seed = given.unwrap_or_else(|| RandomState::new().hash_one(round));
        println!("IPC_CANCEL_SEED={seed}");
        Self(seed | 1)
    }

    /// Another one, which rolls differently.
    fn split(&mut self) -> Self {
        Self(self.roll(u64::MAX) | 1)
    }

    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }

    /// Polls a future a few times, or not at all, and then drops it.
    async fn cut<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        let mut left = self.roll(6);
        let mut future = pin!(future);
        let result = poll_fn(|cx| {
            if left == 0 {
                return Poll::Ready(None);
            }
            left -= 1;
            // How often it is polled is the dice's business, whether or not it can go on.
            cx.waker().wake_by_ref();
            future.as_mut().poll(cx).map(Some)
        })
        .await;
        tokio::task::yield_now().await;
        result
    }
}

/// Makes futures and drops them until one is ready in time.
macro_rules! until_ready {
    ($dice:expr, $future:expr) => {
        soon(async {
            loop {
                if let Some(value) = $dice.cut($future).await {
                    break value;
                }
            }
        })
        .await
    };
}

fn place() -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.sock").to_str().unwrap().to_owned();
    (dir, path)
}

/// So little room that emits have to wait.
fn config() -> Config {
    Config::default().retry(Retry::every(Duration::from_millis(5))).max_pending_bytes(20 << 10)
}

/// Sizes that fit many times, once, and not at all.
fn data(n: usize) -> (usize, String) {
    (n, "x".repeat([1, 100, 8 << 10, 30 << 10][n * 7 % 4]))
}

fn frame(n: usize) -> Frame {
    Frame::encode("n", &data(n)).unwrap()
}

/// One side's account of the traffic.
#[derive(Debug, Default)]
struct Side {
    sent: usize,
    got: usize,
}

impl Side {
    fn is_done(&self) -> bool {
        self.sent == MANY && self.got == MANY
    }

    /// A dropped emit has queued nothing, so its message comes again.
    fn note_sent(&mut self, result: Option<Result<Pressure, EmitError>>) {
        match result {
            Some(Ok(_)) => self.sent += 1,
            Some(Err(EmitError::Stalled(_))) | None => {}
            Some(Err(error)) => panic!("{error}"),
        }
    }

    fn note_got(&mut self, event: Option<Event>) {
        match event.expect("it is over") {
            Event::Message(message) => {
                assert_eq!(message.decode::<(usize, String)>().unwrap(), data(self.got));
                self.got += 1;
            }
            Event::Connected | Event::Writable => {}
            event => panic!("{event:?}"),
        }
    }
}

async fn run_client(client: &mut Client, mut dice: Dice) {
    let mut side = Side::default();
    while !side.is_done() {
        if side.sent < MANY {
            let n = side.sent;
            let by_frame = dice.roll(2) == 0;
            let result = if by_frame {
                dice.cut(client.send(frame(n))).await
            } else {
                dice.cut(client.emit("n", &data(n))).await
            };
            side.note_sent(result);
        }
        if let Some(event) = dice.cut(client.next()).await {
            side.note_got(event);
        }
    }
}

async fn run_server(server: &mut Server, peer: PeerId, mut dice: Dice) {
    let mut side = Side::default();
    while !side.is_done() {
        if side.sent < MANY {
            let n = side.sent;
            let by_frame = dice.roll(2) == 0;
            let result = if by_frame {
                dice.cut(server.send(peer, frame(n))).await
            } else {
                dice.cut(server.emit(peer, "n", &data(n))).await
            };
            side.note_sent(result);
        }
        if let Some(event) = dice.cut(server.next()).await {
            side.note_got(event.map(|(_, event)| event));
        }
    }
}

async fn run_connection(conn: &mut Connection, mut dice: Dice) {
    let mut side = Side::default();
    while !side.is_done() {
        if side.sent < MANY {
            let n = side.sent;
            let by_frame = dice.roll(2) == 0;
            let result =
                if by_frame { dice.cut(conn.send(frame(n))).await } else { dice.cut(conn.emit("n", &data(n))).await };
            side.note_sent(result);
        }
        let room = usize::try_from(dice.roll(1 << 15)).unwrap();
        let _ = dice.cut(conn.flush_to(room)).await;
        if let Some(event) = dice.cut(conn.next()).await {
            side.note_got(event);
        }
    }
    until_ready!(dice, conn.flush_to(0));
}

#[tokio::test]
async fn clients_and_servers() {
    for round in 0..ROUNDS {
        let mut dice = Dice::new(round);
        let (_dir, path) = place();
        let mut server = Ipc::new(config()).serve_at(path.clone()).await.unwrap();
        let mut client = Ipc::new(config()).connect_to_path("s", path).unwrap();
        until_ready!(dice, client.ready()).unwrap();
        let (peer, event) = until_ready!(dice, server.next()).unwrap();
        assert!(matches!(event, Event::Connected), "{event:?}");

        let (one, other) = (dice.split(), dice.split());
        soon(async { tokio::join!(run_client(&mut client, one), run_server(&mut server, peer, other)) }).await;
        assert!(until_ready!(dice, client.close()).is_empty());
        until_ready!(dice, server.stop());
        let last = until_ready!(dice, server.next());
        assert!(matches!(last, Some((_, Event::Disconnected { .. }))), "{last:?}");
        assert!(until_ready!(dice, server.next()).is_none());
    }
}

#[tokio::test]
async fn listeners_and_connections() {
    for round in 0..ROUNDS {
        let mut dice = Dice::new(round);
        let (_dir, path) = place();
        let mut listener = Ipc::new(config()).listen(Endpoint::Path(path.clone())).await.unwrap();
        let mut client = Ipc::new(config()).connect_to_path("s", path).unwrap();
        let mut conn = until_ready!(dice, listener.accept()).unwrap();

        let (one, other) = (dice.split(), dice.split());
        soon(async { tokio::join!(run_client(&mut client, one), run_connection(&mut conn, other)) }).await;
        assert!(until_ready!(dice, conn.close()).is_empty());
        assert!(conn.next().await.is_none());
    }
}

#[tokio::test]
async fn no_connection_is_lost_by_accepting() {
    for round in 0..ROUNDS {
        let mut dice = Dice::new(round);
        let (_dir, path) = place();
        let mut listener = Ipc::new(config()).listen(Endpoint::Path(path.clone())).await.unwrap();
        let mut streams = Vec::new();
        for n in 0..50_u8 {
            let mut stream = std::os::unix::net::UnixStream::connect(&path).unwrap();
            std::io::Write::write_all(&mut stream, format!("{{\"type\":\"{n}\",\"data\":{{}}}}\x0c").as_bytes())
                .unwrap();
            streams.push(stream);
        }
        for n in 0..50_u8 {
            let mut conn = until_ready!(dice, listener.accept()).unwrap();
            assert!(matches!(until_ready!(dice, conn.next()), Some(Event::Connected)));
            let Some(Event::Message(message)) = until_ready!(dice, conn.next()) else { panic!("no message") };
            assert_eq!(message.name(), n.to_string());
        }
    }
}

#[tokio::test]
async fn requests_and_deliveries() {
    for round in 0..ROUNDS {
        let mut dice = Dice::new(round);
        let (_dir, path) = place();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        let router = Router::new().on_request("double", move |_, n: usize| {
            log.lock().unwrap().push(n);
            Ok::<_, Infallible>(2 * n)
        });
        let _server =
            Ipc::new(config()).serve_routed(vec![Endpoint::Path(path.clone())], router, |_| ()).await.unwrap();
        let mut client = Ipc::new(config()).connect_to_path("s", path).unwrap();
        let mut answered = Vec::new();
        for n in 0..MANY {
            if let Some(answer) = dice.cut(client.request("double", &n)).await {
                assert_eq!(answer.unwrap().decode::<usize>().unwrap(), 2 * n);
                answered.push(n);
            }
        }
        let last = soon(client.request("double", &MANY)).await.unwrap();
        assert_eq!(last.decode::<usize>().unwrap(), 2 * MANY);
        let mut delivery = soon(client.emit_tracked("other", &())).await.unwrap();
        assert_eq!(until_ready!(dice, &mut delivery), Outcome::Flushed);

        let asked = std::mem::take(&mut *asked.lock().unwrap());
        assert!(asked.windows(2).all(|pair| pair[0] < pair[1]), "each once, in order: {asked:?}");
        assert!(answered.iter().all(|n| asked.binary_search(n).is_ok()), "{answered:?}");
        client.disconnect();
        // The answers to questions that were given up are nobody's events.
        while let Some(event) = soon(client.next()).await {
            assert!(!matches!(event, Event::Message(_)), "{event:?}");
        }
    }
}

/// More than the events that wait at once, so that a close has to take them several times.
fn much() -> Config {
    config().max_pending_bytes(1 << 20).drain_timeout(Duration::from_millis(20))
}

fn all_of(frames: &[Frame], from: usize, to: usize) {
    let numbers: Vec<usize> =
        frames.iter().map(|frame| frame.message().unwrap().decode::<(usize, String)>().unwrap().0).collect();
    assert_eq!(numbers, Vec::from_iter(from..to));
}

#[tokio::test]
async fn a_close_that_is_dropped_keeps_what_could_not_be_delivered() {
    for round in 0..ROUNDS {
        let mut dice = Dice::new(round);
        let (_dir, path) = place();
        let mut client = Ipc::new(much()).connect_to_path("s", path.clone()).unwrap();
        let sent = (0..).position(|n| client.try_send(frame(n)).is_err()).unwrap();
        all_of(&until_ready!(dice, client.close()), 0, sent);

        let mut listener = Ipc::new(much()).listen(Endpoint::Path(path.clone())).await.unwrap();
        let _deaf = std::os::unix::net::UnixStream::connect(&path).unwrap();
        let mut conn = soon(listener.accept()).await.unwrap();
        let sent = (0..).position(|n| conn.try_send(frame(n)).is_err()).unwrap();
        let left = until_ready!(dice, conn.close());
        assert!(!left.is_empty());
        all_of(&left, sent - left.len(), sent);
    }
}
