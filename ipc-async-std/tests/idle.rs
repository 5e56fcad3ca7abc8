//! Connections where nothing happens cost nothing: the polls of their tasks are counted.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::{future::poll_fn, pin::Pin};

use ipc_async_std::{Config, Endpoint, Task};
use support::{Client, Count, Host, Ipc, Place, Server, heard, message, soon};

on_both!(idle_connections_are_not_polled);

const IDLE: usize = 20;
const ROUNDS: usize = 200;

/// A process whose tasks' polls are counted.
fn counted<E: Host>(config: Config) -> (Ipc<E>, Count) {
    let polls = Count::default();
    let count = polls.clone();
    let spawn = move |mut task: Task| {
        let count = count.clone();
        E::spawn(Box::pin(poll_fn(move |cx| {
            count.add();
            Pin::new(&mut task).poll(cx)
        })));
    };
    (Ipc::with_spawner(config, spawn), polls)
}

async fn ping<E: Host>(client: &mut Client<E>, server: &mut Server<E>) {
    soon(client.emit("ping", "x")).await.unwrap();
    let (peer, received) = heard(server).await;
    soon(server.send(peer, received.to_frame())).await.unwrap();
    message(client).await;
}

/// Whatever was on its way through the reactor has come through when this is over.
async fn keep_busy<E: Host>(client: &mut Client<E>, server: &mut Server<E>) {
    for _ in 0..ROUNDS {
        ping(client, server).await;
    }
}

fn idle_connections_are_not_polled<E: Host>() {
    let place = Place::new();
    let (quiet, polls) = counted::<E>(place.config());
    let busy = Ipc::<E>::new(place.config());
    let endpoints: Vec<Endpoint> = vec![Endpoint::Path(place.path("quiet")), "tcp:127.0.0.1:0".parse().unwrap()];
    E::block_on(async {
        let mut server = quiet.serve_endpoints(endpoints).await.unwrap();
        let mut clients = Vec::new();
        for n in 0..IDLE {
            let endpoint = server.endpoints()[n % 2].clone();
            let mut client = quiet.connect_to_endpoint(&n.to_string(), endpoint).unwrap();
            ping(&mut client, &mut server).await;
            clients.push(client);
        }
        let udp = quiet.serve_udp4("127.0.0.1:0").await.unwrap();

        let mut other = busy.serve_at(place.path("busy")).await.unwrap();
        let mut talker = busy.connect_to_path("talker", place.path("busy")).unwrap();
        keep_busy(&mut talker, &mut other).await;
        let before = polls.get();
        assert!(before >= 4 * IDLE, "{before}");
        keep_busy(&mut talker, &mut other).await;
        assert_eq!(polls.get(), before);

        // They are alive all the same.
        for client in &mut clients {
            ping(client, &mut server).await;
        }
        assert!(polls.get() >= before + 2 * IDLE);
        drop(udp);
    });
}

#[test]
fn a_message_costs_its_reader_few_polls() {
    fn on<E: Host>() {
        let place = Place::new();
        let (quiet, polls) = counted::<E>(place.config());
        E::block_on(async {
            let mut server = quiet.serve_at(place.path("s")).await.unwrap();
            let client = Ipc::<E>::new(place.config()).connect_to_path("world", place.path("s")).unwrap();
            for _ in 0..ROUNDS {
                soon(client.emit("message", "x")).await.unwrap();
                heard(&mut server).await;
            }
            let polls = polls.get();
            // One poll reads it and one may find nothing more; async-io wakes again where its thread ran in between.
            // Accepting costs a few.
            assert!(polls <= 4 * ROUNDS + 20, "{polls} polls for {ROUNDS} messages");
        });
    }
    on::<support::OnSmol>();
    on::<support::OnAsyncStd>();
}
