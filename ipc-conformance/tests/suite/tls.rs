//! Who is trusted, and TLS for bare sockets.

use std::{
    net::TcpStream,
    sync::{Arc, OnceLock},
};

use ipc_proto::TlsOptions;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

use crate::certificates::{Authority, Identity};

pub(crate) const LOCAL: &[&str] = &["localhost", "127.0.0.1"];

/// The authority that both ends of ordinary scenarios trust, and a certificate of it.
fn shared() -> &'static (Authority, Identity) {
    static SHARED: OnceLock<(Authority, Identity)> = OnceLock::new();
    SHARED.get_or_init(|| {
        let authority = Authority::new("ours");
        let identity = authority.sign(LOCAL);
        (authority, identity)
    })
}

/// What either end of ordinary scenarios is configured with: it shows a certificate and wants to see one.
pub(crate) fn member() -> TlsOptions {
    let (authority, identity) = shared();
    with(identity).trust(authority.file()).server_name("localhost".to_owned())
}

pub(crate) fn with(identity: &Identity) -> TlsOptions {
    TlsOptions::default().private(identity.key.clone()).public(identity.cert.clone())
}

pub(crate) fn trusting(authority: &Authority) -> TlsOptions {
    TlsOptions::default().trust(authority.file())
}

fn chain() -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let (_, identity) = shared();
    let cert = CertificateDer::from_pem_file(&identity.cert).expect("it was written by this process");
    (vec![cert], PrivateKeyDer::from_pem_file(&identity.key).expect("it was written by this process"))
}

/// A bare client's session.
pub(crate) fn client_stream(socket: TcpStream) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(shared().0.file()).expect("it was written by this process");
    roots.add(authority).expect("it is an authority");
    let (chain, key) = chain();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .expect("key and certificate belong together");
    let name = "localhost".try_into().expect("it is a name");
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).expect("the config is good"), socket)
}

/// A bare server's session; it asks for no certificate.
pub(crate) fn server_stream(socket: TcpStream) -> StreamOwned<ServerConnection, TcpStream> {
    let (chain, key) = chain();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("key and certificate belong together");
    StreamOwned::new(ServerConnection::new(Arc::new(config)).expect("the config is good"), socket)
}
