//! Peers that do not read, that hold too much, or that send garbage, and what they cost the others.

use futures_util::future::{Either, join, select};
use ipc_conformance::host::Host;
use ipc_proto::{
    Event, Overflow, PeerId, SlowPeer,
    facade::{Client, Server},
};

use crate::{
    delivery::{BIG, CAP, big, number_of, numbers, numbers_to_end},
    dice::yield_now,
    raw::Raw,
    stage::{Stage, accepted},
    wire::Wire,
};

/// A peer that does not read, beside a client that does.
struct Audience<H: Host> {
    server: Server<H>,
    slow: Raw,
    slow_peer: PeerId,
    reader: Client<H>,
    sent: usize,
}

impl<H: Host> Audience<H> {
    /// Broadcasts until as many frames are dropped; the reader has each of them.
    async fn broadcast(stage: &Stage<H>, policy: SlowPeer, drops: u64) -> Self {
        let mut server = stage.serve(stage.config().max_pending_bytes(CAP).slow_peer(policy)).await;
        let (slow, slow_peer) = stage.stranger(&mut server).await;
        let reader = stage.connect(stage.config(), &server);
        accepted(&mut server).await;
        let mut audience = Self { server, slow, slow_peer, reader, sent: 0 };
        while audience.server.stats().dropped < drops {
            audience.server.broadcast_frame(&big(audience.sent)).unwrap();
            audience.reads_one().await;
            audience.sent += 1;
        }
        audience
    }

    async fn reads_one(&mut self) {
        loop {
            match self.reader.next().await.unwrap() {
                Event::Message(message) => break assert_eq!(number_of(&message.to_frame()), self.sent),
                Event::Connected => {}
                event => panic!("{event:?}"),
            }
        }
    }

    async fn stop(&mut self) -> Vec<usize> {
        join(self.server.stop(), numbers_to_end(&mut self.slow)).await.1
    }
}

/// How many frames a slow peer has room for at least, on its line alone.
const ROOM: usize = CAP / BIG / 4;

/// What a slow peer got: all but five, in order. The system may take more of it at any time, so that there may be several
/// gaps.
async fn got_but_five<H: Host>(audience: &mut Audience<H>) -> Vec<usize> {
    assert_eq!(audience.server.stats().dropped, 5);
    let got = audience.stop().await;
    assert_eq!(got.len(), audience.sent - 5);
    assert!(got.is_sorted_by(|one, other| one < other), "{got:?}");
    got
}

pub(crate) async fn a_slow_peer_misses_the_newest<H: Host>(stage: Stage<H>) {
    let mut audience = Audience::broadcast(&stage, SlowPeer::DropNewest, 5).await;
    let got = got_but_five(&mut audience).await;
    assert_eq!(got[..ROOM], Vec::from_iter(0..ROOM));
    assert!(got[got.len() - 1] < audience.sent - 1, "the last one was dropped");
}

pub(crate) async fn a_slow_peer_misses_the_oldest<H: Host>(stage: Stage<H>) {
    let mut audience = Audience::broadcast(&stage, SlowPeer::DropOldest, 5).await;
    let (got, sent) = (got_but_five(&mut audience).await, audience.sent);
    assert_eq!(got[0], 0, "what had left");
    assert_eq!(got[got.len() - ROOM..], Vec::from_iter(sent - ROOM..sent));
}

pub(crate) async fn a_slow_peer_is_disconnected_and_its_messages_come_back<H: Host>(stage: Stage<H>) {
    let mut audience = Audience::broadcast(&stage, SlowPeer::Disconnect, 1).await;
    let mut lost = Vec::new();
    let mut code = None;
    loop {
        match audience.server.next().await.unwrap() {
            (peer, Event::Undelivered(undelivered)) if peer == audience.slow_peer => lost.push(undelivered.frame),
            (peer, Event::Error(error)) if peer == audience.slow_peer => code = Some(error.code().to_owned()),
            (peer, Event::Disconnected { .. }) => break assert_eq!(peer, audience.slow_peer),
            (_, Event::Writable) => {}
            event => panic!("{event:?}"),
        }
    }
    assert_eq!(code.as_deref(), Some("ERR_IPC_BACKPRESSURE"));
    let got = numbers_to_end(&mut audience.slow).await;
    // The last broadcast was never queued for it, which the counter says.
    let left = audience.sent - 1 - lost.len();
    assert_eq!(numbers(&lost), Vec::from_iter(left..audience.sent - 1));
    // A pipe is taken from its peer with what is in it.
    let read = if stage.wire == Wire::Pipe { got.len() } else { left };
    assert_eq!(got, Vec::from_iter(0..read));
    assert_eq!(audience.server.stats().dropped, 1);
    assert_eq!(audience.server.broadcast("still", "there").await.unwrap(), 1);
}

pub(crate) async fn a_clients_overflow_policy_leaves_a_servers_peers_bounded<H: Host>(stage: Stage<H>) {
    let config = stage.config().max_pending_bytes(CAP).overflow(Overflow::DropOldest);
    let mut server = stage.serve(config).await;
    let (_deaf, peer) = stage.stranger(&mut server).await;
    let sender = server.sender(peer).unwrap();
    for n in 0..4 * CAP / BIG {
        let _ = sender.try_send(big(n));
        yield_now().await;
        assert!(sender.pending_bytes() <= CAP, "{}", sender.pending_bytes());
    }
}

