//! The presets, which a program has by its features.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use ipc_async_std::{AsyncStd, Client, Config, Event, Ipc, Server, Smol, proto::facade};

/// A program as it is written for any adapter: only the `use` line says which.
async fn program(mut server: Server, mut client: Client) {
    client.emit("message", "hello").await.unwrap();
    while let Some((peer, event)) = server.next().await {
        if let Event::Message(message) = event {
            server.emit(peer, "message", &message.data()).await.unwrap();
            break;
        }
    }
    loop {
        if let Event::Message(message) = client.next().await.unwrap() {
            assert_eq!(message.decode::<&str>().unwrap(), "hello");
            return;
        }
    }
}

#[test]
fn with_both_features_ipc_means_smol() {
    let ipc: facade::Ipc<Smol> = Ipc::new(Config::default());
    smol::block_on(async {
        let server = ipc.serve_net("127.0.0.1:0").await.unwrap();
        let client = ipc.connect_to_endpoint("world", server.endpoints()[0].clone()).unwrap();
        program(server, client).await;
    });
}

#[test]
fn async_std_can_be_named() {
    let ipc = facade::Ipc::with_runtime(Config::default(), AsyncStd::default());
    async_std::task::block_on(async {
        let mut server = ipc.serve_net("127.0.0.1:0").await.unwrap();
        let client = ipc.connect_to_endpoint("world", server.endpoints()[0].clone()).unwrap();
        client.emit("message", "hello").await.unwrap();
        while !matches!(server.next().await, Some((_, Event::Message(_)))) {}
        server.stop().await;
    });
}

#[test]
fn a_given_spawner_stands_above_the_feature() {
    let (tell, told) = std::sync::mpsc::channel();
    let ipc = Ipc::with_spawner(Config::default(), move |task| {
        tell.send(()).unwrap();
        smol::spawn(task).detach();
    });
    drop(ipc.connect_to_net("world", "127.0.0.1:1").unwrap());
    told.recv().unwrap();
}
