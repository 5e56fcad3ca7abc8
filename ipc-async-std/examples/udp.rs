//! Two processes' worth of UDP in one: both ends are servers, and there are no connections. Ends by itself.
//!
//!     cargo run -p ipc-async-std --features smol --example udp

use ipc_async_std::{Config, Endpoint, Event, Ipc, Message, PeerId, Server};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    smol::block_on(async {
        let mut hello = Ipc::new(Config::default().id("hello")).serve_udp4("127.0.0.1:0").await?;
        let mut world = Ipc::new(Config::default().id("world")).serve_udp4("127.0.0.1:0").await?;
        let Endpoint::Udp4 { host, port } = &world.endpoints()[0] else { return Err("not UDP".into()) };

        // Whoever speaks first names the address; from then on it is a peer like any other.
        let there = hello.udp_peer(&format!("{host}:{port}")).await?;
        hello.emit(there, "message", "hello").await?;

        // The other side knows the peer by its datagram, and answers.
        let (peer, message) = heard(&mut world).await.ok_or("the server has stopped")?;
        println!("peer {peer} says {:?}", message.decode::<&str>()?);
        world.emit(peer, "message", "world").await?;
        let (_, answer) = heard(&mut hello).await.ok_or("the server has stopped")?;
        println!("and is answered {:?}", answer.decode::<&str>()?);

        // What is larger than a datagram never leaves, and the sender hears of it.
        if let Err(error) = hello.emit(there, "message", &"x".repeat(70_000)).await {
            println!("{error}");
        }
        world.stop().await;
        hello.stop().await;
        Ok(())
    })
}

async fn heard(server: &mut Server) -> Option<(PeerId, Message)> {
    loop {
        if let (peer, Event::Message(message)) = server.next().await? {
            return Some((peer, message));
        }
    }
}
