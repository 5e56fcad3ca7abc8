//! Some hundred simulations; `cargo run --release -p ipc-conformance --example simulate` runs any number.

use ipc_conformance::sim::{Script, run, search, shorten};

const SEEDS: u64 = 300;

#[test]
fn nothing_is_lost_or_forgotten_whatever_happens() {
    let totals = search(0..SEEDS, 2).unwrap_or_else(|failure| {
        let kept = shorten(&Script::of_seed(failure.seed));
        panic!("seed {} fails with the steps {kept:?}: {}", failure.seed, failure.what)
    });
    assert_eq!(totals.get("simulations"), SEEDS);
    assert!(totals.get("steps") >= 200 * SEEDS && totals.get("endpoints") >= 3 * SEEDS, "{totals}");
    // What a few hundred simulations must have met, or they prove little.
    for name in [
        "fault: cut",
        "fault: reset",
        "fault: partition",
        "fault: stall",
        "fault: refusals",
        "fault: forged frame",
        "fault: datagram dropped",
        "fault: datagram doubled",
        "fault: datagram overtook",
        "fault: datagram not sent",
        "fault: datagram corrupted",
        "fault: datagram cut short",
        "fault: datagram in two parts",
        "fault: datagram with an empty one",
        "fault: datagram with another's beginning",
        "fault: datagram with garbage",
        "fault: handshake stalled",
        "fault: handshake stalled and failed",
        "fault: handshake stalled at the server",
        "fault: in a handshake",
        "fault: session ended with bytes inside",
        "fault: session refused after it was there",
        "fault: session refused by the client",
        "fault: session refused by the server",
        "state: undelivered",
        "state: undelivered, maybe sent",
        "state: error over a datagram",
        "state: session connected",
        "state: session partly flushed",
        "state: session's window is full",
        "state: destroyed",
        "state: evicted",
        "state: turned away",
        "state: high pressure",
        "state: writable again",
        "state: datagram peer forgotten",
        "app: answers",
        "app: late answers",
        "app: left a room",
        "end: over a rule",
        "end: of the transport",
    ] {
        assert!(totals.get(name) > 0, "{name} never happened");
    }
}

#[test]
fn the_same_seed_gives_the_same_simulation() {
    let script = Script::of_seed(7);
    let (one, two) = (run(&script, true), run(&script, true));
    assert!(one.trace.len() > 100 && one.trace == two.trace);
    assert_eq!((one.failure, one.totals), (two.failure, two.totals));
}
