//! TLS over async-io's sockets. What all runtimes have in common is tested elsewhere.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::{net::TcpStream, sync::Arc, time::Duration};

use ipc_async_std::{
    AsyncIo, Config, Endpoint, Event, Io, Profile, Retry, TlsOptions,
    rustls::{
        ClientConfig, RootCertStore, ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};
use rcgen::{CertificateParams, DnType, KeyPair};
use support::{Host, Ipc, Server, heard, message, soon};

on_both!(
    what_is_sent_arrives_and_the_end_is_one,
    bad_certificates_are_errors_on_both_sides,
    a_handshake_that_does_not_end_is_ended,
    a_configuration_of_ones_own_is_used_and_never_in_assured,
    certificates_are_read_anew_for_those_to_come,
    a_connection_of_ones_own_makes_its_handshake_while_it_is_polled
);

struct Identity {
    cert: String,
    key: String,
}

impl Identity {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        Self { cert: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
    }

    fn server(&self) -> Config {
        config(TlsOptions::default().cert(self.cert.clone()).key(self.key.clone()))
    }

    fn chain(&self) -> Vec<CertificateDer<'static>> {
        vec![CertificateDer::from_pem_slice(self.cert.as_bytes()).unwrap()]
    }

    fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap()
    }

    fn client(&self) -> Config {
        config(TlsOptions::default().ca(self.cert.clone()))
    }
}

fn config(tls: TlsOptions) -> Config {
    Config::default().id("world").tls(tls).retry(Retry::never())
}

async fn serve<E: Host>(config: Config) -> Server<E> {
    Ipc::new(config).serve_net("127.0.0.1:0").await.unwrap()
}

fn address<E: Host>(server: &Server<E>) -> String {
    let Endpoint::Tls { port, .. } = server.endpoints()[0] else { panic!("{:?}", server.endpoints()) };
    format!("localhost:{port}")
}

fn what_is_sent_arrives_and_the_end_is_one<E: Host>() {
    let identity = Identity::new("ours");
    E::block_on(async {
        let mut server = serve::<E>(identity.server()).await;
        let mut client = Ipc::<E>::new(identity.client()).connect_to_net("world", &address(&server)).unwrap();
        for size in [1, 100, 300_000, 2] {
            soon(client.emit("message", &"x".repeat(size))).await.unwrap();
            let (peer, received) = heard(&mut server).await;
            soon(server.send(peer, received.to_frame())).await.unwrap();
            assert_eq!(message(&mut client).await.decode::<String>().unwrap().len(), size);
        }
        assert!(soon(client.close()).await.is_empty());
        let last = soon(server.next()).await;
        assert!(matches!(last, Some((_, Event::Disconnected { .. }))), "{last:?}");
        soon(server.stop()).await;
    });
}

fn bad_certificates_are_errors_on_both_sides<E: Host>() {
    let (identity, other) = (Identity::new("one"), Identity::new("other"));
    E::block_on(async {
        let server = serve::<E>(identity.server()).await;
        let mut client = Ipc::<E>::new(other.client()).connect_to_net("world", &address(&server)).unwrap();
        let seen = soon(client.next()).await;
        let Some(Event::Error(error)) = seen else { panic!("{seen:?}") };
        assert_eq!(error.code(), "UNABLE_TO_VERIFY_LEAF_SIGNATURE");
        assert!(error.to_string().contains("the TLS handshake with localhost failed"), "{error}");
        let told = soon(server.accept_errors().next()).await.unwrap();
        assert_eq!(told.code(), "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA");
    });
}

fn a_handshake_that_does_not_end_is_ended<E: Host>() {
    let identity = Identity::new("ours");
    let mut patient = identity.server();
    patient.tls = patient.tls.map(|tls| tls.handshake_timeout(Duration::from_millis(50)));
    E::block_on(async {
        let server = serve::<E>(patient).await;
        let _silent = TcpStream::connect(address(&server)).unwrap();
        let told = soon(server.accept_errors().next()).await.unwrap();
        assert_eq!(told.code(), "ERR_TLS_HANDSHAKE_TIMEOUT");
    });
}

fn a_configuration_of_ones_own_is_used_and_never_in_assured<E: Host>() {
    let (identity, other) = (Identity::new("one"), Identity::new("other"));
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(identity.chain());
    let provider = Arc::new(ipc_async_std::rustls::crypto::ring::default_provider());
    let own = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let own = Arc::new(own.with_root_certificates(roots).with_no_client_auth());
    let runtime = || AsyncIo::<E>::default().with_tls_client(Arc::clone(&own));
    let shown = ServerConfig::builder_with_provider(Arc::clone(own.crypto_provider()));
    let shown = shown.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let shown = Arc::new(shown.with_single_cert(identity.chain(), identity.private_key()).unwrap());
    E::block_on(async {
        // By their options the one would show another certificate, and the other trust somebody else.
        let serving = Ipc::with_runtime(other.server(), AsyncIo::<E>::default().with_tls_server(shown));
        let server = serving.serve_net("127.0.0.1:0").await.unwrap();
        let ipc = Ipc::with_runtime(other.client(), runtime());
        let mut client = ipc.connect_to_net("world", &address(&server)).unwrap();
        soon(client.ready()).await.unwrap();

        let mut assured = other.client().profile(Profile::Assured).allow("message");
        assured.tls = assured.tls.map(|tls| tls.cert(other.cert.clone()).key(other.key.clone()));
        let assured = Ipc::with_runtime(assured, runtime());
        let error = assured.connect_to_net("world", &address(&server)).unwrap_err();
        assert_eq!(error.code(), Some("ERR_IPC_ASSURED_TLS"), "{error}");
    });
}

fn certificates_are_read_anew_for_those_to_come<E: Host>() {
    let (before, after) = (Identity::new("one"), Identity::new("other"));
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let write = |identity: &Identity| {
        std::fs::write(path("c"), &identity.cert).unwrap();
        std::fs::write(path("k"), &identity.key).unwrap();
    };
    write(&before);
    let files = TlsOptions::default().public(path("c")).private(path("k"));
    E::block_on(async {
        let mut server = serve::<E>(config(files)).await;
        let mut early = Ipc::<E>::new(before.client()).connect_to_net("world", &address(&server)).unwrap();
        soon(early.ready()).await.unwrap();
        write(&after);
        server.reload_tls().unwrap();
        let mut late = Ipc::<E>::new(after.client()).connect_to_net("world", &address(&server)).unwrap();
        soon(late.ready()).await.unwrap();
        soon(early.emit("message", "still here")).await.unwrap();
        assert_eq!(heard(&mut server).await.1.decode::<&str>().unwrap(), "still here");
    });
}

fn a_connection_of_ones_own_makes_its_handshake_while_it_is_polled<E: Host>() {
    let identity = Identity::new("ours");
    E::block_on(async {
        let ipc = Ipc::<E>::new(identity.server());
        let mut listener = ipc.listen("tls:127.0.0.1:0".parse().unwrap()).await.unwrap();
        let Endpoint::Tls { port, .. } = *listener.endpoint() else { panic!("{listener:?}") };
        let client = Ipc::<E>::new(identity.client());
        let client = client.connect_to_net("world", &format!("localhost:{port}")).unwrap();
        let mut accepted = soon(listener.accept()).await.unwrap();
        let Io::Tls(session) = accepted.io() else { panic!("no TLS") };
        assert!(session.peer_certificates().is_none());
        assert!(matches!(soon(accepted.next()).await, Some(Event::Connected)));
        drop(client);
        while let Some(event) = soon(accepted.next()).await {
            drop(event);
        }
    });
}
