//! A process that may open no more files.

use std::{
    fs::File,
    io::Read as _,
    os::unix::net::UnixStream,
    path::Path,
    process::{Command, Stdio},
};

use ipc_conformance::host::Host;
use ipc_proto::{
    ConnectionError, Event,
    endpoint::Endpoint,
    facade::{Ipc, Server},
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{
    children::{self, settles},
    counting::Counting,
    killed::config,
    peer::Peer,
};

/// How many connections come from each of two processes, and how many files there are for them.
const CROWD: usize = 20;
const ROOM: usize = 30;
/// An accept that fails is tried again after a pause. So often it has failed before anything changes.
const FAILURES: usize = 3;
/// More polls for each failure than this would be spinning.
const POLLS: usize = 30;

/// What a process of no runtime does: holds connections to a path until its input ends.
pub(crate) fn hold(path: &str, count: &str) {
    let connect = |_| UnixStream::connect(path).expect("it listens, and has room for who waits");
    let _streams: Vec<UnixStream> = (0..count.parse::<usize>().unwrap()).map(connect).collect();
    let _ = std::io::stdin().read(&mut [0]);
}

fn holder(path: &Path) -> Peer {
    let mut command = Command::new(std::env::current_exe().unwrap());
    Peer::start(command.arg("hold").arg(path).arg(CROWD.to_string()).stdin(Stdio::piped()))
}

fn limit_files(most: usize) {
    let hard = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: Some(most as u64), maximum: hard }).unwrap();
}

/// Opens files until there are no more.
fn all_files() -> Vec<File> {
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}

/// Takes events until as many peers have come and gone.
async fn come_and_gone<H: Host>(server: &mut Server<Counting<H>>, seen: &mut (usize, usize), until: (usize, usize)) {
    while seen.0 < until.0 || seen.1 < until.1 {
        match server.next().await.unwrap().1 {
            Event::Connected => seen.0 += 1,
            Event::Disconnected { .. } => seen.1 += 1,
            _ => {}
        }
    }
}

pub(crate) async fn files<H: Host>(host: H) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.sock");
    let runtime = Counting::new(host.clone());
    let ipc = Ipc::with_runtime(config(), runtime.clone());
    let at = [Endpoint::Path(path.to_str().unwrap().to_owned()), "tcp:127.0.0.1:0".parse().unwrap()];
    let mut server = ipc.serve_endpoints(at.to_vec()).await.unwrap();
    let before = children::files();
    accepting(&runtime, &mut server, &path, before).await;
    settles(&host, "files", || children::files() <= before).await;
    for at in server.endpoints().to_vec() {
        dialling(&runtime, &mut server, at).await;
    }
    settles(&host, "files", || children::files() <= before).await;
    drop(server);
    settles(&host, "tasks", || runtime.alive() == 0).await;
}

/// Accepting fails, is reported, and is neither given up nor tried without a pause.
async fn accepting<H: Host>(runtime: &Counting<H>, server: &mut Server<Counting<H>>, path: &Path, before: usize) {
    limit_files(before + ROOM);
    let mut seen = (0, 0);
    let holders = [holder(path), holder(path)];
    let mut errors = server.accept_errors();
    let first = errors.next().await.unwrap();
    assert_eq!(first.code(), "EMFILE");
    // Everybody that there was room for has come, and nothing else happens.
    come_and_gone(server, &mut seen, (CROWD, 0)).await;
    errors.next().await.unwrap();
    let polls = |runtime: &Counting<H>| runtime.polls().iter().sum::<usize>();
    let polled = polls(runtime);
    for _ in 0..FAILURES {
        assert_eq!(errors.next().await.unwrap().code(), "EMFILE");
    }
    let polled = polls(runtime) - polled;
    assert!(polled <= FAILURES * POLLS, "{polled} polls while accepting failed {FAILURES} times");
    // Those who leave make room for those who wait.
    let [leaving, staying] = holders;
    drop(leaving);
    come_and_gone(server, &mut seen, (2 * CROWD, CROWD)).await;
    drop(staying);
    come_and_gone(server, &mut seen, (2 * CROWD, 2 * CROWD)).await;
    println!("{}: without files, {polled} polls for {FAILURES} failures to accept; later all {} came", H::NAME, seen.0);
}

/// Dialling fails, is reported, and is tried again; so is binding, which is not.
async fn dialling<H: Host>(runtime: &Counting<H>, server: &mut Server<Counting<H>>, at: Endpoint) {
    let held = all_files();
    let ipc = Ipc::with_runtime(config(), runtime.clone());
    // Where there is a lock already, too.
    for at in [at.clone(), "tcp:127.0.0.1:0".parse().unwrap()] {
        let bound = ipc.serve_endpoints(vec![at]).await;
        assert_eq!(bound.expect_err("there are no files").code(), Some("EMFILE"));
    }
    let mut client = ipc.connect_to_endpoint("world", at).unwrap();
    for _ in 0..FAILURES {
        match client.next().await.unwrap() {
            Event::Error(ConnectionError::Io(error)) => assert_eq!(error.code(), "EMFILE"),
            event => panic!("{event:?}"),
        }
        let event = client.next().await.unwrap();
        assert!(matches!(event, Event::Disconnected { retry_in: Some(_), .. }), "{event:?}");
    }
    drop(held);
    client.ready().await.unwrap();
    client.emit("hello", "world").await.unwrap();
    while !matches!(server.next().await.unwrap().1, Event::Message(_)) {}
    client.close().await;
    while !server.peers().is_empty() {
        server.next().await.unwrap();
    }
}
