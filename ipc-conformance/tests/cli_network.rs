//! The `ipc` command over UDP and TLS, as its users see it.
#![cfg(unix)]

// Every test binary uses what it needs of it.
#[allow(dead_code)]
#[path = "cli/process.rs"]
mod process;

use std::{
    fs,
    net::{SocketAddr, TcpStream, UdpSocket},
    thread,
    time::Duration,
};

use process::{Folder, Process, run};
use rcgen::generate_simple_self_signed;
use serde_json::Value;

/// A socket of the test's own, and the endpoint that it is at.
fn socket() -> (UdpSocket, String) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("any port will do");
    socket.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
    let endpoint = format!("udp4:{}", socket.local_addr().expect("it is bound"));
    (socket, endpoint)
}

/// The next datagram, which is one frame, and where it came from.
fn receive(socket: &UdpSocket) -> (String, SocketAddr) {
    let mut buffer = vec![0; 65_536];
    let (len, from) = socket.recv_from(&mut buffer).expect("a datagram");
    let text = String::from_utf8(buffer[..len].to_vec()).expect("text");
    (text.strip_suffix('\u{c}').expect("a frame ends").to_owned(), from)
}

fn send(socket: &UdpSocket, to: SocketAddr, frame: &str) {
    socket.send_to(format!("{frame}\u{c}").as_bytes(), to).expect("loopback takes it");
}

