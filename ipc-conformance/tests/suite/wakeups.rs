//! A wake-up that is lost is a hang, and one too many is a waste: what has to wake whom, and who must be left alone.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use futures_util::future::{Either, join, select};
use ipc_conformance::host::Host;
use ipc_proto::{
    Event, Frame, PeerId, Reason, Router,
    facade::{Client, Server},
};

use crate::{
    counting::Counting,
    raw::{Raw, RawListener},
    stage::{Stage, data, message, text},
    wire::Wire,
};

/// While everything on the runtime sleeps, another thread emits.
pub(crate) async fn emits_from_another_thread<H: Host>(stage: Stage<H>) {
    let (mut server, peer, mut client) = stage.pair(stage.config()).await;
    let senders = [client.sender(), server.sender(peer).unwrap()];
    let (ask, asked) = mpsc::channel();
    let thread = thread::spawn(move || {
        for n in asked {
            // The runtime has most probably gone to sleep by then.
            thread::sleep(Duration::from_millis(1));
            for sender in &senders {
                let _ = sender.try_emit("n", &n).unwrap();
            }
        }
    });
    for n in 0..50 {
        ask.send(n).unwrap();
        let (there, here) = join(message(&mut server), data(&mut client)).await;
        assert_eq!((text(&there.1), here), (n.to_string(), n.to_string()));
    }
    drop(ask);
    thread.join().unwrap();
}

/// The same for a broadcast, which may write right there: also to a peer whose timer runs.
pub(crate) async fn broadcasts_from_another_thread<H: Host>(stage: Stage<H>) {
    let (mut server, _, mut client) = stage.pair(stage.config().message_timeout(Duration::from_secs(600))).await;
    let (mut raw, _) = stage.stranger(&mut server).await;
    raw.write("{\"type\":\"half").await;
    let (ask, asked) = mpsc::channel();
    let thread = thread::spawn(move || {
        for n in asked {
            thread::sleep(Duration::from_millis(1));
            assert_eq!(server.broadcast_frame(&Frame::encode("n", &n).unwrap()).unwrap(), 2);
        }
    });
    for n in 0..50 {
        ask.send(n).unwrap();
        assert_eq!(data(&mut client).await, n.to_string());
    }
    drop(ask);
    thread.join().unwrap();
}

/// A connection that its owner polls keeps what was emitted between two polls.
pub(crate) async fn emits_between_polls<H: Host>(stage: Stage<H>) {
    let mut listener = stage.listen(stage.config()).await;
    let mut client = stage.connect_at(stage.config(), listener.endpoint());
    let mut conn = listener.accept().await.unwrap();
    assert!(matches!(conn.next().await, Some(Event::Connected)));
    for round in 0..20 {
        for n in 0..3 {
            let _ = conn.try_emit("n", &(3 * round + n)).unwrap();
        }
        for n in 0..3 {
            // Nobody emits while it waits: what was emitted before has to leave by this poll.
            let next = std::pin::pin!(conn.next());
            let Either::Right((got, _)) = select(next, std::pin::pin!(data(&mut client))).await else { panic!("over") };
            assert_eq!(got, (3 * round + n).to_string());
        }
    }
}

/// What came before somebody looked is there for whoever looks.
pub(crate) async fn edges_that_come_before_registration<H: Host>(stage: Stage<H>) {
    let mut listener = stage.listen(stage.config()).await;
    for n in 0..20 {
        let mut raw = Raw::connect(listener.endpoint()).await;
        raw.write(format!("{{\"type\":\"m\",\"data\":{n}}}\x0c")).await;
        raw.finish().await;
        let mut conn = listener.accept().await.unwrap();
        assert!(matches!(conn.next().await, Some(Event::Connected)));
        let Some(Event::Message(message)) = conn.next().await else { panic!("no message") };
        assert_eq!(text(&message), n.to_string());
        assert!(matches!(conn.next().await, Some(Event::Disconnected { reason: Reason::Peer, .. })));
    }
}

/// The same for a client: the server speaks and hangs up at once.
pub(crate) async fn a_server_that_hangs_up_at_once<H: Host>(stage: Stage<H>) {
    let listener = RawListener::bind(&stage.endpoint());
    let mut client = stage.connect_at(stage.config(), &listener.endpoint);
    for n in 0..20 {
        let mut raw = listener.accept().await;
        raw.write(format!("{{\"type\":\"m\",\"data\":{n}}}\x0c")).await;
        drop(raw);
        assert_eq!(data(&mut client).await, n.to_string());
    }
}

/// Nobody takes events for a while, so that reading stops; then somebody does, and it goes on.
pub(crate) async fn a_reader_that_falls_behind_is_read_on<H: Host>(stage: Stage<H>) {
    const MANY: usize = 1024;
    let large = "x".repeat(16 << 10);
    let (mut server, peer, mut client) = stage.pair(stage.config().max_pending_bytes(32 << 20)).await;
    for n in 0..MANY {
        client.emit("n", &(n, &large)).await.unwrap();
        server.emit(peer, "n", &(n, &large)).await.unwrap();
    }
    // More has been emitted than events and sockets hold. While writing is stuck an end reads on: it need not be stuck
    // still.
    for n in 0..MANY {
        assert_eq!(message(&mut server).await.1.decode::<(usize, String)>().unwrap().0, n);
    }
    for n in 0..MANY {
        assert!(data(&mut client).await.starts_with(&format!("[{n},")));
    }
}

async fn ping<H: Host>(client: &mut Client<H>, n: usize) {
    client.emit("ping", &n).await.unwrap();
    assert_eq!(data(client).await, n.to_string());
}

