//! Ends: killed, closed, stopped, or over a bad frame.

use ipc_conformance::host::Host;
use ipc_proto::{
    Config, Dialect, Event, Profile, Reason,
    facade::{Client, Server},
};

use crate::peer::Peer;
use crate::scene::{Events, Scene, accepted, within};

/// base64 of `bad` and a form feed.
const BAD: &str = "YmFkDA==";

pub(crate) async fn a_killed_node_server_is_found_again<H: Host>(scene: Scene<H>) {
    let (mut peer, endpoint) = scene.node_server(&[]).await;
    let mut client = scene.rust_client(scene.config(), &endpoint).await;
    client.emit("n", &0).await.expect("there is room");
    assert_eq!(peer.until("message").await.number(), 0);
    peer.kill().await;

    assert!(will_retry(&lost(&mut client).await));
    for n in 1..=100 {
        client.emit("n", &n).await.expect("there is room");
    }
    let (mut peer, _) = scene.node_server_at(&endpoint, &[]).await;
    for n in 1..=100 {
        assert_eq!(peer.until("message").await.number(), n);
    }
    connected(&mut client).await;
    peer.tell(r#"{"cmd":"emit","type":"back","data":true}"#).await;
    assert_eq!(client.texts().await, ("back".to_owned(), Some("true".to_owned())));
}

/// The event that says the connection is gone; an error may come before it.
async fn lost<H: Host>(client: &mut Client<H>) -> Event {
    match client.event().await {
        Event::Error(_) => client.event().await,
        event => event,
    }
}

fn will_retry(event: &Event) -> bool {
    matches!(event, Event::Disconnected { retry_in: Some(_), .. })
}

/// Passes over attempts that failed.
async fn connected<H: Host>(client: &mut Client<H>) {
    loop {
        match within("a connection", client.next()).await {
            Some(Event::Connected) => return,
            Some(Event::Error(_) | Event::Disconnected { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Modern closes over a bad frame and does not come back; Classic says so and goes on.
pub(crate) async fn a_bad_frame_from_a_node_server<H: Host>(scene: Scene<H>) {
    let (mut peer, endpoint) = scene.node_server(&[]).await;
    let mut client = scene.rust_client(scene.config(), &endpoint).await;
    peer.expect("connect").await;
    peer.tell(&format!(r#"{{"cmd":"raw","b64":"{BAD}"}}"#)).await;
    assert!(matches!(client.event().await, Event::Error(error) if error.code() == "ERR_IPC_INVALID_JSON"));
    if scene.version.is_classic() {
        peer.tell(r#"{"cmd":"emit","type":"good","data":1}"#).await;
        assert_eq!(client.message().await.name(), "good");
        return;
    }
    assert!(is_end(&client.event().await, Reason::Protocol));
    assert!(matches!(client.event().await, Event::Destroyed));
    assert!(within("the end", client.next()).await.is_none());
    peer.expect("socket.disconnected").await;
}

fn is_end(event: &Event, why: Reason) -> bool {
    matches!(event, Event::Disconnected { reason, retry_in: None, .. } if *reason == why)
}

pub(crate) async fn a_bad_frame_from_a_node_client<H: Host>(scene: Scene<H>) {
    let mut server = scene.rust_server(scene.config()).await;
    let mut peer = scene.node_client(&server, &[]);
    peer.expect("connect").await;
    peer.tell(&format!(r#"{{"cmd":"raw","b64":"{BAD}"}}"#)).await;
    assert!(matches!(server.event().await, Event::Error(error) if error.code() == "ERR_IPC_INVALID_JSON"));
    if scene.version.is_classic() {
        peer.tell(r#"{"cmd":"emit","type":"good","data":1}"#).await;
        assert_eq!(server.message().await.name(), "good");
        return;
    }
    assert!(is_end(&server.event().await, Reason::Protocol));
    peer.until("disconnect").await;
}

/// A raw connection of the other side's delimiter can say anything.
fn raw(config: Config) -> Config {
    config.profile(Profile::Raw)
}

pub(crate) async fn a_bad_frame_to_a_node_server<H: Host>(scene: Scene<H>) {
    let (mut peer, endpoint) = scene.node_server(&[]).await;
    let mut client = scene.rust_client(raw(scene.config()), &endpoint).await;
    peer.expect("connect").await;
    client.send(ipc_proto::Frame::raw("bad\x0c")).await.expect("there is room");
    is_shown_as_bad(&mut peer, &scene).await;
    if scene.version.is_classic() {
        client.send(ipc_proto::Frame::raw("{\"type\":\"good\"}\x0c")).await.expect("there is room");
        assert_eq!(peer.expect("message").await.texts(), ("\"good\"", None));
    } else {
        assert!(will_retry(&lost(&mut client).await));
    }
}

pub(crate) async fn a_bad_frame_to_a_node_client<H: Host>(scene: Scene<H>) {
    let mut server = scene.rust_server(raw(scene.config())).await;
    let mut peer = scene.node_client(&server, &[]);
    let id = accepted(&mut server).await;
    peer.expect("connect").await;
    server.send(id, ipc_proto::Frame::raw("bad\x0c")).await.expect("there is room");
    is_shown_as_bad(&mut peer, &scene).await;
    if scene.version.is_classic() {
        server.send(id, ipc_proto::Frame::raw("{\"type\":\"good\"}\x0c")).await.expect("there is room");
        assert_eq!(peer.expect("message").await.texts(), ("\"good\"", None));
    } else {
        peer.expect("disconnect").await;
        peer.expect("destroy").await;
        assert!(matches!(server.event().await, Event::Disconnected { .. } | Event::Error(_)));
    }
}

async fn is_shown_as_bad<H: Host>(peer: &mut Peer, scene: &Scene<H>) {
    let line = peer.expect("error").await;
    assert_eq!(line.code.as_deref(), Some(scene.text("INVALID_JSON", "ERR_IPC_INVALID_JSON")));
}

pub(crate) async fn a_rust_client_disconnects<H: Host>(scene: Scene<H>) {
    let (mut peer, endpoint) = scene.node_server(&[]).await;
    let mut client = scene.rust_client(scene.config(), &endpoint).await;
    client.emit("last", &1).await.expect("there is room");
    client.disconnect();
    assert!(is_end(&client.event().await, Reason::Local));
    assert!(matches!(client.event().await, Event::Destroyed));
    assert_eq!(peer.until("message").await.texts(), ("\"last\"", Some("1")));
    peer.until("socket.disconnected").await;
}

pub(crate) async fn a_node_client_disconnects<H: Host>(scene: Scene<H>) {
    let mut server = scene.rust_server(scene.config()).await;
    let mut peer = scene.node_client(&server, &[]);
    accepted(&mut server).await;
    peer.expect("connect").await;
    peer.tell(r#"{"cmd":"disconnect"}"#).await;
    assert!(is_end(&server.event().await, Reason::Peer));
    peer.expect("disconnect").await;
    peer.expect("destroy").await;
    assert!(server.peers().is_empty());
}

pub(crate) async fn a_rust_server_stops<H: Host>(scene: Scene<H>) {
    let mut server = scene.rust_server(scene.config()).await;
    let mut peer = scene.node_client(&server, &["--config", r#"{"maxRetries":0}"#]);
    let id = accepted(&mut server).await;
    peer.expect("connect").await;
    server.emit(id, "last", &1).await.expect("there is room");
    within("the server to stop", server.stop()).await;
    assert_eq!(peer.expect("message").await.texts(), ("\"last\"", Some("1")));
    peer.expect("disconnect").await;
    peer.expect("destroy").await;
    ends_in_order(server).await;
}

async fn ends_in_order<H: Host>(mut server: Server<H>) {
    assert!(is_end(&server.event().await, Reason::Local));
    assert!(within("the end", server.next()).await.is_none());
}

/// 14 closes its connections when it stops; 9 and 12 only stop to listen.
pub(crate) async fn a_node_server_stops<H: Host>(scene: Scene<H>) {
    let (mut peer, endpoint) = scene.node_server(&[]).await;
    let mut client = scene.rust_client(scene.config(), &endpoint).await;
    peer.expect("connect").await;
    peer.tell(r#"{"cmd":"stop"}"#).await;
    match scene.version.dialect() {
        Dialect::Classic => {
            client.emit("still", "there").await.expect("there is room");
            assert_eq!(peer.expect("message").await.texts(), ("\"still\"", Some("\"there\"")));
        }
        _ => assert!(will_retry(&lost(&mut client).await)),
    }
}
