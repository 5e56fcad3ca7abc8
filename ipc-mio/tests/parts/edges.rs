//! Wake-ups: none is lost, and none comes for nothing.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use ipc_mio::{Endpoint, Event, Router, Server};
use mio::{Token, Waker};

use crate::turns::{PATIENCE, Turns, echo, pair, said, text};

fn port(server: &Server) -> u16 {
    let Endpoint::Tcp { port, .. } = server.endpoints()[0] else { panic!("{:?}", server.endpoints()) };
    port
}

fn dial(server: &Server) -> TcpStream {
    TcpStream::connect(("127.0.0.1", port(server))).unwrap()
}

const HELLO: &[u8] = b"{\"type\":\"message\",\"data\":\"hello\"}\x0c";

#[test]
fn edges_from_before_the_registration_count() {
    let mut turns = Turns::new();
    let mut server = Server::new(turns.registry(), 0..2);
    server.serve_net("127.0.0.1:0").unwrap();
    let mut stream = dial(&server);
    stream.write_all(HELLO).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    // The poll was never asked: what there was to tell was there before anybody could be told.
    turns.drive(&mut server);
    assert_eq!(said(&mut server).unwrap().1, "hello");
    // Nor is the end lost that came together with the bytes.
    let end = turns.until(&mut server, Server::poll_event);
    assert!(matches!(end, (_, Event::Disconnected { .. })), "{end:?}");
}

#[test]
fn an_emit_between_two_polls_is_work() {
    let mut turns = Turns::new();
    let mut parts = pair(&mut turns, "tcp:127.0.0.1:0");
    turns.settle(&mut parts);
    let (server, client) = &mut parts;
    assert!(!client.ready() && !server.ready());
    let _ = client.emit("message", "one").unwrap();
    assert!(client.ready());
    assert_eq!(client.next_timeout(), Some(Duration::ZERO));
    let peer = server.peers()[0];
    let _ = server.emit(peer, "message", "two").unwrap();
    assert!(server.ready());
    let heard = turns.until(&mut parts, |(server, _)| said(server));
    assert_eq!(heard, (peer, "one".to_owned()));
    assert_eq!(turns.until(&mut parts, |(_, client)| text(client)), "two");
}

#[test]
fn nothing_is_told_of_idle_connections() {
    let mut turns = Turns::new();
    let mut parts = pair(&mut turns, "tcp:127.0.0.1:0");
    for _ in 0..3 {
        let _ = parts.1.emit("message", "x").unwrap();
        turns.until(&mut parts, |(server, client)| {
            echo(server);
            text(client)
        });
    }
    turns.settle(&mut parts);
    assert_eq!((parts.0.next_timeout(), parts.1.next_timeout()), (None, None));
    assert_eq!((parts.0.timers(), parts.1.timers()), (0, 0));
    // However long it is: there is nothing that could come.
    assert_eq!(turns.look(&mut parts, Duration::from_millis(100)), 0);
    assert!(!parts.0.ready() && !parts.1.ready());
}

#[test]
fn events_for_nobody_do_no_harm() {
    let mut turns = Turns::new();
    let mut parts = pair(&mut turns, "tcp:127.0.0.1:0");
    // The server has the tokens 0 to 99, of which two are in use; 101 is nobody's.
    let waker = Waker::new(turns.poll.registry(), Token(50)).unwrap();
    waker.wake().unwrap();
    turns.poll.poll(&mut turns.events, Some(PATIENCE)).unwrap();
    let now = turns.now();
    let event = turns.events.iter().find(|event| event.token() == Token(50)).unwrap();
    assert!(!parts.1.handle(event, now));
    for _ in 0..3 {
        assert!(parts.0.handle(event, now));
        assert!(parts.0.ready());
    }
    parts.0.drive(now);
    // Neither does one that is told many times, and long after its socket is gone.
    let _ = parts.1.emit("message", "hello").unwrap();
    parts.1.close();
    turns.drive(&mut parts);
    let _ = parts.0.poll_event();
    turns.poll.poll(&mut turns.events, Some(PATIENCE)).unwrap();
    let event = turns.events.iter().find(|event| event.token().0 < 100).unwrap();
    let mut heard = Vec::new();
    for _ in 0..5 {
        assert!(parts.0.handle(event, now));
        while parts.0.ready() {
            parts.0.drive(now);
        }
        while let Some((_, event)) = parts.0.poll_event() {
            heard.push(event);
        }
    }
    assert!(matches!(&heard[..], [Event::Message(_), Event::Disconnected { .. }]), "{heard:?}");
    assert_eq!(parts.0.sockets(), 1);
}