/// Echoes pings, and counts what else comes, until `work` is over.
async fn echo_during<H: Host>(server: &mut Server<H>, others: &Cell<usize>, work: impl Future<Output = ()>) {
    let mut work = Box::pin(work);
    loop {
        let next: Option<(PeerId, Event)> = match select(work, Box::pin(server.next())).await {
            Either::Left(((), _)) => return,
            Either::Right((next, rest)) => {
                work = rest;
                next
            }
        };
        match next.expect("the server is there") {
            (peer, Event::Message(message)) if message.name() == "ping" => {
                server.send(peer, message.to_frame()).await.unwrap();
            }
            _ => others.set(others.get() + 1),
        }
    }
}

/// Floods with `raw` until `work` is over.
async fn flood_during(raw: &mut Raw, work: impl Future<Output = ()>) {
    let over = Cell::new(false);
    let flood = async {
        let pieces = vec!["{\"type\":\"flood\",\"data\":0}\x0c".repeat(4096).into_bytes(); 4];
        while !over.get() {
            raw.write_pieces(pieces.clone()).await;
        }
    };
    let work = async {
        work.await;
        over.set(true);
    };
    join(flood, work).await;
}

/// Pings at least a few times, and until the flood has begun. What starves is never answered.
async fn ping_during_flood<H: Host>(client: &mut Client<H>, flooded: impl Fn() -> usize) {
    let mut n = 0;
    while n < 5 || flooded() < 1000 {
        ping(client, n).await;
        n += 1;
    }
}

/// A peer that never stops sending has only its share of each turn.
pub(crate) async fn a_flood_beside_a_quiet_peer<H: Host>(stage: Stage<H>) {
    let (mut server, _, mut client) = stage.pair(stage.config()).await;
    let (mut raw, _) = stage.stranger(&mut server).await;
    let flooded = Cell::new(0);
    let work = flood_during(&mut raw, ping_during_flood(&mut client, || flooded.get()));
    echo_during(&mut server, &flooded, work).await;
}

/// The same where each connection's task handles what it reads, so that nothing outside ever slows the flood down.
pub(crate) async fn a_flood_that_is_handled_beside_a_quiet_peer<H: Host>(stage: Stage<H>) {
    let flooded = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&flooded);
    let router = Router::new()
        .on("flood", move |_, _: u32| {
            counter.fetch_add(1, Ordering::Relaxed);
        })
        .on("ping", |cx, n: usize| drop(cx.emit("ping", &n)));
    let server = stage.serve_routed(stage.config(), router, |_| ()).await;
    let mut raw = Raw::connect(&server.endpoints()[0]).await;
    let mut client = stage.connect(stage.config(), &server);
    flood_during(&mut raw, ping_during_flood(&mut client, || flooded.load(Ordering::Relaxed))).await;
}

/// A client that floods must hear its server, and its own disconnect.
pub(crate) async fn a_flood_does_not_deafen_its_sender<H: Host>(stage: Stage<H>) {
    let (mut server, peer, mut client) = stage.pair(stage.config()).await;
    let sender = client.sender();
    let frame = Frame::encode("flood", &"x".repeat(1000)).unwrap();
    let flood = async { while sender.send(frame.clone()).await.is_ok() {} };
    let hear = async {
        for n in 0..20 {
            server.emit(peer, "n", &n).await.unwrap();
            let (_, heard) = join(message(&mut server), data(&mut client)).await;
            assert_eq!(heard, n.to_string());
        }
        client.disconnect();
        while !matches!(server.next().await, Some((_, Event::Disconnected { .. }))) {}
    };
    join(flood, hear).await;
}

/// What happens on one connection polls the task of no other.
pub(crate) async fn idle_connections_are_left_alone<H: Host>(stage: Stage<H>) {
    const IDLE: usize = 40;
    let counting = Counting::new(stage.host.clone());
    let ipc = |config| ipc_proto::facade::Ipc::with_runtime(config, counting.clone());
    let served = ipc(stage.config()).serve_endpoints(vec![stage.endpoint()]).await;
    let mut server: Server<Counting<H>> = served.unwrap();
    let mut idle = Vec::new();
    for _ in 0..IDLE {
        let raw = if stage.wire == Wire::Tls { None } else { Some(Raw::connect(&server.endpoints()[0]).await) };
        let client = ipc(stage.config()).connect_to_endpoint("idle", server.endpoints()[0].clone()).unwrap();
        idle.push((raw, client));
    }
    let mut active = ipc(stage.config()).connect_to_endpoint("active", server.endpoints()[0].clone()).unwrap();
    for (_, client) in &mut idle {
        client.ready().await.unwrap();
    }
    let peers = idle.iter().map(|(raw, _)| 1 + usize::from(raw.is_some())).sum::<usize>() + 1;
    let mut ping = async |n: usize| {
        active.emit("n", &n).await.unwrap();
        let (peer, asked) = loop {
            if let (peer, Event::Message(message)) = server.next().await.unwrap() {
                break (peer, message);
            }
        };
        server.send(peer, asked.to_frame()).await.unwrap();
        assert_eq!(data(&mut active).await, n.to_string());
        server.stats().peers
    };
    while ping(0).await < peers {}
    // What is left of connecting is over at some time; from then on only the two ends that talk are polled.
    let mut polled = 0;
    while polled != 2 {
        let before = counting.polls();
        for n in 1..=100 {
            ping(n).await;
        }
        polled = Counting::<H>::polled(&before, &counting.polls());
    }
}
