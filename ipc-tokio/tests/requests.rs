//! Requests and rooms over real sockets.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::{convert::Infallible, time::Duration};

use ipc_tokio::{Config, Endpoint, Event, Ipc, PeerId, Request, RequestError, Retry, Router, Server};
use tokio::time::timeout;

/// Long enough for the slowest machine; a test that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(30);

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("nothing came")
}

fn config() -> Config {
    Config::default().retry(Retry::every(Duration::from_millis(20)))
}

fn place() -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.sock").to_str().unwrap().to_owned();
    // A pipe's name has no drive and no backslash.
    let path = if cfg!(windows) { path.replace([':', '\\'], "/") } else { path };
    (dir, path)
}

async fn next_message(server: &mut Server) -> (PeerId, ipc_tokio::Message) {
    loop {
        let (peer, event) = soon(server.next()).await.expect("the server is over");
        if let Event::Message(message) = event {
            return (peer, message);
        }
    }
}

#[tokio::test]
async fn a_router_answers_requests_many_at_once() {
    let (_dir, path) = place();
    let router = Router::new()
        .on_request("square", |_, n: i64| Ok::<_, Infallible>(n * n))
        .on_request("fail", |_, reason: String| Err::<(), _>(reason));
    let _server = Ipc::new(config()).serve_routed(vec![Endpoint::Path(path.clone())], router, |_| ()).await.unwrap();
    let client = Ipc::new(config()).connect_to_path("s", path).unwrap();

    let squares = futures_util::future::join_all((0..50).map(|n| client.request("square", &n)));
    for (n, answer) in soon(squares).await.into_iter().enumerate() {
        assert_eq!(answer.unwrap().decode::<usize>().unwrap(), n * n);
    }
    let refused = soon(client.request("fail", "because")).await;
    assert!(matches!(refused, Err(RequestError::Refused(error)) if error.as_str() == "\"because\""));
}

#[tokio::test]
async fn late_and_given_up_answers_are_ignored() {
    let (_dir, path) = place();
    let mut server = Ipc::new(config()).serve_at(path.clone()).await.unwrap();
    let mut client = Ipc::new(config()).connect_to_path("s", path).unwrap();

    let late = client.request_within(Duration::from_millis(1), "slow", "first");
    assert!(matches!(soon(late).await, Err(RequestError::Timeout)));
    let (peer, asked) = next_message(&mut server).await;
    let first = Request::of(&asked).unwrap();
    let second = async {
        let (peer, asked) = next_message(&mut server).await;
        server.send(peer, first.answer("reply", "too late").unwrap()).await.unwrap();
        server.send(peer, Request::of(&asked).unwrap().answer("reply", "in time").unwrap()).await.unwrap();
        server.emit(peer, "after", &()).await.unwrap();
    };
    let (answer, ()) = soon(async { tokio::join!(client.request("slow", "second"), second) }).await;
    assert_eq!(answer.unwrap().as_str(), "\"in time\"");
    loop {
        match soon(client.next()).await.unwrap() {
            Event::Message(message) => {
                assert_eq!(message.name(), "after", "answers are no events");
                break;
            }
            event => drop(event),
        }
    }
    // The other way round: a server asks one of its peers.
    let ask = server.request(peer, "who", &());
    let answer = async {
        loop {
            if let Event::Message(message) = soon(client.next()).await.unwrap() {
                let request = Request::of(&message).unwrap();
                client.send(request.answer("reply", "me").unwrap()).await.unwrap();
                return;
            }
        }
    };
    let (who, ()) = soon(async { tokio::join!(ask, answer) }).await;
    assert_eq!(who.unwrap().as_str(), "\"me\"");
}

