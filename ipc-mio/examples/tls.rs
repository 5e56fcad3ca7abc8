//! A server and a client over TLS, with certificates that are made for the occasion. Ends by itself.
//!
//!     cargo run -p ipc-mio --features tls --example tls

use std::{error::Error, fs};

use ipc_mio::{
    Config, EventLoop, TlsOptions,
    facade::{Endpoint, Event},
};

fn main() -> Result<(), Box<dyn Error>> {
    // A certificate that is its own authority. Yours comes from whoever signs for your hosts.
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let folder = tempfile::tempdir()?;
    let file = |name: &str| folder.path().join(name).display().to_string();
    fs::write(file("server.pem"), made.cert.pem())?;
    fs::write(file("server.key"), made.signing_key.serialize_pem())?;

    // node-ipc's names: private is the key, public the certificate, trusted_connections who may sign.
    let server_tls = TlsOptions::default().private(file("server.key")).public(file("server.pem"));
    let client_tls = TlsOptions::default().trust(file("server.pem"));

    let mut event_loop = EventLoop::new()?;
    let hello = event_loop.ipc(Config::default().id("hello").tls(client_tls));
    let world = event_loop.ipc(Config::default().id("world").tls(server_tls));
    event_loop.block_on(async {
        let mut server = world.serve_net("127.0.0.1:0").await?;
        let Endpoint::Tls { port, .. } = server.endpoints()[0] else { return Err("no TLS".into()) };
        // The host is the name that the certificate has to be for.
        let mut client = hello.connect_to_net("world", &format!("localhost:{port}"))?;
        client.emit("message", "hello").await?;
        while let Some((peer, event)) = server.next().await {
            if let Event::Message(message) = event {
                let answer = format!("{} world", message.decode::<String>()?);
                server.emit(peer, "message", &answer).await?;
                break;
            }
        }
        while let Some(event) = client.next().await {
            match event {
                Event::Message(message) => {
                    println!("{}", message.decode::<String>()?);
                    break;
                }
                Event::Error(error) => println!("{}: {error}", error.code()),
                other => println!("{other:?}"),
            }
        }
        client.close().await;
        Ok(())
    })?
}
