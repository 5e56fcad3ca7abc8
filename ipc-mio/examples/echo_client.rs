//! Says hello to a server called `world` and waits for an answer, on the ready-made loop.
//!
//! The server is `echo_server`, or any node-ipc process with that id. There need not be a server yet; it is dialled
//! every half second until there is one.
//!
//! ```sh
//! cargo run -p ipc-mio --example echo_client [ENDPOINT]    # `unix:PATH`, `abstract:NAME`, `tcp:HOST:PORT`, an id
//! ```

use std::error::Error;

use ipc_mio::{
    EventLoop,
    facade::{Config, Event, Ipc},
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut event_loop = EventLoop::new()?;
    let ipc = event_loop.ipc(Config::default().id("hello"));
    event_loop.block_on(greet(ipc))?
}

async fn greet(ipc: Ipc) -> Result<(), Box<dyn Error>> {
    let mut world = match std::env::args().nth(1) {
        None => ipc.connect_to("world")?,
        Some(endpoint) => ipc.connect_to_endpoint("world", endpoint.parse()?)?,
    };
    // Not connected yet: the message waits for the connection.
    world.emit("message", "hello").await?;

    while let Some(event) = world.next().await {
        match event {
            Event::Connected => println!("connected"),
            Event::Message(message) => {
                println!("{}: {}", message.name(), message.decode::<String>()?);
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
