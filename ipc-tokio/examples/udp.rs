//! Hello over UDP: both ends are servers, and there are no connections.
//!
//! ```sh
//! cargo run -p ipc-tokio --example udp                   # both ends
//! cargo run -p ipc-tokio --example udp server ENDPOINT   # one of them, `udp4:HOST:PORT` or `udp6:[HOST]:PORT`; the
//! cargo run -p ipc-tokio --example udp client ENDPOINT   # other may be node-ipc's `ipc.serveNet(port, 'udp4', …)`
//! ```

use std::env;

use ipc_tokio::{Config, Endpoint, Event, Ipc, Message, PeerId, Server};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    let [role, endpoint] = [1, 2].map(|n| env::args().nth(n));
    let endpoint: Endpoint = endpoint.as_deref().unwrap_or("udp4:127.0.0.1:0").parse()?;
    if role.as_deref() == Some("client") {
        return ask(endpoint).await;
    }
    let world = Ipc::new(Config::default().id("world")).serve_endpoints(vec![endpoint]).await?;
    let endpoint = world.endpoints()[0].clone();
    println!("listening at {endpoint}");
    let asking = async { if role.is_none() { ask(endpoint).await } else { std::future::pending().await } };
    tokio::select!(() = answer(world) => Ok(()), end = asking => end)
}

async fn answer(mut world: Server) {
    while let Ok((peer, message)) = next_message(&mut world).await {
        // The peer is known by its datagram, and is answered at the address that it came from.
        let text = message.decode::<String>().unwrap_or_default();
        println!("{}: {text}", message.name());
        world.emit(peer, "message", &format!("{text} world!")).await.ok();
    }
}

async fn ask(endpoint: Endpoint) -> Result<()> {
    let text = endpoint.to_string();
    let (scheme, address) = text.split_once(':').ok_or("not UDP")?;
    let mut hello =
        Ipc::new(Config::default().id("hello")).serve_endpoints(vec![format!("{scheme}:0").parse()?]).await?;
    // Whoever speaks first names the address; from then on it is a peer like any other.
    let world = hello.udp_peer(address).await?;
    hello.emit(world, "message", "hello").await?;
    let (_, message) = next_message(&mut hello).await?;
    println!("{}: {}", message.name(), message.decode::<String>()?);
    hello.stop().await;
    Ok(())
}

async fn next_message(server: &mut Server) -> Result<(PeerId, Message)> {
    while let Some((peer, event)) = server.next().await {
        if let Event::Message(message) = event {
            return Ok((peer, message));
        }
    }
    Err("the server has stopped".into())
}
