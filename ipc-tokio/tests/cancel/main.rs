//! The futures that the suite's traffic does not drop: every other `async fn` of the facade, dropped at random points.
//!
//! A test that fails prints its seed; `IPC_CANCEL_SEED=…` uses it again.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod dice;

use std::time::Duration;

use dice::Dice;
use ipc_tokio::{Client, Config, Endpoint, Event, Frame, Ipc, Outcome, PeerId, Retry, Server};
use tokio::time::timeout;

/// Long enough for the slowest machine; a test that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(60);
const MANY: usize = 200;

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("nothing came")
}

/// As [`until_ready`](dice::until_ready), in time.
macro_rules! until_ready {
    ($dice:expr, $future:expr) => {
        soon(async { dice::until_ready!($dice, $future) }).await
    };
}

fn config() -> Config {
    Config::default().retry(Retry::every(Duration::from_millis(5)))
}

async fn pair() -> (tempfile::TempDir, Server, PeerId, Client) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.sock").to_str().unwrap().to_owned();
    let mut server = Ipc::new(config()).serve_at(path.clone()).await.unwrap();
    let client = Ipc::new(config()).connect_to_path("s", path).unwrap();
    let (peer, event) = soon(server.next()).await.unwrap();
    assert!(matches!(event, Event::Connected));
    (dir, server, peer, client)
}

/// The names of the messages up to the one called `last`.
async fn names(mut next: impl AsyncFnMut() -> Option<Event>, last: &str) -> Vec<String> {
    let mut names = Vec::new();
    loop {
        if let Event::Message(message) = soon(next()).await.expect("it goes on") {
            if message.name() == last {
                return names;
            }
            names.push(message.name().to_owned());
        }
    }
}

#[tokio::test]
async fn every_way_to_emit_of_a_client() {
    let mut dice = Dice::new();
    let (_dir, mut server, _, client) = pair().await;
    let (mut sent, mut deliveries) = (Vec::new(), Vec::new());
    for n in 0..MANY {
        let name = n.to_string();
        let delivery = match n % 3 {
            0 => dice.cut(client.emit_type(&name)).await.map(|result| result.map(|_| None).unwrap()),
            1 => dice.cut(client.emit_tracked(&name, &n)).await.map(|result| Some(result.unwrap())),
            _ => dice.cut(client.send_tracked(Frame::event(&name))).await.map(|result| Some(result.unwrap())),
        };
        if let Some(delivery) = delivery {
            sent.push(name);
            deliveries.extend(delivery);
        }
    }
    soon(client.emit_type("last")).await.unwrap();
    assert_eq!(names(async || server.next().await.map(|(_, event)| event), "last").await, sent);
    for mut delivery in deliveries {
        assert_eq!(until_ready!(dice, &mut delivery), Outcome::Flushed);
    }
}

#[tokio::test]
async fn every_way_to_emit_of_a_server() {
    let mut dice = Dice::new();
    let (_dir, server, peer, mut client) = pair().await;
    server.join(peer, "room");
    let mut sent = Vec::new();
    for n in 0..MANY {
        let name = n.to_string();
        let done = match n % 3 {
            0 => dice.cut(server.broadcast(&name, &n)).await.map(|count| assert_eq!(count.unwrap(), 1)),
            1 => dice.cut(server.to("room").emit(&name, &n)).await.map(|count| assert_eq!(count.unwrap(), 1)),
            // A question that is given up may have left; it is not asked twice.
            _ => dice.cut(server.request(peer, &name, &n)).await.map(|answer| panic!("nobody answers: {answer:?}")),
        };
        if done.is_some() {
            sent.push(name);
        }
    }
    soon(server.broadcast("last", &())).await.unwrap();
    let heard = names(async || client.next().await, "last").await;
    assert!(heard.windows(2).all(|pair| pair[0].parse::<usize>().unwrap() < pair[1].parse().unwrap()), "{heard:?}");
    let emitted: Vec<_> = heard.into_iter().filter(|name| name.parse::<usize>().unwrap() % 3 != 2).collect();
    assert_eq!(emitted, sent);
}

