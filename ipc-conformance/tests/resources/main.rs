//! What a runtime's connections cost the process: nothing while they are idle, and nothing when they are dropped.
//!
//! Files and wake-ups are counted for a whole process, so each runtime has one of its own for each question: this program
//! runs itself, as `resources child RUNTIME QUESTION`.
#![allow(clippy::unwrap_used, unreachable_pub, reason = "these are tests, and files of others are included")]

#[path = "../children/mod.rs"]
mod children;
#[path = "../suite/counting.rs"]
mod counting;
#[path = "../../src/host/on_async_std.rs"]
mod on_async_std;

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use children::{PATIENCE, command, files, settles, succeeds};
use counting::Counting;
use ipc_conformance::host::{Host, Smol};
use ipc_proto::{
    Config, Event, Retry,
    facade::{Client, Ipc, Server},
};
use libtest_mimic::{Arguments, Trial};
use on_async_std::AsyncStd;

/// Somewhere within the patience no thread of an idle process runs for so long.
const QUIET: Duration = Duration::from_millis(400);
const CLIENTS: usize = 40;

/// A runtime's name, and what a child does for it: the first is idle, the second releases.
type Row = (&'static str, fn(), fn());

const RUNTIMES: &[Row] = &[
    (<ipc_tokio::Tokio as Host>::NAME, idle::<ipc_tokio::Tokio>, release::<ipc_tokio::Tokio>),
    (AsyncStd::NAME, idle::<AsyncStd>, release::<AsyncStd>),
    (Smol::NAME, idle::<Smol>, release::<Smol>),
    (ipc_mio::Mio::NAME, idle::<ipc_mio::Mio>, release::<ipc_mio::Mio>),
];

fn main() {
    let words: Vec<String> = env::args().collect();
    if let [_, word, runtime, question] = words.as_slice() {
        if word == "child" {
            let (_, idle, release) = RUNTIMES.iter().find(|row| row.0 == runtime).unwrap();
            return if question == "idle" { idle() } else { release() };
        }
    }
    let args = Arguments::from_args();
    let trials = RUNTIMES.iter().flat_map(|(name, ..)| {
        let idle = move || sleeps(child(name, "idle")).map_err(Into::into);
        let release = move || succeeds(child(name, "release")).map_err(Into::into);
        let trials = [Trial::test(format!("{name}/idle"), idle), Trial::test(format!("{name}/release"), release)];
        // Only Linux says what is counted.
        trials.map(|trial| trial.with_ignored_flag(!cfg!(target_os = "linux")))
    });
    libtest_mimic::run(&args, trials.collect()).exit();
}

fn child(runtime: &str, question: &str) -> Child {
    command(runtime, question).stdout(Stdio::piped()).spawn().unwrap()
}

/// Waits for a time in which none of the child's threads is woken.
fn sleeps(mut child: Child) -> Result<(), String> {
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let result = if line == "ready\n" { quiet(child.id()) } else { Err(format!("the child said {line:?}")) };
    child.kill().unwrap();
    child.wait().unwrap();
    result
}

fn quiet(process: u32) -> Result<(), String> {
    let since = Instant::now();
    let mut before = wake_ups(process);
    while since.elapsed() < PATIENCE {
        thread::sleep(QUIET);
        let now = wake_ups(process);
        if now == before {
            return Ok(());
        }
        before = now;
    }
    Err(format!("it is still woken: {before:?}"))
}

/// How often each thread has run, as the system counts it.
fn wake_ups(process: u32) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let status = |task: fs::DirEntry| fs::read_to_string(task.path().join("status")).unwrap_or_default();
    let switches = |text: String| text.lines().filter(|line| line.contains("voluntary")).collect::<Vec<_>>().join(" ");
    tasks.map(|task| switches(status(task.unwrap()))).collect()
}

/// A server, clients, and one message each way on each connection.
struct Crowd<H: Host> {
    server: Server<Counting<H>>,
    clients: Vec<Client<Counting<H>>>,
}

impl<H: Host> Crowd<H> {
    async fn gather(runtime: &Counting<H>, path: &str) -> Self {
        let config = || Config::default().retry(Retry::every(Duration::from_millis(10)));
        let endpoints = [format!("unix:{path}"), "tcp:127.0.0.1:0".to_owned(), "udp4:127.0.0.1:0".to_owned()];
        let endpoints = endpoints.map(|text| text.parse().unwrap()).to_vec();
        let ipc = Ipc::with_runtime(config(), runtime.clone());
        let mut server = ipc.serve_endpoints(endpoints).await.unwrap();
        let mut clients = Vec::new();
        for n in 0..CLIENTS {
            let ipc = Ipc::with_runtime(config(), runtime.clone());
            let client = ipc.connect_to_endpoint("server", server.endpoints()[n % 2].clone()).unwrap();
            client.emit("hello", &n).await.unwrap();
            clients.push(client);
        }
        for _ in 0..CLIENTS {
            let (peer, message) = loop {
                if let (peer, Event::Message(message)) = server.next().await.unwrap() {
                    break (peer, message);
                }
            };
            server.send(peer, message.to_frame()).await.unwrap();
        }
        for client in &mut clients {
            while !matches!(client.next().await.unwrap(), Event::Message(_)) {}
        }
        Self { server, clients }
    }
}

/// Says when everything is quiet, and waits to be killed.
fn idle<H: Host>() {
    H::run(|host: H| async move {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.sock");
        let mut crowd = Crowd::gather(&Counting::new(host), path.to_str().unwrap()).await;
        println!("ready");
        let event = crowd.server.next().await;
        panic!("{} clients, and {event:?}", crowd.clients.len());
    });
}

/// Ends well if each round gives back the files and the tasks that it took.
fn release<H: Host>() {
    H::run(|host: H| async move {
        let runtime = Counting::new(host.clone());
        let mut base = None;
        for _ in 0..5 {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("s.sock");
            let crowd = Crowd::gather(&runtime, path.to_str().unwrap()).await;
            assert!(runtime.alive() > 2 * CLIENTS, "each end of a connection is a task");
            assert!(base.is_none_or(|base| files() >= base + 2 * CLIENTS), "each end of a connection is a file");
            drop(crowd);
            settles(&host, "tasks", || runtime.alive() == 0).await;
            settles(&host, "the socket", || !path.exists()).await;
            // What the runtime itself has opened by the end of the first round it may keep.
            let base = *base.get_or_insert_with(files);
            settles(&host, "files", || files() <= base).await;
        }
    });
}
