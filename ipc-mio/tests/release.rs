//! What is dropped closes its files. Alone in its process, since files are counted by the process.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use ipc_mio::{Client, EventLoop, Server, facade::Config};
use mio::{Events, Poll, Token, Waker};

fn files() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

fn parts() {
    let (mut poll, mut events) = (Poll::new().unwrap(), Events::with_capacity(64));
    let before = files();
    let mut server = Server::new(poll.registry().try_clone().unwrap(), 0..100);
    server.set_waker(Arc::new(Waker::new(poll.registry(), Token(1000)).unwrap()));
    server.serve_net("127.0.0.1:0").unwrap();
    let mut clients: Vec<Client> = (0..9)
        .map(|n| {
            let mut client = Client::new(poll.registry().try_clone().unwrap(), 100 + n..101 + n);
            client.connect_to_endpoint("world", server.endpoints()[0].clone()).unwrap();
            client
        })
        .collect();
    let sender = clients[0].sender().unwrap();
    loop {
        let now = Instant::now();
        server.drive(now);
        clients.iter_mut().for_each(|client| client.drive(now));
        if server.peers().len() == 9 {
            break;
        }
        let pressing = server.ready() || clients.iter().any(|client| client.ready());
        poll.poll(&mut events, pressing.then_some(Duration::ZERO)).unwrap();
        for event in &events {
            let _ = server.handle(event, now) || clients.iter().any(|client| client.handle(event, now));
        }
    }
    assert!(files() > before + 18);
    drop((server, clients));
    assert!(sender.try_emit("message", "late").is_err());
    assert_eq!(files(), before);
}

fn handles() {
    let mut event_loop = EventLoop::new().unwrap();
    let ipc = event_loop.ipc(Config::default());
    let before = files();
    let clients = event_loop
        .block_on(async {
            let server = ipc.serve_net("127.0.0.1:0").await.unwrap();
            let mut clients = Vec::new();
            for n in 0..9 {
                let mut client = ipc.connect_to_endpoint(&n.to_string(), server.endpoints()[0].clone()).unwrap();
                client.ready().await.unwrap();
                clients.push(client);
            }
            assert!(files() > before + 9);
            clients
        })
        .unwrap();
    drop(clients);
    while event_loop.tasks() > 0 {
        event_loop.turn(None).unwrap();
    }
    assert_eq!(files(), before);
}

#[test]
fn files_are_closed_and_no_thread_was_started() {
    let (before, running) = (files(), threads());
    parts();
    assert_eq!(files(), before);
    handles();
    assert_eq!((files(), threads()), (before, running));
}