#[tokio::test]
async fn a_request_fails_when_its_connection_ends() {
    let (_dir, path) = place();
    let mut server = Ipc::new(config()).serve_at(path.clone()).await.unwrap();
    let client = Ipc::new(config()).connect_to_path("s", path).unwrap();
    let ends = async {
        let (peer, _) = next_message(&mut server).await;
        server.disconnect(peer);
    };
    let (lost, ()) = soon(async { tokio::join!(client.request("never", &()), ends) }).await;
    assert!(matches!(lost, Err(RequestError::Lost)), "{lost:?}");
    client.disconnect();
    let closed = soon(client.request("never", &())).await;
    assert!(matches!(closed, Err(RequestError::Emit(_))), "{closed:?}");
}

#[tokio::test]
async fn in_sync_mode_the_next_message_answers() {
    let (_dir, path) = place();
    let mut server = Ipc::new(config()).serve_at(path.clone()).await.unwrap();
    let client = Ipc::new(config().sync(true)).connect_to_path("s", path).unwrap();
    let serve = async {
        for n in 0..3 {
            let (peer, asked) = next_message(&mut server).await;
            assert_eq!(asked.decode::<u32>().unwrap(), n, "sent as it is, without a number");
            server.emit(peer, "whatever", &(n + 10)).await.unwrap();
        }
    };
    let ask = async { tokio::join!(client.request("a", &0), client.request("b", &1), client.request("c", &2)) };
    let ((a, b, c), ()) = soon(async { tokio::join!(ask, serve) }).await;
    let answers = [a, b, c].map(|answer| answer.unwrap().decode::<u32>().unwrap());
    assert_eq!(answers, [10, 11, 12]);
}

#[tokio::test]
async fn in_sync_mode_a_late_answer_is_not_the_next_ones() {
    let (_dir, path) = place();
    let mut server = Ipc::new(config()).serve_at(path.clone()).await.unwrap();
    let client = Ipc::new(config().sync(true)).connect_to_path("s", path).unwrap();
    let late = client.request_within(Duration::from_millis(50), "first", &());
    assert!(matches!(soon(late).await, Err(RequestError::Timeout)));
    let serve = async {
        let (first, _) = next_message(&mut server).await;
        let (second, asked) = next_message(&mut server).await;
        assert_ne!(first, second, "the connection was renewed");
        assert!(server.emit(first, "late", &1).await.is_err());
        assert_eq!(asked.name(), "second");
        server.emit(second, "answer", &2).await.unwrap();
    };
    let (answer, ()) = soon(async { tokio::join!(client.request("second", &()), serve) }).await;
    assert_eq!(answer.unwrap().as_str(), "2");
}

#[tokio::test]
async fn rooms_hold_some_of_the_peers() {
    let (_dir, path) = place();
    let mut server = Ipc::new(config()).serve_at(path.clone()).await.unwrap();
    let mut clients = Vec::new();
    for n in 0..3 {
        let client = Ipc::new(config()).connect_to_path("s", path.clone()).unwrap();
        soon(client.emit("join", &n)).await.unwrap();
        next_message(&mut server).await;
        clients.push(client);
    }
    let peers = server.peers();
    assert!(server.join(peers[0], "red") && server.join(peers[2], "red"));
    assert_eq!(server.to("red").emit("red", "both").await.unwrap(), 2);
    assert_eq!(server.to("red").except(peers[0]).emit("red", "last").await.unwrap(), 1);
    assert!(server.leave(peers[2], "red"));
    assert_eq!(server.to("red").peers(), [peers[0]]);
    assert_eq!(server.to("nobody").emit("red", "none").await.unwrap(), 0);
    server.broadcast("end", &()).await.unwrap();
    for (client, expected) in clients.iter_mut().zip([vec!["\"both\""], vec![], vec!["\"both\"", "\"last\""]]) {
        let mut seen = Vec::new();
        loop {
            if let Event::Message(message) = soon(client.next()).await.unwrap() {
                if message.name() == "end" {
                    break;
                }
                seen.push(message.data().unwrap().as_str().to_owned());
            }
        }
        assert_eq!(seen, expected);
    }
}