#[tokio::test]
async fn a_serve_that_is_dropped_leaves_the_place_free() {
    let mut dice = Dice::new();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.sock").to_str().unwrap().to_owned();
    let ipc = Ipc::new(config());
    for _ in 0..20 {
        let server = until_ready!(dice, ipc.serve_at(path.clone())).unwrap();
        until_ready!(dice, server.stop());
        let listener = until_ready!(dice, ipc.listen(Endpoint::Path(path.clone()))).unwrap();
        drop(listener);
        assert!(!std::fs::exists(&path).unwrap());
    }
    let both = until_ready!(dice, ipc.serve_net("127.0.0.1:0")).unwrap();
    let Endpoint::Tcp { port, .. } = both.endpoints()[0] else { panic!("it is TCP") };
    until_ready!(dice, both.stop());
    until_ready!(dice, ipc.serve_net(&format!("127.0.0.1:{port}"))).unwrap();
}

#[tokio::test]
async fn udp_peers_and_datagrams() {
    let mut dice = Dice::new();
    let mut one = until_ready!(dice, Ipc::new(config()).serve_udp4("127.0.0.1:0")).unwrap();
    let mut other = until_ready!(dice, Ipc::new(config()).serve_udp4("127.0.0.1:0")).unwrap();
    let Endpoint::Udp4 { port, .. } = other.endpoints()[0] else { panic!("it is UDP") };
    let address = format!("127.0.0.1:{port}");
    let peer = until_ready!(dice, one.udp_peer(&address)).unwrap();
    assert_eq!(until_ready!(dice, one.udp_peer(&address)).unwrap(), peer, "named again, it is the same");
    assert_eq!(one.peers(), [peer]);
    for n in 0..MANY {
        if let Some(result) = dice.cut(one.emit(peer, "n", &n)).await {
            result.unwrap();
            let Some((from, Event::Message(message))) = until_ready!(dice, other.next()) else { panic!("no message") };
            assert_eq!(message.decode::<usize>().unwrap(), n);
            until_ready!(dice, other.emit(from, "n", &n)).unwrap();
            let Some((_, Event::Message(message))) = until_ready!(dice, one.next()) else { panic!("no message") };
            assert_eq!(message.decode::<usize>().unwrap(), n);
        }
    }
    until_ready!(dice, one.stop());
    assert!(until_ready!(dice, one.next()).is_none());
}

#[tokio::test]
async fn a_connections_last_events_are_kept_by_a_close_that_is_dropped() {
    let mut dice = Dice::new();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.sock").to_str().unwrap().to_owned();
    let mut listener = Ipc::new(config()).listen(Endpoint::Path(path.clone())).await.unwrap();
    let client = Ipc::new(config()).connect_to_path("s", path).unwrap();
    for n in 0..MANY {
        soon(client.emit_type(&n.to_string())).await.unwrap();
    }
    let mut conn = until_ready!(dice, listener.accept()).unwrap();
    assert!(matches!(until_ready!(dice, conn.next()), Some(Event::Connected)));
    client.disconnect();
    let mut heard = Vec::new();
    until_ready!(
        dice,
        conn.close_with(|event| if let Event::Message(message) = event {
            heard.push(message.name().to_owned());
        })
    );
    assert_eq!(heard, (0..MANY).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn no_failed_handshake_is_missed() {
    use ipc_tokio::TlsOptions;
    use tokio::io::AsyncWriteExt as _;

    let mut dice = Dice::new();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let own = TlsOptions::default().key(made.signing_key.serialize_pem()).cert(made.cert.pem());
    let server = Ipc::new(config().tls(own)).serve_net("127.0.0.1:0").await.unwrap();
    let Endpoint::Tls { port, .. } = server.endpoints()[0] else { panic!("it is TLS") };
    let mut errors = server.accept_errors();
    for _ in 0..20 {
        let mut plain = soon(tokio::net::TcpStream::connect(("127.0.0.1", port))).await.unwrap();
        soon(plain.write_all(b"{\"type\":\"m\"}\x0c")).await.unwrap();
        assert_eq!(until_ready!(dice, errors.next()).unwrap().code(), "ERR_SSL_WRONG_VERSION_NUMBER");
    }
    until_ready!(dice, server.stop());
    assert!(until_ready!(dice, errors.next()).is_none());
}
