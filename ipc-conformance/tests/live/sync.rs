//! One message in flight, the next one after an answer.

use crate::scene::{Events, Scene};
use ipc_conformance::host::Host;

pub(crate) async fn a_sync_client_keeps_the_order<H: Host>(scene: Scene<H>) {
    let (mut peer, endpoint) = scene.node_server(&["--echo"]).await;
    let mut client = scene.rust_client(scene.config().sync(true), &endpoint).await;
    for n in 0..50 {
        client.emit("q", &n).await.expect("there is room");
    }
    for n in 0..50 {
        assert_eq!(client.texts().await, ("q".to_owned(), Some(format!("{n}"))));
        assert_eq!(peer.until("message").await.number(), n);
    }
}

/// The second message comes after the answer to the first was given, and not before.
pub(crate) async fn a_sync_client_waits_for_an_answer<H: Host>(scene: Scene<H>) {
    let (mut peer, endpoint) = scene.node_server(&[]).await;
    let mut client = scene.rust_client(scene.config().sync(true), &endpoint).await;
    for n in 0..3 {
        client.emit("q", &n).await.expect("there is room");
    }
    peer.expect("connect").await;
    for n in 0..3 {
        assert_eq!(peer.expect("message").await.number(), n);
        peer.tell(&format!(r#"{{"cmd":"emit","type":"r","data":{n},"seq":{n}}}"#)).await;
        let line = peer.expect("done").await;
        assert_eq!(line.seq, u64::try_from(n).ok());
        assert_eq!(client.texts().await, ("r".to_owned(), Some(n.to_string())));
    }
}
