//! UDP over real sockets: the same `Server`, without connections.

use std::{future::Future, net::SocketAddr, time::Duration};

use ipc_tokio::{
    Config, EmitError, Endpoint, Error, Event, Frame, Ipc, Limits, Message, PeerId, Pressure, Profile, RequestError,
    Router, Server,
};
use tokio::{net::UdpSocket, time::timeout};

/// Long enough for the slowest machine; a test that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(30);

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("nothing came")
}

fn ipc(config: Config) -> Ipc {
    Ipc::new(config)
}

async fn serve(config: Config) -> Server {
    ipc(config).serve_udp4("127.0.0.1:0").await.expect("any port will do")
}

/// Not every machine has IPv6.
fn families() -> Vec<u8> {
    let has_v6 = std::net::UdpSocket::bind("[::1]:0").is_ok();
    if has_v6 { vec![4, 6] } else { vec![4] }
}

fn address(server: &Server) -> String {
    match &server.endpoints()[0] {
        Endpoint::Udp4 { host, port } => format!("{host}:{port}"),
        Endpoint::Udp6 { host, port } => format!("[{host}]:{port}"),
        other => panic!("{other} is not UDP"),
    }
}

async fn next(server: &mut Server) -> (PeerId, Event) {
    soon(server.next()).await.expect("the server is over")
}

async fn next_message(server: &mut Server) -> (PeerId, Message) {
    match next(server).await {
        (peer, Event::Message(message)) => (peer, message),
        (peer, other) => panic!("peer {peer}: {other:?}"),
    }
}

fn text(message: &Message) -> (&str, String) {
    (message.name(), message.data().map(|data| data.as_str().to_owned()).unwrap_or_default())
}

/// A bare socket that speaks to `server`.
async fn stranger(server: &Server) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("any port will do");
    socket.connect(address(server)).await.expect("loopback is reached");
    socket
}

async fn read(socket: &UdpSocket) -> Vec<u8> {
    let mut buffer = vec![0; 65_536];
    let len = soon(socket.recv(&mut buffer)).await.expect("something comes");
    buffer.truncate(len);
    buffer
}

#[tokio::test]
async fn two_servers_talk_over_both_families() {
    for family in families() {
        let make = || async move {
            let ipc = ipc(Config::default());
            if family == 4 { ipc.serve_udp4("127.0.0.1:0").await } else { ipc.serve_udp6("[::1]:0").await }.unwrap()
        };
        let (mut hello, mut world) = (make().await, make().await);
        let to_world = soon(hello.udp_peer(&address(&world))).await.unwrap();
        soon(hello.emit(to_world, "message", "hello")).await.unwrap();
        let (to_hello, message) = next_message(&mut world).await;
        assert_eq!(text(&message), ("message", "\"hello\"".to_owned()));
        assert_eq!(world.peer_info(to_hello).unwrap().address, Some(address(&hello).parse().unwrap()));
        soon(world.emit(to_hello, "message", "world")).await.unwrap();
        let (peer, message) = next_message(&mut hello).await;
        assert_eq!((peer, text(&message)), (to_world, ("message", "\"world\"".to_owned())));
        // The same address is the same peer.
        assert_eq!(soon(hello.udp_peer(&address(&world))).await.unwrap(), to_world);
        for server in [&mut hello, &mut world] {
            soon(server.stop()).await;
            assert!(soon(server.next()).await.is_none());
        }
        assert!(matches!(hello.emit(to_world, "late", &1).await, Err(EmitError::Closed(_))));
        assert_eq!(hello.udp_peer(&address(&world)).await.unwrap_err().code(), Some("ECANCELED"));
    }
}

