//! Both ends are servers, every address that is heard from is a peer, and nothing is promised.

use std::{
    convert::Infallible,
    net::{SocketAddr, UdpSocket},
};

use futures_util::future::join_all;
use ipc_conformance::host::Host;
use ipc_proto::{
    Config, EmitError, Event, Frame, Message, Outcome, PeerId, Pressure, Profile, Router,
    endpoint::Endpoint,
    facade::{RequestError, Server},
};

use crate::{
    stage::{Stage, aside, text},
    wire::Wire,
};

fn address<H: Host>(server: &Server<H>) -> String {
    match &server.endpoints()[0] {
        Endpoint::Udp4 { host, port } => format!("{host}:{port}"),
        Endpoint::Udp6 { host, port } => format!("[{host}]:{port}"),
        other => panic!("{other} is not UDP"),
    }
}

async fn next<H: Host>(server: &mut Server<H>) -> (PeerId, Event) {
    server.next().await.expect("the server is over")
}

/// The next event, which is a message.
async fn message<H: Host>(server: &mut Server<H>) -> (PeerId, Message) {
    match next(server).await {
        (peer, Event::Message(message)) => (peer, message),
        (peer, other) => panic!("peer {peer}: {other:?}"),
    }
}

/// A bare socket that speaks to a server.
struct Stranger(UdpSocket);

impl Stranger {
    fn to<H: Host>(server: &Server<H>) -> Self {
        let to: SocketAddr = address(server).parse().unwrap();
        let socket = UdpSocket::bind(if to.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" }).unwrap();
        socket.connect(to).unwrap();
        Self(socket)
    }

    fn send(&self, datagram: impl AsRef<[u8]>) {
        self.0.send(datagram.as_ref()).unwrap();
    }

    async fn read(&self) -> Vec<u8> {
        let socket = self.0.try_clone().unwrap();
        aside(move || {
            let mut buffer = vec![0; 65_536];
            let len = socket.recv(&mut buffer).unwrap();
            buffer.truncate(len);
            buffer
        })
        .await
    }
}

fn frame(n: usize) -> String {
    format!("{{\"type\":\"m\",\"data\":{n}}}\x0c")
}

pub(crate) async fn two_servers_talk<H: Host>(stage: Stage<H>) {
    let (mut hello, mut world) = (stage.serve(stage.config()).await, stage.serve(stage.config()).await);
    let to_world = hello.udp_peer(&address(&world)).await.unwrap();
    hello.emit(to_world, "message", "hello").await.unwrap();
    let (to_hello, received) = message(&mut world).await;
    assert_eq!((received.name(), text(&received)), ("message", "\"hello\"".to_owned()));
    assert_eq!(world.peer_info(to_hello).unwrap().address, Some(address(&hello).parse().unwrap()));
    world.emit(to_hello, "message", "world").await.unwrap();
    let (peer, received) = message(&mut hello).await;
    assert_eq!((peer, text(&received)), (to_world, "\"world\"".to_owned()));
    // The same address is the same peer.
    assert_eq!(hello.udp_peer(&address(&world)).await.unwrap(), to_world);
    for server in [&mut hello, &mut world] {
        server.stop().await;
        assert!(server.next().await.is_none());
    }
    assert!(matches!(hello.emit(to_world, "late", &1).await, Err(EmitError::Closed(_))));
    assert_eq!(hello.udp_peer(&address(&world)).await.unwrap_err().code(), Some("ECANCELED"));
}

pub(crate) async fn frames_and_parts_of_them<H: Host>(stage: Stage<H>) {
    let mut server = stage.serve(stage.config()).await;
    let one = Stranger::to(&server);
    let two = Stranger::to(&server);
    one.send(frame(1) + &frame(2));
    one.send(&frame(3)[..9]);
    // Another one's datagram between the parts of a frame belongs to another frame.
    two.send(frame(4));
    one.send(&frame(3)[9..]);
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(text(&message(&mut server).await.1));
    }
    assert_eq!(seen, ["1", "2", "4", "3"]);
    one.send("nonsense\x0c");
    assert!(matches!(next(&mut server).await.1, Event::Error(error) if error.code() == "ERR_IPC_INVALID_JSON"));
    one.send(frame(5));
    assert_eq!(text(&message(&mut server).await.1), "5");
}

pub(crate) async fn many_datagrams_and_their_echoes<H: Host>(stage: Stage<H>) {
    let mut server = stage.serve(stage.config()).await;
    let stranger = Stranger::to(&server);
    for n in 0..200 {
        stranger.send(frame(n));
        let (peer, received) = message(&mut server).await;
        assert_eq!(server.send(peer, received.to_frame()).await.unwrap(), Pressure::Low);
        assert_eq!(stranger.read().await, frame(n).as_bytes());
    }
}

