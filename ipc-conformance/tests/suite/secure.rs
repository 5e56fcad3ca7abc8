//! What arrives over TLS, and who may read the certificates anew.

use std::fs;

use futures_util::future::join;
use ipc_conformance::host::Host;
use ipc_proto::{
    Config, Dialect, Event, Profile, Reason, Retry, TlsOptions, TlsVersion,
    facade::{Client, Server},
};

use crate::{
    certificates::Authority,
    stage::{Stage, talk},
    tls::{LOCAL, trusting, with},
};

pub(crate) fn config<H: Host>(stage: &Stage<H>, tls: TlsOptions) -> Config {
    let named = if tls.server_name.is_none() { tls.server_name("localhost".to_owned()) } else { tls };
    stage.config().tls(named)
}

pub(crate) async fn serve<H: Host>(stage: &Stage<H>, tls: TlsOptions) -> Server<H> {
    stage.serve(config(stage, tls)).await
}

pub(crate) fn connect<H: Host>(stage: &Stage<H>, tls: TlsOptions, server: &Server<H>) -> Client<H> {
    stage.connect(config(stage, tls), server)
}

pub(crate) async fn both_versions_from_files_and_from_texts<H: Host>(stage: Stage<H>) {
    let authority = Authority::new("ours");
    let identity = authority.sign(LOCAL);
    let read = |path: &str| fs::read_to_string(path).unwrap();
    let texts = TlsOptions::default().key(read(&identity.key)).cert(read(&identity.cert));
    for (theirs, ours) in [(with(&identity), trusting(&authority)), (texts, TlsOptions::default().ca(authority.pem()))]
    {
        for version in [TlsVersion::V1_2, TlsVersion::V1_3] {
            let mut server = serve(&stage, theirs.clone()).await;
            let only = ours.clone().min_version(version).max_version(version);
            let mut client = connect(&stage, only, &server);
            talk(&mut client, &mut server).await;
            assert!(client.close().await.is_empty());
            server.stop().await;
        }
    }
}

pub(crate) async fn both_sides_show_certificates<H: Host>(stage: Stage<H>) {
    let authority = Authority::new("ours");
    let theirs = with(&authority.sign(LOCAL)).trust(authority.file());
    let ours = with(&authority.sign(&["client"])).trust(authority.file());
    for dialect in [Dialect::Modern, Dialect::Classic] {
        let asking = config(&stage, theirs.clone().request_cert(true)).dialect(dialect);
        let mut server = stage.serve(asking).await;
        let mut client = connect(&stage, ours.clone(), &server);
        talk(&mut client, &mut server).await;
    }
    let assured = |tls: &TlsOptions| config(&stage, tls.clone()).profile(Profile::Assured).allow("message");
    let mut server = stage.serve(assured(&theirs)).await;
    let mut client = stage.connect(assured(&ours), &server);
    talk(&mut client, &mut server).await;
}

pub(crate) async fn a_server_name_of_its_own<H: Host>(stage: Stage<H>) {
    let authority = Authority::new("ours");
    let mut server = serve(&stage, with(&authority.sign(&["world.example"]))).await;
    let named = trusting(&authority).server_name("world.example".to_owned());
    let mut client = connect(&stage, named, &server);
    talk(&mut client, &mut server).await;
}

pub(crate) async fn an_address_is_a_name<H: Host>(stage: Stage<H>) {
    let authority = Authority::new("ours");
    let mut server = serve(&stage, with(&authority.sign(&[&stage.host_name]))).await;
    let mut client = stage.connect(stage.config().tls(trusting(&authority)), &server);
    talk(&mut client, &mut server).await;
}

