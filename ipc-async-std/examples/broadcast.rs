//! One server and three clients: to each of them, and to everybody. Ends by itself.
//!
//!     cargo run -p ipc-async-std --features smol --example broadcast

use ipc_async_std::{Config, Endpoint, Event, Ipc, Server};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Result<()> {
    smol::block_on(async {
        let server = Ipc::new(Config::default().id("world")).serve_net("127.0.0.1:0").await?;
        let endpoint = server.endpoints()[0].clone();
        println!("listening at {endpoint}");
        // A process may have several clients; they know nothing of each other.
        let listeners: Vec<_> =
            ["one", "two", "three"].map(|name| smol::spawn(listen(name, endpoint.clone()))).into_iter().collect();
        tell(server).await?;
        for listener in listeners {
            listener.await?;
        }
        Ok(())
    })
}

async fn tell(mut server: Server) -> Result<()> {
    let mut here = 0;
    while here < 3 {
        let Some((peer, event)) = server.next().await else { break };
        if let Event::Message(message) = event {
            here += 1;
            server.emit(peer, "news", &format!("welcome, {}", message.decode::<String>()?)).await?;
        }
    }
    // Encoded once, for all three.
    println!("on its way to {} peers", server.broadcast("news", "to everybody").await?);
    server.stop().await; // what waits is written first
    Ok(())
}

async fn listen(name: &'static str, endpoint: Endpoint) -> Result<()> {
    let mut client = Ipc::new(Config::default().id(name)).connect_to_endpoint("world", endpoint)?;
    client.emit("hello", name).await?;
    let mut news = String::new();
    while news != "to everybody" {
        if let Event::Message(message) = client.next().await.ok_or("the client has given up")? {
            news = message.decode()?;
            println!("{name}: {news}");
        }
    }
    Ok(())
}
