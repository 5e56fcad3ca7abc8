//! What becomes of messages: delivered, refused, too old, or given back.

use std::{ops::Range, time::Duration};

use futures_util::future::join;
use ipc_conformance::host::Host;
use ipc_proto::{
    Config, EmitError, Event, Frame, Outcome, Overflow, PeerId, Profile,
    facade::{Client, Server},
};

use crate::{
    raw::{Raw, RawListener},
    stage::{Stage, message, rest, text},
};

/// The data of a big message; more of them than [`CAP`] holds fit into no socket.
pub(crate) const BIG: usize = 16 << 10;
pub(crate) const CAP: usize = 1 << 20;
/// More than the sockets of any transport hold.
pub(crate) const DEEP: usize = 16 << 20;

pub(crate) fn big(n: usize) -> Frame {
    Frame::encode("n", &(n, "x".repeat(BIG))).unwrap()
}

/// The number in the text of a message that [`big`] made.
pub(crate) fn number(text: &[u8]) -> usize {
    let digits = text.strip_prefix(b"{\"type\":\"n\",\"data\":[").expect("a numbered message");
    let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap();
    std::str::from_utf8(&digits[..end]).unwrap().parse().unwrap()
}

pub(crate) fn number_of(frame: &Frame) -> usize {
    number(frame.as_bytes())
}

pub(crate) fn numbers(frames: &[Frame]) -> Vec<usize> {
    frames.iter().map(number_of).collect()
}

/// The numbers of the whole frames that come until the end.
pub(crate) async fn numbers_to_end(raw: &mut Raw) -> Vec<usize> {
    let bytes = raw.read_to_end().await;
    let whole = bytes.iter().rposition(|byte| *byte == b'\x0c').unwrap_or(0);
    bytes[..whole].split(|byte| *byte == b'\x0c').filter(|frame| !frame.is_empty()).map(number).collect()
}

/// Posts big messages until there is no room; returns how many were taken.
fn fill<H: Host>(server: &Server<H>, peer: PeerId) -> usize {
    let sender = server.sender(peer).unwrap();
    let full = (0..).position(|n| match sender.try_send(big(n)) {
        Ok(_) => false,
        Err(EmitError::Full(_)) => true,
        Err(error) => panic!("{error}"),
    });
    full.unwrap()
}

/// What a client posts to a server that takes it and never reads; [`CAP`] keeps it from being too much.
fn post_all<H: Host>(client: &Client<H>) -> Range<usize> {
    0..(0..).position(|n| client.try_send(big(n)).is_err()).unwrap()
}

fn capped<H: Host>(stage: &Stage<H>) -> Config {
    stage.config().max_pending_bytes(CAP)
}

fn deep<H: Host>(stage: &Stage<H>) -> Config {
    stage.config().max_pending_bytes(DEEP)
}

pub(crate) async fn deliveries_say_what_became_of_a_message<H: Host>(stage: Stage<H>) {
    let (mut server, _, client) = stage.pair(stage.config()).await;
    let delivery = client.emit_tracked("a", &1).await.unwrap();
    assert_eq!(delivery.await, Outcome::Flushed);
    message(&mut server).await;

    let mut lonely = stage.connect_at(stage.config(), &stage.free_endpoint_of(server).await);
    let delivery = lonely.emit_tracked("b", &2).await.unwrap();
    lonely.disconnect();
    assert_eq!(delivery.await, Outcome::Undelivered);
    let seen = rest(&mut lonely).await;
    assert!(seen.iter().any(|event| matches!(event, Event::Undelivered(lost) if !lost.maybe_sent)), "{seen:?}");
}

pub(crate) async fn a_message_that_was_cut_may_have_arrived<H: Host>(stage: Stage<H>) {
    let listener = RawListener::bind(&stage.endpoint());
    let config = stage.config().max_pending_bytes(64 << 20).drain_timeout(Duration::from_millis(20));
    let mut client = stage.connect_at(config, &listener.endpoint);
    let raw = listener.accept().await;
    let huge = client.emit_tracked("huge", &"x".repeat(32 << 20)).await.unwrap();
    let later = client.emit_tracked("later", &1).await.unwrap();
    stage.until(|| client.stats().bytes_out > 0).await;
    assert_eq!(client.close().await.len(), 2);
    assert_eq!((huge.await, later.await), (Outcome::Maybe, Outcome::Undelivered));
    drop(raw);
}

pub(crate) async fn the_oldest_make_room_where_that_is_wanted<H: Host>(stage: Stage<H>) {
    let endpoint = stage.free_endpoint().await;
    let config = stage.config().max_pending_bytes(100).overflow(Overflow::DropOldest);
    let mut client = stage.connect_at(config, &endpoint);
    for n in 0..10 {
        // Some of them wait until the client's task has had its turn, so that it is the machine that makes room.
        client.emit("n", &n).await.unwrap();
    }
    let mut server = stage.serve_at(stage.config(), &endpoint).await;
    let mut arrived = vec![text(&message(&mut server).await.1)];
    while arrived.last().unwrap() != "9" {
        arrived.push(text(&message(&mut server).await.1));
    }
    client.disconnect();
    let lost = rest(&mut client).await.into_iter().filter_map(|event| match event {
        Event::Undelivered(lost) => Some(lost.frame.message().unwrap().decode::<u32>().unwrap()),
        _ => None,
    });
    let arrived = arrived.iter().map(|n| n.parse().unwrap());
    assert!(lost.chain(arrived).eq(0..10), "each once, the oldest lost");
}

