//! Questions, whose answers are polled for.

use std::time::{Duration, Instant};

use ipc_mio::{Client, Event, Request, RequestError, Router, Server};

use crate::turns::{Turns, pair};

#[test]
fn questions_are_answered() {
    let mut turns = Turns::new();
    let mut server = Server::new(turns.registry(), 0..10);
    let router = Router::new()
        .on_request("add", |_, (a, b): (i32, i32)| Ok::<_, &str>(a + b))
        .on_request("refuse", |_, ()| Err::<(), _>("no"));
    server.serve_routed(vec!["tcp:127.0.0.1:0".parse().unwrap()], router, |_| ()).unwrap();
    let mut client = Client::new(turns.registry(), 10..11);
    assert!(matches!(client.request("add", &(1, 2)), Err(RequestError::Lost)));
    client.connect_to_endpoint("world", server.endpoints()[0].clone()).unwrap();
    let (sum, refused) = (client.request("add", &(1, 2)).unwrap(), client.request("refuse", &()).unwrap());
    let mut parts = (server, client);
    for expected in [sum, refused] {
        let (asked, answer) = turns.until(&mut parts, |(_, client)| client.poll_reply());
        assert_eq!(asked, expected);
        match answer {
            Ok(answer) => assert_eq!((asked, answer.decode::<i32>().unwrap()), (sum, 3)),
            Err(RequestError::Refused(why)) => assert_eq!(why.as_str(), "\"no\""),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_server_asks_too() {
    let mut turns = Turns::new();
    let mut parts = pair(&mut turns, "tcp:127.0.0.1:0");
    let peer = parts.0.peers()[0];
    let asked = parts.0.request(peer, "name", &()).unwrap();
    let (answered, answer) = turns.until(&mut parts, |(server, client)| {
        while let Some(event) = client.poll_event() {
            if let Event::Message(message) = event {
                let question = Request::of(&message).unwrap();
                let _ = client.send(question.answer("reply", "hello").unwrap()).unwrap();
            }
        }
        server.poll_reply()
    });
    assert_eq!((answered, answer.unwrap().decode::<String>().unwrap()), (asked, "hello".to_owned()));
    // The peer goes, and its questions with it.
    parts.0.request(peer, "name", &()).unwrap();
    parts.1.disconnect();
    let (_, answer) = turns.until(&mut parts, |(server, _)| server.poll_reply());
    assert!(matches!(answer, Err(RequestError::Lost)), "{answer:?}");
    assert!(matches!(parts.0.request(peer, "name", &()), Err(RequestError::Lost)));
}

#[test]
fn the_time_for_an_answer_runs_from_when_it_is_asked() {
    let mut turns = Turns::new();
    turns.held = Some(Instant::now());
    let mut parts = pair(&mut turns, "tcp:127.0.0.1:0");
    // The loop slept for long before this, and has not told the time since.
    turns.pass(Duration::from_secs(3600));
    let asked = parts.1.request_within(Duration::from_secs(2), "never", &()).unwrap();
    let cancelled = parts.1.request_within(Duration::from_secs(1), "never", &()).unwrap();
    turns.settle(&mut parts);
    parts.1.cancel(cancelled);
    assert_eq!(parts.1.next_timeout(), Some(Duration::from_secs(2)));
    turns.pass(Duration::from_secs(2));
    turns.drive(&mut parts);
    let (timed_out, answer) = parts.1.poll_reply().unwrap();
    assert!(timed_out == asked && matches!(answer, Err(RequestError::Timeout)));
    assert!(parts.1.poll_reply().is_none());
    assert_eq!((parts.1.timers(), parts.1.tasks()), (0, 1));
}
