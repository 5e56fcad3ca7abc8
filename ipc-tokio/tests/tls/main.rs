//! TLS between two ends of this crate: what is delivered, what is refused, and what an attacker costs.

#[allow(dead_code, reason = "others include the file")]
mod certificates;
mod endings;
mod own;

use std::{future::Future, time::Duration};

use certificates::{Authority, Identity};
use futures_util::{Stream, StreamExt};
use ipc_tokio::{Client, Config, Endpoint, Event, Ipc, PeerId, Retry, Server, TlsOptions};
use tokio::time::timeout;

/// Long enough for the slowest machine; a test that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(30);

const LOCAL: &[&str] = &["localhost", "127.0.0.1"];

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("nothing came")
}

fn config(tls: TlsOptions) -> Config {
    Config::default().id("world").tls(tls).retry(Retry::every(Duration::from_millis(20)))
}

fn with(identity: &Identity) -> TlsOptions {
    TlsOptions::default().private(identity.key.clone()).public(identity.cert.clone())
}

async fn serve(config: Config) -> Server {
    Ipc::new(config).serve_net("127.0.0.1:0").await.expect("any port will do")
}

fn port(server: &Server) -> u16 {
    let Endpoint::Tls { port, .. } = server.endpoints()[0] else { panic!("{:?}", server.endpoints()) };
    port
}

fn address(server: &Server) -> String {
    format!("127.0.0.1:{}", port(server))
}

async fn next_message(server: &mut Server) -> (PeerId, String, String) {
    loop {
        let (peer, event) = soon(server.next()).await.expect("the server is over");
        if let Event::Message(message) = event {
            let data = message.data().map(|data| data.as_str().to_owned());
            return (peer, message.name().to_owned(), data.unwrap_or_default());
        }
    }
}

async fn next_data(stream: &mut (impl Stream<Item = Event> + Unpin)) -> String {
    loop {
        if let Event::Message(message) = soon(stream.next()).await.expect("the client is over") {
            return message.data().map_or_else(String::new, |data| data.as_str().to_owned());
        }
    }
}

/// A message there and back.
async fn talk(client: &mut Client, server: &mut Server) {
    soon(client.emit("message", "hello")).await.expect("the client goes on");
    let (peer, name, data) = next_message(server).await;
    assert_eq!((name.as_str(), data.as_str()), ("message", "\"hello\""));
    soon(server.emit(peer, "message", "world")).await.expect("the peer is there");
    assert_eq!(next_data(client).await, "\"world\"");
}
