//! What breaks around a program: peers that are killed, disks that are full, files that run out, crowds, bad networks.
//! On every runtime, over real sockets: nothing hangs, leaks, or grows past its limits, and nothing is lost in silence.
//!
//! Files and memory are counted for a whole process, and a process that is killed has to be one: this program runs itself,
//! as `faults child RUNTIME QUESTION …`. The children print figures. What a single connection goes through is in the suite,
//! under `faults`.
#![cfg_attr(not(target_os = "linux"), allow(dead_code, unused_imports, reason = "only Linux counts and forbids so"))]
#![allow(clippy::unwrap_used, unreachable_pub, reason = "these are tests, and files of others are included")]

#[path = "../children/mod.rs"]
mod children;
#[path = "../suite/counting.rs"]
mod counting;
#[path = "../../src/host/on_async_std.rs"]
mod on_async_std;

#[cfg(target_os = "linux")]
mod crowd;
#[cfg(target_os = "linux")]
mod disk;
#[cfg(target_os = "linux")]
mod exhausted;
#[cfg(target_os = "linux")]
mod killed;
#[cfg(target_os = "linux")]
mod network;
#[cfg(target_os = "linux")]
mod peer;

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("left out: what is counted and forbidden here, only Linux counts and forbids so");
}

#[cfg(target_os = "linux")]
fn main() {
    linux::main();
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{
        env,
        process::{Command, Stdio},
    };

    use ipc_conformance::host::{Host, Smol};
    use libtest_mimic::{Arguments, Trial};
    use rustix::process::{Signal, set_parent_process_death_signal};

    use crate::{
        children::{PATIENCE, command, succeeds},
        crowd, disk, exhausted, killed, network,
        on_async_std::AsyncStd,
    };

    /// A runtime's name, and what a child does on it.
    type Row = (&'static str, fn(&str, &[String]));

    const RUNTIMES: &[Row] = &[
        (<ipc_tokio::Tokio as Host>::NAME, child::<ipc_tokio::Tokio>),
        (AsyncStd::NAME, child::<AsyncStd>),
        (Smol::NAME, child::<Smol>),
        (ipc_mio::Mio::NAME, child::<ipc_mio::Mio>),
    ];

    /// A question, and the namespaces that it is asked in.
    const QUESTIONS: &[(&str, Option<&str>)] = &[
        ("a_server_is_killed_under_load", None),
        ("clients_are_killed_under_load", None),
        ("no_more_files", None),
        ("a_crowd_comes_back", None),
        ("a_full_disk", Some("-Urm")),
        ("a_bad_network", Some("-Urn")),
    ];

    fn child<H: Host>(question: &str, words: &[String]) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        // Whoever is killed in time is not killed by time.
        let answered =
            H::run(|host: H| async move { host.timeout(PATIENCE, answer(host.clone(), question, &words)).await });
        assert!(answered.is_some(), "{}/{question} hangs", H::NAME);
    }

    async fn answer<H: Host>(host: H, question: &str, words: &[&str]) {
        match (question, words) {
            ("a_server_is_killed_under_load", []) => killed::server(host).await,
            ("clients_are_killed_under_load", []) => killed::clients(host).await,
            ("no_more_files", []) => exhausted::files(host).await,
            ("a_crowd_comes_back", []) => crowd::comes_back(host).await,
            ("a_full_disk", [folder]) => disk::full(host, folder).await,
            ("a_bad_network", []) => network::bad(host).await,
            // Those that are killed.
            ("echo", [path]) => killed::echo(host, path).await,
            ("flood", [path, reads]) => killed::flood(host, path, *reads == "reads").await,
            ("welcome", [path, most]) => crowd::welcome(host, path, most.parse().unwrap()).await,
            (question, words) => panic!("{question} {words:?}"),
        }
    }

    pub(super) fn main() {
        let words: Vec<String> = env::args().collect();
        if let [_, first, runtime, question, rest @ ..] = words.as_slice() {
            // Nobody is left behind by a parent that is killed.
            set_parent_process_death_signal(Some(Signal::KILL)).unwrap();
            if first == "child" {
                let (_, child) = RUNTIMES.iter().find(|row| row.0 == runtime).unwrap();
                return child(question, rest);
            }
            if first == "hold" {
                return exhausted::hold(runtime, question);
            }
        }
        let args = Arguments::from_args();
        let trials = QUESTIONS.iter().flat_map(|(question, namespaces)| {
            let permitted = namespaces.is_none_or(|kind| permitted(question, kind));
            RUNTIMES.iter().map(move |(runtime, _)| {
                let test = move || ask(runtime, question).map_err(Into::into);
                Trial::test(format!("{runtime}/{question}"), test).with_ignored_flag(!permitted)
            })
        });
        libtest_mimic::run(&args, trials.collect()).exit();
    }

    /// Whether a process may have namespaces of its own here; where it may not, that is said.
    fn permitted(question: &str, kind: &str) -> bool {
        let tried = Command::new("unshare").args([kind, "true"]).stderr(Stdio::null()).status();
        let permitted = tried.is_ok_and(|status| status.success());
        if !permitted {
            println!("left out: {question}, for `unshare {kind}` is not permitted");
        }
        permitted
    }

    fn ask(runtime: &str, question: &str) -> Result<(), String> {
        let dir = tempfile::tempdir().unwrap();
        let asked = match question {
            "a_full_disk" => disk::command(runtime, question, dir.path()),
            "a_bad_network" => network::command(runtime, question),
            _ => command(runtime, question),
        }
        .spawn();
        succeeds(asked.unwrap())
    }
}