pub(crate) async fn a_large_answer_waits_for_the_second_datagram<H: Host>(stage: Stage<H>) {
    let mut server = stage.serve(stage.config()).await;
    let stranger = Stranger::to(&server);
    stranger.send(frame(1));
    let (peer, _) = message(&mut server).await;
    let large = "x".repeat(1000);
    assert!(matches!(server.emit(peer, "m", &large).await, Err(EmitError::Unconfirmed(_))));
    assert_eq!(server.broadcast("m", &large).await.unwrap(), 0);
    assert_eq!(server.broadcast("m", &2).await.unwrap(), 1);
    assert_eq!(stranger.read().await, frame(2).as_bytes());

    stranger.send(frame(3));
    assert_eq!(message(&mut server).await.0, peer);
    // What the handles may send is told to them right after the event.
    let sender = server.sender(peer).unwrap();
    stage.until(|| !matches!(sender.try_emit("m", &large), Err(EmitError::Unconfirmed(_)))).await;
    assert_eq!(stranger.read().await.len(), 1000 + 23);
}

pub(crate) async fn what_is_too_large_is_refused_and_the_largest_passes<H: Host>(stage: Stage<H>) {
    let (here, mut there) = (stage.serve(stage.config()).await, stage.serve(stage.config()).await);
    let peer = here.udp_peer(&address(&there)).await.unwrap();
    let most = if stage.wire == Wire::Udp6 { 65_527 } else { 65_507 };
    let fits = "x".repeat(most - 23);
    let errors = [
        here.emit(peer, "m", &(fits.clone() + "x")).await.unwrap_err(),
        here.broadcast("m", &(fits.clone() + "x")).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.code(), Some("EMSGSIZE"));
        assert!(error.to_string().contains(&most.to_string()), "{error}");
    }
    here.emit(peer, "m", &fits).await.unwrap();
    assert_eq!(message(&mut there).await.1.decode::<&str>().unwrap(), fits);
}

pub(crate) async fn failed_sends_are_told<H: Host>(stage: Stage<H>) {
    let mut server = stage.serve(stage.config()).await;
    let other = stage.serve(stage.config()).await;
    let good = server.udp_peer(&address(&other)).await.unwrap();
    let delivery = server.sender(good).unwrap().emit_tracked("m", &1).await.unwrap();
    assert_eq!(delivery.await, Outcome::Flushed);
    // Nothing can be sent to port 0.
    let bad = server.udp_peer(nowhere(&stage)).await.unwrap();
    let delivery = server.sender(bad).unwrap().emit_tracked("lost", &1).await.unwrap();
    assert_eq!(delivery.await, Outcome::Undelivered);
    assert!(matches!(next(&mut server).await, (peer, Event::Error(_)) if peer == bad));
    let (_, Event::Undelivered(lost)) = next(&mut server).await else { panic!("nothing undelivered") };
    assert_eq!(lost.frame, Frame::encode("lost", &1).unwrap());
}

fn nowhere<H: Host>(stage: &Stage<H>) -> &'static str {
    if stage.wire == Wire::Udp6 { "[::1]:0" } else { "127.0.0.1:0" }
}

pub(crate) async fn a_peer_that_is_disconnected_comes_back_under_another_number<H: Host>(stage: Stage<H>) {
    let mut server = stage.serve(stage.config()).await;
    let stranger = Stranger::to(&server);
    stranger.send(frame(1));
    let (first, _) = message(&mut server).await;
    server.emit(first, "bye", &1).await.unwrap();
    server.disconnect(first);
    assert_eq!(stranger.read().await, b"{\"type\":\"bye\",\"data\":1}\x0c");
    stage.until(|| server.sender(first).is_none()).await;
    stranger.send(frame(2));
    assert_ne!(message(&mut server).await.0, first);
}

pub(crate) async fn a_broadcast_reaches_those_who_spoke<H: Host>(stage: Stage<H>) {
    let mut server = stage.serve(stage.config()).await;
    let strangers = [Stranger::to(&server), Stranger::to(&server), Stranger::to(&server)];
    for (n, stranger) in strangers[..2].iter().enumerate() {
        stranger.send(frame(n));
        message(&mut server).await;
    }
    assert_eq!(server.broadcast("all", &1).await.unwrap(), 2);
    for stranger in &strangers[..2] {
        assert_eq!(stranger.read().await, b"{\"type\":\"all\",\"data\":1}\x0c");
    }
}