/// Echoes, and notes each peer's lifecycle and errors.
#[derive(Default)]
struct Seen {
    connected: usize,
    disconnected: usize,
    codes: Vec<String>,
    done: Vec<PeerId>,
}

impl Seen {
    async fn take<H: Host>(&mut self, server: &Server<H>, peer: PeerId, event: Event) {
        match event {
            Event::Connected => self.connected += 1,
            Event::Disconnected { .. } => self.disconnected += 1,
            Event::Error(error) => self.codes.push(error.code().to_owned()),
            Event::Message(message) if message.name() == "ping" => {
                server.send(peer, message.to_frame()).await.unwrap();
            }
            Event::Message(message) if message.name() == "done" => self.done.push(peer),
            _ => {}
        }
    }

    /// Serves until `work` is over.
    async fn during<H: Host, T>(&mut self, server: &mut Server<H>, work: impl Future<Output = T>) -> T {
        let mut work = Box::pin(work);
        loop {
            let next = Box::pin(server.next());
            let (peer, event) = match select(work, next).await {
                Either::Left((value, _)) => return value,
                Either::Right((event, rest)) => {
                    work = rest;
                    event.expect("the server is there")
                }
            };
            self.take(server, peer, event).await;
        }
    }
}

/// Sends a message and waits for the server's loop to send it back.
async fn ping<H: Host>(client: &mut Client<H>, n: usize) {
    client.emit("ping", &n).await.unwrap();
    loop {
        match client.next().await.unwrap() {
            Event::Message(message) => break assert_eq!(message.decode::<usize>().unwrap(), n),
            Event::Connected => {}
            event => panic!("{event:?}"),
        }
    }
}

pub(crate) async fn the_peer_that_holds_most_goes_and_no_other_notices<H: Host>(stage: Stage<H>) {
    const BUDGET: usize = 4 << 20;
    // What a connection's two buffers in the system may hold.
    const SYSTEM: usize = 16 << 20;
    let mut config = stage.config().max_pending_bytes(CAP);
    config.limits.memory_budget = BUDGET;
    let mut server = stage.serve(config).await;
    let endpoint = server.endpoints()[0].clone();
    let mut friend = stage.connect(stage.config(), &server);
    let mut seen = Seen::default();
    let start = format!("{{\"type\":\"done\",\"data\":\"{}", "y".repeat(CAP));
    let hogging = async {
        let (mut modest, mut hog) = (Raw::connect(&endpoint).await, Raw::connect(&endpoint).await);
        modest.write(start).await;
        let mut written = 0;
        while hog.try_write(vec![b'z'; CAP / 4]).await {
            written += CAP / 4;
            ping(&mut friend, written).await;
        }
        ping(&mut friend, 1).await;
        modest.write("\"}\x0c").await;
        (written, modest)
    };
    let (written, _modest) = seen.during(&mut server, hogging).await;
    assert!((BUDGET - 2 * CAP..=BUDGET + SYSTEM).contains(&written), "{written}");
    while seen.done.is_empty() || seen.disconnected == 0 {
        let (peer, event) = server.next().await.unwrap();
        seen.take(&server, peer, event).await;
    }
    assert_eq!((seen.connected, seen.disconnected, seen.done.len()), (3, 1, 1));
    assert_eq!(seen.codes, ["ERR_IPC_BACKPRESSURE"]);
    assert_eq!((server.stats().evicted, server.stats().peers), (1, 2));
    assert!(server.stats().held_bytes <= BUDGET);
}

/// A sequence of bytes that looks like none, but is always the same.
fn garbage(seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    // Every other one has no delimiter: a frame that never ends.
    let endless = seed % 2 == 0;
    std::iter::repeat_with(next).flatten().filter(|byte| !endless || *byte != b'\x0c').take(4096).collect()
}

pub(crate) async fn garbage_from_many_costs_no_more_than_the_limits<H: Host>(stage: Stage<H>) {
    const ROUNDS: usize = 6;
    const AT_ONCE: usize = 20;
    const ROOM: usize = 10;
    let mut server = stage.serve(stage.config().max_pending_bytes(CAP).max_connections(ROOM)).await;
    let endpoint = server.endpoints()[0].clone();
    let mut friend = stage.connect(stage.config(), &server);
    let mut seen = Seen::default();
    seen.during(&mut server, ping(&mut friend, 0)).await;
    for round in 1..=ROUNDS {
        let mut crowd = Vec::new();
        for n in 0..AT_ONCE {
            let mut raw = Raw::connect(&endpoint).await;
            // One that is refused may be closed already.
            raw.try_write(garbage((round * AT_ONCE + n) as u64)).await;
            crowd.push(raw);
        }
        seen.during(&mut server, ping(&mut friend, round)).await;
        let stats = server.stats();
        assert!(stats.peers <= ROOM && stats.held_bytes <= ROOM * CAP, "{stats:?}");
    }
    // The friend is one of them, and stays.
    while seen.connected as u64 + server.stats().refused < (ROUNDS * AT_ONCE + 1) as u64
        || seen.connected > seen.disconnected + 1
    {
        seen.during(&mut server, stage.pause()).await;
    }
    let stats = server.stats();
    assert!(stats.refused > 0 && !seen.codes.is_empty(), "{stats:?}");
    assert!(stats.held_bytes < BIG, "{stats:?}");
    seen.during(&mut server, ping(&mut friend, 0)).await;
}
