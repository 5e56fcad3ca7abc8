//! TLS by rustls, in a loop of the test's own.

use std::{
    fs,
    io::Write,
    net::TcpStream,
    sync::Arc,
    time::{Duration, Instant},
};

use ipc_mio::{
    Client, Config, Endpoint, Event, Server, TlsOptions,
    rustls::{
        ClientConfig, RootCertStore, ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};
use tempfile::TempDir;

use crate::turns::{Turns, echo, text};

struct Certificates {
    folder: TempDir,
}

impl Certificates {
    fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("cert"), made.cert.pem()).unwrap();
        fs::write(folder.path().join("key"), made.signing_key.serialize_pem()).unwrap();
        Self { folder }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn server(&self) -> Config {
        Config::default().tls(TlsOptions::default().private(self.file("key")).public(self.file("cert")))
    }

    fn client(&self) -> Config {
        Config::default().tls(TlsOptions::default().trust(self.file("cert")))
    }
}

fn serve(turns: &Turns, certificates: &Certificates) -> (Server, u16) {
    let mut server = Server::with_config(turns.registry(), 0..100, certificates.server());
    server.serve_net("127.0.0.1:0").unwrap();
    let Endpoint::Tls { port, .. } = server.endpoints()[0] else { panic!("{:?}", server.endpoints()) };
    (server, port)
}

#[test]
fn what_is_said_goes_through_and_the_end_is_clean() {
    let (mut turns, certificates) = (Turns::new(), Certificates::new());
    let (server, port) = serve(&turns, &certificates);
    let mut client = Client::with_config(turns.registry(), 100..101, certificates.client());
    client.connect_to_net("world", &format!("localhost:{port}")).unwrap();
    let mut parts = (server, client);
    // More than sockets hold, and less than what keeps its buffer for a second.
    for data in ["hello".to_owned(), "x".repeat(900 << 10)] {
        let _ = parts.1.emit("message", &data).unwrap();
        let answer = turns.until(&mut parts, |(server, client)| {
            echo(server);
            text(client)
        });
        assert!(answer == data, "{} bytes came back", answer.len());
    }
    turns.settle(&mut parts);
    assert_eq!((parts.0.next_timeout(), parts.1.next_timeout()), (None, None));
    let _ = parts.1.emit("message", "last").unwrap();
    parts.1.close();
    let mut seen = Vec::new();
    turns.until(&mut parts, |(server, client)| {
        while let Some((_, event)) = server.poll_event() {
            seen.push(event);
        }
        while let Some(event) = client.poll_event() {
            assert!(!matches!(event, Event::Error(_) | Event::Undelivered(_)), "{event:?}");
        }
        (client.is_over() && matches!(seen.last(), Some(Event::Disconnected { .. }))).then_some(())
    });
    assert!(matches!(&seen[..], [Event::Message(_), Event::Disconnected { .. }]), "{seen:?}");
    assert_eq!((parts.0.sockets(), parts.0.timers(), parts.1.sockets()), (1, 0, 0));
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused_on_both_sides() {
    let (mut turns, certificates, others) = (Turns::new(), Certificates::new(), Certificates::new());
    let (server, port) = serve(&turns, &certificates);
    let mut client = Client::with_config(turns.registry(), 100..101, others.client());
    client.connect_to_net("world", &format!("localhost:{port}")).unwrap();
    let mut parts = (server, client);
    let error = turns.until(&mut parts, |(_, client)| match client.poll_event() {
        Some(Event::Error(error)) => Some(error),
        _ => None,
    });
    assert!(error.to_string().contains("handshake"), "{error}");
    // The client has said why before it hung up.
    let heard = turns.until(&mut parts, |(server, _)| server.poll_accept_error());
    assert!(heard.code().starts_with("ERR_SSL") || heard.code().starts_with("ERR_TLS"), "{heard}");
    assert!(parts.0.peers().is_empty());
}

/// The peer of an end is asked for, and its first event taken.
fn meet(turns: &mut Turns, server: Server, client: Client) -> (Server, Client) {
    let mut parts = (server, client);
    let first = turns.until(&mut parts, |(_, client)| client.poll_event());
    assert!(matches!(first, Event::Connected), "{first:?}");
    parts
}

#[test]
fn rustls_configurations_of_ones_own() {
    let (mut turns, ours, others) = (Turns::new(), Certificates::new(), Certificates::new());
    let provider = || Arc::new(ring::default_provider());
    let chain = vec![CertificateDer::from_pem_file(ours.file("cert")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(ours.file("key")).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(chain[0].clone()).unwrap();
    let shown = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let shown = shown.with_no_client_auth().with_single_cert(chain, key).unwrap();
    let trusted = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let trusted = trusted.with_root_certificates(roots).with_no_client_auth();

    // By its options the one would show another certificate, and the other trust somebody else.
    let mut server = Server::with_config(turns.registry(), 0..10, others.server());
    server.set_tls_server(Arc::new(shown));
    server.serve_net("127.0.0.1:0").unwrap();
    let Endpoint::Tls { port, .. } = server.endpoints()[0] else { panic!("{:?}", server.endpoints()) };
    let mut client = Client::with_config(turns.registry(), 100..101, others.client());
    client.set_tls_client(Arc::new(trusted));
    client.connect_to_net("world", &format!("localhost:{port}")).unwrap();
    meet(&mut turns, server, client);
}

#[test]
fn certificates_are_read_anew_for_those_to_come() {
    let (mut turns, before, after) = (Turns::new(), Certificates::new(), Certificates::new());
    let (server, port) = serve(&turns, &before);
    for name in ["cert", "key"] {
        fs::copy(after.file(name), before.file(name)).unwrap();
    }
    server.reload_tls().unwrap();
    let mut client = Client::with_config(turns.registry(), 100..101, after.client());
    client.connect_to_net("world", &format!("localhost:{port}")).unwrap();
    let (server, _) = meet(&mut turns, server, client);
    fs::write(before.file("key"), "no key").unwrap();
    let error = server.reload_tls().unwrap_err();
    assert_eq!(error.code(), Some("ERR_IPC_TLS_CONFIGURATION"));
}

#[test]
fn a_handshake_that_takes_too_long_is_given_up() {
    let (mut turns, certificates) = (Turns::new(), Certificates::new());
    turns.held = Some(Instant::now());
    let (mut server, port) = serve(&turns, &certificates);
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(&[22, 3]).unwrap();
    turns.until(&mut server, |server| (server.stats().handshakes == 1).then_some(()));
    turns.settle(&mut server);
    assert_eq!((server.sockets(), server.next_timeout()), (2, Some(Duration::from_secs(10))));
    turns.pass(Duration::from_secs(10));
    turns.drive(&mut server);
    assert_eq!(server.poll_accept_error().unwrap().code(), "ERR_TLS_HANDSHAKE_TIMEOUT");
    assert_eq!((server.sockets(), server.timers()), (1, 0));
    // Others are let in all the while.
    let mut client = Client::with_config(turns.registry(), 100..101, certificates.client());
    client.connect_to_net("world", &format!("localhost:{port}")).unwrap();
    let mut parts = (server, client);
    turns.until(&mut parts, |(_, client)| matches!(client.poll_event(), Some(Event::Connected)).then_some(()));
}