pub(crate) async fn streams_and_datagrams_make_one_server<H: Host>(stage: Stage<H>) {
    let endpoints = vec![stage.endpoint(), Endpoint::Path(stage.path("s.sock"))];
    let served = stage.ipc(stage.config().max_connections(1));
    let mut server = served.serve_endpoints(endpoints).await.unwrap();
    let mut client = stage.connect_at(stage.config(), &server.endpoints()[1]);
    assert!(matches!(next(&mut server).await.1, Event::Connected));
    let stranger = Stranger::to(&server);
    stranger.send(frame(1));
    message(&mut server).await;
    // UDP peers take no connection's place, and a broadcast reaches everybody.
    assert_eq!((server.peers().len(), server.broadcast("all", &1).await.unwrap()), (2, 2));
    assert_eq!(stranger.read().await, b"{\"type\":\"all\",\"data\":1}\x0c");
    assert_eq!(crate::stage::data(&mut client).await, "1");
    server.stop().await;
}

pub(crate) async fn a_router_answers_each_peer_on_a_state_of_its_own<H: Host>(stage: Stage<H>) {
    let router = Router::new().on("count", |cx, (): ()| {
        *cx.state += 1;
        let count = *cx.state;
        drop(cx.emit("count", &count));
    });
    let server = stage.serve_routed(stage.config(), router, |_| 0).await;
    let (one, two) = (Stranger::to(&server), Stranger::to(&server));
    for (stranger, expected) in [(&one, 1), (&one, 2), (&two, 1)] {
        stranger.send("{\"type\":\"count\",\"data\":{}}\x0c");
        assert_eq!(stranger.read().await, format!("{{\"type\":\"count\",\"data\":{expected}}}\x0c").as_bytes());
    }
}

pub(crate) async fn raw_bytes_and_many_peers<H: Host>(stage: Stage<H>) {
    let mut config: Config = stage.config().profile(Profile::Raw);
    config.limits.max_udp_peers = 2;
    let mut server = stage.serve(config).await;
    let mut last = None;
    for n in 0..5 {
        let stranger = Stranger::to(&server);
        stranger.send([0xFF, n]);
        let (peer, Event::Raw(bytes)) = next(&mut server).await else { panic!("no bytes") };
        assert_eq!(bytes, [0xFF, n].as_slice());
        assert_eq!(server.send(peer, Frame::raw(bytes)).await.unwrap(), Pressure::Low);
        assert_eq!(stranger.read().await, [0xFF, n]);
        last = Some(peer);
    }
    let peers = server.peers();
    assert!(peers.len() <= 2 && peers.last() == last.as_ref(), "{peers:?}");
}

pub(crate) async fn requests_are_answered_and_fail_when_they_cannot_leave<H: Host>(stage: Stage<H>) {
    let router = Router::new().on_request("square", |_, n: u32| Ok::<_, Infallible>(n * n));
    let there = stage.serve_routed(stage.config(), router, |_| ()).await;
    let here = stage.serve(stage.config()).await;
    let peer = here.udp_peer(&address(&there)).await.unwrap();
    let answers = join_all((1..20).map(|n| here.request(peer, "square", &n)));
    for (n, answer) in (1..20).zip(answers.await) {
        assert_eq!(answer.unwrap().decode::<u32>().unwrap(), n * n);
    }
    let nowhere = here.udp_peer(nowhere(&stage)).await.unwrap();
    assert!(matches!(here.request(nowhere, "square", &2).await, Err(RequestError::Lost)));
}

pub(crate) async fn what_udp_cannot_be_is_said<H: Host>(stage: Stage<H>) {
    let assured = stage.ipc(Config::default().profile(Profile::Assured).allow("m"));
    let refused = assured.serve_endpoints(vec![stage.endpoint()]).await.map(drop);
    assert_eq!(refused.unwrap_err().code(), Some("ERR_IPC_ASSURED_TRANSPORT"));
    let fast = stage.ipc(Config::default());
    let dialled = fast.connect_to_endpoint("x", stage.endpoint()).unwrap_err();
    assert!(dialled.to_string().contains("udp_peer"), "{dialled}");
    let listened = fast.listen(stage.endpoint()).await.unwrap_err();
    assert!(listened.to_string().contains("both sides"), "{listened}");
    let server = stage.serve(stage.config()).await;
    assert!(server.udp_peer("localhost:1").await.unwrap_err().to_string().contains("IP address"));
    let (other, hint) =
        if stage.wire == Wire::Udp6 { ("127.0.0.1:1", "serve_udp4") } else { ("[::1]:1", "serve_udp6") };
    assert!(server.udp_peer(other).await.unwrap_err().to_string().contains(hint));
    let taken = fast.serve_endpoints(server.endpoints().to_vec()).await.unwrap_err();
    assert_eq!(taken.code(), Some("EADDRINUSE"));
}
