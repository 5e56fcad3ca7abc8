//! Who connects, as the system says, and whom a server takes.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::{net::TcpListener, os::unix::net::UnixListener, time::Duration};

use ipc_tokio::{Client, Config, Endpoint, Error, Event, Ipc, PeerId, PeerInfo, Profile, Retry, Server};
use tokio::time::timeout;

/// Long enough for the slowest machine; a test that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(30);

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("nothing came")
}

fn place() -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.sock").to_str().unwrap().to_owned();
    (dir, path)
}

/// This process's user: a new file is its.
fn own_uid() -> u32 {
    use std::os::unix::fs::MetadataExt;
    tempfile::tempfile().unwrap().metadata().unwrap().uid()
}

fn port(server: &Server) -> u16 {
    let Endpoint::Tcp { port, .. } = server.endpoints()[0] else { panic!("no port") };
    port
}

async fn connected(server: &mut Server) -> PeerId {
    match soon(server.next()).await {
        Some((peer, Event::Connected)) => peer,
        event => panic!("{event:?}"),
    }
}

async fn until_gone(client: &mut Client) {
    while let Some(event) = soon(client.next()).await {
        drop(event);
    }
}

fn client(path: &str) -> Client {
    Ipc::new(Config::default().retry(Retry::never())).connect_to_path("s", path).unwrap()
}

#[tokio::test]
async fn a_unix_peer_is_a_process_of_a_user() {
    let (_dir, path) = place();
    let ipc = Ipc::new(Config::default().allowed_uids(vec![own_uid()]));
    let mut server = ipc.serve_at(path.clone()).await.unwrap();
    let mut one = client(&path);
    let peer = connected(&mut server).await;
    let info = server.peer_info(peer).unwrap();
    assert_eq!((info.uid, info.pid, info.address), (Some(own_uid()), Some(std::process::id()), None));
    assert!(info.gid.is_some());
    server.disconnect(peer);
    until_gone(&mut one).await;
    soon(server.stop()).await;
    assert_eq!(server.peer_info(peer), None);
    assert_eq!(server.stats().refused, 0);
}

#[tokio::test]
async fn a_tcp_peer_is_an_address() {
    let ipc = Ipc::new(Config::default());
    let mut server = ipc.serve_net("127.0.0.1:0").await.unwrap();
    let stream = std::net::TcpStream::connect(("127.0.0.1", port(&server))).unwrap();
    let peer = connected(&mut server).await;
    assert_eq!(server.peer_info(peer), Some(PeerInfo::network(stream.local_addr().unwrap())));
}

#[tokio::test]
async fn other_users_are_closed_at_once_and_never_seen() {
    let (_dir, path) = place();
    for uids in [vec![], vec![own_uid() ^ 1]] {
        let mut server = Ipc::new(Config::default().allowed_uids(uids)).serve_at(path.clone()).await.unwrap();
        let mut refused = client(&path);
        until_gone(&mut refused).await;
        assert_eq!((server.stats().refused, server.stats().peers), (1, 0));
        soon(server.stop()).await;
        assert!(soon(server.next()).await.is_none());
    }
}

#[tokio::test]
async fn the_accept_level_asks_and_refuses_too() {
    let (_dir, path) = place();
    let mut listener = Ipc::new(Config::default()).listen(Endpoint::Path(path.clone())).await.unwrap();
    let _client = client(&path);
    assert_eq!(soon(listener.accept()).await.unwrap().peer_info().uid, Some(own_uid()));
    drop(listener);

    let nobody = Config::default().allowed_uids(vec![]);
    let mut listener = Ipc::new(nobody).listen(Endpoint::Path(path.clone())).await.unwrap();
    let mut refused = client(&path);
    tokio::select! {
        conn = listener.accept() => panic!("{conn:?}"),
        () = until_gone(&mut refused) => {}
    }
}

#[tokio::test]
async fn where_nobody_knows_the_user_the_option_is_an_error() {
    let ipc = Ipc::new(Config::default().allowed_uids(vec![own_uid()]));
    let inherited = ipc.serve_listener(TcpListener::bind("127.0.0.1:0").unwrap()).map(drop);
    let listened = ipc.listen("tcp:127.0.0.1:0".parse().unwrap()).await.map(drop);
    let served = ipc.serve_net("127.0.0.1:0").await.map(drop);
    for result in [served, listened, inherited] {
        assert!(matches!(&result, Err(Error::Config(error)) if error.option() == "allowed_uids"), "{result:?}");
    }
}

#[tokio::test]
async fn an_inherited_socket_is_served_by_several_and_stays() {
    let (_dir, path) = place();
    let bound = UnixListener::bind(&path).unwrap();
    let ipc = Ipc::new(Config::default());
    let mut first = ipc.serve_listener(bound.try_clone().unwrap()).unwrap();
    assert_eq!(first.endpoints(), [Endpoint::Path(path.clone())]);
    let _one = client(&path);
    connected(&mut first).await;
    soon(first.stop()).await;
    drop(first);
    assert!(std::fs::exists(&path).unwrap());

    let mut second = ipc.serve_listener(bound).unwrap();
    let two = client(&path);
    soon(two.emit("to", "second")).await.unwrap();
    connected(&mut second).await;
    drop(second);
    assert!(std::fs::exists(&path).unwrap());
}

#[tokio::test]
async fn an_inherited_tcp_or_abstract_socket_is_served() {
    use std::os::{linux::net::SocketAddrExt, unix::net::SocketAddr};

    let ipc = Ipc::new(Config::default());
    let mut server = ipc.serve_listener(TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
    let _stream = std::net::TcpStream::connect(("127.0.0.1", port(&server))).unwrap();
    connected(&mut server).await;

    let name = format!("ipc-tokio-peers-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let mut server = ipc.serve_listener(UnixListener::bind_addr(&address).unwrap()).unwrap();
    assert_eq!(server.endpoints(), [Endpoint::Abstract(name)]);
    let _stream = std::os::unix::net::UnixStream::connect_addr(&address).unwrap();
    let peer = connected(&mut server).await;
    assert_eq!(server.peer_info(peer).unwrap().uid, Some(own_uid()));
}

#[tokio::test]
async fn assured_takes_no_socket_that_others_bound() {
    let (_dir, path) = place();
    let ipc = Ipc::new(Config::default().profile(Profile::Assured).allow("a"));
    let result = ipc.serve_listener(UnixListener::bind(path).unwrap());
    assert!(matches!(&result, Err(error) if error.code() == Some("ERR_IPC_ASSURED_TRANSPORT")), "{result:?}");
}

#[tokio::test]
async fn a_tcp_port_is_shared_on_demand_and_nothing_else_is() {
    let ipc = Ipc::new(Config::default().reuse_port(true));
    let first = ipc.serve_net("127.0.0.1:0").await.unwrap();
    let address = format!("127.0.0.1:{}", port(&first));
    let second = ipc.serve_net(&address).await.unwrap();
    assert_eq!(port(&first), port(&second));
    let alone = Ipc::new(Config::default()).serve_net(&address).await;
    assert!(matches!(&alone, Err(error) if error.code() == Some("EADDRINUSE")), "{alone:?}");

    let (_dir, path) = place();
    let local = ipc.serve_at(path).await;
    assert!(matches!(&local, Err(Error::Config(error)) if error.option() == "reuse_port"), "{local:?}");
}
