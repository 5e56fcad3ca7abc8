//! One server and three clients: to each of them, and to everybody.
//!
//! ```sh
//! cargo run -p ipc-tokio --example broadcast                    # both sides
//! cargo run -p ipc-tokio --example broadcast server ENDPOINT    # one of them; the other may be a node-ipc process
//! cargo run -p ipc-tokio --example broadcast clients ENDPOINT
//! ```

use ipc_tokio::{Config, Endpoint, Event, Ipc, Server};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (role, endpoint) = match words.as_slice() {
        [role, endpoint] => (role.as_str(), endpoint.parse()?),
        _ => ("both", "tcp:127.0.0.1:0".parse()?),
    };
    if role == "clients" {
        return listen(endpoint).await;
    }
    let server = Ipc::new(Config::default().id("world")).serve_endpoints(vec![endpoint]).await?;
    let endpoint = server.endpoints()[0].clone();
    println!("listening at {endpoint}");
    if role == "server" { tell(server).await } else { tokio::try_join!(tell(server), listen(endpoint)).map(drop) }
}

async fn tell(mut server: Server) -> Result<()> {
    let mut here = 0;
    while let Some((peer, event)) = server.next().await {
        let Event::Message(message) = event else { continue };
        server.emit(peer, "news", &format!("welcome, {}", message.decode::<String>()?)).await?;
        here += 1;
        if here == 3 {
            // Encoded once, for all three.
            println!("on its way to {} peers", server.broadcast("news", "to everybody").await?);
            server.stop().await; // what waits is written first
        }
    }
    Ok(())
}

async fn listen(endpoint: Endpoint) -> Result<()> {
    // A process may have several clients; they know nothing of each other.
    let listeners = ["one", "two", "three"].map(|name| listener(name, endpoint.clone()));
    futures_util::future::try_join_all(listeners).await.map(drop)
}

async fn listener(name: &str, endpoint: Endpoint) -> Result<()> {
    let mut client = Ipc::new(Config::default().id(name)).connect_to_endpoint("world", endpoint)?;
    client.emit("hello", name).await?;
    let mut news = String::new();
    while news != "to everybody" {
        let Event::Message(message) = client.next().await.ok_or("the client has given up")? else { continue };
        news = message.decode()?;
        println!("{name}: {news}");
    }
    Ok(())
}
