//! One server and three clients on one loop: to each of them, and to everybody. Ends by itself.
//!
//!     cargo run -p ipc-mio --example broadcast

use std::error::Error;

use futures_util::future::{try_join, try_join_all};
use ipc_mio::{
    EventLoop,
    facade::{Config, Endpoint, Event, Ipc, Server},
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let mut event_loop = EventLoop::new()?;
    // A process may have several clients; here each has a name of its own.
    let listeners = ["one", "two", "three"].map(|name| event_loop.ipc(Config::default().id(name)));
    let ipc = event_loop.ipc(Config::default().id("world"));
    event_loop.block_on(async {
        let server = ipc.serve_net("127.0.0.1:0").await?;
        let endpoint = server.endpoints()[0].clone();
        let clients = listeners.map(|ipc| listen(ipc, endpoint.clone()));
        try_join(tell(server), try_join_all(clients)).await.map(drop)
    })?
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

async fn listen(ipc: Ipc, endpoint: Endpoint) -> Result<()> {
    let name = ipc.config().id.clone();
    let mut client = ipc.connect_to_endpoint("world", endpoint)?;
    client.emit("hello", &name).await?;
    let mut news = String::new();
    while news != "to everybody" {
        let Event::Message(message) = client.next().await.ok_or("the client has given up")? else { continue };
        news = message.decode()?;
        println!("{name}: {news}");
    }
    Ok(())
}
