//! One server and three clients: to each of them, and to everybody.
//!
//! ```sh
//! cargo run -p ipc-tokio --example broadcast                    # both sides
//! cargo run -p ipc-tokio --example broadcast server ENDPOINT [CONFIG.json]    # one of them; the other may be a node-ipc process
//! cargo run -p ipc-tokio --example broadcast clients ENDPOINT [CONFIG.json]
//! ```

use std::{env, fs};

use ipc_tokio::{Config, Endpoint, Event, Ipc, Server};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    let [role, endpoint, file] = [1, 2, 3].map(|n| env::args().nth(n));
    let endpoint = endpoint.as_deref().unwrap_or("tcp:127.0.0.1:0").parse()?;
    let config = Config::from_json(file.map_or_else(|| Ok("{}".into()), fs::read_to_string)?)?.config;
    if role.as_deref() == Some("clients") {
        return listen(endpoint, config).await;
    }
    let server = Ipc::new(config.clone().id("world")).serve_endpoints(vec![endpoint]).await?;
    let endpoint = server.endpoints()[0].clone();
    println!("listening at {endpoint}");
    let listening = async { if role.is_none() { listen(endpoint, config).await } else { Ok(()) } };
    tokio::try_join!(tell(server), listening).map(drop)
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

async fn listen(endpoint: Endpoint, config: Config) -> Result<()> {
    let listeners = ["one", "two", "three"].map(|name| listener(name, endpoint.clone(), config.clone()));
    futures_util::future::try_join_all(listeners).await.map(drop)
}

async fn listener(name: &str, endpoint: Endpoint, config: Config) -> Result<()> {
    let mut client = Ipc::new(config.id(name)).connect_to_endpoint("world", endpoint)?;
    client.emit("hello", name).await?;
    let mut news = String::new();
    while news != "to everybody" {
        let Event::Message(message) = client.next().await.ok_or("the client has given up")? else { continue };
        news = message.decode()?;
        println!("{name}: {news}");
    }
    Ok(())
}
