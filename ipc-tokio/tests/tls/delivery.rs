//! What arrives, and what is said of what does not.

use std::sync::Arc;

use ipc_tokio::{
    Dialect, Profile, Reason, TlsVersion, Tokio,
    rustls::{self, pki_types::pem::PemObject},
};

use super::*;

#[tokio::test]
async fn both_versions_from_files_and_from_texts() {
    let authority = Authority::new("ours");
    let identity = authority.sign(LOCAL);
    let read = |path: &str| std::fs::read_to_string(path).unwrap();
    let texts = TlsOptions::default().key(read(&identity.key)).cert(read(&identity.cert));
    for (server_options, client_options) in
        [(with(&identity), trusting(&authority)), (texts, TlsOptions::default().ca(authority.pem()))]
    {
        for version in [TlsVersion::V1_2, TlsVersion::V1_3] {
            let mut server = serve(config(server_options.clone())).await;
            let only = client_options.clone().min_version(version).max_version(version);
            let mut client = connect(config(only), &server);
            talk(&mut client, &mut server).await;
            assert!(soon(client.close()).await.is_empty());
            soon(server.stop()).await;
        }
    }
}

#[tokio::test]
async fn both_sides_show_certificates() {
    let authority = Authority::new("ours");
    let server_options = with(&authority.sign(LOCAL)).trust(authority.file());
    let client_options = with(&authority.sign(&["client"])).trust(authority.file());
    for dialect in [Dialect::Modern, Dialect::Classic] {
        let asking = server_options.clone().request_cert(true);
        let mut server = serve(config(asking).dialect(dialect)).await;
        let mut client = connect(config(client_options.clone()), &server);
        talk(&mut client, &mut server).await;
    }
    let assured = |options: &TlsOptions| config(options.clone()).profile(Profile::Assured).allow("message");
    let mut server = serve(assured(&server_options)).await;
    let mut client = connect(assured(&client_options), &server);
    talk(&mut client, &mut server).await;
}

#[tokio::test]
async fn a_server_name_of_its_own() {
    let authority = Authority::new("ours");
    let mut server = serve(config(with(&authority.sign(&["world.example"])))).await;
    let mut client = connect(config(trusting(&authority).server_name("world.example".to_owned())), &server);
    talk(&mut client, &mut server).await;
}

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
async fn large_messages_go_through_whole() {
    let authority = Authority::new("ours");
    let mut server = serve(config(with(&authority.sign(LOCAL)))).await;
    let mut client = connect(config(trusting(&authority)), &server);
    let text = "0123456789abcdef".repeat(1 << 20);
    soon(client.emit("large", &text)).await.unwrap();
    let (peer, _, data) = next_message(&mut server).await;
    assert!(data.len() == text.len() + 2 && data[1..].starts_with(&text));
    soon(server.emit(peer, "large", &text)).await.unwrap();
    assert_eq!(next_data(&mut client).await.len(), text.len() + 2);
}

#[tokio::test]
async fn what_is_cut_in_the_session_is_reported_and_the_rest_arrives() {
    let authority = Authority::new("ours");
    let ipc = Ipc::new(config(with(&authority.sign(LOCAL))));
    let endpoint = Endpoint::Tls { host: "127.0.0.1".into(), port: 0 };
    let mut listener = ipc.listen(endpoint).await.unwrap();
    let Endpoint::Tls { port, .. } = *listener.endpoint() else { panic!("no port") };
    // More than the system's buffers take.
    let room = 64 << 20;
    let calling = Ipc::new(config(trusting(&authority)).max_pending_bytes(room));
    let mut client = calling.connect_to_net("world", &format!("127.0.0.1:{port}")).unwrap();
    soon(client.emit("cut", &"x".repeat(room / 2))).await.unwrap();
    soon(client.emit("later", &1)).await.unwrap();

    let mut conn = soon(listener.accept()).await.unwrap();
    assert!(matches!(soon(conn.next()).await, Some(Event::Connected)));
    until(|| client.stats().bytes_out > 0).await;
    drop(conn);

    let mut lost = Vec::new();
    loop {
        match soon(client.next()).await.unwrap() {
            Event::Undelivered(undelivered) => lost.push((undelivered.frame.len() > room / 2, undelivered.maybe_sent)),
            Event::Disconnected { retry_in: Some(_), .. } => break,
            _ => {}
        }
    }
    assert_eq!(lost, [(true, true)]);
    let mut again = soon(listener.accept()).await.unwrap();
    assert!(matches!(soon(again.next()).await, Some(Event::Connected)));
    let Some(Event::Message(message)) = soon(again.next()).await else { panic!("no message") };
    assert_eq!(message.name(), "later");
}

