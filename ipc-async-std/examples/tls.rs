//! A server and a client over TLS, with certificates that are made for the occasion. Ends by itself.
//!
//!     cargo run -p ipc-async-std --features smol,tls --example tls

use std::{error::Error, fs};

use ipc_async_std::{Config, Endpoint, Event, Ipc, Server, TlsOptions};

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

    smol::block_on(async {
        let server = Ipc::new(Config::default().id("world").tls(server_tls)).serve_net("127.0.0.1:0").await?;
        let Endpoint::Tls { port, .. } = server.endpoints()[0] else { return Err("no TLS".into()) };
        smol::spawn(answer(server)).detach();

        // The host is the name that the certificate has to be for.
        let ipc = Ipc::new(Config::default().id("hello").tls(client_tls));
        let mut world = ipc.connect_to_net("world", &format!("localhost:{port}"))?;
        world.emit("message", "hello").await?;
        while let Some(event) = world.next().await {
            match event {
                Event::Message(message) => {
                    println!("{}", message.decode::<String>()?);
                    break;
                }
                Event::Error(error) => println!("{}: {error}", error.code()),
                other => println!("{other:?}"),
            }
        }
        world.close().await;
        Ok(())
    })
}

async fn answer(mut server: Server) {
    while let Some((peer, event)) = server.next().await {
        let Event::Message(message) = event else { continue };
        let word: String = message.decode().unwrap_or_default();
        if let Err(error) = server.emit(peer, "message", &format!("{word} world")).await {
            println!("{peer}: {error}");
        }
    }
}
