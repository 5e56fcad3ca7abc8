//! What is dropped is gone: file descriptors, files and tasks are counted. A program of its own with one test, since
//! descriptors are counted for the whole process.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::net::SocketAddr;

use ipc_async_std::Endpoint;
use socket2::{Domain, Socket, Type};
use support::{Count, Host, Ipc, OnAsyncStd, OnSmol, Place, heard, message, soon};

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// A process whose tasks are counted.
fn counted<E: Host>(place: &Place) -> (Ipc<E>, Count) {
    let tasks = Count::default();
    let count = tasks.clone();
    let spawn = move |task| {
        let held = count.hold();
        E::spawn(Box::pin(async move {
            let _held = held;
            let () = task.await;
        }));
    };
    (Ipc::with_spawner(place.config(), spawn), tasks)
}

/// Waits until nothing is left of what was dropped. Sockets are gone when their tasks are.
async fn gone(tasks: &Count) {
    soon(async {
        while tasks.get() > 0 {
            smol::future::yield_now().await;
        }
    })
    .await;
}

/// Everything there is, used and dropped.
fn come_and_go<E: Host>() {
    let place = Place::new();
    let (ipc, tasks) = counted::<E>(&place);
    E::block_on(async {
        let endpoints = vec![Endpoint::Path(place.path("s")), "tcp:127.0.0.1:0".parse().unwrap()];
        let mut server = ipc.serve_endpoints(endpoints).await.unwrap();
        let udp = ipc.serve_udp4("127.0.0.1:0").await.unwrap();
        let mut clients = Vec::new();
        for n in 0..10 {
            let mut client = ipc.connect_to_endpoint(&n.to_string(), server.endpoints()[n % 2].clone()).unwrap();
            soon(client.emit("message", "hello")).await.unwrap();
            let (peer, received) = heard(&mut server).await;
            soon(server.send(peer, received.to_frame())).await.unwrap();
            message(&mut client).await;
            clients.push(client);
        }
        let nobody = ipc.connect_to_path("nobody", place.path("nobody")).unwrap();
        assert!(tasks.get() > 20);
        drop((ipc, clients, server, udp, nobody));
        gone(&tasks).await;
    });
    assert!(!std::fs::exists(place.path("s")).unwrap());
}

/// A listener that answers no more dials.
fn deaf() -> (Socket, SocketAddr, Vec<Socket>) {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let waiting = (0..4).map(|_| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        // It fills the queue, and is refused in silence once that is full.
        drop(socket.connect(&address));
        socket
    });
    let waiting = waiting.collect();
    (listener, address.as_socket().unwrap(), waiting)
}

/// Attempts that would last long, given up in each of the ways there are.
fn give_up<E: Host>() {
    let place = Place::new();
    let (ipc, tasks) = counted::<E>(&place);
    let (_listener, address, _waiting) = deaf();
    E::block_on(async {
        let mut disconnected = ipc.connect_to_net("disconnected", &address.to_string()).unwrap();
        let dropped = ipc.connect_to_net("dropped", &address.to_string()).unwrap();
        drop(ipc.serve_at(place.path("cancelled")));
        let connected = smol::future::or(async { Some(disconnected.ready().await) }, async {
            for _ in 0..100 {
                smol::future::yield_now().await;
            }
            None
        });
        assert!(connected.await.is_none(), "the attempt is still under way");
        disconnected.disconnect();
        while let Some(event) = soon(disconnected.next()).await {
            drop(event);
        }
        drop((ipc, dropped));
        gone(&tasks).await;
    });
}

#[test]
fn nothing_is_left_behind() {
    let rounds = [come_and_go::<OnSmol>, come_and_go::<OnAsyncStd>, give_up::<OnSmol>, give_up::<OnAsyncStd>];
    // The reactor and the executors open what they keep.
    rounds.iter().for_each(|round| round());
    let before = descriptors();
    for round in rounds.into_iter().cycle().take(20) {
        round();
        assert_eq!(descriptors(), before);
    }
}
