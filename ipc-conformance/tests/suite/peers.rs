//! Who connects, as the system says, whom a server takes, and sockets that somebody else bound.

use std::{
    net::TcpListener,
    os::unix::{fs::MetadataExt as _, net::UnixListener},
};

use futures_util::future::{Either, select};
use ipc_conformance::host::Host;
use ipc_os::Inherited;
use ipc_proto::{
    Config, Event, PeerInfo, Profile, Retry,
    endpoint::Endpoint,
    facade::{Client, Error},
};

use crate::{
    raw::Raw,
    stage::{Stage, accepted, rest, talk},
};

/// This process's user: a new file is its.
fn own_uid() -> u32 {
    tempfile::tempfile().unwrap().metadata().unwrap().uid()
}

fn once<H: Host>(stage: &Stage<H>, endpoint: &Endpoint) -> Client<H> {
    stage.connect_at(stage.config().retry(Retry::never()), endpoint)
}

pub(crate) async fn a_unix_peer_is_a_process_of_a_user<H: Host>(stage: Stage<H>) {
    let mut server = stage.serve(stage.config().allowed_uids(vec![own_uid()])).await;
    let mut one = once(&stage, &server.endpoints()[0]);
    let peer = accepted(&mut server).await;
    let info = server.peer_info(peer).unwrap();
    assert_eq!((info.uid, info.pid, info.address), (Some(own_uid()), Some(std::process::id()), None));
    assert!(info.gid.is_some());
    server.disconnect(peer);
    rest(&mut one).await;
    server.stop().await;
    assert_eq!(server.peer_info(peer), None);
    assert_eq!(server.stats().refused, 0);
}

pub(crate) async fn other_users_are_closed_at_once_and_never_seen<H: Host>(stage: Stage<H>) {
    for uids in [vec![], vec![own_uid() ^ 1]] {
        let mut server = stage.serve(stage.config().allowed_uids(uids)).await;
        let mut refused = once(&stage, &server.endpoints()[0]);
        rest(&mut refused).await;
        assert_eq!((server.stats().refused, server.stats().peers), (1, 0));
        server.stop().await;
        assert!(server.next().await.is_none());
    }
}

pub(crate) async fn the_accept_level_asks_and_refuses_too<H: Host>(stage: Stage<H>) {
    let mut listener = stage.listen(stage.config()).await;
    let _client = once(&stage, listener.endpoint());
    assert_eq!(listener.accept().await.unwrap().peer_info().uid, Some(own_uid()));
    drop(listener);

    let mut listener = stage.listen(stage.config().allowed_uids(vec![])).await;
    let mut refused = once(&stage, listener.endpoint());
    let accepted = std::pin::pin!(listener.accept());
    match select(accepted, std::pin::pin!(rest(&mut refused))).await {
        Either::Left((conn, _)) => panic!("{conn:?}"),
        Either::Right((events, _)) => assert!(matches!(events.last(), Some(Event::Destroyed)), "{events:?}"),
    }
}

pub(crate) async fn a_network_peer_is_an_address<H: Host>(stage: Stage<H>) {
    let mut server = stage.serve(stage.config()).await;
    let Endpoint::Tcp { host, port } = server.endpoints()[0].clone() else { panic!("no port") };
    let stream = std::net::TcpStream::connect((host.as_str(), port)).unwrap();
    let peer = accepted(&mut server).await;
    assert_eq!(server.peer_info(peer), Some(PeerInfo::network(stream.local_addr().unwrap())));
}

pub(crate) async fn where_nobody_knows_the_user_the_option_is_an_error<H: Host<Inherited = Inherited>>(
    stage: Stage<H>,
) {
    let ipc = stage.ipc(stage.config().allowed_uids(vec![own_uid()]));
    let inherited = ipc.serve_listener(TcpListener::bind("127.0.0.1:0").unwrap()).map(drop);
    let listened = ipc.listen(stage.endpoint()).await.map(drop);
    let served = ipc.serve_endpoints(vec![stage.endpoint()]).await.map(drop);
    for result in [served, listened, inherited] {
        assert!(matches!(&result, Err(Error::Config(error)) if error.option() == "allowed_uids"), "{result:?}");
    }
}

pub(crate) async fn an_inherited_socket_is_served_by_several_and_stays<H: Host<Inherited = Inherited>>(
    stage: Stage<H>,
) {
    let path = stage.path("s.sock");
    let bound = UnixListener::bind(&path).unwrap();
    let ipc = stage.ipc(stage.config());
    let mut first = ipc.serve_listener(bound.try_clone().unwrap()).unwrap();
    assert_eq!(first.endpoints(), [Endpoint::Path(path.clone())]);
    let _one = once(&stage, &first.endpoints()[0]);
    accepted(&mut first).await;
    first.stop().await;
    drop(first);
    assert!(std::fs::exists(&path).unwrap());

    let mut second = ipc.serve_listener(bound).unwrap();
    let mut two = once(&stage, &second.endpoints()[0]);
    talk(&mut two, &mut second).await;
    drop(second);
    assert!(std::fs::exists(&path).unwrap());
}

pub(crate) async fn an_inherited_port_is_served<H: Host<Inherited = Inherited>>(stage: Stage<H>) {
    let mut server = stage.ipc(stage.config()).serve_listener(TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
    let mut client = once(&stage, &server.endpoints()[0]);
    talk(&mut client, &mut server).await;
}

/// Linux alone has sockets without files.
#[cfg(target_os = "linux")]
pub(crate) async fn an_abstract_socket_is_served<H: Host<Inherited = Inherited>>(stage: Stage<H>) {
    use std::os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixStream},
    };

    let name = format!("ipc-suite-{}-{}", H::NAME, std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let ipc = stage.ipc(stage.config());
    let mut server = ipc.serve_listener(UnixListener::bind_addr(&address).unwrap()).unwrap();
    assert_eq!(server.endpoints(), [Endpoint::Abstract(name)]);
    let _stream = UnixStream::connect_addr(&address).unwrap();
    let peer = accepted(&mut server).await;
    assert_eq!(server.peer_info(peer).unwrap().uid, Some(own_uid()));
    let mut client = once(&stage, &server.endpoints()[0]);
    talk(&mut client, &mut server).await;
}

pub(crate) async fn assured_takes_no_socket_that_others_bound<H: Host<Inherited = Inherited>>(stage: Stage<H>) {
    let ipc = stage.ipc(Config::default().profile(Profile::Assured).allow("a"));
    let result = ipc.serve_listener(UnixListener::bind(stage.path("s.sock")).unwrap());
    assert!(matches!(&result, Err(error) if error.code() == Some("ERR_IPC_ASSURED_TRANSPORT")), "{result:?}");
}

pub(crate) async fn a_port_is_shared_on_demand_and_nothing_else_is<H: Host>(stage: Stage<H>) {
    let first = stage.serve(stage.config().reuse_port(true)).await;
    let at = first.endpoints().to_vec();
    let sharing = stage.ipc(stage.config().reuse_port(true));
    let second = sharing.serve_endpoints(at.clone()).await.unwrap();
    assert_eq!(first.endpoints(), second.endpoints());
    let alone = stage.ipc(stage.config()).serve_endpoints(at.clone()).await;
    assert!(matches!(&alone, Err(error) if error.code() == Some("EADDRINUSE")), "{alone:?}");
    let local = sharing.serve_at(stage.path("s.sock")).await;
    assert!(matches!(&local, Err(Error::Config(error)) if error.option() == "reuse_port"), "{local:?}");
    drop(Raw::connect(&at[0]).await);
}
