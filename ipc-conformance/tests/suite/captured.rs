//! The captures of the corpus over real sockets: what each recorded endpoint was given, given to one here by a bare peer.

use std::net::UdpSocket;

use futures_util::{StreamExt as _, stream};
use ipc_conformance::{
    corpus::{Capture, Corpus},
    host::Host,
    replay::{Chunking, Differs, Flow, Ran, Replay, Role, Seen, Verdict},
};
use ipc_proto::{PeerId, Profile, Retry, endpoint::Endpoint, facade::Server};

use crate::{receive::Feed, stage::Stage, wire::Wire};

/// How many captures are given at a time.
const AT_ONCE: usize = 8;

/// Captures of streams, over any of them.
pub(crate) async fn streams_in_recorded_chunks<H: Host>(stage: Stage<H>) {
    run(&stage, |capture| !capture.is_datagrams(), Chunking::Recorded).await;
}

/// In other chunks than those that node-ipc wrote.
pub(crate) async fn streams_in_random_chunks<H: Host>(stage: Stage<H>) {
    run(&stage, |capture| !capture.is_datagrams(), Chunking::Random(5)).await;
}

/// Captures of datagrams of this version of IP.
pub(crate) async fn datagrams_as_they_were_recorded<H: Host>(stage: Stage<H>) {
    let wire = stage.wire;
    run(&stage, |capture| wire_of(capture) == Some(wire), Chunking::Recorded).await;
}

/// What a capture of datagrams is given over, or the plain stream that it was recorded over.
pub(crate) fn wire_of(capture: &Capture) -> Option<Wire> {
    [Wire::Unix, Wire::Tcp, Wire::Udp4, Wire::Udp6]
        .into_iter()
        .find(|wire| wire.to_string() == capture.transport.name())
}

async fn run<H: Host>(stage: &Stage<H>, picks: impl Fn(&Capture) -> bool, chunking: Chunking) {
    let replay = Replay::new(Differs::built_in());
    let captures = Corpus::built_in().captures().expect("the corpus loads");
    let picked: Vec<&Capture> =
        captures.iter().filter(|capture| picks(capture) && replay.cannot_replay(capture).is_none()).collect();
    assert!(!picked.is_empty());
    let given = picked.iter().map(|capture| given(stage, capture, chunking));
    let ran: Vec<Vec<Ran>> = stream::iter(given).buffered(AT_ONCE).collect().await;
    let verdicts = picked.iter().zip(&ran).map(|(capture, ran)| replay.judge_capture(capture, ran, Chunking::Whole));
    let failures: Vec<Verdict> = verdicts.filter(|verdict| matches!(verdict, Verdict::Failed(_))).collect();
    assert!(failures.is_empty(), "{failures:#?}");
}

/// What endpoints make of all flows of a capture. Reads of raw bytes are not the peer's writes: they count together.
pub(crate) async fn given<H: Host>(stage: &Stage<H>, capture: &Capture, chunking: Chunking) -> Vec<Ran> {
    let mut ran = Vec::new();
    for flow in Flow::all(capture) {
        ran.push(if flow.is_datagrams() { datagrams(stage, &flow).await } else { bytes(stage, &flow, chunking).await });
    }
    ran
}

async fn bytes<H: Host>(stage: &Stage<H>, flow: &Flow<'_>, chunking: Chunking) -> Ran {
    let config = flow.config().retry(Retry::never());
    let feed = Feed { pieces: flow.chunks(chunking), eof: true, config, waits: false };
    match flow.role() {
        Role::Server => feed.server(stage).await,
        Role::Client => feed.client(stage).await,
    }
}

/// Each datagram is waited for, so that none is lost in a full buffer: what comes from elsewhere after it has passed it.
async fn datagrams<H: Host>(stage: &Stage<H>, flow: &Flow<'_>) -> Ran {
    let config = flow.config();
    let mark = match config.profile {
        Profile::Raw => b"mark".to_vec(),
        _ => format!("{{\"type\":\"mark\"}}{}", config.delimiter.as_str()).into_bytes(),
    };
    let mut server = stage.serve(config).await;
    let [peer, marker] = [(); 2].map(|()| socket(&server.endpoints()[0]));
    let mut ran = Ran::default();
    marker.send(&mark).expect("the server listens");
    let marker_id = loop {
        if let Some((id, _)) = heard(&mut server).await {
            break id;
        }
    };
    for datagram in flow.chunks(Chunking::Recorded) {
        peer.send(&datagram).expect("the server listens");
        marker.send(&mark).expect("the server listens");
        loop {
            match heard(&mut server).await {
                Some((id, _)) if id == marker_id => break,
                Some((_, seen)) => ran.seen.push(seen),
                None => {}
            }
        }
    }
    ran
}

async fn heard<H: Host>(server: &mut Server<H>) -> Option<(PeerId, Seen)> {
    let (id, event) = server.next().await.expect("the server goes on");
    Seen::of(event).map(|seen| (id, seen))
}

fn socket(server: &Endpoint) -> UdpSocket {
    let (Endpoint::Udp4 { host, port } | Endpoint::Udp6 { host, port }) = server else { panic!("{server} is none") };
    let socket = UdpSocket::bind((host.as_str(), 0)).expect("there is a port");
    socket.connect((host.as_str(), *port)).expect("a socket has a peer");
    socket
}
