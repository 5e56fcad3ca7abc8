//! The tests, one after the other: both generations' default names are the same for all of them.

#[path = "node.rs"]
mod node;

use std::{pin::Pin, time::Duration};

use ipc_tokio::{
    Client, Config, Dialect, Encoding, Endpoint, Event, Frame, Ipc, PeerId, Profile, Reason, Retry, Router, Server,
};
use libtest_mimic::{Arguments, Trial};

use node::{Node, is_installed};

/// Long enough for the slowest machine; a test that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// node-ipc's major version, as the scripts take it.
type Version = &'static str;
type Run = fn(Version) -> Pin<Box<dyn Future<Output = ()>>>;

/// Tests by name, from functions of the same name.
macro_rules! tests {
    ($($name:ident),* $(,)?) => { [$((stringify!($name), (|version| Box::pin($name(version))) as Run)),*] };
}

pub(crate) fn main() {
    let mut args = Arguments::from_args();
    args.test_threads = Some(1);
    let tests = tests! {
        a_node_server_answers_a_rust_client,
        a_rust_server_answers_a_node_client,
        a_rust_client_finds_a_node_server_by_id,
        a_node_client_finds_a_rust_server_by_id,
        a_node_client_finds_a_rust_server_of_both_generations,
        a_node_server_answers_requests,
        a_rust_server_answers_requests,
        raw_bytes_through_a_node_server,
        raw_bytes_through_a_rust_server,
        node_clients_hear_a_broadcast_and_come_back,
        a_killed_node_server_is_found_again,
    };
    let trials = ["9", "14"].into_iter().flat_map(|version| tests.map(|test| trial(test, version)));
    libtest_mimic::run(&args, trials.collect()).exit();
}

fn trial((name, run): (&'static str, Run), version: Version) -> Trial {
    let test = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime can be made").block_on(within(name, run(version)));
        Ok(())
    };
    Trial::test(format!("node_ipc_{version}::pipe::{name}"), test).with_ignored_flag(!is_installed(version))
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {PATIENCE:?} for {what}"),
    }
}

/// The path of a pipe, as node-ipc takes it on every system.
fn path(version: Version, what: &str) -> String {
    format!("/tmp/live-{version}-{what}")
}

fn config() -> Config {
    Config::default().id("world").retry(Retry::every(Duration::from_millis(50)))
}

fn dialect(version: Version) -> Dialect {
    if version == "9" { Dialect::Classic } else { Dialect::Modern }
}

async fn text(client: &mut Client) -> String {
    loop {
        let event = within("a client's event", client.next()).await.expect("the client goes on");
        if let Event::Message(message) = event {
            return message.decode().expect("a text");
        }
    }
}

async fn message(server: &mut Server) -> (PeerId, String) {
    loop {
        let (peer, event) = within("a server's event", server.next()).await.expect("the server goes on");
        if let Event::Message(message) = event {
            return (peer, message.decode().expect("a text"));
        }
    }
}

async fn disconnected(server: &mut Server) -> Reason {
    loop {
        let (_, event) = within("a server's event", server.next()).await.expect("the server goes on");
        if let Event::Disconnected { reason, .. } = event {
            return reason;
        }
    }
}

/// One greeting, as the scripts hello_client and hello_server have it.
async fn greet(server: &mut Server, mut node: Node) {
    let (peer, hello) = message(server).await;
    assert_eq!(hello, "hello");
    server.emit(peer, "message", "hello world!").await.expect("the peer is there");
    assert_eq!(disconnected(server).await, Reason::Peer);
    node.line("message: hello world!").await;
    node.success().await;
}

async fn a_node_server_answers_a_rust_client(version: Version) {
    let path = path(version, "hello");
    let mut node = Node::start("hello_server", version, &format!("unix:{path}"), &[]);
    let pipe = format!(r"\\.\pipe\tmp-live-{version}-hello");
    node.line(&format!("listening at unix:{pipe}")).await;
    let mut client = Ipc::new(config()).connect_to_path("world", path).expect("a path");
    let large = "ü€😀".repeat(50_000);
    let texts: Vec<String> = (0..100).map(|n| format!("number {n}")).chain([large]).collect();
    for text in &texts {
        client.emit("message", text).await.expect("there is room");
    }
    for expected in texts {
        assert_eq!(text(&mut client).await, expected + " world!");
    }
    // The full name is the same pipe.
    let mut client = Ipc::new(config()).connect_to_endpoint("world", pipe.parse().expect("a pipe")).expect("a name");
    client.emit("message", "again").await.expect("there is room");
    assert_eq!(text(&mut client).await, "again world!");
}

async fn a_rust_server_answers_a_node_client(version: Version) {
    let path = path(version, "world");
    let mut server = Ipc::new(config().dialect(dialect(version))).serve_at(&*path).await.expect("the name is free");
    assert_eq!(server.endpoints(), [Endpoint::Pipe(format!("tmp-live-{version}-world"))]);
    for _ in 0..3 {
        greet(&mut server, Node::start("hello_client", version, &format!("unix:{path}"), &[])).await;
    }
}

