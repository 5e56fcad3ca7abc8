//! A client that is told while it runs not to dial again.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::time::Duration;

use ipc_tokio::{Client, Config, Event, Ipc, Retry};
use tokio::time::timeout;

async fn next(client: &mut Client) -> Option<Event> {
    timeout(Duration::from_secs(30), client.next()).await.expect("nothing came")
}

fn client(path: &std::path::Path) -> Client {
    let config = Config::default().retry(Retry::every(Duration::from_millis(5)));
    Ipc::new(config).connect_to_path("s", path.to_str().unwrap()).unwrap()
}

/// PROTOCOL.md, rule L4.
#[tokio::test]
async fn a_client_told_to_stop_retrying_gives_up_at_the_next_disconnect() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.sock");
    let mut waiting = client(&path);
    assert!(matches!(next(&mut waiting).await, Some(Event::Error(_))));
    waiting.stop_retrying(true);
    while !matches!(next(&mut waiting).await, Some(Event::Destroyed)) {}
    assert!(next(&mut waiting).await.is_none());

    let server = Ipc::new(Config::default()).serve_at(path.to_str().unwrap()).await.unwrap();
    let mut connected = client(&path);
    assert!(matches!(next(&mut connected).await, Some(Event::Connected)));
    connected.stop_retrying(true);
    connected.stop_retrying(false);
    connected.stop_retrying(true);
    server.stop().await;
    let end = loop {
        match next(&mut connected).await {
            // The server may stop before it has accepted.
            Some(Event::Error(_)) => {}
            end => break end,
        }
    };
    assert!(matches!(end, Some(Event::Disconnected { retry_in: None, .. })), "{end:?}");
    assert!(matches!(next(&mut connected).await, Some(Event::Destroyed)));
}
