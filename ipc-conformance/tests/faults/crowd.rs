//! A server with thousands of clients is killed, and they all come back at once.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream::select_all};
use ipc_conformance::host::Host;
use ipc_proto::{
    Event, Retry,
    endpoint::Endpoint,
    facade::{Client, Ipc},
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{
    children::{command, files, settles},
    counting::Counting,
    killed::{OWN, config, echoing},
    peer::{Peer, resident},
};

/// How many there are, where as many files may be opened.
const CROWD: usize = 5000;
/// Files beside the connections.
const BESIDE: usize = 100;
/// How often the server is killed.
const STORMS: usize = 2;
/// What memory may grow by from one storm to the next, in KiB: far less than a quarter of KiB for each connection.
const GROWTH: usize = 16 << 10;

/// As many connections as this process may have, up to those wanted.
fn room() -> usize {
    let hard = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: hard, maximum: hard }).unwrap();
    hard.map_or(CROWD, |hard| CROWD.min(usize::try_from(hard).unwrap_or(CROWD) - BESIDE))
}

/// A server for a crowd, until it is killed.
pub(crate) async fn welcome<H: Host>(host: H, path: &str, most: usize) {
    room();
    let count = Arc::default();
    let ipc = Ipc::with_runtime(config().max_connections(most), host);
    let at = vec![Endpoint::Path(path.to_owned())];
    let mut server = ipc.serve_with(at, move |_| echoing(&count)).await.unwrap();
    while server.next().await.is_some() {}
}

/// Takes events until each client's message has come back.
async fn all_answered<H: Host>(clients: &mut [Client<Counting<H>>], round: usize) {
    for client in &*clients {
        let _ = client.try_emit("round", &round).unwrap();
    }
    let mut answered = 0;
    let count = clients.len();
    let mut events = select_all(clients);
    while answered < count {
        match events.next().await.unwrap() {
            Event::Message(message) => {
                assert_eq!(message.decode::<usize>().unwrap(), round);
                answered += 1;
            }
            Event::Undelivered(_) | Event::Destroyed => panic!("it tries for ever"),
            _ => {}
        }
    }
}

pub(crate) async fn comes_back<H: Host>(host: H) {
    let count = room();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.sock").to_str().unwrap().to_owned();
    let runtime = Counting::new(host.clone());
    let base = files();
    let ipc = Ipc::with_runtime(config().retry(Retry::every(Duration::from_millis(500))), runtime.clone());
    let connect = |n: usize| ipc.connect_to_endpoint(&n.to_string(), Endpoint::Path(path.clone())).unwrap();
    let start = || Peer::start(command(H::NAME, "welcome").args([&path, &(count + 1).to_string()]));
    let mut server = start();
    let mut clients: Vec<_> = (0..count).map(connect).collect();
    let mut memory = Vec::new();
    for round in 0..=STORMS {
        if round > 0 {
            drop(server);
            server = start();
        }
        all_answered(&mut clients, round).await;
        memory.push((resident("self"), server.resident()));
        assert!(files() <= base + count + OWN, "{} files for {count} connections", files());
        assert!(runtime.alive() <= count, "{} tasks for {count} connections", runtime.alive());
    }
    let grown = memory[STORMS].0.saturating_sub(memory[1].0);
    assert!(grown <= GROWTH, "grown by {grown} KiB: {memory:?}");
    drop(clients);
    settles(&host, "tasks", || runtime.alive() == 0).await;
    settles(&host, "files", || files() <= base + OWN).await;
    println!("{}: {count} clients came back {STORMS} times; KiB of clients and server: {memory:?}", H::NAME);
}