pub(crate) async fn a_full_queue_hands_the_newest_back<H: Host>(stage: Stage<H>) {
    let endpoint = stage.free_endpoint().await;
    let client = stage.connect_at(stage.config().max_pending_bytes(100), &endpoint);
    let taken = (0..100_u32).position(|n| match client.try_emit("n", &n) {
        Ok(_) => false,
        Err(EmitError::Full(frame)) => frame.message().unwrap().decode::<u32>().unwrap() == n,
        Err(error) => panic!("{error}"),
    });
    let taken = taken.expect("it is full at some time");
    let mut server = stage.serve_at(stage.config(), &endpoint).await;
    for n in 0..taken {
        assert_eq!(text(&message(&mut server).await.1), n.to_string());
    }
    // There is room again, and who waits for it gets it.
    for n in 0..100 {
        client.emit("more", &n).await.unwrap();
        assert_eq!(text(&message(&mut server).await.1), n.to_string());
    }
}

pub(crate) async fn what_waits_too_long_comes_back<H: Host>(stage: Stage<H>) {
    let endpoint = stage.free_endpoint().await;
    let mut config = stage.config();
    config.message_ttl = Some(Duration::from_millis(20));
    let mut client = stage.connect_at(config, &endpoint);
    let old = client.emit_tracked("old", &1).await.unwrap();
    assert_eq!(old.await, Outcome::Undelivered);
    let lost = loop {
        match client.next().await.unwrap() {
            Event::Undelivered(lost) => break lost,
            event => assert!(matches!(event, Event::Error(_) | Event::Disconnected { .. }), "{event:?}"),
        }
    };
    assert_eq!(lost.frame.message().unwrap().name(), "old");
    let mut server = stage.serve_at(stage.config(), &endpoint).await;
    client.ready().await.unwrap();
    // On a loaded machine some of these get too old as well.
    while client.emit_tracked("new", &2).await.unwrap().await != Outcome::Flushed {}
    assert_eq!(message(&mut server).await.1.name(), "new");
}

pub(crate) async fn a_guarded_client_that_is_not_connected_survives_a_full_queue<H: Host>(stage: Stage<H>) {
    let endpoint = stage.free_endpoint().await;
    let guarded = stage.config().profile(Profile::Guarded).max_pending_bytes(100);
    let client = stage.connect_at(guarded, &endpoint);
    let mut taken = 0;
    while client.emit("n", &taken).await.is_ok() {
        taken += 1;
    }
    let mut server = stage.serve_at(stage.config(), &endpoint).await;
    for n in 0..taken {
        assert_eq!(text(&message(&mut server).await.1), n.to_string());
    }
}

pub(crate) async fn what_waits_for_a_peer_that_closes_comes_back<H: Host>(stage: Stage<H>) {
    let mut server = stage.serve(deep(&stage)).await;
    let (raw, peer) = stage.stranger(&mut server).await;
    let sent = fill(&server, peer);
    drop(raw);
    let mut lost = Vec::new();
    loop {
        match server.next().await.unwrap() {
            (_, Event::Undelivered(undelivered)) => lost.push(undelivered.frame),
            (_, Event::Disconnected { .. }) => break,
            (_, event) => assert!(matches!(event, Event::Error(_) | Event::Writable), "{event:?}"),
        }
    }
    assert!(!lost.is_empty());
    let first = sent - lost.len();
    assert_eq!(numbers(&lost), Vec::from_iter(first..sent), "all from the first that had not left");
}

pub(crate) async fn a_server_that_stops_waits_for_a_late_reader<H: Host>(stage: Stage<H>) {
    let mut server = stage.serve(capped(&stage)).await;
    let (mut raw, peer) = stage.stranger(&mut server).await;
    let sent = fill(&server, peer);
    let endpoint = server.endpoints()[0].clone();
    let late = async {
        // What nobody listens at any more can be listened at.
        stage.until(|| stage.is_free(&endpoint)).await;
        numbers_to_end(&mut raw).await
    };
    let ((), got) = join(server.stop(), late).await;
    assert_eq!(got, Vec::from_iter(0..sent));
    while let Some((_, event)) = server.next().await {
        assert!(matches!(event, Event::Disconnected { .. } | Event::Writable), "{event:?}");
    }
}

pub(crate) async fn a_close_that_takes_too_long_gives_back_what_is_left<H: Host>(stage: Stage<H>) {
    let listener = RawListener::bind(&stage.endpoint());
    let short = deep(&stage).drain_timeout(Duration::from_millis(50));
    let mut client = stage.connect_at(short, &listener.endpoint);
    let _deaf = listener.accept().await;
    client.ready().await.unwrap();
    let posted = post_all(&client);
    let left = client.close().await;
    assert!(!left.is_empty());
    assert_eq!(numbers(&left), Vec::from_iter(posted.end - left.len()..posted.end));
}

pub(crate) async fn a_connections_close_gives_back_what_is_left_too<H: Host>(stage: Stage<H>) {
    let mut listener = stage.listen(deep(&stage).drain_timeout(Duration::from_millis(50))).await;
    let endpoint = listener.endpoint().clone();
    let accepting = async {
        let mut conn = listener.accept().await.unwrap();
        assert!(matches!(conn.next().await, Some(Event::Connected)));
        conn
    };
    let (_deaf, mut conn) = join(Raw::connect(&endpoint), accepting).await;
    let sent = (0..).position(|n| conn.try_send(big(n)).is_err()).unwrap();
    let left = conn.close().await;
    assert!(!left.is_empty());
    assert_eq!(numbers(&left), Vec::from_iter(sent - left.len()..sent));
}

pub(crate) async fn a_client_that_was_never_connected_gives_back_everything<H: Host>(stage: Stage<H>) {
    let endpoint = stage.free_endpoint().await;
    let mut client = stage.connect_at(capped(&stage).drain_timeout(Duration::from_millis(50)), &endpoint);
    let posted = post_all(&client);
    assert_eq!(numbers(&client.close().await), Vec::from_iter(posted));
}
