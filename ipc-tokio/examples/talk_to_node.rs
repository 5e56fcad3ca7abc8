//! Typed events to and from a stock node-ipc process, which `talk_to_node.mjs` beside this file starts.
//!
//! ```sh
//! npm install node-ipc@14.0.0 && node talk_to_node.mjs
//! cargo run -p ipc-tokio --example talk_to_node    # in another terminal
//! ```

use ipc_tokio::{Config, Event, Ipc};
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Add {
    numbers: Vec<f64>,
}

/// What the server may say. The envelope's `type` picks the variant, its `data` fills it.
#[derive(Deserialize, Debug)]
#[serde(tag = "type", content = "data", rename_all = "camelCase")]
enum Reply {
    Sum {
        numbers: Vec<f64>,
        sum: f64,
    },
    #[serde(other)]
    Unknown,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut adder = Ipc::new(Config::default().id("rust")).connect_to("adder")?;
    adder.emit("add", &Add { numbers: vec![1.0, 2.5, 3e20] }).await?;

    while let Some(event) = adder.next().await {
        match event {
            Event::Message(message) => match message.decode_event()? {
                Reply::Sum { numbers, sum } => {
                    println!("{numbers:?} add up to {sum}");
                    break;
                }
                Reply::Unknown => println!("not for us: {message:?}"),
            },
            Event::Error(error) => println!("{}: {error}", error.code()),
            other => println!("{other:?}"),
        }
    }
    adder.close().await;
    Ok(())
}
