//! What is tokio's own: configurations of rustls that the application made, and certificates to look at.

use std::sync::Arc;

use ipc_tokio::{
    Profile, Tokio,
    rustls::{self, pki_types::pem::PemObject},
};

use super::*;

#[tokio::test]
async fn rustls_configurations_of_ones_own() {
    let authority = Authority::new("ours");
    let identity = authority.sign(LOCAL);
    let provider = || Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(rustls::pki_types::CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
    let client = rustls::ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let chain = vec![rustls::pki_types::CertificateDer::from_pem_file(&identity.cert).unwrap()];
    let key = rustls::pki_types::PrivateKeyDer::from_pem_file(&identity.key).unwrap();
    let server = rustls::ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();

    let runtime = Tokio::default().with_tls_client(Arc::new(client)).with_tls_server(Arc::new(server));
    let ipc = Ipc::with_runtime(config(TlsOptions::default()), runtime.clone());
    let mut server = ipc.serve_net("127.0.0.1:0").await.unwrap();
    let mut client = ipc.connect_to_net("world", &address(&server)).unwrap();
    talk(&mut client, &mut server).await;
    ipc.reload_tls().unwrap();

    let assured = Ipc::with_runtime(
        config(with(&identity).trust(authority.file())).profile(Profile::Assured).allow("message"),
        runtime,
    );
    let error = assured.connect_to_net("world", "127.0.0.1:1").unwrap_err();
    assert_eq!(error.code(), Some("ERR_IPC_ASSURED_TLS"));
}

#[tokio::test]
async fn a_connection_shows_its_peers_certificates() {
    let authority = Authority::new("ours");
    let ipc = Ipc::new(config(with(&authority.sign(LOCAL)).trust(authority.file())));
    let mut listener = ipc.listen("tls:127.0.0.1:0".parse().unwrap()).await.unwrap();
    let Endpoint::Tls { port, .. } = *listener.endpoint() else { panic!("no port") };
    let client = Ipc::new(config(with(&authority.sign(&["client"])).trust(authority.file())));
    let _client = client.connect_to_net("world", &format!("127.0.0.1:{port}")).unwrap();
    let mut conn = soon(listener.accept()).await.unwrap();
    assert!(matches!(soon(conn.next()).await, Some(Event::Connected)));
    let ipc_tokio::Io::Tls(io) = conn.io() else { panic!("no TLS") };
    assert_eq!(io.peer_certificates().map(<[_]>::len), Some(1));
}
