//! The server halves.

use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use ipc_tokio::{Client, Config, Endpoint, Event, Ipc, Message};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket, UnixStream};

use crate::program::{Example, Program, Stream, Test, within};

pub(crate) const TESTS: [(&str, Test); 5] = [
    ("server_answers_many_clients", |example| Box::pin(answers_many_clients(example))),
    ("server_answers_8_mib", |example| Box::pin(answers_8_mib(example))),
    ("server_goes_on_reading_while_nobody_reads", |example| Box::pin(goes_on_reading(example))),
    ("server_outlives_peers_that_vanish", |example| Box::pin(outlives_peers(example))),
    ("server_sleeps_while_clients_are_idle", |example| Box::pin(sleeps(example))),
];

pub(crate) const UNIX_TESTS: [(&str, Test); 1] =
    [("server_gives_up_who_will_never_read", |example| Box::pin(gives_up(example)))];

pub(crate) const NODE_TESTS: [(&str, &str, Test); 2] = [
    ("9", "client", |example| Box::pin(answers_node("9", example))),
    ("14", "client", |example| Box::pin(answers_node("14", example))),
];

/// How long nothing happens, to see that nothing is done. Only more than expected is a failure, so that a slow machine
/// cannot fail.
const IDLE: Duration = Duration::from_millis(500);

async fn raw(at: &Endpoint) -> Box<dyn Stream> {
    match at {
        Endpoint::Path(path) => Box::new(UnixStream::connect(path).await.unwrap()),
        Endpoint::Tcp { host, port } => Box::new(TcpStream::connect((host.as_str(), *port)).await.unwrap()),
        other => panic!("no test is at {other}"),
    }
}

/// A client of ipc-tokio that is connected.
async fn connected(at: &Endpoint) -> Client {
    let mut client = Ipc::new(Config::default().id("test")).connect_to_endpoint("world", at.clone()).unwrap();
    assert!(matches!(within("a connection", client.next()).await, Some(Event::Connected)));
    client
}

async fn message(client: &mut Client) -> Message {
    loop {
        match within("a message", client.next()).await {
            Some(Event::Message(message)) => return message,
            Some(Event::Writable) => {}
            other => panic!("{other:?} is no message"),
        }
    }
}

async fn answers_many_clients(example: &'static Example) {
    let (_server, at) = Program::server(example).await;
    let mut clients = Vec::new();
    for _ in 0..5 {
        clients.push(connected(&at).await);
    }
    let asked = clients.iter().map(Client::sender).map(|sender| async move {
        for n in 0..1000 {
            sender.emit("count", &n).await.unwrap();
        }
    });
    let asking: Vec<_> = asked.map(tokio::spawn).collect();
    for client in &mut clients {
        for n in 0..1000 {
            let message = message(client).await;
            assert_eq!((message.name(), message.decode::<u32>().unwrap()), ("count", n));
        }
    }
    for task in asking {
        task.await.unwrap();
    }
}

async fn answers_8_mib(example: &'static Example) {
    let (_server, at) = Program::server(example).await;
    let mut client = connected(&at).await;
    let text = "é".repeat(4 << 20);
    client.emit("large", &text).await.unwrap();
    assert!(message(&mut client).await.decode::<String>().unwrap() == text);
}

/// More than all buffers hold, and as much again as anybody's limit. Were it to wait with reading until its answers are
/// read, both would wait.
async fn goes_on_reading(example: &'static Example) {
    let (_server, at) = Program::server(example).await;
    let mut stream = raw(&at).await;
    let frame = format!("{{\"type\":\"m\",\"data\":\"{}\"}}\u{c}", "x".repeat(50_000));
    let all = frame.repeat(320);
    within("it to read", stream.write_all(all.as_bytes())).await.unwrap();
    let mut back = vec![0; all.len()];
    within("its answers", stream.read_exact(&mut back)).await.unwrap();
    assert!(back == all.as_bytes());
    stream.shutdown().await.unwrap();
    assert_eq!(within("its end", stream.read(&mut back)).await.unwrap(), 0);
}

async fn outlives_peers(example: &'static Example) {
    let (mut server, at) = Program::server(example).await;
    let mut stays = connected(&at).await;
    for n in 0..20 {
        let mut stream = raw(&at).await;
        // Half a frame; or more answers than are ever read.
        let input = if n % 2 == 0 { "{\"type\":\"half".to_owned() } else { "{\"type\":\"m\"}\u{c}".repeat(20_000) };
        within("it to read", stream.write_all(input.as_bytes())).await.unwrap();
        drop(stream);
        server.until("Disconnected").await;
        stays.emit("still", &n).await.unwrap();
        assert_eq!(message(&mut stays).await.decode::<i32>().unwrap(), n);
    }
}

/// Writing fails, and nothing ever comes to be read. (TCP does not tell.)
async fn gives_up(example: &'static Example) {
    let (mut server, at) = Program::server(example).await;
    let Endpoint::Path(path) = &at else { panic!("{at} is no Unix socket") };
    let mut deaf = std::os::unix::net::UnixStream::connect(path).unwrap();
    deaf.shutdown(std::net::Shutdown::Read).unwrap();
    deaf.write_all(b"{\"type\":\"m\"}\x0c").unwrap();
    server.until("Disconnected").await;
}

async fn turns(client: &mut Client) -> u64 {
    client.emit_type("turns").await.unwrap();
    message(client).await.decode().unwrap()
}

async fn sleeps(example: &'static Example) {
    let (_server, at) = Program::server(example).await;
    let mut clients = [connected(&at).await, connected(&at).await, connected(&at).await];
    for client in &mut clients {
        turns(client).await;
    }
    let before = turns(&mut clients[0]).await;
    tokio::time::sleep(IDLE).await;
    let after = turns(&mut clients[0]).await;
    assert!(after - before <= 10, "{} turns for one message", after - before);
}

async fn answers_node(version: &'static str, example: &'static Example) {
    let (_server, at) = Program::server(example).await;
    let mut client = Program::node_client(version, example, &at);
    client.until(r#""connect""#).await;
    client.write(r#"{"cmd":"emit","type":"greeting","data":{"text":"héllo"}}"#).await;
    let line = client.until(r#""greeting""#).await;
    assert!(line.contains(r#"{"text":"héllo"}"#), "{line}");
    client.write(r#"{"cmd":"burst","type":"count","n":500}"#).await;
    for n in 0..500 {
        let line = client.until(r#""count""#).await;
        assert!(line.contains(&format!(r#""data":{n}"#)), "{line} is not {n}");
    }
}

pub(crate) fn news(example: &'static Example) -> std::pin::Pin<Box<dyn Future<Output = ()>>> {
    Box::pin(async {
        let (mut server, at) = Program::server(example).await;
        let news = server.news.take().unwrap();
        let mut clients = [connected(&at).await, connected(&at).await];
        for client in &mut clients {
            // It is among the peers for sure.
            turns(client).await;
        }
        let socket = UdpSocket::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        socket.send_to("stop the press".as_bytes(), news).await.unwrap();
        for client in &mut clients {
            let message = message(client).await;
            assert_eq!((message.name(), message.decode::<&str>().unwrap()), ("news", "stop the press"));
        }
    })
}
