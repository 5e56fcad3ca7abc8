//! A server goes away and comes back: what the client emits meanwhile is kept, in order.
//!
//! ```sh
//! cargo run -p ipc-tokio --example reconnect
//! ```

use std::time::Duration;

use ipc_tokio::{Client, Config, Event, Ipc, Retry, Server};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::default().id("reconnect").retry(Retry::every(Duration::from_millis(50)));
    let ipc = Ipc::new(config);

    let mut server = ipc.serve().await?;
    let mut client = ipc.connect_to("reconnect")?;
    client.emit("count", &1).await?;
    print_counts(&mut server, 1).await;

    server.stop().await;
    until_disconnected(&mut client).await;
    // Nobody listens. Up to 8 MiB wait; past that an emit waits, and `try_emit` hands its message back.
    client.emit("count", &2).await?;
    client.emit("count", &3).await?;
    println!("{} bytes wait", client.pending_bytes());

    let mut server = ipc.serve().await?;
    print_counts(&mut server, 2).await;

    // Whatever could not be delivered would come back here.
    println!("undelivered: {:?}", client.close().await);
    server.stop().await;
    Ok(())
}

async fn print_counts(server: &mut Server, mut left: usize) {
    while let Some((peer, event)) = server.next().await {
        println!("server, peer {peer}: {event:?}");
        left -= usize::from(matches!(event, Event::Message(_)));
        if left == 0 {
            return;
        }
    }
}

async fn until_disconnected(client: &mut Client) {
    while let Some(event) = client.next().await {
        println!("client: {event:?}");
        if let Event::Disconnected { .. } = event {
            return;
        }
    }
}
