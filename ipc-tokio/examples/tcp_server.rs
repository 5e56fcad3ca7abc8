//! Answers hello over TCP.
//!
//! ```sh
//! cargo run -p ipc-tokio --example tcp_server    # at 127.0.0.1:8000, node-ipc's port, or HOST:PORT if given
//! cargo run -p ipc-tokio --example tcp_client    # in another terminal
//! ```
//!
//! A node-ipc client does as well: `ipc.connectToNet('world', …)`. Whoever reaches the port may speak, so it is this
//! machine's own address by default.

use ipc_tokio::{Config, Event, Ipc};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".into());
    let mut server = Ipc::new(Config::default().id("world")).serve_net(&address).await?;
    // Port 0 lets the system pick one; it is known now.
    println!("listening at {}", server.endpoints()[0]);

    while let Some((peer, event)) = server.next().await {
        match event {
            Event::Message(message) => match message.decode::<String>() {
                Ok(text) => {
                    println!("{}: {text}", message.name());
                    // It fails for a peer that has left; that is no reason to stop serving the others.
                    server.emit(peer, "message", &format!("{text} world!")).await.ok();
                }
                Err(error) => println!("not a text: {error}"),
            },
            Event::Disconnected { reason, .. } => println!("peer {peer} is gone: {reason:?}"),
            other => println!("peer {peer}: {other:?}"),
        }
    }
    Ok(())
}
