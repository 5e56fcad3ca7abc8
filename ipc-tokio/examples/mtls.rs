//! Both sides show a certificate, and a client without one is refused. Ends by itself.
//!
//!     cargo run -p ipc-tokio --features tls --example mtls

use std::error::Error;

use ipc_tokio::{Config, Endpoint, Event, Ipc, Retry, TlsOptions};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

type Authority = CertifiedIssuer<'static, KeyPair>;

/// A certificate for `name` and its key, as text.
fn sign(authority: &Authority, name: &str) -> Result<TlsOptions, rcgen::Error> {
    let key = KeyPair::generate()?;
    let cert = CertificateParams::new([name.to_owned()])?.signed_by(&key, authority)?;
    Ok(TlsOptions::default().key(key.serialize_pem()).cert(cert.pem()))
}

fn config(tls: TlsOptions) -> Config {
    Config::default().tls(tls).retry(Retry::never())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = Authority::self_signed(params, KeyPair::generate()?)?;

    // A server that names an authority asks every client for a certificate of it.
    let tls = sign(&authority, "localhost")?.ca(authority.pem());
    let mut server = Ipc::new(config(tls)).serve_net("127.0.0.1:0").await?;
    let Endpoint::Tls { port, .. } = server.endpoints()[0] else { return Err("no TLS".into()) };
    let address = format!("localhost:{port}");

    let member = Ipc::new(config(sign(&authority, "member")?.ca(authority.pem()))).connect_to_net("world", &address)?;
    member.emit("message", "let me in").await?;
    while let Some((peer, event)) = server.next().await {
        if let Event::Message(message) = event {
            println!("peer {} says {}", peer.get(), message.decode::<String>()?);
            break;
        }
    }

    // Its own handshake succeeds, so it is connected for a moment, until the server has looked.
    let mut stranger = Ipc::new(config(TlsOptions::default().ca(authority.pem()))).connect_to_net("world", &address)?;
    while let Some(event) = stranger.next().await {
        println!("a stranger sees {event:?}");
    }
    if let Some(error) = server.accept_errors().next().await {
        println!("the server sees {}: {error}", error.code());
    }
    server.stop().await;
    Ok(())
}
