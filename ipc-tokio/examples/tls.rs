//! Hello over TLS. A side has its keys, and whom it trusts, from a file of node-ipc's options, which node-ipc reads as well:
//!
//! - `{"tls": {"private": "server.key", "public": "server.pem"}}` at a server,
//! - `{"tls": {"trustedConnections": ["ca.pem"]}}` at its client,
//! - all of them at both, with `"requestCert": true` at the server, to verify each other (see `mtls`).
//!
//! ```sh
//! cargo run -p ipc-tokio --features tls --example tls    # both sides, with a certificate made for the occasion
//! cargo run -p ipc-tokio --features tls --example tls server tls:localhost:8000 CONFIG.json
//! cargo run -p ipc-tokio --features tls --example tls client tls:localhost:8000 CONFIG.json
//! ```

use std::{env, fs};

use ipc_tokio::{Config, Endpoint, Event, Ipc, Server, TlsOptions};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    let [role, endpoint, file] = [1, 2, 3].map(|n| env::args().nth(n));
    // A certificate that is its own authority. Yours comes from whoever signs for your hosts.
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let own = TlsOptions::default().key(made.signing_key.serialize_pem()).cert(made.cert.pem());
    let config = match file {
        Some(file) => Config::from_json(fs::read_to_string(file)?)?.config,
        None => Config::default().tls(own.ca(made.cert.pem()).request_cert(false)),
    };
    let endpoint = endpoint.as_deref().unwrap_or("tls:localhost:0").parse()?;
    if role.as_deref() == Some("client") {
        return ask(config, endpoint).await;
    }
    let server = Ipc::new(config.clone().id("world")).serve_endpoints(vec![endpoint]).await?;
    let endpoint = server.endpoints()[0].clone();
    println!("listening at {endpoint}");
    let asking = async { if role.is_none() { ask(config, endpoint).await } else { std::future::pending().await } };
    tokio::select!(end = answer(server) => end, end = asking => end)
}

async fn answer(mut server: Server) -> Result<()> {
    while let Some((peer, event)) = server.next().await {
        let Event::Message(message) = event else { continue };
        let text = message.decode::<String>().unwrap_or_default();
        println!("{}: {text}", message.name());
        server.emit(peer, "message", &format!("{text} world!")).await.ok();
    }
    Ok(())
}

async fn ask(config: Config, endpoint: Endpoint) -> Result<()> {
    // The host of the endpoint is the name that the certificate has to be for.
    let mut world = Ipc::new(config.id("hello")).connect_to_endpoint("world", endpoint)?;
    world.emit("message", "hello").await?;
    while let Some(event) = world.next().await {
        let Event::Message(message) = event else { continue };
        println!("{}: {}", message.name(), message.decode::<String>()?);
        return Ok(());
    }
    Err("the client has given up".into())
}
