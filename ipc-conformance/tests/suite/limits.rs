//! What a peer may not do, and the codes that say so.

use std::time::Duration;

use ipc_conformance::host::Host;
use ipc_proto::{Config, Dialect, EmitError, Event, Profile, Reason, Retry, facade::Client};

use crate::{
    raw::RawListener,
    stage::{Stage, message, rest, talk},
};

/// What a client gives until it is over, in short.
async fn story<H: Host>(client: &mut Client<H>) -> Vec<String> {
    rest(client).await.into_iter().filter_map(short).collect()
}

fn short(event: Event) -> Option<String> {
    Some(match event {
        Event::Connected => "connected".into(),
        Event::Message(message) => message.name().to_owned(),
        Event::Error(error) => error.code().to_owned(),
        Event::Disconnected { reason, .. } => format!("{reason:?}"),
        Event::Destroyed => "destroyed".into(),
        _ => return None,
    })
}

/// What a server gives of one peer that sends `bytes` and then nothing more.
async fn of_bytes<H: Host>(stage: &Stage<H>, config: Config, bytes: &str) -> Vec<String> {
    let mut server = stage.serve(config).await;
    let (mut raw, _) = stage.stranger(&mut server).await;
    raw.try_write(bytes).await;
    let mut seen = Vec::new();
    // A connection that the server ends is ended; another one would wait for more.
    loop {
        let (_, event) = server.next().await.unwrap();
        let last = matches!(event, Event::Disconnected { .. });
        let fence = matches!(&event, Event::Message(message) if message.name() == "fence");
        seen.extend(short(event));
        if last || fence {
            return seen;
        }
    }
}

pub(crate) async fn surplus_connections_are_closed_at_once<H: Host>(stage: Stage<H>) {
    let mut server = stage.serve(stage.config().max_connections(1)).await;
    let mut first = stage.connect(stage.config(), &server);
    talk(&mut first, &mut server).await;
    let mut second = stage.connect(stage.config().retry(Retry::never()), &server);
    let seen = story(&mut second).await;
    assert!(seen.ends_with(&["destroyed".to_owned()]), "{seen:?}");
    assert_eq!((server.stats().peers, server.stats().refused), (1, 1));
    talk(&mut first, &mut server).await;
    // Its place is free when it has gone.
    first.close().await;
    while !server.peers().is_empty() {
        server.next().await.unwrap();
    }
    let mut third = stage.connect(stage.config(), &server);
    talk(&mut third, &mut server).await;
}

pub(crate) async fn a_bad_frame_closes_in_modern_and_is_passed_over_in_classic<H: Host>(stage: Stage<H>) {
    let bytes = "{\"type\":\"a\"}\x0cbad\x0c{\"type\":\"fence\"}\x0c";
    let modern = of_bytes(&stage, stage.config().dialect(Dialect::Modern), bytes).await;
    assert_eq!(modern, ["a", "ERR_IPC_INVALID_JSON", "Protocol"]);
    let classic = of_bytes(&stage, stage.config().dialect(Dialect::Classic), bytes).await;
    assert_eq!(classic, ["a", "ERR_IPC_INVALID_JSON", "fence"]);
}

pub(crate) async fn a_bad_frame_destroys_a_modern_client<H: Host>(stage: Stage<H>) {
    let listener = RawListener::bind(&stage.endpoint());
    let mut client = stage.connect_at(stage.config(), &listener.endpoint);
    let mut raw = listener.accept().await;
    raw.write("bad\x0c").await;
    let seen = story(&mut client).await;
    assert_eq!(seen, ["connected", "ERR_IPC_INVALID_JSON", "Protocol", "destroyed"]);
    raw.read_to_end().await;
}

pub(crate) async fn frames_have_a_size<H: Host>(stage: Stage<H>) {
    for profile in [Profile::Fast, Profile::Guarded] {
        let config = || stage.config().profile(profile).max_message_size(100);
        let fits = format!("{{\"type\":\"fence\",\"data\":\"{}\"}}", "x".repeat(100 - 26));
        assert_eq!(fits.len(), 100);
        assert_eq!(of_bytes(&stage, config(), &format!("{fits}\x0c")).await, ["fence"]);
        let more = fits.replace("fence", "fences");
        let seen = of_bytes(&stage, config(), &format!("{more}\x0c")).await;
        assert_eq!(seen, ["ERR_IPC_FRAME_TOO_LARGE", "Protocol"]);
        let endless = of_bytes(&stage, config(), &"x".repeat(101)).await;
        assert_eq!(endless, ["ERR_IPC_FRAME_TOO_LARGE", "Protocol"], "without waiting for the delimiter");
        let client = stage.connect_at(config(), &stage.free_endpoint().await);
        let Err(error) = client.emit("m", &"x".repeat(100)).await else { panic!("it is too large") };
        assert_eq!(error.code(), Some("ERR_IPC_FRAME_TOO_LARGE"));
    }
}

