//! What two ends say to each other when nothing goes wrong.

use futures_util::{
    SinkExt, StreamExt,
    future::{join, join_all},
};
use ipc_conformance::host::Host;
use ipc_proto::{EmitError, Event, Frame, Outcome, Profile, Reason, Router};

use crate::stage::{Stage, data, message, rest, talk, text};

pub(crate) async fn hello_world<H: Host>(stage: Stage<H>) {
    let mut server = stage.serve(stage.config()).await;
    let mut client = stage.connect(stage.config(), &server);
    client.ready().await.expect("the server is there");
    talk(&mut client, &mut server).await;
    assert!(client.close().await.is_empty());
    server.stop().await;
}

pub(crate) async fn events_begin_with_connected_and_end_with_disconnected<H: Host>(stage: Stage<H>) {
    let (mut server, peer, mut client) = stage.pair(stage.config()).await;
    client.emit("m", &1).await.expect("the client goes on");
    assert!(matches!(server.next().await, Some((from, Event::Message(_))) if from == peer));
    client.disconnect();
    assert!(matches!(client.next().await, Some(Event::Disconnected { reason: Reason::Local, retry_in: None, .. })));
    assert!(matches!(client.next().await, Some(Event::Destroyed)));
    assert!(client.next().await.is_none() && client.is_closed());
    assert!(matches!(server.next().await, Some((_, Event::Disconnected { reason: Reason::Peer, .. }))));
    server.stop().await;
    assert!(server.next().await.is_none());
}

pub(crate) async fn many_messages_each_way_in_order<H: Host>(stage: Stage<H>) {
    const MANY: usize = 2000;
    let (mut server, peer, mut client) = stage.pair(stage.config()).await;
    for n in 0..MANY {
        client.emit("n", &n).await.expect("it fits");
        server.emit(peer, "n", &n).await.expect("it fits");
    }
    for n in 0..MANY {
        assert_eq!(text(&message(&mut server).await.1), n.to_string());
        assert_eq!(data(&mut client).await, n.to_string());
    }
}

pub(crate) async fn large_messages_both_ways<H: Host>(stage: Stage<H>) {
    let large = "0123456789abcdef".repeat((8 << 20) / 16);
    let (mut server, _, mut client) = stage.pair(stage.config().max_pending_bytes(10 << 20)).await;
    client.emit("large", &large).await.expect("it fits");
    let (peer, received) = message(&mut server).await;
    assert!(received.decode::<&str>().expect("a text") == large);
    server.send(peer, received.to_frame()).await.expect("it fits");
    let back = data(&mut client).await;
    assert!(back.len() == large.len() + 2 && back[1..].starts_with(&large));
}

pub(crate) async fn fifty_clients<H: Host>(stage: Stage<H>) {
    const CLIENTS: usize = 50;
    let mut server = stage.serve(stage.config()).await;
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| stage.connect(stage.config(), &server)).collect();
    for (n, client) in clients.iter().enumerate() {
        client.emit("hello", &n).await.expect("it is kept");
    }
    for _ in 0..CLIENTS {
        let (peer, hello) = message(&mut server).await;
        server.send(peer, hello.to_frame()).await.expect("the peer is there");
    }
    for (n, client) in clients.iter_mut().enumerate() {
        assert_eq!(data(client).await, n.to_string(), "each its own answer");
    }
    assert_eq!(server.broadcast("all", &()).await.expect("it has a JSON form"), CLIENTS);
    join_all(clients.iter_mut().map(data)).await;
    assert_eq!(server.stats().peers, CLIENTS);
}

