//! Handshakes that fail, that never end, and that are too many.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    time::Duration,
};

use ipc_conformance::host::Host;
use ipc_proto::{
    Config, Event, Retry, TlsOptions, TlsVersion,
    endpoint::Endpoint,
    facade::{Client, Server},
};

use crate::{
    certificates::Authority,
    secure::{config, connect, serve},
    stage::{Stage, aside, talk},
    tls::{LOCAL, trusting, with},
};

fn address<H: Host>(server: &Server<H>) -> (String, u16) {
    match &server.endpoints()[0] {
        Endpoint::Tls { host, port } => (host.clone(), *port),
        other => panic!("{other} is not TLS"),
    }
}

/// What a client sees, in short, until it has given up.
async fn ending<H: Host>(client: &mut Client<H>) -> Vec<String> {
    let mut seen = Vec::new();
    while let Some(event) = client.next().await {
        match event {
            Event::Connected => seen.push("connected".to_owned()),
            Event::Error(error) => seen.push(error.code().to_owned()),
            _ => {}
        }
    }
    seen
}

async fn next_refusal<H: Host>(server: &Server<H>) -> String {
    server.accept_errors().next().await.expect("it accepts no more").code().to_owned()
}

fn once<H: Host>(stage: &Stage<H>, tls: TlsOptions) -> Config {
    config(stage, tls).retry(Retry::never())
}

struct Case {
    name: &'static str,
    server: TlsOptions,
    client: TlsOptions,
    /// What the client sees, and the reason that the server is left with.
    seen: &'static [&'static str],
    told: &'static str,
}

pub(crate) async fn bad_certificates_are_errors_on_both_sides_and_nobody_else_notices<H: Host>(stage: Stage<H>) {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let good = with(&ours.sign(LOCAL));
    let asking = || good.clone().trust(ours.file());
    let member = with(&ours.sign(&["client"])).trust(ours.file());
    let unknown = "UNABLE_TO_VERIFY_LEAF_SIGNATURE";
    let missing = "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE";
    let cases = [
        Case {
            name: "an authority the client does not know",
            server: asking(),
            client: with(&ours.sign(&["client"])).trust(theirs.file()),
            seen: &["UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
            told: "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA",
        },
        Case {
            name: "an expired server",
            server: with(&ours.sign_expired(LOCAL)).trust(ours.file()),
            client: member.clone(),
            seen: &["CERT_HAS_EXPIRED"],
            told: "ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED",
        },
        Case {
            name: "another server's name",
            server: with(&ours.sign(&["elsewhere.example"])).trust(ours.file()),
            client: member.clone(),
            seen: &["ERR_TLS_CERT_ALTNAME_INVALID"],
            told: "ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE",
        },
        Case {
            name: "no certificate, TLS 1.3",
            server: asking(),
            client: trusting(&ours),
            seen: &["connected", "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED"],
            told: missing,
        },
        Case {
            name: "no certificate, TLS 1.2",
            server: asking(),
            client: trusting(&ours).max_version(TlsVersion::V1_2),
            seen: &["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED"],
            told: missing,
        },
        Case {
            name: "a client of another authority",
            server: asking(),
            client: with(&theirs.sign(&["client"])).trust(ours.file()),
            seen: &["connected", "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA"],
            told: unknown,
        },
        Case {
            name: "an expired client",
            server: asking(),
            client: with(&ours.sign_expired(&["client"])).trust(ours.file()),
            seen: &["connected", "ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED"],
            told: "CERT_HAS_EXPIRED",
        },
        Case {
            name: "no version in common",
            server: asking().min_version(TlsVersion::V1_3),
            client: member.clone().max_version(TlsVersion::V1_2),
            seen: &["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION"],
            told: "ERR_SSL_UNSUPPORTED_PROTOCOL",
        },
    ];
    for case in cases {
        let server = serve(&stage, case.server).await;
        let mut client = stage.connect(once(&stage, case.client), &server);
        assert_eq!(ending(&mut client).await, case.seen, "{}", case.name);
        assert_eq!(next_refusal(&server).await, case.told, "{}", case.name);
        assert_eq!((server.stats().failed_handshakes, server.stats().peers), (1, 0), "{}", case.name);
    }
    let mut server = serve(&stage, asking()).await;
    let mut stranger = stage.connect(once(&stage, trusting(&ours)), &server);
    let mut friend = connect(&stage, member, &server);
    ending(&mut stranger).await;
    talk(&mut friend, &mut server).await;
}

pub(crate) async fn a_rejected_client_runs_out_of_retries<H: Host>(stage: Stage<H>) {
    let ours = Authority::new("ours");
    let server = serve(&stage, with(&ours.sign(LOCAL)).trust(ours.file())).await;
    let retries = Retry::every(Duration::from_millis(1)).max(2);
    let mut client = stage.connect(config(&stage, trusting(&ours)).retry(retries), &server);
    let rejected = ["connected", "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED"];
    assert_eq!(ending(&mut client).await, [rejected; 3].concat());
    // The server may hear of the last one after the client does.
    stage.until(|| server.stats().failed_handshakes == 3).await;
}

pub(crate) async fn a_server_may_do_without_certificates_but_not_with_bad_ones<H: Host>(stage: Stage<H>) {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let optional = with(&ours.sign(LOCAL)).trust(ours.file()).reject_unauthorized(false);
    let mut server = serve(&stage, optional).await;
    let mut client = connect(&stage, trusting(&ours), &server);
    talk(&mut client, &mut server).await;
    let mut liar = stage.connect(once(&stage, with(&theirs.sign(&["client"])).trust(ours.file())), &server);
    assert_eq!(ending(&mut liar).await, ["connected", "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA"]);
}

pub(crate) async fn who_does_not_speak_tls_is_a_failed_handshake<H: Host>(stage: Stage<H>) {
    let ours = Authority::new("ours");
    let mut server = serve(&stage, with(&ours.sign(LOCAL))).await;
    let Endpoint::Tls { host, port } = server.endpoints()[0].clone() else { panic!("no TLS") };
    let mut plain = stage.connect_at(Config::default().retry(Retry::never()), &Endpoint::Tcp { host, port });
    plain.emit("message", "hello").await.unwrap();
    assert_eq!(next_refusal(&server).await, "ERR_SSL_WRONG_VERSION_NUMBER");
    assert_eq!(ending(&mut plain).await.first().map(String::as_str), Some("connected"));

    drop(TcpStream::connect(address(&server)).unwrap());
    assert_eq!(next_refusal(&server).await, "ECONNRESET");
    let mut client = connect(&stage, trusting(&ours), &server);
    talk(&mut client, &mut server).await;
    assert_eq!(server.stats().failed_handshakes, 2);
}

pub(crate) async fn a_server_that_does_not_speak_tls_is_a_failed_attempt<H: Host>(stage: Stage<H>) {
    let ours = Authority::new("ours");
    let short = || once(&stage, trusting(&ours).handshake_timeout(Duration::from_millis(50)));
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let mut client = stage.ipc(short()).connect_to_net("world", &address).unwrap();
    assert_eq!(ending(&mut client).await, ["ERR_TLS_HANDSHAKE_TIMEOUT"]);
    drop(silent);

    let talkative = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = talkative.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let (mut socket, _) = talkative.accept().unwrap();
        socket.write_all(b"{\"type\":\"message\"}\x0c").unwrap();
        let _ = socket.read_to_end(&mut Vec::new());
    });
    let mut client = stage.ipc(once(&stage, trusting(&ours))).connect_to_net("world", &address).unwrap();
    assert_eq!(ending(&mut client).await, ["ERR_SSL_WRONG_VERSION_NUMBER"]);
}

