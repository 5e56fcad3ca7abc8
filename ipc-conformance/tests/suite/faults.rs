//! What single connections go through under load: resets, halves that end, bytes that trickle, and nobody who reads. What
//! needs a process of its own is in `tests/faults`.

use std::time::Duration;

use futures_util::future::join;
use ipc_conformance::host::Host;
use ipc_proto::{
    Event, PeerId,
    facade::{Client, Server},
};

use crate::{
    delivery::{BIG, CAP, DEEP, big, number, numbers, numbers_to_end},
    raw::RawListener,
    stage::{Stage, message, talk, text},
};

/// Longer than a scenario is waited for.
const NEVER: Duration = Duration::from_secs(3600);
const ROUNDS: usize = 2;

/// Takes events until a peer is gone; says how many messages came back, and with which errors.
async fn until_gone<H: Host>(server: &mut Server<H>, gone: PeerId) -> (usize, Vec<String>) {
    let (mut lost, mut codes) = (0, Vec::new());
    loop {
        match server.next().await.expect("the server goes on") {
            (peer, Event::Undelivered(_)) if peer == gone => lost += 1,
            (peer, Event::Error(error)) if peer == gone => codes.push(error.code().to_owned()),
            (peer, Event::Disconnected { .. }) if peer == gone => return (lost, codes),
            _ => {}
        }
    }
}

/// Sends big messages until there is no room for more.
fn fill<H: Host>(server: &Server<H>, peer: PeerId) -> usize {
    let sender = server.sender(peer).unwrap();
    (0..).take_while(|n| sender.try_send(big(*n)).is_ok()).count()
}

pub(crate) async fn resets_under_load_cost_nobody_else_anything<H: Host>(stage: Stage<H>) {
    let mut server = stage.serve(stage.config().max_pending_bytes(DEEP)).await;
    let mut friend = stage.connect(stage.config(), &server);
    for _ in 0..ROUNDS {
        talk(&mut friend, &mut server).await;
        let (mut raw, peer) = stage.stranger(&mut server).await;
        assert!(fill(&server, peer) > 0);
        raw.write("{\"type\":\"half").await;
        raw.reset().await;
        let (lost, codes) = until_gone(&mut server, peer).await;
        assert!(lost > 0, "what waited comes back");
        assert!(codes.iter().all(|code| code == "ECONNRESET" || code == "EPIPE") && codes.len() == 1, "{codes:?}");
    }
    talk(&mut friend, &mut server).await;
    assert_eq!(server.stats().peers, 1);
    stage.until(|| server.stats().held_bytes == 0).await;
}

pub(crate) async fn a_peer_that_ends_its_half_and_then_dies_is_not_waited_for<H: Host>(stage: Stage<H>) {
    let mut server = stage.serve(stage.config().max_pending_bytes(DEEP).drain_timeout(NEVER)).await;
    for _ in 0..ROUNDS {
        let (mut raw, peer) = stage.stranger(&mut server).await;
        assert!(fill(&server, peer) > 0);
        raw.finish().await;
        // Most probably the server knows by then.
        stage.pause().await;
        drop(raw);
        let (lost, _) = until_gone(&mut server, peer).await;
        assert!(lost > 0, "what waited comes back");
    }
    stage.until(|| server.stats().held_bytes == 0).await;
}

/// Its own half ends in the middle of a flood: the client's next connection goes on where that one was.
pub(crate) async fn servers_that_end_their_half_lose_nothing<H: Host>(stage: Stage<H>) {
    const COUNT: usize = 200;
    let listener = RawListener::bind(&stage.endpoint());
    let mut client = stage.connect_at(stage.config().max_pending_bytes(CAP).drain_timeout(NEVER), &listener.endpoint);
    let sender = client.sender();
    let sending = async {
        for n in 0..COUNT {
            sender.send(big(n)).await.unwrap();
        }
    };
    let receiving = async {
        let mut all = Vec::new();
        for _ in 0..3 {
            let mut raw = listener.accept().await;
            all.push(number(&raw.frame().await));
            raw.finish().await;
            all.extend(numbers_to_end(&mut raw).await);
        }
        let mut raw = listener.accept().await;
        while all.len() < COUNT {
            all.push(number(&raw.frame().await));
        }
        all
    };
    let ((), all) = join(sending, receiving).await;
    assert_eq!(all, Vec::from_iter(0..COUNT));
    client.disconnect();
    while let Some(event) = client.next().await {
        assert!(!matches!(event, Event::Undelivered(_)), "{event:?}");
    }
}

pub(crate) async fn bytes_that_trickle_are_frames_in_the_end<H: Host>(stage: Stage<H>) {
    let mut server = stage.serve(stage.config()).await;
    let mut friend = stage.connect(stage.config(), &server);
    talk(&mut friend, &mut server).await;
    let (mut raw, peer) = stage.stranger(&mut server).await;
    let frame = "{\"type\":\"slow\",\"data\":\"h\u{e9}\"}\x0c";
    for (n, byte) in frame.bytes().enumerate() {
        // Others are not kept waiting, and what is there of it is no message yet.
        raw.write([byte]).await;
        if n % 4 == 0 && byte != b'\x0c' {
            talk(&mut friend, &mut server).await;
        }
    }
    let (from, slow) = loop {
        let next = message(&mut server).await;
        if next.1.name() == "slow" {
            break next;
        }
    };
    assert_eq!((from, text(&slow).as_str()), (peer, "\"h\u{e9}\""));
    server.send(peer, slow.to_frame()).await.unwrap();
    assert_eq!(raw.frame().await, frame.as_bytes(), "it is read byte by byte as well");
    talk(&mut friend, &mut server).await;
}

/// A client of a server that never reads is held to its limit, and everything arrives when the server reads after all.
pub(crate) async fn a_server_that_never_reads_holds_its_client_to_the_limit<H: Host>(stage: Stage<H>) {
    let listener = RawListener::bind(&stage.endpoint());
    let mut client = stage.connect_at(stage.config().max_pending_bytes(CAP), &listener.endpoint);
    let mut raw = listener.accept().await;
    client.ready().await.unwrap();
    let mut sent = 0;
    let mut refused = 0;
    // The kernel takes some as well: what counts is that it comes to an end.
    while refused < 50 {
        match client.try_send(big(sent)) {
            Ok(_) => (sent, refused) = (sent + 1, 0),
            Err(error) => {
                assert_eq!(numbers(&error.into_frame().into_iter().collect::<Vec<_>>()), [sent]);
                refused += 1;
                stage.pause().await;
            }
        }
        assert!(client.pending_bytes() <= CAP && sent < 1000, "{sent}");
    }
    assert!(sent * BIG >= CAP / 2, "{sent}");
    client.drain();
    let (all, ()) = join(numbers_to_end(&mut raw), ended(&mut client)).await;
    assert_eq!(all, Vec::from_iter(0..sent));
}

async fn ended<H: Host>(client: &mut Client<H>) {
    while let Some(event) = client.next().await {
        assert!(!matches!(event, Event::Undelivered(_)), "{event:?}");
    }
}
