//! Real node-ipc of both generations at the other end.
//!
//! The peers are processes of `node/peer.mjs` with the packages of the folder that `IPC_NODE_DIR` names. Where that, or the
//! Node that a version runs under, is missing, its tests are shown as ignored. Nothing here touches a network.

#[path = "../../../ipc-tokio/tests/tls/certificates.rs"]
mod certificates;
mod helper;
mod kill;
mod lifecycle;
mod node;
#[path = "../../src/host/on_async_std.rs"]
#[allow(unreachable_pub, reason = "a file of the crate is included")]
mod on_async_std;
mod paths;
mod payloads;
mod peer;
mod scene;
mod sync;
mod tls;
mod traffic;
mod udp;

use std::pin::Pin;

use ipc_conformance::host::{Host, Smol};
use libtest_mimic::{Arguments, Trial};
use on_async_std::AsyncStd;
use scene::{Scene, VERSIONS, Version, Wire};

/// What a test does in its scene.
type Run<H> = fn(Scene<H>) -> Pin<Box<dyn Future<Output = ()>>>;

/// Tests by name, from functions of the same name.
macro_rules! tests {
    ($($module:ident::{$($name:ident),* $(,)?}),* $(,)?) => {
        [$($((stringify!($name), (|scene| Box::pin($module::$name(scene))) as Run<H>)),*),*]
    };
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    if words.get(1).is_some_and(|word| word == helper::WORD) {
        return helper::main(&words[2..]);
    }
    let args = Arguments::from_args();
    let mut trials = all::<ipc_tokio::Tokio>();
    trials.extend(without_node());
    trials.extend(essential::<AsyncStd>());
    trials.extend(essential::<Smol>());
    trials.extend(essential::<ipc_mio::Mio>());
    libtest_mimic::run(&args, trials).exit();
}

/// Everything, which one runtime is enough for: it is the protocol that this is about.
fn all<H: Host>() -> Vec<Trial> {
    let mut trials = Vec::new();
    for version in VERSIONS {
        for wire in [Wire::Unix, Wire::Tcp] {
            trials.extend(on_any_wire::<H>().map(|test| trial(test, version, wire)));
        }
        for wire in [Wire::Udp4, Wire::Udp6] {
            trials.extend(on_datagrams::<H>().map(|test| trial(test, version, wire)));
        }
        trials.extend(on_local_sockets::<H>().map(|test| trial(test, version, Wire::Unix)));
        trials.extend(over_tls::<H>().map(|test| trial(test, version, Wire::Tcp)));
    }
    trials
}

/// Of every transport, in both directions, what shows that a runtime speaks to both generations.
const ESSENTIAL: &[&str] = &[
    "payloads_from_a_node_server",
    "payloads_echoed_to_a_node_client",
    "a_rust_server_reaches_one_and_all",
    "a_node_server_reaches_one_and_all",
    "a_rust_end_speaks_first",
    "a_node_end_speaks_first",
    "a_broadcast_reaches_those_who_spoke",
    "a_node_server_over_tls",
    "a_node_client_over_tls",
];

fn essential<H: Host>() -> Vec<Trial> {
    let mut trials = all::<H>();
    let is_essential = |name: &str| {
        let (rest, test) = name.rsplit_once("::").expect("names have parts");
        ESSENTIAL.contains(&test) && !rest.contains(&Version::V12.to_string())
    };
    trials.retain(|trial| is_essential(trial.name()));
    trials
}

fn on_any_wire<H: Host>() -> impl Iterator<Item = (&'static str, Run<H>)> {
    tests! {
        payloads::{
            payloads_from_a_node_server,
            payloads_from_a_node_client,
            payloads_to_a_node_server,
            payloads_to_a_node_client,
            payloads_echoed_to_a_node_client,
        },
        traffic::{
            bursts_both_ways_with_a_node_server,
            bursts_both_ways_with_a_node_client,
            a_rust_server_reaches_one_and_all,
            a_node_server_reaches_one_and_all,
        },
        lifecycle::{
            a_killed_node_server_is_found_again,
            a_bad_frame_from_a_node_server,
            a_bad_frame_from_a_node_client,
            a_bad_frame_to_a_node_server,
            a_bad_frame_to_a_node_client,
            a_rust_client_disconnects,
            a_node_client_disconnects,
            a_rust_server_stops,
            a_node_server_stops,
        },
        sync::{
            a_sync_client_keeps_the_order,
            a_sync_client_waits_for_an_answer,
        },
        kill::{a_killed_node_server_loses_only_what_it_had},
    }
    .into_iter()
}

fn on_datagrams<H: Host>() -> impl Iterator<Item = (&'static str, Run<H>)> {
    tests! {
        udp::{
            a_rust_end_speaks_first,
            a_node_end_speaks_first,
            the_largest_datagram_passes_both_ways,
            a_broadcast_reaches_those_who_spoke,
            a_node_broadcast,
            raw_bytes,
            a_bare_bytes_sender_is_answered_alike,
        },
    }
    .into_iter()
}

fn on_local_sockets<H: Host>() -> impl Iterator<Item = (&'static str, Run<H>)> {
    tests! {
        paths::{
            a_rust_client_finds_a_node_server_by_id,
            a_node_client_finds_a_rust_server_by_id,
            a_node_client_finds_a_rust_server_of_both_generations,
        },
    }
    .into_iter()
}

fn over_tls<H: Host>() -> impl Iterator<Item = (&'static str, Run<H>)> {
    tests! {
        tls::{
            a_node_server_over_tls,
            a_node_client_over_tls,
            certificates_on_both_sides,
            bad_certificates_of_a_node_server,
            bad_certificates_to_a_node_client,
            who_does_not_speak_tls,
        },
    }
    .into_iter()
}

fn trial<H: Host>((name, run): (&'static str, Run<H>), version: Version, wire: Wire) -> Trial {
    let test = move || {
        in_runtime::<H>(|host| run(Scene::new(host, version, wire)));
        Ok(())
    };
    Trial::test(format!("{}::{version}::{wire}::{name}", H::NAME), test)
        .with_ignored_flag(!version.is_installed() || !wire.is_there())
}

/// The same against a server of this project, for which no Node is needed.
fn without_node() -> impl Iterator<Item = Trial> {
    [Wire::Unix, Wire::Tcp].into_iter().map(|wire| {
        Trial::test(format!("rust::{wire}::a_killed_rust_server_loses_only_what_it_had"), move || {
            in_runtime::<ipc_tokio::Tokio>(|host| {
                Box::pin(kill::a_killed_rust_server_loses_only_what_it_had(Scene::new(host, Version::V14, wire)))
            });
            Ok(())
        })
        // Under Wine a client hears nothing of a server whose process was ended.
        .with_ignored_flag(cfg!(windows))
    })
}

/// The peers' processes are tokio's, on a runtime beside the one that is tested.
fn in_runtime<H: Host>(test: impl FnOnce(H) -> Pin<Box<dyn Future<Output = ()>>>) {
    let beside = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let beside = beside.expect("a runtime can be made");
    let _context = beside.enter();
    H::run(test);
}
