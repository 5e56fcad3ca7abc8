//! UDP, where both ends are servers.

use ipc_conformance::host::Host;
use ipc_proto::{Config, Dialect, Event, Frame, PeerId, Profile, endpoint::Endpoint, facade::Server};

use crate::peer::Peer;
use crate::scene::{Events, Scene, Wire, within};

/// A Node end, and its address.
async fn node_end<H: Host>(scene: &Scene<H>, more: &[&str]) -> (Peer, String) {
    let (peer, endpoint) = scene.node_server(more).await;
    let Endpoint::Tcp { port, .. } = endpoint else { panic!("{endpoint} has no port") };
    (peer, format!("{}:{port}", host(scene)))
}

fn host<H: Host>(scene: &Scene<H>) -> &'static str {
    if scene.wire == Wire::Udp6 { "[::1]" } else { "127.0.0.1" }
}

/// A Rust end that knows the Node end, and the Node end's number there.
async fn rust_end<H: Host>(scene: &Scene<H>, config: Config, node: &str) -> (Server<H>, PeerId) {
    let server = scene.rust_server(config).await;
    let peer = within("a peer", server.udp_peer(node)).await.expect("the address is good");
    (server, peer)
}

/// Where a Node end finds `server`, as the members of a command.
fn address_of<H: Host>(server: &Server<H>) -> String {
    match &server.endpoints()[0] {
        Endpoint::Udp4 { host, port } | Endpoint::Udp6 { host, port } => {
            format!(r#""address":"{host}","port":{port}"#)
        }
        other => panic!("{other} is not UDP"),
    }
}

pub(crate) async fn a_rust_end_speaks_first<H: Host>(scene: Scene<H>) {
    let (mut peer, address) = node_end(&scene, &[]).await;
    let (mut server, id) = rust_end(&scene, scene.config(), &address).await;
    server.emit(id, "hello", &Some("w\u{f6}rld")).await.expect("there is room");
    server.emit(id, "nothing", &()).await.expect("there is room");
    assert_eq!(peer.expect("message").await.texts(), ("\"hello\"", Some("\"w\u{f6}rld\"")));
    assert_eq!(peer.expect("message").await.texts(), ("\"nothing\"", Some(scene.text("{}", "null"))));
    peer.tell(r#"{"cmd":"emit_to","n":0,"type":"back","data":{"id":"node"}}"#).await;
    let (from, event) = within("an answer", server.next()).await.expect("the server goes on");
    let Event::Message(message) = event else { panic!("{event:?}") };
    assert_eq!((from, message.name()), (id, "back"));
    let name = server.peer_id(id).map(|name| name.as_str().to_owned());
    assert_eq!(name.as_deref(), scene.version.is_classic().then_some("\"node\""));
}

pub(crate) async fn a_node_end_speaks_first<H: Host>(scene: Scene<H>) {
    let mut server = scene.rust_server(scene.config()).await;
    let (mut peer, address) = node_end(&scene, &[]).await;
    let to = address_of(&server);
    for n in [1, 2] {
        peer.tell(&format!(r#"{{"cmd":"emit",{to},"type":"hello","data":{n}}}"#)).await;
        let (id, event) = within("a message", server.next()).await.expect("the server goes on");
        assert!(matches!(&event, Event::Message(message) if message.name() == "hello"), "{event:?}");
        let info = server.peer_info(id).expect("the peer is there");
        assert_eq!(info.address, Some(address.parse().expect("an address")));
        server.emit(id, "hello", &n).await.expect("it is as long as what came");
        let line = peer.expect("message").await;
        assert_eq!((line.texts().0, line.number()), ("\"hello\"", n));
    }
}

pub(crate) async fn the_largest_datagram_passes_both_ways<H: Host>(scene: Scene<H>) {
    let (mut peer, address) = node_end(&scene, &["--echo"]).await;
    let (mut server, id) = rust_end(&scene, scene.config(), &address).await;
    let most = if scene.wire == Wire::Udp6 { 65_527 } else { 65_507 };
    let empty = Frame::encode("m", "").expect("text has a JSON form").len() + 1;
    let fits = "x".repeat(most - empty);
    let error = server.emit(id, "m", &(fits.clone() + "x")).await.expect_err("one byte too many");
    assert_eq!(error.code(), Some("EMSGSIZE"));
    server.emit(id, "m", &fits).await.expect("it fits");
    assert_eq!(server.message().await.decode::<&str>().expect("a text"), fits);
    assert_eq!(peer.expect("message").await.texts().0, "\"m\"");
}

pub(crate) async fn a_broadcast_reaches_those_who_spoke<H: Host>(scene: Scene<H>) {
    let mut server = scene.rust_server(scene.config()).await;
    let (mut one, _) = node_end(&scene, &[]).await;
    let (mut two, _) = node_end(&scene, &[]).await;
    let to = address_of(&server);
    for peer in [&mut one, &mut two] {
        peer.tell(&format!(r#"{{"cmd":"emit",{to},"type":"here","data":1}}"#)).await;
        assert_eq!(server.message().await.name(), "here");
    }
    assert_eq!(server.broadcast("all", &2).await.expect("it has a JSON form"), 2);
    for peer in [&mut one, &mut two] {
        assert_eq!(peer.expect("message").await.texts(), ("\"all\"", Some("2")));
    }
}

/// Node-ipc 9 to 12 reaches nobody: the next emit is the first thing that comes.
pub(crate) async fn a_node_broadcast<H: Host>(scene: Scene<H>) {
    let (mut peer, address) = node_end(&scene, &[]).await;
    let (mut server, id) = rust_end(&scene, scene.config(), &address).await;
    server.emit(id, "here", &1).await.expect("there is room");
    assert_eq!(peer.expect("message").await.texts().0, "\"here\"");
    peer.tell(r#"{"cmd":"broadcast","type":"all","data":2}"#).await;
    peer.tell(r#"{"cmd":"emit_to","n":0,"type":"one","data":3}"#).await;
    if !scene.version.is_classic() {
        assert_eq!(server.message().await.name(), "all");
    }
    assert_eq!(server.message().await.name(), "one");
}

pub(crate) async fn raw_bytes<H: Host>(scene: Scene<H>) {
    let (mut peer, address) = node_end(&scene, &["--config", r#"{"rawBuffer":true}"#]).await;
    let (mut server, id) = rust_end(&scene, scene.config().profile(Profile::Raw), &address).await;
    // What is no UTF-8 does not survive the way into node-ipc 9 to 12.
    let (sent, seen) = match scene.version.dialect() {
        Dialect::Classic => ("h\u{e9}\u{c}".as_bytes(), "aMOpDA=="),
        _ => (&b"\x00\x80\xff\x0c"[..], "AID/DA=="),
    };
    server.send(id, Frame::raw(sent)).await.expect("there is room");
    assert_eq!(peer.expect("data").await.b64.as_deref(), Some(seen));
    peer.tell(r#"{"cmd":"emit_to","n":0,"type":"h\u00e9"}"#).await;
    let event = server.event().await;
    assert!(matches!(&event, Event::Raw(bytes) if *bytes == "h\u{e9}".as_bytes()), "{event:?}");
}

pub(crate) async fn a_bare_bytes_sender_is_answered_alike<H: Host>(scene: Scene<H>) {
    let mut server = scene.ipc(scene.config()).serve_endpoints(vec![scene.endpoint()]).await.expect("any port will do");
    let (mut peer, node) = node_end(&scene, &[]).await;
    let rust = server.endpoints()[0].to_string();
    let rust = rust.split_once(':').expect("a scheme").1;
    let socket = tokio::net::UdpSocket::bind(format!("{}:0", host(&scene))).await.expect("any port will do");
    let frame = |n: u8| format!("{{\"type\":\"m\",\"data\":{n}}}\u{c}");
    // Two frames in a datagram; half a frame and, in the next datagram, its end; a frame that is none; a good one.
    let datagrams = [frame(1) + &frame(2), frame(3)[..9].into(), frame(3)[9..].into(), "no\u{c}".into(), frame(4)];
    for datagram in &datagrams {
        for to in [rust, &node] {
            within("the socket", socket.send_to(datagram.as_bytes(), to)).await.expect("loopback takes it");
        }
    }
    let (mut here, mut there) = (Vec::new(), Vec::new());
    while here.last().is_none_or(|last| last != "4") {
        here.push(match server.event().await {
            Event::Message(message) => message.data().map(|data| data.as_str().to_owned()).expect("data"),
            Event::Error(error) => error.code().replace("ERR_IPC_", ""),
            other => panic!("{other:?}"),
        });
    }
    while there.last().is_none_or(|last| last != "4") {
        let line = peer.next().await;
        there.push(match line.ev.as_str() {
            "message" => line.number().to_string(),
            _ => line.code.expect("an error has a code").replace("ERR_IPC_", ""),
        });
    }
    assert_eq!(here, there);
}