async fn a_rust_client_finds_a_node_server_by_id(version: Version) {
    let mut node = Node::start("hello_server", version, "unix:", &[]);
    let at = node.line("listening at unix:").await;
    assert!(at.ends_with("-app.world"), "{at}");
    let mut client = Ipc::new(config()).connect_to("world").expect("an id");
    client.emit("message", "hello").await.expect("there is room");
    assert_eq!(text(&mut client).await, "hello world!");
}

async fn a_node_client_finds_a_rust_server_by_id(version: Version) {
    let mut server = Ipc::new(config().dialect(dialect(version))).serve().await.expect("the name is free");
    greet(&mut server, Node::start("hello_client", version, "unix:", &[])).await;
    server.stop().await;
}

async fn a_node_client_finds_a_rust_server_of_both_generations(version: Version) {
    let mut server = Ipc::new(config()).serve_both().await.expect("the names are free");
    greet(&mut server, Node::start("hello_client", version, "unix:", &[])).await;
    server.stop().await;
}

async fn a_node_server_answers_requests(version: Version) {
    let path = path(version, "answer");
    let mut node = Node::start("answer", version, &format!("unix:{path}"), &[]);
    node.line("listening at").await;
    let client = Ipc::new(config()).connect_to_path("world", path).expect("a path");
    let sum = within("an answer", client.request("add", &(1, 2))).await.expect("an answer");
    assert_eq!(sum.decode::<i32>().expect("a number"), 3);
    let error = within("an answer", client.request("divide", &(1, 0))).await.expect_err("no answer");
    assert!(error.to_string().contains("division by zero"), "{error}");
}

async fn a_rust_server_answers_requests(version: Version) {
    let path = path(version, "ask");
    let divide = |(a, b): (f64, f64)| if b == 0.0 { Err("division by zero") } else { Ok(a / b) };
    let router = Router::new()
        .on_request("add", |_, (a, b): (f64, f64)| Ok::<_, &str>(a + b))
        .on_request("divide", move |_, parts| divide(parts));
    let endpoints = vec![Endpoint::Path(path.clone())];
    let mut server = Ipc::new(config()).serve_routed(endpoints, router, |_| ()).await.expect("the name is free");
    let mut node = Node::start("ask", version, &format!("unix:{path}"), &[]);
    disconnected(&mut server).await;
    node.line("1 + 2 = 3").await;
    node.line("1 / 0: division by zero").await;
    node.success().await;
}

fn raw() -> Config {
    config().profile(Profile::Raw).encoding(Encoding::Hex)
}

async fn raw_bytes_through_a_node_server(version: Version) {
    let path = path(version, "raw-server");
    let mut node = Node::start("raw_server", version, &format!("unix:{path}"), &["hex"]);
    node.line("listening at").await;
    let mut client = Ipc::new(raw()).connect_to_path("world", path).expect("a path");
    let sent: Vec<u8> = (0..=255).collect();
    client.send(Frame::raw(sent.clone())).await.expect("there is room");
    let mut back = Vec::new();
    while back.len() < sent.len() {
        let event = within("raw bytes", client.next()).await.expect("the client goes on");
        if let Event::Raw(bytes) = event {
            back.extend_from_slice(&bytes);
        }
    }
    assert_eq!(back, sent);
}

async fn raw_bytes_through_a_rust_server(version: Version) {
    let path = path(version, "raw-client");
    let mut server = Ipc::new(raw()).serve_at(&*path).await.expect("the name is free");
    let mut node = Node::start("raw_client", version, &format!("unix:{path}"), &["hex"]);
    loop {
        match within("raw bytes", server.next()).await.expect("the server goes on") {
            (peer, Event::Raw(bytes)) => drop(server.send(peer, Frame::raw(bytes)).await.expect("the peer is there")),
            (_, Event::Disconnected { .. }) => break,
            _ => {}
        }
    }
    node.line("68c3a96c6c6f").await;
    node.success().await;
}

async fn welcome_three(server: &mut Server) {
    for _ in 0..3 {
        let (peer, name) = message(server).await;
        server.emit(peer, "news", &format!("welcome, {name}")).await.expect("the peer is there");
    }
}

async fn node_clients_hear_a_broadcast_and_come_back(version: Version) {
    let path = path(version, "broadcast");
    let mut server = Ipc::new(config()).serve_at(&*path).await.expect("the name is free");
    let mut node = Node::start("broadcast_clients", version, &format!("unix:{path}"), &[]);
    welcome_three(&mut server).await;
    within("the server to stop", server.stop()).await;
    drop(server);
    let mut server = Ipc::new(config()).serve_at(&*path).await.expect("the name is free again");
    welcome_three(&mut server).await;
    assert_eq!(server.broadcast("news", "to everybody").await.expect("all take it"), 3);
    for name in ["one", "two", "three"] {
        node.line(&format!("{name}: to everybody")).await;
    }
    node.success().await;
}

async fn a_killed_node_server_is_found_again(version: Version) {
    let path = path(version, "killed");
    let endpoint = format!("unix:{path}");
    let mut client = Ipc::new(config()).connect_to_path("world", path).expect("a path");
    for round in 0..2 {
        let _node = Node::start("hello_server", version, &endpoint, &[]);
        client.emit("message", &format!("round {round}")).await.expect("there is room");
        assert_eq!(text(&mut client).await, format!("round {round} world!"));
    }
}