pub(crate) async fn a_handshake_that_takes_too_long_is_given_up<H: Host>(stage: Stage<H>) {
    let ours = Authority::new("ours");
    let server = serve(&stage, with(&ours.sign(LOCAL)).handshake_timeout(Duration::from_millis(50))).await;
    let mut silent = TcpStream::connect(address(&server)).unwrap();
    assert_eq!(next_refusal(&server).await, "ERR_TLS_HANDSHAKE_TIMEOUT");
    stage.until(|| server.stats().handshakes == 0).await;
    let read = aside(move || silent.read(&mut [0]));
    assert_eq!(read.await.unwrap(), 0, "it is hung up on");
}

pub(crate) async fn a_flood_of_handshakes_costs_its_cap_and_keeps_nobody_waiting<H: Host>(stage: Stage<H>) {
    let ours = Authority::new("ours");
    let mut server = stage.serve(config(&stage, with(&ours.sign(LOCAL))).max_connections(30)).await;
    let _silent: Vec<TcpStream> = (0..29).map(|_| TcpStream::connect(address(&server)).unwrap()).collect();
    stage.until(|| server.stats().handshakes == 29).await;
    let mut client = connect(&stage, trusting(&ours), &server);
    talk(&mut client, &mut server).await;

    let mut surplus = TcpStream::connect(address(&server)).unwrap();
    let read = aside(move || surplus.read(&mut [0]));
    assert_eq!(read.await.unwrap(), 0, "one too many is hung up on");
    talk(&mut client, &mut server).await;
    let stats = server.stats();
    assert_eq!((stats.peers, stats.handshakes, stats.refused), (1, 29, 1));
    server.stop().await;
    stage.until(|| server.stats().handshakes == 0).await;
    assert!(server.accept_errors().next().await.is_none());
}
