//! Says hello to a server called `world` and waits for an answer.
//!
//! The server is `echo_server`, or any node-ipc process with that id. There need not be one yet: it is dialled every
//! half second until there is.
//!
//! ```sh
//! cargo run -p ipc-async-std --features smol --example echo_client [ENDPOINT]    # `tcp:HOST:PORT`, an id, …
//! ```

use ipc_async_std::{Config, Event, Ipc};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    smol::block_on(async {
        let ipc = Ipc::new(Config::default().id("hello"));
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
        assert!(world.close().await.is_empty(), "the answer means that it arrived");
        Ok(())
    })
}
