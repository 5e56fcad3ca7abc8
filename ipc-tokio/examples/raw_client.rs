//! Sends raw bytes and waits until as many have come back.
//!
//! ```sh
//! cargo run -p ipc-tokio --example raw_server [ENDPOINT [ENCODING [CONFIG.json]]]
//! cargo run -p ipc-tokio --example raw_client [ENDPOINT [ENCODING [CONFIG.json]]]    # in another terminal
//! ```
//!
//! The server may be a node-ipc process with `rawBuffer` that echoes. See `raw_server` for the arguments.

use std::{env, fs};

use ipc_tokio::{Config, Encoding, Event, Frame, Ipc, Profile};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let endpoint = env::args().nth(1).unwrap_or_else(|| "raw".into()).parse()?;
    let encoding: Encoding = env::args().nth(2).unwrap_or_else(|| "utf8".into()).parse()?;
    let options = env::args().nth(3).map_or_else(|| Ok("{}".into()), fs::read_to_string)?;
    let config = Config::from_json(options)?.config.profile(Profile::Raw).encoding(encoding);
    let mut server = Ipc::new(config).connect_to_endpoint("server", endpoint)?;

    let bytes = "héllo".as_bytes();
    server.send(Frame::raw(bytes)).await?;

    let mut back = Vec::new();
    while back.len() < bytes.len() {
        match server.next().await.ok_or("the client has given up")? {
            // Perhaps only a part: raw mode has no borders.
            Event::Raw(part) => back.extend_from_slice(&part),
            Event::Error(error) => println!("{}: {error}", error.code()),
            other => println!("{other:?}"),
        }
    }
    println!("{}", encoding.decode(&back));
    server.close().await;
    Ok(())
}