pub(crate) async fn partial_frames_have_an_age<H: Host>(stage: Stage<H>) {
    let config = stage.config().message_timeout(Duration::from_millis(30));
    let seen = of_bytes(&stage, config, "{\"type\":\"a\"}\x0c{\"type\":").await;
    assert_eq!(seen, ["a", "ERR_IPC_MESSAGE_TIMEOUT", "Protocol"]);
}

pub(crate) async fn guarded_keeps_reserved_names_to_itself<H: Host>(stage: Stage<H>) {
    let guarded = || stage.config().profile(Profile::Guarded);
    let bytes = "{\"type\":\"disconnect\",\"data\":1}\x0c{\"type\":\"fence\",\"data\":1}\x0c";
    assert_eq!(of_bytes(&stage, guarded(), bytes).await, ["ERR_IPC_RESERVED_EVENT", "Protocol"]);
    let allowed = of_bytes(&stage, guarded().allow_reserved_events(true), bytes).await;
    assert_eq!(allowed, ["disconnect", "fence"]);
    let (mut server, _, mut client) = stage.pair(guarded()).await;
    assert_eq!(client.emit("error", &1).await.unwrap_err().code(), Some("ERR_IPC_RESERVED_EVENT"));
    talk(&mut client, &mut server).await;
}

pub(crate) async fn guarded_ends_a_connection_that_does_not_keep_up<H: Host>(stage: Stage<H>) {
    let listener = RawListener::bind(&stage.endpoint());
    let config = stage.config().profile(Profile::Guarded).max_pending_bytes(100_000);
    let mut client = stage.connect_at(config, &listener.endpoint);
    let _deaf = listener.accept().await;
    client.ready().await.unwrap();
    let refused = loop {
        if let Err(error) = client.emit("m", &"x".repeat(10_000)).await {
            break error;
        }
    };
    assert!(matches!(refused, EmitError::Full(_)), "{refused:?}");
    let mut seen = story(&mut client).await;
    seen.dedup();
    assert_eq!(seen, ["connected", "ERR_IPC_BACKPRESSURE", "Protocol", "destroyed"]);
}

pub(crate) async fn an_event_that_is_not_allowed_ends_an_assured_connection<H: Host>(stage: Stage<H>) {
    let assured = || stage.config().profile(Profile::Assured).allow("fence");
    assert_eq!(of_bytes(&stage, assured(), "{\"type\":\"fence\"}\x0c").await, ["fence"]);
    let seen = of_bytes(&stage, assured(), "{\"type\":\"other\"}\x0c{\"type\":\"fence\"}\x0c").await;
    assert!(seen.len() == 2 && seen[0].starts_with("ERR_IPC_") && seen[1] == "Protocol", "{seen:?}");
}

pub(crate) async fn a_peer_that_ends_its_half_still_gets_what_waits<H: Host>(stage: Stage<H>) {
    let mut server = stage.serve(stage.config()).await;
    let (mut raw, _) = stage.stranger(&mut server).await;
    raw.write("{\"type\":\"q\"}\x0c").await;
    let (peer, _) = message(&mut server).await;
    server.emit(peer, "r", &"x".repeat(100_000)).await.unwrap();
    // It is the connection's by then, and no longer on its way there.
    stage.until(|| server.stats().connections.bytes_out > 0).await;
    raw.finish().await;
    let reason = loop {
        if let Event::Disconnected { reason, .. } = server.next().await.unwrap().1 {
            break reason;
        }
    };
    assert_eq!(reason, Reason::Peer);
    assert_eq!(raw.read_to_end().await.len(), 100_000 + 23);
    // A new one has another number.
    let (_again, next) = stage.stranger(&mut server).await;
    assert_ne!(next, peer);
}
