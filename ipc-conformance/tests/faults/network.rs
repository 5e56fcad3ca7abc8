//! A network that is slow, loses packets, and is gone for a while: a loopback in a namespace of its own.

use std::process::Command;
use std::time::Duration;

use futures_util::future::join;
use ipc_conformance::host::Host;
use ipc_proto::{
    Event,
    endpoint::Endpoint,
    facade::{Client, Ipc},
};

use crate::{children, children::settles, counting::Counting, killed::config};

/// Where the kernel cannot lose at random, it loses what a queue too short has no room for.
const BAD: &str = "ip link set lo mtu 1500 up && \
    { tc qdisc add dev lo root netem limit 40 loss 5% rate 20mbit 2>/dev/null || \
    tc qdisc add dev lo root tbf rate 20mbit burst 32kb limit 48kb; } && exec \"$@\"";
const CLIENTS: usize = 4;
const MESSAGES: usize = 200;
const DATAGRAMS: usize = 1000;

/// A child on such a network.
pub(crate) fn command(runtime: &str, question: &str) -> Command {
    let child = children::command(runtime, question);
    let mut command = Command::new("unshare");
    command.args(["-Urn", "sh", "-c", BAD, "sh"]).arg(child.get_program()).args(child.get_args());
    command
}

/// How many packets the network has lost so far.
fn lost() -> usize {
    let output = Command::new("tc").args(["-s", "qdisc", "show", "dev", "lo"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (_, rest) = text.split_once("dropped ").expect("tc says what was dropped");
    rest.split(|letter: char| !letter.is_ascii_digit()).next().unwrap().parse().unwrap()
}

fn link(state: &str) {
    assert!(Command::new("ip").args(["link", "set", "lo", state]).status().unwrap().success());
}

/// Each message comes back once and in order.
async fn talk<H: Host>(client: &mut Client<Counting<H>>, count: usize) {
    let sender = client.sender();
    let sending = async {
        for n in 0..count {
            sender.emit("n", &(n, "x".repeat(1000))).await.unwrap();
        }
    };
    let reading = async {
        let mut next = 0;
        while next < count {
            match client.next().await.unwrap() {
                Event::Message(message) => {
                    assert_eq!(message.decode::<(usize, String)>().unwrap().0, next);
                    next += 1;
                }
                Event::Connected | Event::Writable => {}
                event => panic!("{event:?}"),
            }
        }
    };
    join(sending, reading).await;
}

pub(crate) async fn bad<H: Host>(host: H) {
    let runtime = Counting::new(host.clone());
    let ipc = Ipc::with_runtime(config(), runtime.clone());
    let of_streams = streams(&host, &ipc).await;
    let (arrived, of_datagrams) = datagrams(&host, &ipc).await;
    settles(&host, "tasks", || runtime.alive() == 0).await;
    let messages = CLIENTS * MESSAGES + 1;
    println!(
        "{}: all {messages} messages came back though {of_streams} packets were lost; of {DATAGRAMS} datagrams {arrived} \
         came, and {of_datagrams} packets were lost",
        H::NAME
    );
}

async fn streams<H: Host>(host: &H, ipc: &Ipc<Counting<H>>) -> usize {
    let at = "tcp:127.0.0.1:0".parse().unwrap();
    let count = std::sync::Arc::default();
    let server = ipc.serve_with(vec![at], move |_| crate::killed::echoing(&count)).await.unwrap();
    let connect = |n: usize| ipc.connect_to_endpoint(&n.to_string(), server.endpoints()[0].clone()).unwrap();
    let mut clients: Vec<_> = (0..CLIENTS).map(connect).collect();
    futures_util::future::join_all(clients.iter_mut().map(|client| talk(client, MESSAGES))).await;
    let lost = lost();
    assert!(lost > 0, "the network is too good");
    // Gone while a message and a client are on their way, and there again.
    link("down");
    let mut late = connect(CLIENTS);
    let up = async {
        host.sleep(Duration::from_millis(50)).await;
        link("up");
    };
    join(talk(&mut clients[0], 1), up).await;
    late.ready().await.unwrap();
    server.stop().await;
    lost
}

async fn datagrams<H: Host>(host: &H, ipc: &Ipc<Counting<H>>) -> (usize, usize) {
    let bind = async || ipc.serve_endpoints(vec!["udp4:127.0.0.1:0".parse().unwrap()]).await.unwrap();
    let (mut receiver, sender) = (bind().await, bind().await);
    let Endpoint::Udp4 { port, .. } = receiver.endpoints()[0] else { panic!("it is UDP") };
    let peer = sender.udp_peer(&format!("127.0.0.1:{port}")).await.unwrap();
    let before = lost();
    for n in 0..DATAGRAMS {
        sender.emit(peer, "n", &(n, "x".repeat(1000))).await.unwrap();
    }
    // The last one is sent until it has come.
    let mut seen = Vec::new();
    while seen.last() != Some(&DATAGRAMS) {
        sender.emit(peer, "n", &(DATAGRAMS, "")).await.unwrap();
        while let Some(Some((_, event))) = host.timeout(Duration::from_millis(5), receiver.next()).await {
            if let Event::Message(message) = event {
                seen.push(message.decode::<(usize, String)>().unwrap().0);
            }
        }
    }
    seen.retain(|n| *n < DATAGRAMS);
    assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "out of order, or twice: {seen:?}");
    (seen.len(), lost() - before)
}
