//! SIGKILL, of a server or of clients, while messages are on their way.

use std::{
    collections::BTreeSet,
    future::{self, Future},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join;
use ipc_conformance::host::Host;
use ipc_proto::{
    Config, Event, Frame, Outcome, Pressure, Retry,
    endpoint::Endpoint,
    facade::{Client, Delivery, Handler, Ipc, Runtime, Server},
};

use crate::{
    children::{command, files, settles},
    counting::Counting,
    peer::Peer,
};

const PENDING: usize = 256 << 10;
/// What a runtime keeps open for itself.
pub(crate) const OWN: usize = 4;
/// What one read may bring beyond a limit.
const READ: usize = 64 << 10;
/// How often somebody is killed.
const ROUNDS: usize = 3;
/// How many messages have come back before.
const LOAD: usize = 300;
const FLOODERS: usize = 4;

pub(crate) fn config() -> Config {
    Config::default().id("world").max_pending_bytes(PENDING).retry(Retry::every(Duration::from_millis(10)))
}

fn at(path: &str) -> Endpoint {
    Endpoint::Path(path.to_owned())
}

fn numbered(number: usize) -> Frame {
    Frame::encode("n", &(number, "x".repeat(1000))).expect("it has a JSON form")
}

/// An echo in each connection's task, which counts.
pub(crate) fn echoing(count: &Arc<AtomicUsize>) -> Handler {
    let count = Arc::clone(count);
    Box::new(move |event, out| match event {
        Event::Message(message) => {
            count.fetch_add(1, Ordering::Relaxed);
            // It is not read from while there is no room, so this fails only where the connection is over.
            let _ = out.send_frame(message.to_frame());
            false
        }
        _ => true,
    })
}

/// A server that sends everything back, until it is killed.
pub(crate) async fn echo<H: Host>(host: H, path: &str) {
    let count = Arc::default();
    let mut server =
        Ipc::with_runtime(config(), host).serve_with(vec![at(path)], move |_| echoing(&count)).await.unwrap();
    while server.next().await.is_some() {}
}

/// A client that emits until it is killed.
pub(crate) async fn flood<H: Host>(host: H, path: &str, reads: bool) {
    let mut client = Ipc::with_runtime(config(), host).connect_to_endpoint("world", at(path)).unwrap();
    let sender = client.sender();
    let emitting = async {
        for n in 0.. {
            if sender.send(numbered(n)).await.is_err() {
                break;
            }
        }
        // Where it does not read, it is stuck at some time.
        future::pending::<()>().await;
    };
    let reading = async {
        while reads && client.next().await.is_some() {}
        future::pending::<()>().await;
    };
    join(emitting, reading).await;
}

/// The number that an event brings back.
fn number(event: &Event) -> Option<usize> {
    let Event::Message(message) = event else { return None };
    Some(message.decode::<(usize, String)>().expect("it is what was sent").0)
}

/// Sends until there is nothing more to send to.
fn send_all<R: Runtime>(client: &Client<R>) -> impl Future<Output = Vec<Delivery>> + use<R> {
    let sender = client.sender();
    async move {
        let mut deliveries = Vec::new();
        while let Ok(delivery) = sender.send_tracked(numbered(deliveries.len())).await {
            deliveries.push(delivery);
        }
        deliveries
    }
}

/// Takes echoes while one server after another is killed; in the end the client is disconnected.
async fn echoes_of_many<R: Runtime>(client: &mut Client<R>, start: impl Fn() -> Peer) -> Vec<usize> {
    let mut echoes = Vec::new();
    // A frame that was cut counts whole again, and one that is on its way counts with its delimiter.
    let most = PENDING + numbered(0).len() + Pressure::HIGH_MARK / numbered(0).len();
    for round in 0..=ROUNDS {
        let _server = start();
        while echoes.len() < (round + 1) * LOAD {
            echoes.extend(number(&client.next().await.expect("it tries for ever")));
            assert!(client.pending_bytes() <= most, "{} of {most}", client.pending_bytes());
        }
    }
    client.disconnect();
    while let Some(event) = client.next().await {
        echoes.extend(number(&event));
    }
    echoes
}

pub(crate) async fn server<H: Host>(host: H) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.sock").to_str().unwrap().to_owned();
    let runtime = Counting::new(host.clone());
    let (files_before, ipc) = (files(), Ipc::with_runtime(config(), runtime.clone()));
    let mut client = ipc.connect_to_endpoint("world", at(&path)).unwrap();
    let sending = send_all(&client);
    let start = || Peer::start(command(H::NAME, "echo").arg(&path));
    let (deliveries, echoes) = join(sending, echoes_of_many(&mut client, start)).await;
    check(&deliveries, &echoes);
    drop((client, ipc));
    settles(&host, "tasks", || runtime.alive() == 0).await;
    // What the runtime itself has opened it may keep.
    assert!(files() <= files_before + OWN, "{} files, {files_before} before", files());
    let (sent, lost) = (deliveries.len(), deliveries.len() - echoes.len());
    println!("{}: a server killed {ROUNDS} times: {sent} sent, {lost} without an echo, none in silence", H::NAME);
}