pub(crate) async fn what_is_cut_in_the_session_is_reported_and_the_rest_arrives<H: Host>(stage: Stage<H>) {
    // More than the system's buffers take.
    const ROOM: usize = 64 << 20;
    let mut listener = stage.listen(stage.config()).await;
    let mut client = stage.connect_at(stage.config().max_pending_bytes(ROOM), listener.endpoint());
    client.emit("cut", &"x".repeat(ROOM / 2)).await.unwrap();
    client.emit("later", &1).await.unwrap();
    let mut conn = listener.accept().await.unwrap();
    let first = conn.next().await;
    assert!(matches!(first, Some(Event::Connected)), "{first:?}");
    stage.until(|| client.stats().bytes_out > 0).await;
    drop(conn);

    let mut lost = Vec::new();
    loop {
        match client.next().await.unwrap() {
            Event::Undelivered(undelivered) => lost.push((undelivered.frame.len() > ROOM / 2, undelivered.maybe_sent)),
            Event::Disconnected { retry_in: Some(_), .. } => break,
            _ => {}
        }
    }
    assert_eq!(lost, [(true, true)]);
    let mut again = listener.accept().await.unwrap();
    assert!(matches!(again.next().await, Some(Event::Connected)));
    let Some(Event::Message(message)) = again.next().await else { panic!("no message") };
    assert_eq!(message.name(), "later");
}

pub(crate) async fn reloaded_certificates_are_for_the_connections_to_come<H: Host>(stage: Stage<H>) {
    let (first, second) = (Authority::new("first"), Authority::new("second"));
    let files = first.sign(LOCAL);
    let ipc = stage.ipc(config(&stage, with(&files)));
    let mut server = ipc.serve_endpoints(vec![stage.endpoint()]).await.unwrap();
    let mut old = connect(&stage, trusting(&first), &server);
    talk(&mut old, &mut server).await;

    let next = second.sign(LOCAL);
    fs::copy(&next.cert, &files.cert).unwrap();
    let error = server.reload_tls().expect_err("the key is not the certificate's");
    assert_eq!(error.code(), Some("ERR_IPC_TLS_CONFIGURATION"));
    let mut still = connect(&stage, trusting(&first), &server);
    talk(&mut still, &mut server).await;

    fs::copy(&next.key, &files.key).unwrap();
    ipc.reload_tls().unwrap();
    let mut new = connect(&stage, trusting(&second), &server);
    talk(&mut new, &mut server).await;
    talk(&mut old, &mut server).await;
}

pub(crate) async fn a_client_reloads_whom_it_trusts<H: Host>(stage: Stage<H>) {
    let (first, second) = (Authority::new("first"), Authority::new("second"));
    let mut server = serve(&stage, with(&second.sign(LOCAL))).await;
    let ipc = stage.ipc(config(&stage, trusting(&first)));
    let mut client = ipc.connect_to_endpoint("world", server.endpoints()[0].clone()).unwrap();
    let failed = client.next().await;
    assert!(matches!(&failed, Some(Event::Error(error)) if error.code() == "UNABLE_TO_VERIFY_LEAF_SIGNATURE"));
    fs::copy(second.file(), first.file()).unwrap();
    ipc.reload_tls().unwrap();
    client.ready().await.unwrap();
    talk(&mut client, &mut server).await;
}

pub(crate) async fn a_listener_gives_the_connection_before_its_handshake<H: Host>(stage: Stage<H>) {
    let ours = Authority::new("ours");
    let mut listener = stage.listen(config(&stage, with(&ours.sign(LOCAL)).trust(ours.file()))).await;
    let member = config(&stage, with(&ours.sign(&["client"])).trust(ours.file()));
    let client = stage.connect_at(member, listener.endpoint());
    let mut conn = listener.accept().await.unwrap();
    assert!(matches!(conn.next().await, Some(Event::Connected)));
    client.emit("ping", &1).await.unwrap();
    let Some(Event::Message(message)) = conn.next().await else { panic!("no message") };
    assert_eq!(message.name(), "ping");
    listener.reload_tls().unwrap();

    let theirs = Authority::new("theirs");
    let stranger = config(&stage, trusting(&theirs)).retry(Retry::never());
    let mut stranger = stage.connect_at(stranger, listener.endpoint());
    let mut conn = listener.accept().await.unwrap();
    let (refused, error) = join(stranger.next(), conn.next()).await;
    assert!(matches!(refused, Some(Event::Error(_))), "{refused:?}");
    let Some(Event::Error(error)) = error else { panic!("{error:?}") };
    assert_eq!(error.code(), "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA");
    assert!(matches!(conn.next().await, Some(Event::Disconnected { reason: Reason::Refused, .. })));
    assert!(conn.next().await.is_none());
}
