//! Servers that are not there yet, that go away, and that come back; clients that give up.

use std::{cell::Cell, collections::BTreeSet, time::Duration};

use futures_util::future::join;
use ipc_conformance::host::Host;
use ipc_proto::{Event, Outcome, Reason, Retry, facade::Error};

use crate::{
    stage::{Stage, message, rest, text},
    wire::Wire,
};

/// What an attempt fails with where nobody listens.
const fn nobody(wire: Wire) -> &'static str {
    if matches!(wire, Wire::Unix | Wire::Pipe) { "ENOENT" } else { "ECONNREFUSED" }
}

pub(crate) async fn what_is_emitted_before_the_server_is_there_arrives_in_order<H: Host>(stage: Stage<H>) {
    let endpoint = stage.free_endpoint().await;
    let mut client = stage.connect_at(stage.config(), &endpoint);
    for n in 0..100 {
        client.emit("n", &n).await.unwrap();
    }
    let failed = client.next().await;
    assert!(matches!(&failed, Some(Event::Error(error)) if error.code() == nobody(stage.wire)), "{failed:?}");
    let mut server = stage.serve_at(stage.config(), &endpoint).await;
    for n in 0..100 {
        assert_eq!(text(&message(&mut server).await.1), n.to_string());
    }
}

pub(crate) async fn a_restarted_server_is_found_again<H: Host>(stage: Stage<H>) {
    let endpoint = stage.free_endpoint().await;
    let mut client = stage.connect_at(stage.config(), &endpoint);
    let mut seen = Vec::new();
    let connects = |seen: &[Event]| seen.iter().filter(|event| matches!(event, Event::Connected)).count();
    for round in 0..3 {
        let mut server = stage.serve_at(stage.config(), &endpoint).await;
        client.emit("round", &round).await.unwrap();
        assert_eq!(text(&message(&mut server).await.1), round.to_string());
        server.stop().await;
        // A server waits for its peers' ends, but on a pipe: that has no halves.
        while stage.wire == Wire::Pipe
            && !(connects(&seen) > round && matches!(seen.last(), Some(Event::Disconnected { .. })))
        {
            seen.push(client.next().await.unwrap());
        }
    }
    client.disconnect();
    seen.extend(rest(&mut client).await);
    assert_eq!(connects(&seen), 3);
    assert!(matches!(seen[seen.len() - 2..], [Event::Disconnected { retry_in: None, .. }, Event::Destroyed]));
    assert!(client.is_closed() && client.emit("late", &0).await.is_err());
}

/// Every message is received once and in order, or comes back, or was in the hands of the system when its server went.
pub(crate) async fn nothing_is_lost_unreported<H: Host>(stage: Stage<H>) {
    let endpoint = stage.free_endpoint().await;
    let mut client = stage.connect_at(stage.config(), &endpoint);
    let sender = client.sender();
    let done = Cell::new(false);
    let emitting = async {
        let mut deliveries = Vec::new();
        while !done.get() {
            let n = deliveries.len();
            deliveries.push(sender.emit_tracked("n", &(n, "x".repeat(n % 7 * 500))).await.unwrap());
            stage.pause().await;
        }
        deliveries
    };
    let receiving = async {
        let mut received = Vec::new();
        for _ in 0..4 {
            // Dropped in the end, with what it has not read.
            let mut server = stage.serve_at(stage.config(), &endpoint).await;
            for _ in 0..50 {
                received.push(message(&mut server).await.1.decode::<(usize, String)>().unwrap().0);
            }
        }
        done.set(true);
        received
    };
    let (deliveries, received) = join(emitting, receiving).await;
    assert!(received.windows(2).all(|pair| pair[0] < pair[1]), "out of order, or twice: {received:?}");
    client.disconnect();
    while client.next().await.is_some() {}
    let known: BTreeSet<usize> = received.into_iter().collect();
    for (n, delivery) in deliveries.iter().enumerate().filter(|(n, _)| !known.contains(n)) {
        assert!(delivery.outcome().is_some(), "nobody knows what became of {n}");
    }
    for n in &known {
        assert_ne!(deliveries[*n].outcome(), Some(Outcome::Undelivered), "{n} arrived");
    }
}