/// Each message was answered once and in order, or it is known what became of it.
fn check(deliveries: &[Delivery], echoes: &[usize]) {
    assert!(echoes.windows(2).all(|pair| pair[0] < pair[1]), "out of order, or twice: {echoes:?}");
    let answered: BTreeSet<usize> = echoes.iter().copied().collect();
    for (n, delivery) in deliveries.iter().enumerate() {
        let outcome = delivery.outcome();
        assert!(outcome.is_some(), "nobody knows what became of {n}");
        assert!(!(answered.contains(&n) && outcome == Some(Outcome::Undelivered)), "{n} arrived");
    }
}

/// The events of a server for a while, or until as many peers are gone.
async fn serve_until<H: Host>(
    host: &H,
    server: &mut Server<Counting<H>>,
    mut done: impl FnMut(&Server<Counting<H>>, &Event) -> bool,
) {
    loop {
        let event = match host.timeout(Duration::from_millis(2), server.next()).await {
            Some(event) => event.expect("the server goes on").1,
            None => Event::Writable,
        };
        if done(server, &event) {
            return;
        }
    }
}

pub(crate) async fn clients<H: Host>(host: H) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.sock").to_str().unwrap().to_owned();
    let (runtime, count) = (Counting::new(host.clone()), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&count);
    let ipc = Ipc::with_runtime(config(), runtime.clone());
    let mut server = ipc.serve_with(vec![at(&path)], move |_| echoing(&counted)).await.unwrap();
    let base = (files() + OWN, runtime.alive());
    let most = FLOODERS * (Pressure::HIGH_MARK + READ + 2 * numbered(0).len());
    let mut held = 0;
    for round in 1..=ROUNDS {
        let reads = |n: usize| if n % 2 == 0 { "reads" } else { "deaf" };
        let start = |n| Peer::start(command(H::NAME, "flood").args([&path, reads(n)]));
        let flooders: Vec<Peer> = (0..FLOODERS).map(start).collect();
        let loaded = |server: &Server<_>, _: &Event| {
            held = held.max(server.stats().held_bytes);
            server.peers().len() == FLOODERS && count.load(Ordering::Relaxed) >= round * LOAD
        };
        serve_until(&host, &mut server, loaded).await;
        drop(flooders);
        let mut gone = 0;
        let over = |_: &Server<_>, event: &Event| {
            gone += usize::from(matches!(event, Event::Disconnected { .. }));
            gone == FLOODERS
        };
        serve_until(&host, &mut server, over).await;
        assert_eq!(server.stats().peers, 0);
        settles(&host, "bytes", || server.stats().held_bytes == 0).await;
        settles(&host, "tasks", || runtime.alive() <= base.1).await;
        settles(&host, "files", || files() <= base.0).await;
    }
    assert!(held <= most, "{held} of {most} bytes");
    let (killed, count) = (ROUNDS * FLOODERS, count.load(Ordering::Relaxed));
    println!("{}: {killed} clients killed: {count} messages, at most {held} of {most} bytes held", H::NAME);
}
