//! Named pipes: names of both generations, clients by the dozen, ends of all kinds.
#![cfg(windows)]
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::{
    io::{ErrorKind, Read as _, Write as _},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use futures_util::FutureExt as _;
use ipc_tokio::{
    BindError, Client, Config, Dialect, Endpoint, Error, Event, Frame, Ipc, PeerId, Profile, Reason, Retry, Server,
};
use tokio::{
    net::windows::named_pipe::{ClientOptions, NamedPipeClient, ServerOptions},
    time::timeout,
};

/// Long enough for the slowest machine; a test that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(60);
const NOT_FOUND: i32 = 2;
const PIPE_BUSY: i32 = 231;

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("nothing came")
}

/// A name that no other test has.
fn name() -> String {
    static LAST: AtomicU32 = AtomicU32::new(0);
    format!("ipc-tokio-{}-{}", std::process::id(), LAST.fetch_add(1, Ordering::Relaxed))
}

fn config() -> Config {
    Config::default().id("world").retry(Retry::every(Duration::from_millis(20)))
}

fn pipe() -> Endpoint {
    Endpoint::Pipe(name())
}

fn full(endpoint: &Endpoint) -> String {
    endpoint.to_string().replace("pipe:", r"\\.\pipe\")
}

async fn serve(config: Config, endpoint: &Endpoint) -> Server {
    Ipc::new(config).serve_endpoints(vec![endpoint.clone()]).await.unwrap()
}

fn connect(config: Config, endpoint: &Endpoint) -> Client {
    Ipc::new(config).connect_to_endpoint("pipe", endpoint.clone()).unwrap()
}

async fn message(server: &mut Server) -> (PeerId, String) {
    loop {
        let (peer, event) = soon(server.next()).await.expect("the server is over");
        if let Event::Message(message) = event {
            return (peer, message.decode().unwrap());
        }
    }
}

async fn text(client: &mut Client) -> String {
    loop {
        if let Event::Message(message) = soon(client.next()).await.expect("the client is over") {
            return message.decode().unwrap();
        }
    }
}

async fn disconnected(server: &mut Server) -> Reason {
    loop {
        if let (_, Event::Disconnected { reason, .. }) = soon(server.next()).await.expect("the server is over") {
            return reason;
        }
    }
}

/// Reads until the pipe is over.
async fn end(pipe: &NamedPipeClient) {
    let mut buffer = vec![0; 4096];
    loop {
        pipe.readable().await.unwrap();
        match pipe.try_read(&mut buffer) {
            Ok(0) => break,
            Err(error) if error.kind() != ErrorKind::WouldBlock => break,
            Ok(_) | Err(_) => {}
        }
    }
}

#[tokio::test]
async fn an_id_is_a_pipe_of_either_generation() {
    let user = std::env::var("USERNAME").unwrap();
    let keep = |c: char| if c.is_ascii_alphanumeric() || "_.-".contains(c) { c } else { '_' };
    let user: String = user.chars().map(keep).collect();
    for (dialect, root) in [(Dialect::Classic, "tmp".to_owned()), (Dialect::Modern, format!("node-ipc-{user}"))] {
        let id = name();
        let mut server = Ipc::new(config().id(&*id).dialect(dialect)).serve().await.unwrap();
        assert_eq!(server.endpoints(), [Endpoint::Pipe(format!("{root}-app.{id}"))]);
        let mut client = Ipc::new(config()).connect_to(&id).unwrap();
        soon(client.emit("message", "hello")).await.unwrap();
        let (peer, data) = message(&mut server).await;
        assert_eq!(data, "hello");
        server.emit(peer, "message", "world").await.unwrap();
        assert_eq!(text(&mut client).await, "world");
        soon(server.stop()).await;
    }
}

#[tokio::test]
async fn one_server_is_found_by_the_names_of_both_generations() {
    let id = name();
    let mut server = Ipc::new(config().id(&*id)).serve_both().await.unwrap();
    assert_eq!(server.endpoints().len(), 2);
    for endpoint in server.endpoints().to_vec() {
        let client = connect(config(), &endpoint);
        soon(client.emit("m", "hello")).await.unwrap();
        assert_eq!(message(&mut server).await.1, "hello");
    }
}

#[tokio::test]
async fn a_path_a_name_and_a_full_name_are_one_pipe() {
    let name = name();
    let mut server = Ipc::new(config()).serve_at(format!("/tmp/{name}")).await.unwrap();
    assert_eq!(server.endpoints(), [Endpoint::Pipe(format!("tmp-{name}"))]);
    let ipc = Ipc::new(config());
    let clients = [
        ipc.connect_to_path("path", format!("/tmp/{name}")).unwrap(),
        ipc.connect_to_path("full", format!(r"\\.\pipe\tmp-{name}")).unwrap(),
        ipc.connect_to_endpoint("pipe", format!("pipe:tmp-{name}").parse().unwrap()).unwrap(),
        ipc.connect_to_endpoint("text", format!(r"\\.\pipe\tmp-{name}").parse().unwrap()).unwrap(),
    ];
    for client in clients {
        soon(client.emit("m", client.id())).await.unwrap();
        assert_eq!(message(&mut server).await.1, client.id());
    }
}

#[tokio::test]
async fn names_that_no_pipe_can_have_are_refused() {
    let ipc = Ipc::new(config());
    let long = "p".repeat(300);
    for bad in [&*long, r"a\b", ""] {
        let error = ipc.connect_to_path("c", format!(r"\\.\pipe\{bad}")).unwrap_err();
        assert!(matches!(&error, Error::Config(error) if error.option() == "pipe name"), "{error}");
        let error = ipc.serve_endpoints(vec![Endpoint::Pipe(bad.to_owned())]).await.unwrap_err();
        assert!(matches!(&error, Error::Config(_) | Error::Bind(_)), "{error}");
    }
    let error = Ipc::new(config().id(long)).serve().await.unwrap_err();
    assert!(error.to_string().contains("256"), "{error}");
    let error = ipc.connect_to_endpoint("c", Endpoint::Abstract("a".into())).unwrap_err();
    assert!(error.to_string().contains("pipe:NAME"), "{error}");
}

/// Windows does; Wine 8 makes every instance that is asked for.
fn system_keeps_first_instances() -> bool {
    let name = full(&pipe());
    let first = || ServerOptions::new().first_pipe_instance(true).create(&name);
    let _held = first().unwrap();
    first().is_err()
}

#[tokio::test]
async fn a_pipe_belongs_to_one_server_at_a_time() {
    let endpoint = pipe();
    let first = serve(config(), &endpoint).await;
    if system_keeps_first_instances() {
        let error = Ipc::new(config()).serve_endpoints(vec![endpoint.clone()]).await.unwrap_err();
        assert!(matches!(&error, Error::Bind(BindError::InUse { live: true, .. })), "{error:?}");
        assert_eq!(error.code(), Some("EADDRINUSE"));
    } else {
        println!("not checked: this system does not know FILE_FLAG_FIRST_PIPE_INSTANCE");
    }
    soon(first.stop()).await;
    drop(first);
    // The handles close when the reactor has seen their last operations end.
    let again = async {
        while let Err(error) = Ipc::new(config()).serve_endpoints(vec![endpoint.clone()]).await {
            assert_eq!(error.code(), Some("EADDRINUSE"));
            tokio::task::yield_now().await;
        }
    };
    soon(again).await;
}

#[tokio::test]
async fn a_server_that_was_stopped_takes_nobody() {
    for _ in 0..20 {
        let endpoint = pipe();
        let mut server = serve(config(), &endpoint).await;
        let client = connect(config(), &endpoint);
        soon(client.emit("m", "hello")).await.unwrap();
        assert_eq!(message(&mut server).await.1, "hello");
        soon(server.stop()).await;
        // Whether or not the reactor has closed the handles yet.
        let error = ClientOptions::new().open(full(&endpoint)).unwrap_err();
        assert!([NOT_FOUND, PIPE_BUSY].map(Some).contains(&error.raw_os_error()), "{error}");
    }
}

#[tokio::test]
async fn who_comes_while_a_server_goes_is_let_go() {
    let endpoint = pipe();
    let mut listener = Ipc::new(config()).listen(endpoint.clone()).await.unwrap();
    // It waits for clients now.
    assert!(listener.accept().now_or_never().is_none());
    let late = ClientOptions::new().open(full(&endpoint)).unwrap();
    // Of this client nobody has heard yet.
    drop(listener);
    soon(end(&late)).await;
}

#[tokio::test]
async fn in_assured_a_pipe_is_dialled_and_not_served() {
    let assured = || config().profile(Profile::Assured).allow("m");
    let error = Ipc::new(assured()).serve().await.unwrap_err();
    assert_eq!(error.code(), Some("ERR_IPC_ASSURED_TRANSPORT"));
    let endpoint = pipe();
    let mut server = serve(config(), &endpoint).await;
    let client = connect(assured(), &endpoint);
    soon(client.emit("m", "hello")).await.unwrap();
    assert_eq!(message(&mut server).await.1, "hello");
}

#[tokio::test]
async fn many_clients_at_once_all_get_through() {
    let endpoint = pipe();
    let mut server = serve(config(), &endpoint).await;
    let mut clients: Vec<_> = (0..40).map(|_| connect(config(), &endpoint)).collect();
    for (n, client) in clients.iter().enumerate() {
        soon(client.emit("join", &n.to_string())).await.unwrap();
    }
    for _ in 0..40 {
        let (peer, data) = message(&mut server).await;
        server.emit(peer, "welcome", &data).await.unwrap();
    }
    assert_eq!(server.broadcast("all", "everybody").await.unwrap(), 40);
    for (n, client) in clients.iter_mut().enumerate() {
        assert_eq!(text(client).await, n.to_string());
        assert_eq!(text(client).await, "everybody");
    }
    assert_eq!(server.accept_errors().next().now_or_never(), None);
}

#[tokio::test]
async fn large_messages_pass_both_ways_at_once() {
    let endpoint = pipe();
    let mut server = serve(config(), &endpoint).await;
    let mut client = connect(config(), &endpoint);
    let large: String = (0..3_000_000_u32).map(|n| char::from(b'a' + (n % 23) as u8)).collect();
    for _ in 0..2 {
        soon(client.emit("large", &large)).await.unwrap();
    }
    for _ in 0..2 {
        let (peer, data) = message(&mut server).await;
        assert!(data == large);
        soon(server.emit(peer, "large", &data)).await.unwrap();
    }
    for _ in 0..2 {
        assert!(text(&mut client).await == large);
    }
}

#[tokio::test]
async fn raw_bytes_pass_as_they_are() {
    let endpoint = pipe();
    let raw = || config().profile(Profile::Raw);
    let mut server = serve(raw(), &endpoint).await;
    let mut client = connect(raw(), &endpoint);
    let sent: Vec<u8> = (0..=255).cycle().take(200_000).collect();
    soon(client.send(Frame::raw(sent.clone()))).await.unwrap();
    let mut back = Vec::new();
    while back.len() < sent.len() {
        tokio::select! {
            Some((peer, event)) = server.next() => if let Event::Raw(bytes) = event {
                soon(server.send(peer, Frame::raw(bytes))).await.unwrap();
            },
            Some(event) = client.next() => if let Event::Raw(bytes) = event { back.extend_from_slice(&bytes); },
        }
    }
    assert!(back == sent);
}

#[tokio::test]
async fn a_server_that_comes_back_is_found_again() {
    let endpoint = pipe();
    let mut client = connect(config(), &endpoint);
    for round in 0..3 {
        soon(client.emit("round", &round.to_string())).await.unwrap();
        let mut server = soon(async {
            loop {
                match Ipc::new(config()).serve_endpoints(vec![endpoint.clone()]).await {
                    Ok(server) => break server,
                    Err(error) => assert_eq!(error.code(), Some("EADDRINUSE")),
                }
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert_eq!(message(&mut server).await.1, round.to_string());
        soon(server.stop()).await;
        let lost = |event: &Event| matches!(event, Event::Disconnected { .. });
        while !lost(&soon(client.next()).await.unwrap()) {}
    }
}

#[tokio::test]
async fn what_a_stopping_server_has_written_is_read_after_its_end() {
    let endpoint = pipe();
    let mut server = serve(config(), &endpoint).await;
    let raw = full(&endpoint);
    let reader = std::thread::spawn(move || {
        let mut pipe = std::fs::OpenOptions::new().read(true).write(true).open(raw).unwrap();
        pipe.write_all(b"{\"type\":\"m\",\"data\":\"go\"}\x0c").unwrap();
        let mut all = Vec::new();
        // The end of a pipe is an error here, or an empty read.
        let end = pipe.read_to_end(&mut all);
        assert!(end.is_ok() || end.is_err_and(|error| error.kind() == ErrorKind::BrokenPipe));
        all
    });
    let (peer, _) = message(&mut server).await;
    let large = "x".repeat(1_000_000);
    soon(server.emit(peer, "last", &large)).await.unwrap();
    soon(server.stop()).await;
    drop(server);
    let all = reader.join().unwrap();
    assert_eq!(all.len(), large.len() + r#"{"type":"last","data":""}"#.len() + 1);
    assert_eq!(all.last(), Some(&0x0c));
}

#[tokio::test]
async fn what_a_leaving_client_has_emitted_arrives() {
    let endpoint = pipe();
    let mut server = serve(config(), &endpoint).await;
    let mut client = connect(config(), &endpoint);
    let large = "y".repeat(500_000);
    soon(client.emit("m", &large)).await.unwrap();
    let (closed, received) = tokio::join!(soon(client.close()), message(&mut server));
    assert!(closed.is_empty());
    assert_eq!(received.1.len(), large.len());
    assert_eq!(disconnected(&mut server).await, Reason::Peer);
}

#[tokio::test]
async fn a_client_that_dies_in_the_middle_of_a_message_harms_nobody() {
    let endpoint = pipe();
    let mut server = serve(config(), &endpoint).await;
    for _ in 0..20 {
        let mut dying = std::fs::OpenOptions::new().read(true).write(true).open(full(&endpoint)).unwrap();
        dying.write_all(b"{\"type\":\"whole\",\"data\":\"one\"}\x0c{\"type\":\"half\",\"da").unwrap();
        drop(dying);
        let mut seen = Vec::new();
        while !matches!(seen.last(), Some(Event::Disconnected { .. })) {
            seen.push(soon(server.next()).await.expect("the server is over").1);
        }
        assert!(
            matches!(&seen[..], [Event::Connected, Event::Message(whole), Event::Disconnected { reason: Reason::Peer, .. }]
                if whole.name() == "whole"),
            "{seen:?}"
        );
    }
    let client = connect(config(), &endpoint);
    soon(client.emit("m", "alive")).await.unwrap();
    assert_eq!(message(&mut server).await.1, "alive");
    assert_eq!(server.accept_errors().next().now_or_never(), None);
}

#[tokio::test]
async fn clients_that_come_and_go_always_find_the_pipe() {
    let endpoint = pipe();
    let mut server = serve(config().max_connections(1_000), &endpoint).await;
    let raw = full(&endpoint);
    let comer = std::thread::spawn(move || {
        let mut came = 0;
        while came < 200 {
            match std::fs::OpenOptions::new().read(true).write(true).open(&raw) {
                Ok(pipe) => drop(pipe),
                Err(error) if error.raw_os_error() == Some(PIPE_BUSY) => continue,
                Err(error) => panic!("{error}"),
            }
            came += 1;
        }
    });
    for _ in 0..200 {
        disconnected(&mut server).await;
    }
    comer.join().unwrap();
    drop(server);
}

#[tokio::test]
async fn a_busy_pipe_is_waited_for_within_the_attempt() {
    let endpoint = pipe();
    let mut listener = Ipc::new(config()).listen(endpoint.clone()).await.unwrap();
    let mut waiting = Vec::new();
    let error = loop {
        match ClientOptions::new().open(full(&endpoint)) {
            Ok(pipe) => waiting.push(pipe),
            Err(error) => break error,
        }
    };
    assert_eq!(error.raw_os_error(), Some(PIPE_BUSY));
    let mut client = connect(config(), &endpoint);
    // The attempt is under way, and no event tells of a failure.
    let early = timeout(Duration::from_millis(50), client.next()).await;
    assert!(early.is_err(), "{early:?}");
    let mut accepted = Vec::new();
    for _ in 0..=waiting.len() {
        accepted.push(soon(listener.accept()).await.unwrap());
    }
    assert!(matches!(soon(client.next()).await, Some(Event::Connected)));
}

#[tokio::test]
async fn a_peer_that_does_not_read_loses_its_pipe_when_it_is_given_up() {
    let endpoint = pipe();
    let mut listener = Ipc::new(config()).listen(endpoint.clone()).await.unwrap();
    let deaf = ClientOptions::new().open(full(&endpoint)).unwrap();
    let mut conn = soon(listener.accept()).await.unwrap();
    let large = Frame::encode("m", &"z".repeat(1_000_000)).unwrap();
    // Given up when the pipe is full and nothing moves.
    assert!(
        timeout(Duration::from_millis(50), async {
            conn.send(large).await.unwrap();
            while conn.next().await.is_some() {}
        })
        .await
        .is_err()
    );
    drop(conn);
    soon(end(&deaf)).await;
}

#[tokio::test]
async fn without_a_server_there_is_no_pipe() {
    let mut client = connect(config(), &pipe());
    let failed = soon(client.next()).await;
    assert!(matches!(&failed, Some(Event::Error(error)) if error.code() == "ENOENT"), "{failed:?}");
    let error = ClientOptions::new().open(full(&pipe())).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(NOT_FOUND));
}
