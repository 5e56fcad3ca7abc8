//! Answers every event with the same event. Node clients of every generation find it.
//!
//! ```sh
//! cargo run -p ipc-async-std --features smol --example echo_server [ENDPOINT]
//! cargo run -p ipc-async-std --features smol --example echo_client    # in another terminal
//! ```

use async_signal::{Signal, Signals};
use futures_util::StreamExt;
use ipc_async_std::{Config, Event, Ipc, PeerId, Server};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    smol::block_on(async {
        let ipc = Ipc::new(Config::default().id("world"));
        let mut server = match std::env::args().nth(1) {
            // node-ipc 14 looks for `world` in one place and 9 to 12 in another: listen at both.
            None => ipc.serve_both().await?,
            Some(endpoint) => ipc.serve_endpoints(vec![endpoint.parse()?]).await?,
        };
        for endpoint in server.endpoints() {
            println!("listening at {endpoint}");
        }
        let mut interrupts = Signals::new([Signal::Int])?;
        // Waiting for events may be given up at any time: none is lost.
        while let Some((peer, event)) =
            smol::future::or(server.next(), async { interrupts.next().await.and(None) }).await
        {
            answer(&server, peer, event).await;
        }
        // Removes the sockets, and lets answers that are on their way leave.
        server.stop().await;
        Ok(())
    })
}

async fn answer(server: &Server, peer: PeerId, event: Event) {
    match event {
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
    }
}
