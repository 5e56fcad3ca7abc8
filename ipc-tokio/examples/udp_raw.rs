//! Raw bytes over UDP, one datagram at a time: whatever comes goes back. node-ipc's `rawBuffer` over UDP.
//!
//! ```sh
//! cargo run -p ipc-tokio --example udp_raw                   # both ends
//! cargo run -p ipc-tokio --example udp_raw server ENDPOINT   # one of them, at `udp4:HOST:PORT` or `udp6:[HOST]:PORT`;
//! cargo run -p ipc-tokio --example udp_raw client ENDPOINT   # the other may be a node-ipc process
//! ```

use std::env;

use ipc_tokio::{Config, Endpoint, Event, Frame, Ipc, Profile, Server};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    let role = env::args().nth(1);
    let endpoint: Endpoint = env::args().nth(2).as_deref().unwrap_or("udp4:127.0.0.1:0").parse()?;
    if role.as_deref() == Some("client") {
        return send(&endpoint).await;
    }
    let server = raw_end(endpoint).await?;
    let endpoint = server.endpoints()[0].clone();
    println!("listening at {endpoint}");
    let sending = async { if role.is_none() { send(&endpoint).await } else { std::future::pending().await } };
    tokio::select!(() = echo(server) => Ok(()), end = sending => end)
}

async fn raw_end(endpoint: Endpoint) -> Result<Server> {
    Ok(Ipc::new(Config::default().profile(Profile::Raw)).serve_endpoints(vec![endpoint]).await?)
}

async fn echo(mut server: Server) {
    while let Some((peer, event)) = server.next().await {
        // Unlike a stream, a datagram has borders: this is exactly what the peer sent at once.
        let Event::Raw(bytes) = event else { continue };
        println!("{}", String::from_utf8_lossy(&bytes));
        server.send(peer, Frame::raw(bytes)).await.ok();
    }
}

async fn send(to: &Endpoint) -> Result<()> {
    let text = to.to_string();
    let (scheme, address) = text.split_once(':').ok_or("not UDP")?;
    let mut end = raw_end(format!("{scheme}:0").parse()?).await?;
    let server = end.udp_peer(address).await?;
    end.send(server, Frame::raw("héllo".as_bytes())).await?;
    while let Some((_, event)) = end.next().await {
        let Event::Raw(bytes) = event else { continue };
        println!("{}", String::from_utf8_lossy(&bytes));
        break;
    }
    end.stop().await;
    Ok(())
}
