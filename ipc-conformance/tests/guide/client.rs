//! The client halves.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::OwnedFd;
use std::time::Duration;

use ipc_tokio::{Config, Endpoint, Event, Ipc};
use rustix::net::{self, AddressFamily, SocketAddrUnix, SocketType};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, UnixListener};

use crate::program::{Example, Program, Stream, Test, within};

pub(crate) const TESTS: [(&str, Test); 4] = [
    ("client_has_many_answers", |example| Box::pin(is_answered(example, 5000, 50))),
    ("client_has_8_mib_answered", |example| Box::pin(is_answered(example, 2, 8 << 20))),
    ("client_sleeps_until_it_is_answered", |example| Box::pin(sleeps(example))),
    ("client_comes_back_when_its_server_does", |example| Box::pin(comes_back(example))),
];

pub(crate) const NODE_TESTS: [(&str, &str, Test); 2] = [
    ("9", "server", |example| Box::pin(is_answered_by_node("9", example))),
    ("14", "server", |example| Box::pin(is_answered_by_node("14", example))),
];

fn somewhere(example: &Example, dir: &tempfile::TempDir) -> Endpoint {
    let at = match example.wire {
        "tcp" => "tcp:127.0.0.1:0".to_owned(),
        _ => format!("unix:{}", dir.path().join("socket").display()),
    };
    at.parse().unwrap()
}

/// A server of ipc-tokio that echoes, `delay` late.
async fn echo(example: &Example, dir: &tempfile::TempDir, delay: Duration) -> Endpoint {
    let mut config = Config::default().id("test");
    config.limits.max_pending_bytes = 64 << 20;
    let mut server = Ipc::new(config).serve_endpoints(vec![somewhere(example, dir)]).await.unwrap();
    let at = server.endpoints()[0].clone();
    tokio::spawn(async move {
        while let Some((peer, event)) = server.next().await {
            if let Event::Message(message) = event {
                if !delay.is_zero() {
                    tokio::time::sleep(delay).await;
                }
                // A peer that is gone has no answer.
                let _ = server.send(peer, message.to_frame()).await;
            }
        }
    });
    at
}

async fn is_answered(example: &'static Example, count: usize, size: usize) {
    let dir = tempfile::tempdir().unwrap();
    let at = echo(example, &dir, Duration::ZERO).await;
    let report = Program::client(example, &at, count, size).finish().await;
    assert_eq!((report.missing, report.connects), (0, 1));
}

/// As with servers: only more turns than expected are a failure.
async fn sleeps(example: &'static Example) {
    let dir = tempfile::tempdir().unwrap();
    let at = echo(example, &dir, Duration::from_millis(500)).await;
    let report = Program::client(example, &at, 1, 5).finish().await;
    assert_eq!((report.missing, report.connects), (0, 1));
    assert!(report.turns <= 15, "{} turns for one message", report.turns);
}

async fn is_answered_by_node(version: &'static str, example: &'static Example) {
    let (_server, at) = Program::node_server(version, example).await;
    let report = Program::client(example, &at, 500, 100).finish().await;
    assert_eq!((report.missing, report.connects), (0, 1));
}

/// First nobody listens; then somebody does and goes away in the middle; then somebody echoes.
async fn comes_back(example: &'static Example) {
    let dir = tempfile::tempdir().unwrap();
    let place = Place::new(&somewhere(example, &dir));
    let mut client = Program::client(example, &place.at, 500, 1000);
    client.until("reason: Refused").await;
    client.until("reason: Refused").await;
    let listener = place.listen();
    let mut first = listener.accept().await;
    within("it to write", first.read_exact(&mut [0; 10_000])).await.unwrap();
    drop(first);
    let (mut from, mut to) = tokio::io::split(listener.accept().await);
    tokio::spawn(async move { tokio::io::copy(&mut from, &mut to).await });
    let report = client.finish().await;
    assert_eq!((report.missing, report.connects), (0, 2));
}

/// An address that is taken, where nobody listens yet.
struct Place {
    at: Endpoint,
    socket: OwnedFd,
}

enum Listening {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Place {
    fn new(at: &Endpoint) -> Self {
        let open = |family| net::socket(family, SocketType::STREAM, None).unwrap();
        match at {
            Endpoint::Path(path) => {
                let socket = open(AddressFamily::UNIX);
                net::bind(&socket, &SocketAddrUnix::new(path.as_str()).unwrap()).unwrap();
                Self { at: at.clone(), socket }
            }
            _ => {
                let socket = open(AddressFamily::INET);
                net::bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).unwrap();
                let bound = SocketAddrV4::try_from(net::getsockname(&socket).unwrap()).unwrap();
                Self { at: at.clone().with_port(bound.port()), socket }
            }
        }
    }

    fn listen(self) -> Listening {
        net::listen(&self.socket, 8).unwrap();
        rustix::io::ioctl_fionbio(&self.socket, true).unwrap();
        match self.at {
            Endpoint::Path(_) => Listening::Unix(UnixListener::from_std(self.socket.into()).unwrap()),
            _ => Listening::Tcp(TcpListener::from_std(self.socket.into()).unwrap()),
        }
    }
}

impl Listening {
    async fn accept(&self) -> Box<dyn Stream> {
        let accepted = async {
            match self {
                Self::Tcp(listener) => Box::new(listener.accept().await.unwrap().0) as Box<dyn Stream>,
                Self::Unix(listener) => Box::new(listener.accept().await.unwrap().0),
            }
        };
        within("it to connect", accepted).await
    }
}
