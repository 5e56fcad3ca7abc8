//! Answers every event with the same event. Node clients of every generation find it.
//!
//! ```sh
//! cargo run -p ipc-tokio --example echo_server [ENDPOINT [CONFIG.json]]
//! cargo run -p ipc-tokio --example echo_client    # in another terminal
//! ```
//!
//! The file has node-ipc's options, by its names; over TLS (`--features tls`, `tls:HOST:PORT`) it says where the keys are.

use std::{env, fs};

use ipc_tokio::{Config, Event, Ipc};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = env::args().nth(2).map_or_else(|| Ok("{}".into()), fs::read_to_string)?;
    let ipc = Ipc::new(Config::from_json(options)?.config.id("world"));
    let mut server = match env::args().nth(1) {
        // node-ipc 14 looks for `world` in one place and 9 to 12 in another: listen at both.
        None => ipc.serve_both().await?,
        Some(endpoint) => ipc.serve_endpoints(vec![endpoint.parse()?]).await?,
    };
    for endpoint in server.endpoints() {
        println!("listening at {endpoint}");
    }
    loop {
        tokio::select! {
            Some((peer, event)) = server.next() => match event {
                Event::Connected => println!("{peer} is here"),
                Event::Message(message) => {
                    println!("{peer} says {message:?}");
                    // As it came, without decoding it. This waits while 8 MiB wait for that peer, and the others wait
                    // with it; `serve_routed` answers each peer in a task of its own.
                    if let Err(error) = server.send(peer, message.to_frame()).await {
                        println!("{peer} gets no answer: {error}");
                    }
                }
                Event::Disconnected { reason, .. } => println!("{peer} is gone: {reason:?}"),
                other => println!("{peer}: {other:?}"),
            },
            interrupt = tokio::signal::ctrl_c() => {
                interrupt?;
                // Removes the sockets, and lets answers that are on their way leave.
                server.stop().await;
                return Ok(());
            }
        }
    }
}
