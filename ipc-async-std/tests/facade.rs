//! What is special about executors, under each of them. What all runtimes have in common is tested elsewhere.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::{net::TcpListener, os::unix::net::UnixListener, sync::Arc};

use ipc_async_std::{Endpoint, Error, Event, Family, Interface, NoExecutor, Reason};
use support::{Count, Host, Ipc, OnSmol, Place, heard, message, soon};

on_both!(
    hello_over_every_transport,
    a_host_name_is_looked_up_in_its_family,
    listeners_from_elsewhere_are_taken_over,
    a_connection_of_ones_own_spawns_nothing,
    what_cannot_be_is_an_error_at_once
);

fn hello_over_every_transport<E: Host>() {
    let place = Place::new();
    let ipc = Ipc::<E>::new(place.config());
    E::block_on(async {
        let endpoints =
            [Endpoint::Path(place.path("s")), Endpoint::Abstract(place.path("s")), "tcp:127.0.0.1:0".parse().unwrap()];
        for endpoint in endpoints {
            let mut server = ipc.serve_endpoints(vec![endpoint]).await.unwrap();
            let endpoint = server.endpoints()[0].clone();
            let mut client = ipc.connect_to_endpoint("world", endpoint).unwrap();
            soon(client.emit("message", &"x".repeat(300_000))).await.unwrap();
            let (peer, received) = heard(&mut server).await;
            soon(server.send(peer, received.to_frame())).await.unwrap();
            assert_eq!(message(&mut client).await.decode::<String>().unwrap().len(), 300_000);
            assert!(soon(client.close()).await.is_empty());
            soon(server.stop()).await;
        }
        let mut one = ipc.serve_udp4("127.0.0.1:0").await.unwrap();
        let mut two = ipc.serve_udp4("127.0.0.1:0").await.unwrap();
        let Endpoint::Udp4 { port, .. } = two.endpoints()[0] else { panic!("no port") };
        let peer = one.udp_peer(&format!("127.0.0.1:{port}")).await.unwrap();
        one.emit(peer, "message", "hello").await.unwrap();
        let (peer, received) = heard(&mut two).await;
        two.send(peer, received.to_frame()).await.unwrap();
        assert_eq!(heard(&mut one).await.1.decode::<&str>().unwrap(), "hello");
    });
}

fn a_host_name_is_looked_up_in_its_family<E: Host>() {
    let mut interface = Interface::default();
    interface.local_address = Some([127, 0, 0, 1].into());
    interface.family = Some(Family::V4);
    let config = Place::new().config();
    let ipc = Ipc::<E>::new(config.clone().interface(interface.clone()));
    // No address is of both families.
    interface.family = Some(Family::V6);
    let lost = Ipc::<E>::new(config.interface(interface));
    E::block_on(async {
        let server = ipc.serve_net("127.0.0.1:0").await.unwrap();
        let Endpoint::Tcp { port, .. } = server.endpoints()[0] else { panic!("no port") };
        let address = format!("localhost:{port}");
        let mut client = ipc.connect_to_net("world", &address).unwrap();
        soon(client.ready()).await.unwrap();
        let failed = soon(lost.connect_to_net("nobody", &address).unwrap().next()).await;
        assert!(matches!(&failed, Some(Event::Error(error)) if error.code() == "ENOTFOUND"), "{failed:?}");
    });
}

fn listeners_from_elsewhere_are_taken_over<E: Host>() {
    let place = Place::new();
    let ipc = Ipc::<E>::new(place.config());
    E::block_on(async {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let unix = UnixListener::bind(place.path("s")).unwrap();
        for mut server in [ipc.serve_listener(tcp).unwrap(), ipc.serve_listener(unix).unwrap()] {
            let mut client = ipc.connect_to_endpoint("world", server.endpoints()[0].clone()).unwrap();
            soon(client.emit("message", "hello")).await.unwrap();
            assert_eq!(heard(&mut server).await.1.decode::<&str>().unwrap(), "hello");
            soon(client.close()).await;
            soon(server.stop()).await;
        }
        assert!(std::fs::exists(place.path("s")).unwrap(), "the file is whose it was");
    });
}

