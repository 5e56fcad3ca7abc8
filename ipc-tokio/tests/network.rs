//! What the config says about network addresses, over real sockets.

use std::{future::Future, time::Duration};

use ipc_tokio::{Config, Endpoint, Event, Family, Interface, Ipc, Retry, Server};
use tokio::time::timeout;

/// Long enough for the slowest machine; a test that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(30);

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("nothing came")
}

fn port(server: &Server) -> u16 {
    match &server.endpoints()[0] {
        Endpoint::Tcp { port, .. } => *port,
        other => panic!("{other} is not TCP"),
    }
}

/// Whether a client of `config` gets through, at its first attempt.
async fn connects(config: Config, address: &str) -> bool {
    let ipc = Ipc::new(config.retry(Retry::never()));
    let mut client = ipc.connect_to_net("world", address).expect("a good config");
    let first = soon(client.next()).await.expect("something happens");
    assert!(matches!(first, Event::Connected | Event::Error(_)), "{first:?}");
    matches!(first, Event::Connected)
}

#[tokio::test]
async fn what_an_address_leaves_out_the_config_says() {
    let config = Config::default().id("world").network_port(0_u16);
    let server = Ipc::new(config.clone()).serve_net("").await.unwrap();
    let config = config.network_port(port(&server));
    assert!(connects(config.clone(), "").await);
    assert!(connects(config.clone(), "127.0.0.1").await);
    assert!(!connects(config.network_host("::1"), "").await);
}

#[tokio::test]
async fn a_name_is_tried_by_family() {
    let server = Ipc::new(Config::default().id("world")).serve_net("127.0.0.1:0").await.unwrap();
    let (name, number) = (format!("localhost:{}", port(&server)), format!("127.0.0.1:{}", port(&server)));
    let of = |family| {
        let mut interface = Interface::default();
        interface.family = Some(family);
        Config::default().interface(interface)
    };
    assert!(connects(of(Family::V4), &name).await);
    assert!(!connects(of(Family::V6), &name).await);
    assert!(connects(of(Family::V6), &number).await, "an address is no name, as in Node");
}

/// Other systems have one loopback address only.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_client_dials_from_its_own_address_and_port() {
    use std::net::{SocketAddr, TcpListener};

    use ipc_tokio::Io;

    let free = TcpListener::bind("127.0.0.9:0").unwrap().local_addr().unwrap();
    let mut listener = Ipc::new(Config::default()).listen("tcp:127.0.0.1:0".parse().unwrap()).await.unwrap();
    let Endpoint::Tcp { port, .. } = listener.endpoint().clone() else { panic!("not TCP") };

    for local_port in [None, Some(free.port())] {
        let mut interface = Interface::default();
        interface.local_address = Some(free.ip());
        interface.local_port = local_port;
        let ipc = Ipc::new(Config::default().interface(interface));
        let client = ipc.connect_to_net("world", &format!("127.0.0.1:{port}")).unwrap();
        let peer = soon(listener.accept()).await.unwrap();
        let Io::Tcp(stream) = peer.io() else { panic!("not TCP") };
        let from: SocketAddr = stream.peer_addr().unwrap();
        assert_eq!(from.ip(), free.ip());
        assert!(local_port.is_none_or(|port| port == from.port()));
        drop(client);
    }
}
