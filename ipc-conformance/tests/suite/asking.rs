//! Requests and their answers.

use std::{convert::Infallible, time::Duration};

use futures_util::future::{join, join_all};
use ipc_conformance::host::Host;
use ipc_proto::{Event, Router, facade::RequestError, request::Request};

use crate::stage::{Stage, message, text};

pub(crate) async fn a_router_answers_many_at_once<H: Host>(stage: Stage<H>) {
    let router = Router::new()
        .on_request("square", |_, n: i64| Ok::<_, Infallible>(n * n))
        .on_request("fail", |_, reason: String| Err::<(), _>(reason));
    let server = stage.serve_routed(stage.config(), router, |_| ()).await;
    let client = stage.connect(stage.config(), &server);
    let squares = join_all((0..50).map(|n| client.request("square", &n)));
    for (n, answer) in squares.await.into_iter().enumerate() {
        assert_eq!(answer.unwrap().decode::<usize>().unwrap(), n * n);
    }
    let refused = client.request("fail", "because").await;
    assert!(matches!(refused, Err(RequestError::Refused(error)) if error.as_str() == "\"because\""));
}

pub(crate) async fn late_and_given_up_answers_are_ignored<H: Host>(stage: Stage<H>) {
    let mut server = stage.serve(stage.config()).await;
    let mut client = stage.connect(stage.config(), &server);
    let late = client.request_within(Duration::from_millis(1), "slow", "first");
    assert!(matches!(late.await, Err(RequestError::Timeout)));
    let (_, asked) = message(&mut server).await;
    let first = Request::of(&asked).unwrap();
    let second = async {
        let (peer, asked) = message(&mut server).await;
        server.send(peer, first.answer("reply", "too late").unwrap()).await.unwrap();
        server.send(peer, Request::of(&asked).unwrap().answer("reply", "in time").unwrap()).await.unwrap();
        server.emit(peer, "after", &()).await.unwrap();
    };
    let (answer, ()) = join(client.request("slow", "second"), second).await;
    assert_eq!(answer.unwrap().as_str(), "\"in time\"");
    loop {
        match client.next().await.unwrap() {
            Event::Message(message) => break assert_eq!(message.name(), "after", "answers are no events"),
            event => drop(event),
        }
    }
}

pub(crate) async fn a_server_asks_its_peers<H: Host>(stage: Stage<H>) {
    let (server, peer, mut client) = stage.pair(stage.config()).await;
    let answer = async {
        loop {
            if let Event::Message(message) = client.next().await.unwrap() {
                let request = Request::of(&message).unwrap();
                client.send(request.answer("reply", "me").unwrap()).await.unwrap();
                return;
            }
        }
    };
    let (who, ()) = join(server.request(peer, "who", &()), answer).await;
    assert_eq!(who.unwrap().as_str(), "\"me\"");
    client.disconnect();
    stage.until(|| server.peers().is_empty()).await;
    assert!(matches!(server.request(peer, "who", &()).await, Err(RequestError::Lost)));
}

pub(crate) async fn a_request_fails_when_its_connection_ends<H: Host>(stage: Stage<H>) {
    let mut server = stage.serve(stage.config()).await;
    let client = stage.connect(stage.config(), &server);
    let ends = async {
        let (peer, _) = message(&mut server).await;
        server.disconnect(peer);
    };
    let (lost, ()) = join(client.request("never", &()), ends).await;
    assert!(matches!(lost, Err(RequestError::Lost)), "{lost:?}");
    client.disconnect();
    let closed = client.request("never", &()).await;
    assert!(matches!(closed, Err(RequestError::Emit(_))), "{closed:?}");
}

pub(crate) async fn a_request_that_has_not_left_is_asked_of_the_next_server<H: Host>(stage: Stage<H>) {
    let endpoint = stage.free_endpoint().await;
    let client = stage.connect_at(stage.config(), &endpoint);
    let serving = async {
        let mut server = stage.serve_at(stage.config(), &endpoint).await;
        let (peer, asked) = message(&mut server).await;
        server.send(peer, Request::of(&asked).unwrap().answer("reply", &2).unwrap()).await.unwrap();
        server
    };
    let (answer, _server) = join(client.request("one", &1), serving).await;
    assert_eq!(answer.unwrap().as_str(), "2");
}

pub(crate) async fn rooms_hold_some_of_the_peers<H: Host>(stage: Stage<H>) {
    let mut server = stage.serve(stage.config()).await;
    let mut clients = Vec::new();
    for n in 0..3 {
        let client = stage.connect(stage.config(), &server);
        client.emit("join", &n).await.unwrap();
        message(&mut server).await;
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
            if let Event::Message(message) = client.next().await.unwrap() {
                if message.name() == "end" {
                    break;
                }
                seen.push(text(&message));
            }
        }
        assert_eq!(seen, expected);
    }
}