#[test]
fn a_budget_that_runs_out_leaves_work_and_no_one_is_starved() {
    let mut turns = Turns::new();
    let mut server = Server::new(turns.registry(), 0..20);
    server.set_budget(1);
    server.serve_net("127.0.0.1:0").unwrap();
    let peers: Vec<TcpStream> = (0..5).map(|_| dial(&server)).collect();
    for mut peer in &peers {
        peer.write_all(&HELLO.repeat(100)).unwrap();
    }
    let now = turns.now();
    server.drive(now);
    // The connections are accepted, and nobody has had a turn.
    assert!(server.ready());
    assert_eq!(server.next_timeout(), Some(Duration::ZERO));
    for turn in 1..=5 {
        server.drive(now);
        let heard = std::iter::from_fn(|| said(&mut server)).count();
        assert_eq!(heard, 100, "in turn {turn}");
    }
    turns.drive(&mut server);
    assert!(!server.ready() && server.poll_event().is_none());
    turns.settle(&mut server);
    assert_eq!(server.peers().len(), 5);
}

#[test]
fn a_peer_that_never_pauses_starves_nobody() {
    let mut turns = Turns::new();
    let mut server = Server::new(turns.registry(), 0..20);
    // The router takes every message, so that nothing else limits how long one poll reads.
    let router = Router::new().on("flood", |_, ()| {}).on("message", |cx, text: String| {
        let _ = cx.emit("message", &text);
    });
    server.serve_routed(vec!["tcp:127.0.0.1:0".parse().unwrap()], router, |_| ()).unwrap();
    let (mut busy, mut quiet) = (dial(&server), dial(&server));
    let flood = thread::spawn(move || {
        let frames = b"{\"type\":\"flood\",\"data\":{}}\x0c".repeat(1000);
        while busy.write_all(&frames).is_ok() {}
    });
    turns.until(&mut server, |server| (server.stats().connections.messages_in > 10_000).then_some(()));
    quiet.write_all(HELLO).unwrap();
    quiet.set_nonblocking(true).unwrap();
    let mut answer = Vec::new();
    turns.until(&mut server, |_| {
        let mut bytes = [0; 64];
        let read = quiet.read(&mut bytes).unwrap_or(0);
        answer.extend_from_slice(&bytes[..read]);
        (answer == HELLO).then_some(())
    });
    drop(server);
    flood.join().unwrap();
}

#[test]
fn connections_wait_for_a_token() {
    let mut turns = Turns::new();
    let mut server = Server::new(turns.registry(), 7..9);
    server.serve_net("127.0.0.1:0").unwrap();
    let streams: Vec<TcpStream> = (0..3).map(|_| dial(&server)).collect();
    for mut stream in &streams {
        stream.write_all(HELLO).unwrap();
    }
    for mut stream in streams {
        let (peer, _) = turns.until(&mut server, said);
        turns.settle(&mut server);
        assert_eq!((server.peers(), server.sockets()), (vec![peer], 2));
        assert!(!server.ready() && server.poll_event().is_none());
        // When it goes, its token is the next one's.
        server.disconnect(peer);
        let mut end = Vec::new();
        turns.drive(&mut server);
        stream.read_to_end(&mut end).unwrap();
    }
    assert_eq!(server.stats().refused, 0);
}

#[test]
fn too_few_tokens_for_anything_are_an_error() {
    let turns = Turns::new();
    let mut server = Server::new(turns.registry(), 0..1);
    let endpoint: Endpoint = "tcp:127.0.0.1:0".parse().unwrap();
    let error = server.serve_endpoints(vec![endpoint.clone(), endpoint.clone()]).unwrap_err();
    assert_eq!(error.code(), Some("EMFILE"));
    // It listens at none, and its token is free.
    assert_eq!(server.sockets(), 0);
    server.serve_endpoint(endpoint.clone()).unwrap();
    assert!(server.serve_endpoint(endpoint.clone()).unwrap_err().to_string().contains("serves already"));
    let mut client = ipc_mio::Client::new(turns.registry(), 5..5);
    assert!(client.connect_to_endpoint("world", endpoint).unwrap_err().to_string().contains("tokens"));
}

#[test]
fn a_sender_of_another_thread_wakes_the_loop() {
    const ROUNDS: usize = 200;
    let mut turns = Turns::new();
    let waker = Arc::new(Waker::new(turns.poll.registry(), Token(1000)).unwrap());
    let mut parts = pair(&mut turns, "tcp:127.0.0.1:0");
    parts.1.set_waker(waker);
    let sender = parts.1.sender().unwrap();
    let (heard, hears) = mpsc::channel();
    let thread = thread::spawn(move || {
        for round in 0..ROUNDS {
            // By the time this comes, the loop sleeps, or is about to.
            let _ = sender.try_emit("message", &round.to_string()).unwrap();
            hears.recv_timeout(PATIENCE).unwrap();
        }
    });
    for round in 0..ROUNDS {
        let (_, text) = turns.until(&mut parts, |(server, _)| said(server));
        assert_eq!(text, round.to_string());
        heard.send(()).unwrap();
    }
    thread.join().unwrap();
}