pub(crate) async fn retries_run_out<H: Host>(stage: Stage<H>) {
    let endpoint = stage.free_endpoint().await;
    let config = stage.config().retry(Retry::every(Duration::from_millis(1)).max(2));
    let mut client = stage.connect_at(config, &endpoint);
    client.emit("kept", &1).await.unwrap();
    for attempt in 0..3 {
        let error = client.next().await;
        assert!(matches!(&error, Some(Event::Error(error)) if error.code() == nobody(stage.wire)), "{error:?}");
        if attempt < 2 {
            let gone = client.next().await;
            let retries = matches!(gone, Some(Event::Disconnected { reason: Reason::Refused, retry_in: Some(_), .. }));
            assert!(retries, "{gone:?}");
        }
    }
    let end = rest(&mut client).await;
    let [Event::Undelivered(lost), Event::Disconnected { retry_in: None, .. }, Event::Destroyed] = &*end else {
        panic!("{end:?}");
    };
    assert!(!lost.maybe_sent);
    assert!(client.ready().await.is_err());
}

pub(crate) async fn a_disconnect_without_a_connection_gives_everything_back<H: Host>(stage: Stage<H>) {
    let endpoint = stage.free_endpoint().await;
    let mut client = stage.connect_at(stage.config(), &endpoint);
    for n in 0..3 {
        client.emit("n", &n).await.unwrap();
    }
    client.disconnect();
    let mut seen = rest(&mut client).await;
    seen.retain(|event| !matches!(event, Event::Error(_) | Event::Disconnected { retry_in: Some(_), .. }));
    let lost: Vec<u32> = seen
        .iter()
        .filter_map(|event| if let Event::Undelivered(lost) = event { Some(lost) } else { None })
        .map(|lost| lost.frame.message().unwrap().decode().unwrap())
        .collect();
    assert_eq!(lost, [0, 1, 2]);
    assert!(matches!(seen[3..], [Event::Disconnected { retry_in: None, .. }, Event::Destroyed]), "{seen:?}");
}

pub(crate) async fn of_knows_the_connected_and_forgets_the_disconnected<H: Host>(stage: Stage<H>) {
    let mut server = stage.serve(stage.config()).await;
    let at = server.endpoints()[0].clone();
    let ipc = stage.ipc(stage.config());
    assert!(ipc.of("world").is_none());
    let client = ipc.connect_to_endpoint("world", at.clone()).unwrap();
    let twice = ipc.connect_to_endpoint("world", at.clone());
    assert!(matches!(twice, Err(Error::Config(error)) if error.option() == "id"));
    // Another process of the same program knows nothing of it.
    let other = stage.ipc(stage.config());
    assert!(other.of("world").is_none());
    let third = other.connect_to_endpoint("world", at.clone()).unwrap();
    drop(third);

    ipc.of("world").unwrap().emit("by", "of").await.unwrap();
    assert_eq!(message(&mut server).await.1.name(), "by");
    ipc.disconnect("nobody");
    ipc.disconnect("world");
    assert!(ipc.of("world").is_none());
    let again = ipc.connect_to_endpoint("world", at).unwrap();
    again.emit("again", &()).await.unwrap();
    assert_eq!(message(&mut server).await.1.name(), "again");
    drop((client, again));
    assert!(ipc.of("world").is_none());
}

pub(crate) async fn a_server_that_resets_is_found_again<H: Host>(stage: Stage<H>) {
    let listener = crate::raw::RawListener::bind(&stage.endpoint());
    let mut client = stage.connect_at(stage.config(), &listener.endpoint);
    for n in 0..3 {
        let raw = listener.accept().await;
        // A reset that comes sooner is a failed attempt.
        stage.until(|| client.stats().connects > n).await;
        raw.reset().await;
    }
    let _last = listener.accept().await;
    let mut connects = 0;
    while connects < 4 {
        match client.next().await.unwrap() {
            Event::Connected => connects += 1,
            Event::Error(error) => assert!(matches!(error.code(), "ECONNRESET" | "EPIPE"), "{error:?}"),
            Event::Disconnected { retry_in: Some(_), .. } => {}
            event => panic!("{event:?}"),
        }
    }
}

pub(crate) async fn servers_are_found_by_their_id<H: Host>(stage: Stage<H>) {
    let ipc = stage.ipc(stage.config());
    let mut server = ipc.serve().await.unwrap();
    let mut client = ipc.connect_to("world").unwrap();
    crate::stage::talk(&mut client, &mut server).await;
    let held = stage.ipc(stage.config()).serve().await;
    assert!(matches!(&held, Err(Error::Bind(error)) if error.code() == "EADDRINUSE"), "{held:?}");
    server.stop().await;

    let mut both = stage.ipc(stage.config()).serve_both().await.unwrap();
    for at in both.endpoints().to_vec() {
        let mut client = stage.connect_at(stage.config(), &at);
        crate::stage::talk(&mut client, &mut both).await;
    }
}