#[tokio::test]
async fn a_large_answer_waits_for_the_second_datagram() {
    let mut server = serve(Config::default()).await;
    let socket = stranger(&server).await;
    socket.send(b"{\"type\":\"m\",\"data\":1}\x0c").await.unwrap();
    let (peer, _) = next_message(&mut server).await;
    let large = "x".repeat(1000);
    assert!(matches!(server.emit(peer, "m", &large).await, Err(EmitError::Unconfirmed(_))));
    assert_eq!(server.broadcast("m", &large).await.unwrap(), 0);
    assert_eq!(server.broadcast("m", &2).await.unwrap(), 1);
    assert_eq!(read(&socket).await, b"{\"type\":\"m\",\"data\":2}\x0c");

    socket.send(b"{\"type\":\"m\",\"data\":3}\x0c").await.unwrap();
    assert_eq!(next_message(&mut server).await.0, peer);
    // What the handles may send is told to them right after the event.
    let sender = server.sender(peer).unwrap();
    soon(async {
        while matches!(sender.try_emit("m", &large), Err(EmitError::Unconfirmed(_))) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(read(&socket).await.len(), 1000 + 23);
}

#[tokio::test]
async fn what_is_too_large_is_refused_and_the_largest_passes() {
    let (here, mut there) = (serve(Config::default()).await, serve(Config::default()).await);
    let peer = soon(here.udp_peer(&address(&there))).await.unwrap();
    let fits = "x".repeat(65_507 - 23);
    let errors = [
        here.emit(peer, "m", &(fits.clone() + "x")).await.unwrap_err(),
        here.broadcast("m", &(fits.clone() + "x")).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.code(), Some("EMSGSIZE"));
        assert!(error.to_string().contains("65507"), "{error}");
    }
    soon(here.emit(peer, "m", &fits)).await.unwrap();
    assert_eq!(next_message(&mut there).await.1.decode::<&str>().unwrap(), fits);
}

#[tokio::test]
async fn deliveries_errors_and_failed_sends_are_told() {
    let mut server = serve(Config::default()).await;
    let other = serve(Config::default()).await;
    let good = soon(server.udp_peer(&address(&other))).await.unwrap();
    let delivery = soon(server.sender(good).unwrap().emit_tracked("m", &1)).await.unwrap();
    assert_eq!(soon(delivery).await, ipc_tokio::Outcome::Flushed);
    // Nothing can be sent to port 0.
    let bad = soon(server.udp_peer("127.0.0.1:0")).await.unwrap();
    let delivery = soon(server.sender(bad).unwrap().emit_tracked("lost", &1)).await.unwrap();
    assert_eq!(soon(delivery).await, ipc_tokio::Outcome::Undelivered);
    assert!(matches!(next(&mut server).await, (peer, Event::Error(_)) if peer == bad));
    let (_, Event::Undelivered(lost)) = next(&mut server).await else { panic!("nothing undelivered") };
    assert_eq!(lost.frame, Frame::encode("lost", &1).unwrap());

    let socket = stranger(&server).await;
    socket.send(b"nonsense\x0c").await.unwrap();
    assert!(matches!(next(&mut server).await.1, Event::Error(error) if error.code() == "ERR_IPC_INVALID_JSON"));
    socket.send(b"{\"type\":\"m\",\"data\":1}\x0c").await.unwrap();
    next_message(&mut server).await;
}

#[tokio::test]
async fn a_peer_that_is_disconnected_comes_back_under_another_number() {
    let mut server = serve(Config::default()).await;
    let socket = stranger(&server).await;
    let send = || socket.send(b"{\"type\":\"m\",\"data\":1}\x0c");
    send().await.unwrap();
    let (first, _) = next_message(&mut server).await;
    soon(server.emit(first, "bye", &1)).await.unwrap();
    server.disconnect(first);
    assert_eq!(read(&socket).await, b"{\"type\":\"bye\",\"data\":1}\x0c");
    soon(async {
        while server.sender(first).is_some() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    send().await.unwrap();
    assert_ne!(next_message(&mut server).await.0, first);
}

#[tokio::test]
async fn streams_and_datagrams_make_one_server() {
    let config = || Config::default().max_connections(1);
    let bind = |family| if family == 4 { "127.0.0.1:0" } else { "[::1]:0" };
    let binds: Vec<(&str, String)> =
        families().into_iter().map(|family| (bind(family), format!("udp{family}:{}", bind(family)))).collect();
    let mut endpoints: Vec<Endpoint> = binds.iter().map(|(_, text)| text.parse().unwrap()).collect();
    endpoints.push("tcp:127.0.0.1:0".parse().unwrap());
    let mut server = ipc(config()).serve_endpoints(endpoints).await.unwrap();
    let endpoints = server.endpoints().to_vec();
    assert!(endpoints.iter().all(|endpoint| !endpoint.to_string().ends_with(":0")), "{endpoints:?}");

    let tcp = endpoints.last().unwrap().clone();
    let mut client = ipc(config()).connect_to_endpoint("server", tcp).unwrap();
    soon(client.ready()).await.unwrap();
    assert!(matches!(next(&mut server).await.1, Event::Connected));
    let mut sockets = Vec::new();
    for ((bind, _), to) in binds.iter().zip(&endpoints) {
        let to: SocketAddr = to.to_string().split_once(':').unwrap().1.parse().unwrap();
        let socket = UdpSocket::bind(bind).await.unwrap();
        socket.connect(to).await.unwrap();
        socket.send(b"{\"type\":\"m\",\"data\":1}\x0c").await.unwrap();
        next_message(&mut server).await;
        sockets.push(socket);
    }
    // UDP peers take no connection's place, and a broadcast reaches everybody.
    assert_eq!(server.peers().len(), 1 + sockets.len());
    assert_eq!(server.broadcast("all", &1).await.unwrap(), 1 + sockets.len());
    for socket in &sockets {
        assert_eq!(read(socket).await, b"{\"type\":\"all\",\"data\":1}\x0c");
    }
    loop {
        if let Event::Message(message) = soon(client.next()).await.unwrap() {
            break assert_eq!(message.name(), "all");
        }
    }
    soon(server.stop()).await;
}

#[tokio::test]
async fn a_router_answers_each_peer_on_a_state_of_its_own() {
    let router = Router::new().on("count", |cx, (): ()| {
        *cx.state += 1;
        let count = *cx.state;
        drop(cx.emit("count", &count));
    });
    let endpoint = "udp4:127.0.0.1:0".parse().unwrap();
    let server = ipc(Config::default()).serve_routed(vec![endpoint], router, |_| 0).await.unwrap();
    let (one, two) = (stranger(&server).await, stranger(&server).await);
    for (socket, expected) in [(&one, 1), (&one, 2), (&two, 1)] {
        socket.send(b"{\"type\":\"count\",\"data\":{}}\x0c").await.unwrap();
        assert_eq!(read(socket).await, format!("{{\"type\":\"count\",\"data\":{expected}}}\x0c").as_bytes());
    }
}

#[tokio::test]
async fn raw_bytes_and_many_peers() {
    let mut limits = Limits::default();
    limits.max_udp_peers = 2;
    let mut server = serve(Config::default().profile(Profile::Raw).limits(limits)).await;
    let mut last = None;
    for n in 0..5 {
        let socket = stranger(&server).await;
        socket.send(&[0xFF, n]).await.unwrap();
        let (peer, Event::Raw(bytes)) = next(&mut server).await else { panic!("no bytes") };
        assert_eq!(bytes, [0xFF, n].as_slice());
        assert_eq!(soon(server.send(peer, Frame::raw(bytes))).await.unwrap(), Pressure::Low);
        assert_eq!(read(&socket).await, [0xFF, n]);
        last = Some(peer);
    }
    let peers = server.peers();
    assert!(peers.len() <= 2 && peers.last() == last.as_ref(), "{peers:?}");
}

#[tokio::test]
async fn what_udp_cannot_be_is_said() {
    let assured = ipc(Config::default().profile(Profile::Assured).allow("m"));
    assert_eq!(assured.serve_udp4("127.0.0.1:0").await.unwrap_err().code(), Some("ERR_IPC_ASSURED_TRANSPORT"));
    let fast = ipc(Config::default());
    let hint = |error: Error| error.to_string();
    let endpoint = || "udp4:127.0.0.1:1".parse::<Endpoint>().unwrap();
    assert!(hint(fast.connect_to_endpoint("x", endpoint()).unwrap_err()).contains("udp_peer"));
    assert!(hint(fast.listen(endpoint()).await.unwrap_err()).contains("both sides"));
    let server = serve(Config::default()).await;
    assert!(hint(server.udp_peer("localhost:1").await.unwrap_err()).contains("IP address"));
    assert!(hint(server.udp_peer("[::1]:1").await.unwrap_err()).contains("serve_udp6"));
    let taken = fast.serve_udp4(&address(&server)).await.unwrap_err();
    assert_eq!(taken.code(), Some("EADDRINUSE"));
}

#[tokio::test]
async fn requests_are_answered_and_fail_when_they_cannot_leave() {
    let router = Router::new().on_request("square", |_, n: u32| Ok::<_, String>(n * n));
    let endpoint = "udp4:127.0.0.1:0".parse().unwrap();
    let there = ipc(Config::default()).serve_routed(vec![endpoint], router, |_| ()).await.unwrap();
    let here = serve(Config::default()).await;
    let peer = soon(here.udp_peer(&address(&there))).await.unwrap();
    let answers = (1..20).map(|n| here.request(peer, "square", &n));
    for (n, answer) in (1..20).zip(soon(futures_util::future::join_all(answers)).await) {
        assert_eq!(answer.unwrap().decode::<u32>().unwrap(), n * n);
    }
    let nowhere = soon(here.udp_peer("127.0.0.1:0")).await.unwrap();
    assert!(matches!(soon(here.request(nowhere, "square", &2)).await, Err(RequestError::Lost)));
}
