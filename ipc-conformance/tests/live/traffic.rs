//! Many messages, many peers.

use ipc_conformance::host::Host;
use ipc_proto::{Event, PeerId};

use crate::peer::Peer;
use crate::scene::{Events, Scene, accepted, within};

const BURST: usize = 1000;
const PEERS: usize = 3;

pub(crate) async fn bursts_both_ways_with_a_node_server<H: Host>(scene: Scene<H>) {
    let (mut peer, endpoint) = scene.node_server(&[]).await;
    let mut client = scene.rust_client(scene.config(), &endpoint).await;
    peer.expect("connect").await;
    peer.tell(&format!(r#"{{"cmd":"burst","type":"b","n":{BURST},"to":0}}"#)).await;
    for n in 0..BURST {
        client.emit("b", &n).await.expect("there is room");
    }
    tokio::join!(numbers_arrive(&mut client), numbers_are_shown(&mut peer));
}

pub(crate) async fn bursts_both_ways_with_a_node_client<H: Host>(scene: Scene<H>) {
    let mut server = scene.rust_server(scene.config()).await;
    let mut peer = scene.node_client(&server, &[]);
    let id = accepted(&mut server).await;
    peer.tell(&format!(r#"{{"cmd":"burst","type":"b","n":{BURST}}}"#)).await;
    for n in 0..BURST {
        server.emit(id, "b", &n).await.expect("there is room");
    }
    tokio::join!(numbers_arrive(&mut server), numbers_are_shown(&mut peer));
}

async fn numbers_arrive(receiver: &mut impl Events) {
    for n in 0..BURST {
        let (name, data) = receiver.texts().await;
        assert_eq!((&*name, data), ("b", Some(n.to_string())));
    }
}

async fn numbers_are_shown(peer: &mut Peer) {
    for n in 0..BURST {
        assert_eq!(peer.until("message").await.number(), n);
    }
}

/// Each client says which it is; one is answered alone, then all are.
pub(crate) async fn a_rust_server_reaches_one_and_all<H: Host>(scene: Scene<H>) {
    let mut server = scene.rust_server(scene.config()).await;
    let mut peers = Vec::new();
    let mut ids: Vec<PeerId> = Vec::new();
    for n in 0..PEERS {
        let mut peer = scene.node_client(&server, &[]);
        ids.push(accepted(&mut server).await);
        peer.expect("connect").await;
        peer.tell(&format!(r#"{{"cmd":"emit","type":"hello","data":{{"id":"peer{n}"}}}}"#)).await;
        assert_eq!(server.message().await.name(), "hello");
        peers.push(peer);
    }
    let name = server.peer_id(ids[1]).map(|id| id.as_str().to_owned());
    assert_eq!(name.as_deref(), scene.version.is_classic().then_some("\"peer1\""));

    server.emit(ids[1], "one", &1).await.expect("there is room");
    assert_eq!(server.broadcast("all", "!").await.expect("it has a JSON form"), PEERS);
    for (n, peer) in peers.iter_mut().enumerate() {
        if n == 1 {
            assert_eq!(peer.expect("message").await.texts(), ("\"one\"", Some("1")));
        }
        assert_eq!(peer.expect("message").await.texts(), ("\"all\"", Some("\"!\"")));
    }
}

pub(crate) async fn a_node_server_reaches_one_and_all<H: Host>(scene: Scene<H>) {
    let (mut peer, endpoint) = scene.node_server(&[]).await;
    let mut clients = Vec::new();
    for n in 0..PEERS {
        clients.push(scene.rust_client(scene.config(), &endpoint).await);
        assert_eq!(peer.expect("connect").await.n, Some(n));
    }
    peer.tell(r#"{"cmd":"emit_to","n":1,"type":"one","data":1}"#).await;
    peer.tell(r#"{"cmd":"broadcast","type":"all","data":"!"}"#).await;
    for (n, client) in clients.iter_mut().enumerate() {
        if n == 1 {
            assert_eq!(client.texts().await, ("one".to_owned(), Some("1".to_owned())));
        }
        assert_eq!(client.texts().await, ("all".to_owned(), Some("\"!\"".to_owned())));
        client.emit("thanks", &n).await.expect("there is room");
        assert_eq!(peer.expect("message").await.n, Some(n));
    }
    clients.remove(0).disconnect();
    peer.until("socket.disconnected").await;
    let event = within("silence", async { clients[0].is_closed() }).await;
    assert!(!event, "the others stay");
    drop(peer);
    assert!(matches!(clients[1].event().await, Event::Disconnected { .. } | Event::Error(_)));
}
