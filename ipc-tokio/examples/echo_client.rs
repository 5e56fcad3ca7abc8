//! Says hello to a server called `world` and waits for an answer.
//!
//! The server is `echo_server`, or any node-ipc process with that id: this client looks where node-ipc 14 listens,
//! and then where 9 to 12 do. There need not be a server yet; it is dialled every half second until there is one.
//!
//! ```sh
//! cargo run -p ipc-tokio --example echo_client [ENDPOINT [CONFIG.json]]
//! ```
//!
//! An endpoint is an id, `unix:PATH`, `abstract:NAME`, `tcp:HOST:PORT` or `tls:HOST:PORT` (`--features tls`). The file has
//! node-ipc's options, by its names; over TLS it says whom to trust.

use std::{env, fs};

use ipc_tokio::{Config, Event, Ipc};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = env::args().nth(2).map_or_else(|| Ok("{}".into()), fs::read_to_string)?;
    let ipc = Ipc::new(Config::from_json(options)?.config.id("hello"));
    let mut world = match env::args().nth(1) {
        None => ipc.connect_to("world")?,
        Some(endpoint) => ipc.connect_to_endpoint("world", endpoint.parse()?)?,
    };
    // Not connected yet: the message waits for the connection.
    world.emit("message", "hello").await?;

    while let Some(event) = world.next().await {
        match event {
            Event::Connected => println!("connected"),
            Event::Message(message) => {
                let text: String = message.decode()?;
                println!("{}: {text}", message.name());
                break;
            }
            // Nobody there (yet), and what happens next.
            Event::Error(error) => println!("{}: {error}", error.code()),
            Event::Disconnected { retry_in: Some(delay), .. } => println!("trying again in {delay:?}"),
            other => println!("{other:?}"),
        }
    }
    let undelivered = world.close().await;
    assert!(undelivered.is_empty(), "the answer means that it arrived");
    Ok(())
}
