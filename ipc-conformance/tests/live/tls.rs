//! TLS with node-ipc at the other end, in both versions: what is delivered, and what each side says of a certificate
//! that is not good.

use ipc_conformance::host::Host;
use ipc_proto::{
    Event, Reason, Retry, TlsOptions, TlsVersion,
    endpoint::Endpoint,
    facade::{Client, Server},
};
use serde_json::{Value, json};

use crate::certificates::{Authority, Identity};
use crate::peer::Peer;
use crate::scene::{Events as _, Scene, accepted, within};

const LOCAL: &[&str] = &["localhost", "127.0.0.1"];

const VERSIONS: [(TlsVersion, &str); 2] = [(TlsVersion::V1_2, "TLSv1.2"), (TlsVersion::V1_3, "TLSv1.3")];

/// node-ipc's options for one version of TLS.
fn only(name: &str, tls: &Value) -> Value {
    let mut tls = tls.clone();
    tls["minVersion"] = name.into();
    tls["maxVersion"] = name.into();
    tls
}

fn node_with(identity: &Identity, authority: &Authority) -> Value {
    json!({ "private": identity.key, "public": identity.cert, "trustedConnections": authority.file() })
}

fn node_trusting(authority: &Authority) -> Value {
    json!({ "trustedConnections": [authority.file()] })
}

fn with(identity: &Identity) -> TlsOptions {
    TlsOptions::default().private(identity.key.clone()).public(identity.cert.clone())
}

fn trusting(authority: &Authority) -> TlsOptions {
    TlsOptions::default().trust(authority.file())
}

/// A Node server with these options, and where it listens.
async fn node_server<H: Host>(scene: &Scene<H>, tls: &Value) -> (Peer, Endpoint) {
    let config = json!({ "tls": tls }).to_string();
    let at = Endpoint::Tcp { host: "127.0.0.1".into(), port: 0 };
    let mut peer = Peer::node(scene, "server", Some(&at), &["--config", &config, "--echo"]);
    let Endpoint::Tcp { host, port } = peer.started().await else { panic!("it listens elsewhere") };
    (peer, Endpoint::Tls { host, port })
}

fn node_client<H: Host>(scene: &Scene<H>, server: &Server<H>, tls: &Value) -> Peer {
    let config = json!({ "tls": tls, "retry": 50, "maxRetries": 0 }).to_string();
    Peer::node(scene, "client", server.endpoints().first(), &["--config", &config])
}

fn rust_client<H: Host>(scene: &Scene<H>, to: &Endpoint, tls: TlsOptions) -> Client<H> {
    let config = scene.config().tls(tls).retry(Retry::never());
    scene.ipc(config).connect_to_endpoint("node", to.clone()).expect("the options are good")
}

async fn rust_server<H: Host>(scene: &Scene<H>, tls: TlsOptions) -> Server<H> {
    let served = scene.ipc(scene.config().tls(tls)).serve_net("127.0.0.1:0").await;
    served.expect("any port will do")
}

/// Messages of every size to a server that echoes.
async fn echoed<H: Host>(client: &mut Client<H>) {
    for text in ["hello".to_owned(), "large ".repeat(50_000)] {
        within("room", client.emit("message", &text)).await.expect("the client goes on");
        assert_eq!(client.message().await.decode::<String>().expect("a text"), text);
    }
}

