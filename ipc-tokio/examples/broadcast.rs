//! One server and three clients in one process: to everybody, and to one of them.
//!
//! ```sh
//! cargo run -p ipc-tokio --example broadcast
//! ```

use ipc_tokio::{Client, Config, Event, Ipc, Message, PeerId, Server};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut server = Ipc::new(Config::default()).serve_net("127.0.0.1:0").await?;
    let address = server.endpoints()[0].clone();

    let mut clients = Vec::new();
    for name in ["one", "two", "three"] {
        // A process may have several; they know nothing of each other.
        let client = Ipc::new(Config::default().id(name)).connect_to_endpoint("server", address.clone())?;
        let peer = connected(&mut server).await.ok_or("the server has stopped")?;
        println!("{name} is peer {peer}");
        clients.push(client);
    }

    // Encoded once, for all three.
    let reached = server.broadcast("news", "to everybody").await?;
    println!("on its way to {reached} peers");
    let last = *server.peers().last().ok_or("nobody is left")?;
    server.emit(last, "news", "to you alone").await?;

    for client in &mut clients {
        println!("{:?}", message(client).await);
    }
    println!("{:?}", message(&mut clients[2]).await);
    server.stop().await;
    Ok(())
}

async fn connected(server: &mut Server) -> Option<PeerId> {
    while let Some((peer, event)) = server.next().await {
        if let Event::Connected = event {
            return Some(peer);
        }
    }
    None
}

async fn message(client: &mut Client) -> Option<Message> {
    while let Some(event) = client.next().await {
        if let Event::Message(message) = event {
            return Some(message);
        }
    }
    None
}