pub(crate) async fn broadcasts_reach_everybody_and_emits_only_one<H: Host>(stage: Stage<H>) {
    let mut server = stage.serve(stage.config()).await;
    let mut clients = Vec::new();
    for n in 0..3 {
        let client = stage.connect(stage.config(), &server);
        client.emit("join", &n).await.expect("it is kept");
        message(&mut server).await;
        clients.push(client);
    }
    let peers = server.peers();
    assert_eq!(peers.iter().map(|peer| peer.get()).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(server.broadcast("all", "everybody").await.expect("it has a JSON form"), 3);
    server.emit(peers[1], "one", "second").await.expect("the peer is there");
    assert_eq!(server.broadcast("all", "again").await.expect("it has a JSON form"), 3);
    for (n, client) in clients.iter_mut().enumerate() {
        assert_eq!(data(client).await, "\"everybody\"");
        if n == 1 {
            assert_eq!(data(client).await, "\"second\"");
        }
        assert_eq!(data(client).await, "\"again\"");
    }
}

pub(crate) async fn the_accept_level_needs_no_tasks<H: Host>(stage: Stage<H>) {
    let mut listener = stage.listen(stage.config()).await;
    let mut client = stage.connect_at(stage.config(), listener.endpoint());
    client.emit("ping", &[1, 2]).await.expect("it is kept");
    let mut conn = listener.accept().await.expect("somebody came");
    assert!(matches!(conn.next().await, Some(Event::Connected)));
    let Some(Event::Message(message)) = conn.next().await else { panic!("no message") };
    conn.relay(&message).expect("there is room");
    conn.flush().await.expect("the peer reads");
    assert_eq!(data(&mut client).await, "[1,2]");
    assert!(conn.close().await.is_empty());
    assert!(matches!(client.next().await, Some(Event::Disconnected { reason: Reason::Peer, .. })));
}

pub(crate) async fn routed_messages_are_answered_in_the_connections_task<H: Host>(stage: Stage<H>) {
    let router = Router::new().on("add", |cx, n: u32| {
        *cx.state += n;
        let sum = *cx.state;
        let _ = cx.emit("sum", &sum);
    });
    let mut server = stage.serve_routed(stage.config(), router, |_| 0_u32).await;
    let mut client = stage.connect(stage.config(), &server);
    for n in [1, 2, 3] {
        client.emit("add", &n).await.expect("it is kept");
    }
    client.emit("other", "unmatched").await.expect("it is kept");
    for sum in ["1", "3", "6"] {
        assert_eq!(data(&mut client).await, sum);
    }
    assert_eq!(message(&mut server).await.1.name(), "other");
}

pub(crate) async fn a_client_is_a_sink_and_a_stream<H: Host>(stage: Stage<H>) {
    let mut server = stage.serve(stage.config()).await;
    let mut client = stage.connect(stage.config(), &server);
    let frames = (0..5).map(|n| Ok(Frame::encode("n", &n).expect("a number")));
    client.send_all(&mut futures_util::stream::iter(frames)).await.expect("the client goes on");
    for n in 0..5 {
        let Some((peer, Event::Message(message))) = server.by_ref().filter(is_message).next().await else { panic!() };
        assert_eq!(text(&message), n.to_string());
        server.send(peer, message.to_frame()).await.expect("the peer is there");
        assert_eq!(data(&mut client).await, n.to_string());
    }
}

pub(crate) async fn a_connection_is_a_sink_and_a_stream<H: Host>(stage: Stage<H>) {
    const MANY: usize = 40;
    // Room for few of them, so that the sink has to wait for it.
    let mut listener = stage.listen(stage.config().max_pending_bytes(20 << 10)).await;
    let mut client = stage.connect_at(stage.config(), listener.endpoint());
    let mut conn = listener.accept().await.expect("somebody came");
    assert!(matches!(StreamExt::next(&mut conn).await, Some(Event::Connected)));
    let frames = (0..MANY).map(|n| Ok(Frame::encode("n", &(n, "x".repeat(8 << 10))).expect("it has a JSON form")));
    let mut frames = futures_util::stream::iter(frames);
    let heard = async {
        for n in 0..MANY {
            assert!(data(&mut client).await.starts_with(&format!("[{n},")), "each in its turn");
        }
    };
    let (sent, ()) = join(conn.send_all(&mut frames), heard).await;
    sent.expect("the peer reads");
    assert_eq!(conn.pending_bytes(), 0, "it is flushed");

    let delivery = client.emit_tracked("last", &1).await.expect("the client goes on");
    assert_eq!(delivery.await, Outcome::Flushed);
    SinkExt::close(&mut conn).await.expect("nothing waits");
    let late = SinkExt::send(&mut conn, Frame::event("late")).await;
    assert!(matches!(late, Err(EmitError::Closed(_))), "{late:?}");
    assert!(matches!(client.next().await, Some(Event::Disconnected { reason: Reason::Peer, .. })));
    let rest = rest(&mut conn).await;
    let [Event::Message(last), Event::Disconnected { reason: Reason::Local, .. }] = &rest[..] else {
        panic!("{rest:?}")
    };
    assert_eq!(last.name(), "last");
    let stats = conn.stats();
    assert_eq!((stats.messages_out, stats.messages_in, stats.connects), (MANY as u64, 1, 1));
    assert!(stats.bytes_out > (MANY as u64) << 13 && stats.bytes_in > 0 && stats.undelivered == 0, "{stats:?}");
}

fn is_message<P>((_, event): &(P, Event)) -> std::future::Ready<bool> {
    std::future::ready(matches!(event, Event::Message(_)))
}

pub(crate) async fn raw_bytes_pass_as_they_are<H: Host>(stage: Stage<H>) {
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let (mut server, peer, mut client) = stage.pair(stage.config().profile(Profile::Raw)).await;
    client.send(Frame::raw(bytes.clone())).await.expect("it fits");
    server.send(peer, Frame::raw(bytes.clone())).await.expect("it fits");
    let (mut here, mut there) = (Vec::new(), Vec::new());
    while here.len() < bytes.len() {
        if let (_, Event::Raw(read)) = server.next().await.expect("it goes on") {
            here.extend_from_slice(&read);
        }
    }
    while there.len() < bytes.len() {
        if let Event::Raw(read) = client.next().await.expect("it goes on") {
            there.extend_from_slice(&read);
        }
    }
    assert!(here == bytes && there == bytes);
}

pub(crate) async fn frames_for_a_new_connection_come_first<H: Host>(stage: Stage<H>) {
    let hello = stage.config().on_connect("hello", &1).and_then(|config| config.on_connect("hello", &2));
    let hello = hello.expect("numbers have a JSON form");
    let mut server = stage.serve(stage.config()).await;
    let client = stage.connect(hello.clone(), &server);
    client.emit("later", &3).await.expect("it is kept");
    for n in ["1", "2", "3"] {
        assert_eq!(text(&message(&mut server).await.1), n);
    }
}
