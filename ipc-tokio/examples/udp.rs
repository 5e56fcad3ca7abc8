//! Two processes' worth of UDP in one: both ends are servers, and there are no connections.
//!
//! ```sh
//! cargo run -p ipc-tokio --example udp
//! ```
//!
//! The stock other half is node-ipc's `ipc.serveNet(port, 'udp4', …)`.

use ipc_tokio::{Config, Endpoint, Event, Ipc, Message, PeerId, Server};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut hello = Ipc::new(Config::default().id("hello")).serve_udp4("127.0.0.1:0").await?;
    let mut world = Ipc::new(Config::default().id("world")).serve_udp4("127.0.0.1:0").await?;
    let Endpoint::Udp4 { host, port } = &world.endpoints()[0] else { return Err("not UDP".into()) };

    // Whoever speaks first names the address; from then on it is a peer like any other.
    let peer = hello.udp_peer(&format!("{host}:{port}")).await?;
    hello.emit(peer, "message", "hello").await?;

    // The other side knows the peer by its datagram, and answers.
    let (peer, message) = message(&mut world).await.ok_or("the server has stopped")?;
    let address = world.peer_info(peer).and_then(|info| info.address);
    println!("peer {peer} at {address:?} says {:?}", message.decode::<&str>()?);
    world.emit(peer, "message", "world").await?;

    let (_, message) = self::message(&mut hello).await.ok_or("the server has stopped")?;
    println!("and is answered {:?}", message.decode::<&str>()?);

    // A datagram carries 65,507 bytes over IPv4. What is larger never leaves, and the sender hears of it.
    if let Err(error) = hello.broadcast("message", &"x".repeat(70_000)).await {
        println!("{:?}: {error}", error.code());
    }
    world.stop().await;
    hello.stop().await;
    Ok(())
}

async fn message(server: &mut Server) -> Option<(PeerId, Message)> {
    while let Some((peer, event)) = server.next().await {
        if let Event::Message(message) = event {
            return Some((peer, message));
        }
    }
    None
}