/// A client at `endpoint`, which needs nobody there.
fn connect_udp(endpoint: &str, args: &[&str]) -> Process {
    let mut client = Process::start(&[&["connect", "--json", endpoint], args].concat());
    client.expect(&format!(r#"{{"event":"start","endpoint":"{endpoint}"}}"#));
    client
}

fn families() -> Vec<&'static str> {
    let v6 = UdpSocket::bind("[::1]:0").is_ok().then_some("udp6:[::1]:0");
    ["udp4:127.0.0.1:0"].into_iter().chain(v6).collect()
}

#[test]
fn udp_peers_are_numbered_at_their_first_datagram() {
    for family in families() {
        let (mut server, endpoint) = Process::serve(&[family, "--echo"]);
        assert!(endpoint.starts_with(&family[..5]) && !endpoint.ends_with(":0"), "{endpoint}");
        let mut first = connect_udp(&endpoint, &["--stay"]);
        let mut second = connect_udp(&endpoint, &["--stay"]);
        for (client, peer, data) in [(&mut second, 1, "[1.0]"), (&mut first, 2, "{\"id\":5}")] {
            client.write(&format!("m {data}\nnone"));
            server.expect(&format!(r#"{{"event":"message","peer":{peer},"type":"m","data":{data}}}"#));
            server.expect(&format!(r#"{{"event":"message","peer":{peer},"type":"none","data":{{}}}}"#));
            client.expect(&format!(r#"{{"event":"message","type":"m","data":{data}}}"#));
            client.expect(r#"{"event":"message","type":"none","data":{}}"#);
        }
        for process in [first, second, server] {
            let ended = process.stop();
            assert_eq!((ended.code, ended.lines.len(), ended.stderr.as_str()), (Some(0), 0, ""), "{ended:?}");
        }
    }
}

#[test]
fn a_udp_client_leaves_when_nothing_comes() {
    let (socket, endpoint) = socket();
    let ended = run(&["connect", &endpoint], "m 1\n\nbad bad\nm 2");
    assert_eq!((ended.code, ended.lines), (Some(1), vec![format!("speaking to {endpoint}")]));
    assert!(ended.stderr.contains("line 3") && ended.stderr.lines().count() == 1, "{}", ended.stderr);
    for frame in [r#"{"type":"m","data":1}"#, r#"{"type":"m","data":2}"#] {
        assert_eq!(receive(&socket).0, frame);
    }
}

#[test]
fn only_the_address_that_is_spoken_to_is_heard() {
    let (peer, endpoint) = socket();
    let (stranger, _) = socket();
    let mut client = connect_udp(&endpoint, &["--stay"]);
    client.write("m 1");
    let (_, at) = receive(&peer);
    // What one socket is sent on loopback comes in order.
    send(&stranger, at, r#"{"type":"forged","data":1}"#);
    send(&peer, at, "nonsense");
    send(&peer, at, r#"{"type":"real","data":1}"#);
    client.wait_for(r#"{"event":"error","code":"ERR_IPC_INVALID_JSON","#);
    client.expect(r#"{"event":"message","type":"real","data":1}"#);
    assert_eq!(client.stop().code, Some(0));
}

#[test]
fn one_datagram_is_emitted() {
    let (socket, endpoint) = socket();
    let ended = run(&["emit", &endpoint, "m", r#"{"a": 1}"#], "");
    assert_eq!((ended.code, ended.lines.len(), ended.stderr.as_str()), (Some(0), 0, ""), "{ended:?}");
    assert_eq!(receive(&socket).0, r#"{"type":"m","data":{"a":1}}"#);
    let raw = run(&["emit", &endpoint, "00ff", "--profile", "raw", "--encoding", "hex"], "");
    assert_eq!(raw.code, Some(0), "{raw:?}");
    let mut bytes = [9; 8];
    assert_eq!(socket.recv(&mut bytes).expect("a datagram"), 2);
    assert_eq!(bytes[..2], [0, 255]);
}

#[test]
fn what_no_datagram_carries_is_an_error_that_names_the_limit() {
    let (socket, endpoint) = socket();
    let large = format!("\"{}\"", "x".repeat(65_507));
    let ended = run(&["emit", &endpoint, "m", &large], "");
    assert_eq!((ended.code, ended.lines.len()), (Some(1), 0), "{ended:?}");
    assert!(ended.stderr.contains("EMSGSIZE") && ended.stderr.contains("65507"), "{ended:?}");
    let json = run(&["emit", &endpoint, "m", &large, "--json"], "");
    assert_eq!(json.code, Some(1), "{json:?}");
    assert!(json.lines[1].starts_with(r#"{"event":"error","code":"EMSGSIZE","message":"#), "{json:?}");

    let ended = run(&["connect", &endpoint, "--json"], &format!("m {large}\nsmall 1\n"));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("line 1") && ended.stderr.contains("65507"), "{}", ended.stderr);
    assert_eq!(receive(&socket).0, r#"{"type":"small","data":1}"#);
}

#[test]
fn a_udp_request_is_answered() {
    let (socket, endpoint) = socket();
    let peer = thread::spawn(move || {
        let (question, from) = receive(&socket);
        let question: Value = serde_json::from_str(&question).expect("JSON");
        assert_eq!(question["data"]["body"], serde_json::json!([1, 2]));
        let number = &question["data"]["req"];
        send(&socket, from, &format!(r#"{{"type":"reply","data":{{"req":{number},"body":3.0}}}}"#));
    });
    let ended = run(&["request", &endpoint, "sum", "[1,2]", "--json"], "");
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    assert_eq!(ended.lines[1..], [r#"{"event":"reply","data":3.0}"#]);
    peer.join().expect("it was asked");
}

#[test]
fn a_udp_request_without_an_answer_times_out() {
    let (_socket, endpoint) = socket();
    let ended = run(&["request", &endpoint, "sum", "--timeout", "50ms"], "");
    assert_eq!((ended.code, ended.lines.len()), (Some(3), 0), "{ended:?}");
}

#[test]
fn a_udp_peer_that_cannot_be_found_is_named() {
    for endpoint in ["udp6:127.0.0.1:8000", "udp4:[::1]:8000"] {
        let ended = run(&["emit", endpoint, "m"], "");
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains("address"), "{ended:?}");
    }
}

/// A certificate for this machine and its key, as files; it vouches for itself.
fn certificate(folder: &Folder, name: &str) -> (String, String) {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = generate_simple_self_signed(names).expect("a certificate can be made");
    let save = |name: String, pem: String| {
        let path = folder.path(&name);
        fs::write(&path, pem).expect("it can be written");
        path.display().to_string()
    };
    (save(format!("{name}.pem"), made.cert.pem()), save(format!("{name}.key"), made.signing_key.serialize_pem()))
}

#[test]
fn tls_is_verified_by_both_sides() {
    let folder = Folder::new();
    let (cert, key) = certificate(&folder, "server");
    let (member, member_key) = certificate(&folder, "member");
    let tls = ["tls:127.0.0.1:0", "--key", &key, "--cert", &cert, "--ca", &member, "--request-cert", "--echo"];
    let (mut server, endpoint) = Process::serve(&tls);
    let own = ["--ca", &cert, "--key", &member_key, "--cert", &member];
    let mut client = Process::connect(&endpoint, &own);
    server.expect(r#"{"event":"connect","peer":1}"#);
    client.write("m 1");
    client.expect(r#"{"event":"message","type":"m","data":1}"#);
    server.expect(r#"{"event":"message","peer":1,"type":"m","data":1}"#);
    assert_eq!(client.end().code, Some(0));
    server.expect(r#"{"event":"disconnect","peer":1}"#);

    let emitted = run(&[&["emit", &endpoint, "n"][..], &own].concat(), "");
    assert_eq!((emitted.code, emitted.stderr.as_str()), (Some(0), ""));
    server.expect(r#"{"event":"connect","peer":2}"#);
    server.expect(r#"{"event":"message","peer":2,"type":"n","data":{}}"#);
    server.expect(r#"{"event":"disconnect","peer":2}"#);

    // One without a certificate, and one who does not trust the server's.
    let refused = |args: &[&str]| {
        let ended = run(&[&["connect", &endpoint, "--json", "--stay", "--max-retries", "0"], args].concat(), "");
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.lines.iter().any(|line| line.starts_with(r#"{"event":"error","code":""#)), "{ended:?}");
        assert_eq!(ended.lines.last().map(String::as_str), Some(r#"{"event":"destroy"}"#));
    };
    refused(&["--ca", &cert]);
    server.wait_for(r#"{"event":"error","code":"ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE","message":"#);
    refused(&["--ca", &member, "--key", &member_key, "--cert", &member]);
    server.wait_for(r#"{"event":"error","code":""#);
}

#[test]
fn who_hangs_up_before_the_handshake_has_no_number() {
    let folder = Folder::new();
    let (cert, key) = certificate(&folder, "server");
    let (mut server, endpoint) = Process::serve(&["tls:127.0.0.1:0", "--key", &key, "--cert", &cert]);
    drop(TcpStream::connect(endpoint.strip_prefix("tls:").expect("TLS")).expect("it listens"));
    server.wait_for(r#"{"event":"error","code":"ECONNRESET","message":"#);
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn a_tls_recording_has_the_bytes_inside() {
    let folder = Folder::new();
    let (cert, key) = certificate(&folder, "server");
    let own = ["--key", &key, "--cert", &cert, "--ca", &cert];
    let (mut server, to) = Process::serve(&[&["tls:127.0.0.1:0", "--echo"][..], &own].concat());
    let file = folder.path("talk.jsonl").display().to_string();
    let listen = ["record", "--json", "--listen", "tls:127.0.0.1:0", "--to", &to, &file];
    let mut proxy = Process::start(&[&listen[..], &own].concat());
    let start: Value = serde_json::from_str(&proxy.line()).expect("JSON");
    let mut client = Process::connect(start["endpoint"].as_str().expect("text"), &own);
    server.expect(r#"{"event":"connect","peer":1}"#);
    client.write("m [1.0]");
    client.expect(r#"{"event":"message","type":"m","data":[1.0]}"#);
    assert_eq!(client.end().code, Some(0));
    assert_eq!(proxy.stop().code, Some(0));
    let shown = run(&["replay", &file], "").lines;
    let said: Vec<_> = shown.iter().filter_map(|line| line.split_once("#0 ")).map(|(_, rest)| rest).collect();
    assert!(said.contains(&"-> m [1.0]") && said.contains(&"<- m [1.0]"), "{said:?}");
}

#[test]
fn a_udp_recording_has_a_number_for_each_who_sends() {
    let folder = Folder::new();
    let (mut server, to) = Process::serve(&["udp4:127.0.0.1:0", "--echo"]);
    let file = folder.path("talk.jsonl").display().to_string();
    let mut proxy = Process::start(&["record", "--json", "--listen", "udp4:127.0.0.1:0", "--to", &to, &file]);
    let start: Value = serde_json::from_str(&proxy.line()).expect("JSON");
    let at = start["endpoint"].as_str().expect("text");
    assert!(at.starts_with("udp4:127.0.0.1:") && !at.ends_with(":0"), "{at}");
    for (peer, data) in [(1, "[1.0]"), (2, "[2]")] {
        let mut client = connect_udp(at, &["--stay"]);
        client.write(&format!("m {data}"));
        client.expect(&format!(r#"{{"event":"message","type":"m","data":{data}}}"#));
        server.expect(&format!(r#"{{"event":"message","peer":{peer},"type":"m","data":{data}}}"#));
        assert_eq!(client.stop().code, Some(0));
    }
    assert_eq!(proxy.stop().code, Some(0));
    let shown = run(&["replay", &file], "").lines;
    let said: Vec<_> = shown.iter().filter_map(|line| line.split_once('#')).map(|(_, rest)| rest).collect();
    assert_eq!(said, ["0 -> m [1.0]", "0 <- m [1.0]", "1 -> m [2]", "1 <- m [2]"]);
}

#[test]
fn what_the_options_rule_out_is_a_usage_error() {
    let cases: &[(&[&str], &str)] = &[
        (&["record", "--listen", "udp4:127.0.0.1:0", "--to", "world", "/nowhere/at.all"], "by UDP"),
        (&["record", "--listen", "unix:/nowhere/s", "--to", "udp4:127.0.0.1:1", "/nowhere/at.all"], "udp4"),
        (&["emit", "udp4:127.0.0.1:0", "m"], "port"),
        (&["serve", "udp4:127.0.0.1:0", "--profile", "assured", "--allow", "m"], "assured"),
        (&["serve", "tcp:127.0.0.1:0", "--profile", "assured", "--allow", "m"], "assured"),
        (&["serve", "tls:127.0.0.1:0", "--key", "/nowhere/k", "--cert", "/nowhere/c"], "/nowhere/c"),
    ];
    for (args, named) in cases {
        let ended = run(args, "");
        assert_eq!(ended.code, Some(2), "{args:?}: {ended:?}");
        assert!(ended.stderr.contains(named), "{args:?}: {}", ended.stderr);
    }
}