#[tokio::test]
async fn reloaded_certificates_are_for_the_connections_to_come() {
    let (first, second) = (Authority::new("first"), Authority::new("second"));
    let files = first.sign(LOCAL);
    let ipc = Ipc::new(config(with(&files)));
    let mut server = ipc.serve_net("127.0.0.1:0").await.unwrap();
    let mut old = connect(config(trusting(&first)), &server);
    talk(&mut old, &mut server).await;

    let next = second.sign(LOCAL);
    std::fs::copy(&next.cert, &files.cert).unwrap();
    let error = server.reload_tls().expect_err("the key is not the certificate's");
    assert_eq!(error.code(), Some("ERR_IPC_TLS_CONFIGURATION"));
    let mut still = connect(config(trusting(&first)), &server);
    talk(&mut still, &mut server).await;

    std::fs::copy(&next.key, &files.key).unwrap();
    ipc.reload_tls().unwrap();
    let mut new = connect(config(trusting(&second)), &server);
    talk(&mut new, &mut server).await;
    talk(&mut old, &mut server).await;
}

#[tokio::test]
async fn a_client_reloads_whom_it_trusts() {
    let (first, second) = (Authority::new("first"), Authority::new("second"));
    let mut server = serve(config(with(&second.sign(LOCAL)))).await;
    let ipc = Ipc::new(config(trusting(&first)));
    let mut client = ipc.connect_to_net("world", &address(&server)).unwrap();
    let failed = soon(client.next()).await;
    assert!(matches!(&failed, Some(Event::Error(error)) if error.code() == "UNABLE_TO_VERIFY_LEAF_SIGNATURE"));
    std::fs::copy(second.file(), first.file()).unwrap();
    ipc.reload_tls().unwrap();
    soon(client.ready()).await.unwrap();
    talk(&mut client, &mut server).await;
}

#[tokio::test]
async fn a_listener_gives_the_connection_before_its_handshake() {
    let authority = Authority::new("ours");
    let ipc = Ipc::new(config(with(&authority.sign(LOCAL)).trust(authority.file())));
    let mut listener = ipc.listen("tls:127.0.0.1:0".parse().unwrap()).await.unwrap();
    let Endpoint::Tls { port, .. } = *listener.endpoint() else { panic!("no port") };
    let address = format!("127.0.0.1:{port}");

    let client = Ipc::new(config(with(&authority.sign(&["client"])).trust(authority.file())));
    let client = client.connect_to_net("world", &address).unwrap();
    let mut conn = soon(listener.accept()).await.unwrap();
    assert!(matches!(soon(conn.next()).await, Some(Event::Connected)));
    let ipc_tokio::Io::Tls(io) = conn.io() else { panic!("no TLS") };
    assert_eq!(io.peer_certificates().map(<[_]>::len), Some(1));
    soon(client.emit("ping", &1)).await.unwrap();
    let Some(Event::Message(message)) = soon(conn.next()).await else { panic!("no message") };
    assert_eq!(message.name(), "ping");
    listener.reload_tls().unwrap();

    let theirs = Authority::new("theirs");
    let stranger = Ipc::new(config(trusting(&theirs)).retry(Retry::never()));
    let _stranger = stranger.connect_to_net("world", &address).unwrap();
    let mut conn = soon(listener.accept()).await.unwrap();
    let error = soon(conn.next()).await;
    assert!(
        matches!(&error, Some(Event::Error(error)) if error.code() == "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA"),
        "{error:?}"
    );
    assert!(matches!(soon(conn.next()).await, Some(Event::Disconnected { reason: Reason::Refused, .. })));
    assert!(soon(conn.next()).await.is_none());
}