/// A message to a Rust server and one back.
async fn talked<H: Host>(server: &mut Server<H>, client: &mut Peer) {
    let peer = accepted(server).await;
    client.until("connect").await;
    client.tell(r#"{"cmd":"emit","type":"message","data":"hello"}"#).await;
    assert_eq!(server.texts().await, ("message".to_owned(), Some("\"hello\"".to_owned())));
    let large = "large ".repeat(50_000);
    within("room", server.emit(peer, "message", &large)).await.expect("the peer is there");
    let line = client.until("message").await;
    assert_eq!(line.texts().1.map(str::len), Some(large.len() + 2));
}

/// The codes of a client that gives up.
async fn errors<H: Host>(client: &mut Client<H>) -> Vec<String> {
    let mut codes = Vec::new();
    while let Some(event) = within("a client's end", client.next()).await {
        if let Event::Error(error) = event {
            codes.push(error.code().to_owned());
        }
    }
    codes
}

async fn refusal<H: Host>(server: &Server<H>) -> String {
    within("a refusal", server.accept_errors().next()).await.expect("it still accepts").code().to_owned()
}

pub(crate) async fn a_node_server_over_tls<H: Host>(scene: Scene<H>) {
    let ours = Authority::new("ours");
    let identity = ours.sign(LOCAL);
    for (version, name) in VERSIONS {
        let tls = only(name, &json!({ "private": identity.key, "public": identity.cert }));
        let (_node, at) = node_server(&scene, &tls).await;
        echoed(&mut rust_client(&scene, &at, trusting(&ours))).await;
        echoed(&mut rust_client(&scene, &at, trusting(&ours).min_version(version).max_version(version))).await;
    }
}

pub(crate) async fn a_node_client_over_tls<H: Host>(scene: Scene<H>) {
    let ours = Authority::new("ours");
    let mut server = rust_server(&scene, with(&ours.sign(LOCAL))).await;
    for (_, name) in VERSIONS {
        let mut node = node_client(&scene, &server, &only(name, &node_trusting(&ours)));
        talked(&mut server, &mut node).await;
        node.kill().await;
        while !matches!(server.event().await, Event::Disconnected { .. }) {}
    }
}

pub(crate) async fn certificates_on_both_sides<H: Host>(scene: Scene<H>) {
    let ours = Authority::new("ours");
    let (host, member) = (ours.sign(LOCAL), ours.sign(&["member"]));
    for (_, name) in VERSIONS {
        let mut tls = only(name, &node_with(&host, &ours));
        tls["requestCert"] = true.into();
        let (_node, at) = node_server(&scene, &tls).await;
        echoed(&mut rust_client(&scene, &at, with(&member).trust(ours.file()))).await;
        let refused = errors(&mut rust_client(&scene, &at, trusting(&ours))).await;
        assert_eq!(refused.len(), 1, "{refused:?}");
        let told = if name == "TLSv1.3" { "CERTIFICATE_REQUIRED" } else { "HANDSHAKE_FAILURE" };
        assert!(refused[0].ends_with(told), "{refused:?}");

        let mut server = rust_server(&scene, with(&host).trust(ours.file()).request_cert(true)).await;
        let mut node = node_client(&scene, &server, &only(name, &node_with(&member, &ours)));
        talked(&mut server, &mut node).await;
        let mut node = node_client(&scene, &server, &only(name, &node_trusting(&ours)));
        assert_eq!(refusal(&server).await, "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE");
        let code = node.until("error").await.code.unwrap_or_default();
        assert!(code.contains("ALERT_CERTIFICATE_REQUIRED"), "{code}");
    }
}

pub(crate) async fn bad_certificates_of_a_node_server<H: Host>(scene: Scene<H>) {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    for (_, name) in VERSIONS {
        let cases = [
            (theirs.sign(LOCAL), "UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
            (ours.sign_expired(LOCAL), "CERT_HAS_EXPIRED"),
            (ours.sign(&["elsewhere.example"]), "ERR_TLS_CERT_ALTNAME_INVALID"),
        ];
        for (identity, code) in cases {
            let tls = only(name, &json!({ "private": identity.key, "public": identity.cert }));
            let (_node, at) = node_server(&scene, &tls).await;
            assert_eq!(errors(&mut rust_client(&scene, &at, trusting(&ours))).await, [code], "{name}");
        }
    }
}

pub(crate) async fn bad_certificates_to_a_node_client<H: Host>(scene: Scene<H>) {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    for (version, name) in VERSIONS {
        let cases = [
            (theirs.sign(LOCAL), "UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
            (ours.sign_expired(LOCAL), "CERT_HAS_EXPIRED"),
            (ours.sign(&["elsewhere.example"]), "ERR_TLS_CERT_ALTNAME_INVALID"),
        ];
        for (identity, code) in cases {
            let mut server = rust_server(&scene, with(&identity)).await;
            let mut node = node_client(&scene, &server, &only(name, &node_trusting(&ours)));
            assert_eq!(node.until("error").await.code.as_deref(), Some(code), "{name}");
            // Node looks at the certificate when its own handshake is over, and hangs up without a word: in TLS 1.2
            // that is after the server's, in TLS 1.3 before.
            if version == TlsVersion::V1_3 {
                assert_eq!(refusal(&server).await, "ECONNRESET");
            } else {
                accepted(&mut server).await;
                while !matches!(server.event().await, Event::Disconnected { reason: Reason::Io, .. }) {}
            }
        }
    }
}

pub(crate) async fn who_does_not_speak_tls<H: Host>(scene: Scene<H>) {
    let ours = Authority::new("ours");
    let mut server = rust_server(&scene, with(&ours.sign(LOCAL))).await;
    let mut plain = Peer::node(&scene, "client", server.endpoints().first(), &["--config", r#"{"maxRetries":0}"#]);
    plain.until("connect").await;
    plain.tell(r#"{"cmd":"emit","type":"message","data":"hello"}"#).await;
    assert_eq!(refusal(&server).await, "ERR_SSL_WRONG_VERSION_NUMBER");
    let mut node = node_client(&scene, &server, &node_trusting(&ours));
    talked(&mut server, &mut node).await;
}
