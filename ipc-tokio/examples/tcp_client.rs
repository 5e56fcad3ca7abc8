//! Says hello over TCP and waits for an answer.
//!
//! ```sh
//! cargo run -p ipc-tokio --example tcp_server
//! cargo run -p ipc-tokio --example tcp_client    # to 127.0.0.1:8000, or HOST:PORT if given
//! ```
//!
//! The server may be a node-ipc process: `ipc.serveNet(…)`.

use ipc_tokio::{Config, Event, Ipc};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".into());
    // `world` is only this process's name for the server here; the address says where it is.
    let mut world = Ipc::new(Config::default().id("hello")).connect_to_net("world", &address)?;
    world.emit("message", "hello").await?;

    while let Some(event) = world.next().await {
        match event {
            Event::Message(message) => {
                println!("{}: {}", message.name(), message.decode::<String>()?);
                break;
            }
            Event::Error(error) => println!("{}: {error}", error.code()),
            other => println!("{other:?}"),
        }
    }
    world.close().await;
    Ok(())
}
