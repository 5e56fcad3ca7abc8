//! Raw bytes, without frames or names: whatever comes goes back. node-ipc's `rawBuffer`.
//!
//! ```sh
//! cargo run -p ipc-tokio --example raw_server [ENDPOINT [ENCODING [CONFIG.json]]]
//! cargo run -p ipc-tokio --example raw_client [ENDPOINT [ENCODING [CONFIG.json]]]    # in another terminal
//! ```
//!
//! Both sides must be raw. The encoding (utf8 by default, hex, base64, …) is how the bytes are shown here; node-ipc's
//! `encoding` is the same. The file has further options, by node-ipc's names.

use std::{env, fs};

use ipc_tokio::{Config, Encoding, Event, Frame, Ipc, Profile};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let endpoint = env::args().nth(1).unwrap_or_else(|| "raw".into()).parse()?;
    let encoding: Encoding = env::args().nth(2).unwrap_or_else(|| "utf8".into()).parse()?;
    let options = env::args().nth(3).map_or_else(|| Ok("{}".into()), fs::read_to_string)?;
    let config = Config::from_json(options)?.config.profile(Profile::Raw).encoding(encoding);
    let mut server = Ipc::new(config).serve_endpoints(vec![endpoint]).await?;
    println!("listening at {}", server.endpoints()[0]);

    while let Some((peer, event)) = server.next().await {
        match event {
            // What one read gave: raw mode has no borders, the peers must know how much belongs together.
            Event::Raw(bytes) => {
                println!("{}", encoding.decode(&bytes));
                server.send(peer, Frame::raw(bytes)).await.ok();
            }
            other => println!("peer {peer}: {other:?}"),
        }
    }
    Ok(())
}
