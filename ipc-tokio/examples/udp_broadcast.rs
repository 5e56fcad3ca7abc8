//! Three ends that say hello over UDP, and one that answers each of them and then tells all of them the same.
//!
//! ```sh
//! cargo run -p ipc-tokio --example udp_broadcast                   # all of them
//! cargo run -p ipc-tokio --example udp_broadcast server ENDPOINT   # a side, at `udp4:HOST:PORT` or `udp6:[HOST]:PORT`;
//! cargo run -p ipc-tokio --example udp_broadcast clients ENDPOINT  # the other may be a node-ipc process
//! ```

use std::env;

use futures_util::future::try_join_all;
use ipc_tokio::{Config, Endpoint, Event, Ipc, Server};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    let role = env::args().nth(1);
    let endpoint = env::args().nth(2).as_deref().unwrap_or("udp4:127.0.0.1:0").parse()?;
    if role.as_deref() == Some("clients") {
        return listen(&endpoint).await;
    }
    let server = Ipc::new(Config::default().id("world")).serve_endpoints(vec![endpoint]).await?;
    let endpoint = server.endpoints()[0].clone();
    println!("listening at {endpoint}");
    let listening = async { if role.is_none() { listen(&endpoint).await } else { Ok(()) } };
    tokio::try_join!(tell(server), listening).map(drop)
}

async fn tell(mut server: Server) -> Result<()> {
    let mut here = 0;
    while let Some((peer, event)) = server.next().await {
        let Event::Message(message) = event else { continue };
        server.emit(peer, "news", &format!("welcome, {}", message.decode::<String>()?)).await?;
        here += 1;
        if here == 3 {
            // To every address that was heard from; one that is silent for long is forgotten.
            println!("on its way to {} peers", server.broadcast("news", "to everybody").await?);
            server.stop().await;
        }
    }
    Ok(())
}

async fn listen(endpoint: &Endpoint) -> Result<()> {
    try_join_all(["one", "two", "three"].map(|name| listener(name, endpoint.to_string()))).await.map(drop)
}

async fn listener(name: &str, endpoint: String) -> Result<()> {
    let (scheme, address) = endpoint.split_once(':').ok_or("not UDP")?;
    let mut end = Ipc::new(Config::default().id(name)).serve_endpoints(vec![format!("{scheme}:0").parse()?]).await?;
    end.emit(end.udp_peer(address).await?, "hello", name).await?;
    let mut news = String::new();
    while news != "to everybody" {
        let Some((_, Event::Message(message))) = end.next().await else { return Err("the end has stopped".into()) };
        news = message.decode()?;
        println!("{name}: {news}");
    }
    Ok(())
}