fn a_connection_of_ones_own_spawns_nothing<E: Host>() {
    let spawned = Count::default();
    let count = spawned.clone();
    let spawn = move |task| {
        count.add();
        E::spawn(task);
    };
    let ipc = Ipc::<E>::with_spawner(Place::new().config(), spawn);
    E::block_on(async {
        let mut listener = ipc.listen("tcp:127.0.0.1:0".parse().unwrap()).await.unwrap();
        let client = Ipc::<E>::new(Place::new().config());
        let client = client.connect_to_endpoint("world", listener.endpoint().clone()).unwrap();
        soon(client.emit("message", "hello")).await.unwrap();
        let mut accepted = soon(listener.accept()).await.unwrap();
        assert!(matches!(soon(accepted.next()).await, Some(Event::Connected)));
        assert!(matches!(soon(accepted.next()).await, Some(Event::Message(_))));
        client.disconnect();
        let last = soon(accepted.next()).await;
        assert!(matches!(last, Some(Event::Disconnected { reason: Reason::Peer, .. })), "{last:?}");
        assert_eq!(spawned.get(), 0);
    });
}

fn what_cannot_be_is_an_error_at_once<E: Host>() {
    let ipc = Ipc::<E>::new(Place::new().config());
    let refused = |text: &str| {
        let error = ipc.connect_to_endpoint("x", text.parse().unwrap()).unwrap_err();
        assert!(matches!(error, Error::Config(_)), "{error}");
        error.to_string()
    };
    assert!(refused("pipe:p").contains("ipc-async-std speaks over Unix sockets"));
    assert!(refused("udp4:127.0.0.1:1").contains("udp_peer"));
    let served = E::block_on(ipc.serve_endpoints(vec!["pipe:p".parse().unwrap()])).unwrap_err();
    assert!(served.to_string().contains("ipc-async-std speaks over"), "{served}");
    if cfg!(not(feature = "tls")) {
        assert!(refused("tls:localhost:1").contains("feature tls"));
    }
    let error = E::block_on(ipc.serve_at("x".repeat(300))).unwrap_err();
    assert!(error.to_string().contains("300"), "{error}");
}

#[test]
fn every_task_goes_to_the_executor_that_is_given() {
    let executor = Arc::new(smol::Executor::new());
    let (alive, spawned) = (Count::default(), Count::default());
    let (spawner, held, count) = (Arc::clone(&executor), alive.clone(), spawned.clone());
    let ipc = Ipc::<NoExecutor>::with_spawner(Place::new().config(), move |task| {
        let held = held.hold();
        count.add();
        spawner.spawn(async move { (task.await, drop(held)) }).detach();
    });
    smol::block_on(executor.run(async {
        let server = ipc.serve_net("127.0.0.1:0").await.unwrap();
        let mut client = ipc.connect_to_endpoint("world", server.endpoints()[0].clone()).unwrap();
        soon(client.ready()).await.unwrap();
        // One that accepts, one for each side of the connection.
        while spawned.get() < 3 {
            smol::future::yield_now().await;
        }
        soon(client.close()).await;
        soon(server.stop()).await;
        while alive.get() > 0 {
            soon(smol::future::yield_now()).await;
        }
        assert_eq!(spawned.get(), 3);
    }));
}

#[test]
fn an_executor_that_drops_its_tasks_closes_everything() {
    let server = smol::block_on(Ipc::<OnSmol>::new(Place::new().config()).serve_net("127.0.0.1:0")).unwrap();
    let executor = Arc::new(smol::Executor::new());
    let spawner = Arc::downgrade(&executor);
    let ipc = Ipc::<NoExecutor>::with_spawner(Place::new().config(), move |task| {
        if let Some(executor) = spawner.upgrade() {
            executor.spawn(task).detach();
        }
    });
    let mut client = ipc.connect_to_endpoint("world", server.endpoints()[0].clone()).unwrap();
    smol::block_on(executor.run(soon(client.ready()))).unwrap();
    drop(executor);
    smol::block_on(async {
        while let Some(event) = soon(client.next()).await {
            drop(event);
        }
        assert!(client.emit("message", "too late").await.is_err());
    });
}
