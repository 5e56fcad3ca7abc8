//! A server dies under a client that emits a thousand numbers a second, and comes back 0.7 s later.
//!
//! Every number arrives once and in order, or is reported; missing may be only a run of numbers that the kernel had
//! taken, and that the dead server had not read.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ipc_conformance::host::Host;
use ipc_proto::{
    Event, Frame, Outcome,
    endpoint::Endpoint,
    facade::{Client, Delivery},
};
use tokio::task::JoinHandle;
use tokio::time::{interval, sleep};

use crate::helper;
use crate::peer::{Line, Peer};
use crate::scene::{Scene, within};

const NUMBERS: usize = 3000;
const KILL_AFTER: usize = 800;
const PACE: Duration = Duration::from_millis(1);
const AWAY: Duration = Duration::from_millis(700);

pub(crate) async fn a_killed_node_server_loses_only_what_it_had<H: Host>(scene: Scene<H>) {
    let (peer, endpoint) = scene.node_server(&[]).await;
    let again = async |endpoint: &Endpoint| scene.node_server_at(endpoint, &[]).await.0;
    run(&scene, peer, &endpoint, again).await;
}

pub(crate) async fn a_killed_rust_server_loses_only_what_it_had<H: Host>(scene: Scene<H>) {
    let (peer, endpoint) = rust_server(&scene, &scene.endpoint()).await;
    let again = async |endpoint: &Endpoint| rust_server(&scene, endpoint).await.0;
    run(&scene, peer, &endpoint, again).await;
}

async fn rust_server<H: Host>(scene: &Scene<H>, at: &Endpoint) -> (Peer, Endpoint) {
    let mut peer = Peer::rust(scene, &["serve", &at.to_string(), helper::word_of(scene.version.dialect())]);
    let endpoint = peer.started().await;
    (peer, endpoint)
}

async fn run<H: Host>(
    scene: &Scene<H>,
    mut first: Peer,
    endpoint: &Endpoint,
    again: impl AsyncFnOnce(&Endpoint) -> Peer,
) {
    let mut client = scene.rust_client(scene.config(), endpoint).await;
    let emitted = Emitted::default();
    let emitting = emitted.start(&client);

    let mut received = Vec::new();
    numbers_until(&mut first, &mut received, KILL_AFTER).await;
    received.extend(first.kill().await.iter().filter(|line| line.ev == "message").map(Line::number));
    disconnected(&mut client).await;
    let flushed = emitted.flushed();
    sleep(AWAY).await;
    let mut second = again(endpoint).await;

    // At the same time: a server whose lines nobody takes stops.
    let rest = numbers_until(&mut second, &mut received, NUMBERS - 1);
    let ((), undelivered) = tokio::join!(rest, drained(client, emitting));
    check(&received, &undelivered, &flushed, &emitted);
}

async fn numbers_until(peer: &mut Peer, received: &mut Vec<usize>, last: usize) {
    while received.last().is_none_or(|number| *number < last) {
        received.push(peer.until("message").await.number());
    }
}

async fn drained<H: Host>(mut client: Client<H>, emitting: JoinHandle<()>) -> Vec<Frame> {
    within("the last emit", emitting).await.expect("emitting does not panic");
    within("the drain", client.close()).await
}

async fn disconnected<H: Host>(client: &mut Client<H>) {
    while !matches!(within("the loss", client.next()).await, Some(Event::Disconnected { .. })) {}
}

/// What was emitted so far, with what became of it.
#[derive(Clone, Default)]
struct Emitted(Arc<Mutex<Vec<Delivery>>>);

impl Emitted {
    fn start<H: Host>(&self, client: &Client<H>) -> JoinHandle<()> {
        let (sender, deliveries) = (client.sender(), Arc::clone(&self.0));
        tokio::spawn(async move {
            let mut pace = interval(PACE);
            for number in 0..NUMBERS {
                pace.tick().await;
                let delivery = sender.emit_tracked("n", &number).await.expect("there is room");
                deliveries.lock().expect("nobody panics with it").push(delivery);
            }
        })
    }

    /// The numbers that the kernel has taken whole.
    fn flushed(&self) -> BTreeSet<usize> {
        let deliveries = self.0.lock().expect("nobody panics with it");
        let numbered = deliveries.iter().enumerate();
        numbered
            .filter(|(_, delivery)| delivery.outcome() == Some(Outcome::Flushed))
            .map(|(number, _)| number)
            .collect()
    }
}

fn check(received: &[usize], undelivered: &[Frame], flushed: &BTreeSet<usize>, emitted: &Emitted) {
    assert!(received.windows(2).all(|pair| pair[0] < pair[1]), "out of order, or twice: {received:?}");
    let reported: BTreeSet<usize> = undelivered.iter().map(number_of).collect();
    let known: BTreeSet<usize> = received.iter().copied().chain(reported.iter().copied()).collect();
    let missing: Vec<usize> = (0..NUMBERS).filter(|number| !known.contains(number)).collect();
    println!("{} received, {} reported, missing {missing:?}", received.len(), reported.len());

    assert!(missing.windows(2).all(|pair| pair[0] + 1 == pair[1]), "not one run: {missing:?}");
    assert!(missing.iter().all(|number| flushed.contains(number)), "lost, and never written: {missing:?}");
    let all_flushed: BTreeSet<usize> = (0..NUMBERS).filter(|number| !reported.contains(number)).collect();
    assert_eq!(emitted.flushed(), all_flushed, "what was not reported was written");
}

fn number_of(frame: &Frame) -> usize {
    let message = frame.message().expect("an event");
    message.decode().expect("a number")
}
