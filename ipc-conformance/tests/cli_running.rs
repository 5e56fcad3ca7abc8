//! What the `ipc` command runs on, and what it does when it is told to stop.
#![cfg(unix)]

// Every test binary uses what it needs of it.
#[allow(dead_code)]
#[path = "cli/process.rs"]
mod process;

#[cfg(target_os = "linux")]
use std::fs;
use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    process::Stdio,
};

use process::{Folder, Process, command, run};
use rustix::process::{Pid, Signal, kill_process};

#[test]
fn a_second_signal_ends_a_command_that_hangs() {
    let folder = Folder::new();
    let mut server = command(&["serve", "--json", &folder.unix("s")])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut stdout = BufReader::with_capacity(1, server.stdout.take().expect("piped"));
    stdout.read_line(&mut String::new()).expect("the start line");
    let mut peer = UnixStream::connect(folder.path("s")).expect("it listens");
    stdout.read_line(&mut String::new()).expect("the peer");
    peer.write_all(format!("{{\"type\":\"m\",\"data\":\"{}\"}}\u{c}", "x".repeat(1 << 20)).as_bytes())
        .expect("it reads");
    // It has begun to print a line that the pipe has no room for.
    stdout.read_exact(&mut [0]).expect("the message");
    let pid = i32::try_from(server.id()).ok().and_then(Pid::from_raw).expect("a process id");
    kill_process(pid, Signal::INT).expect("it runs");
    kill_process(pid, Signal::TERM).expect("it still runs");
    let code = server.wait().expect("it ends").code();
    // Two of its threads may each take one, and then either is the second.
    assert!([Some(128 + 2), Some(128 + 15)].contains(&code), "{code:?}");
}

#[test]
fn a_signal_ends_emit_and_request_which_have_not_succeeded() {
    let folder = Folder::new();
    let listener = UnixListener::bind(folder.path("s")).expect("a free path");
    let mut request = Process::start(&["request", &folder.unix("s"), "m", "--json", "--timeout", "1h"]);
    let (mut peer, _) = listener.accept().expect("it connects");
    peer.read_exact(&mut [0]).expect("the question");
    request.wait_for(r#"{"event":"connect"}"#);
    drop(peer);
    assert_eq!(request.stop().code, Some(1));

    let mut emit = Process::start(&["emit", &folder.unix("none"), "m", "1", "--json", "--timeout", "1h"]);
    emit.wait_for(r#"{"event":"error","code":"ENOENT","#);
    let ended = emit.stop();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.lines.last().map(String::as_str), Some(r#"{"event":"undelivered","type":"m","data":1}"#));
}

#[test]
fn what_goes_wrong_is_told_while_an_answer_is_awaited() {
    let folder = Folder::new();
    let mut request = Process::start(&["request", &folder.unix("none"), "m", "--retry", "1", "--timeout", "1h"]);
    // More than one: nothing is kept back until the end.
    for _ in 0..3 {
        assert!(request.error().contains("ENOENT"));
    }
    assert_eq!(request.stop().code, Some(1));
}

/// The runtimes of this build.
const RUNTIMES: &[&str] = &[
    "tokio",
    "smol",
    "mio",
    #[cfg(feature = "async-std")]
    "async-std",
];

#[test]
fn the_runtime_is_chosen_by_name() {
    let folder = Folder::new();
    for name in RUNTIMES {
        for at in [&folder.unix(name), "tcp:127.0.0.1:0", "udp4:127.0.0.1:0"] {
            let (server, endpoint) = Process::serve(&[at, "--runtime", name, "--echo"]);
            let ended = run(&["connect", &endpoint, "--runtime", name, "--json"], "m 1\n");
            assert_eq!(ended.code, Some(0), "{name}: {ended:?}");
            assert!(
                ended.lines.contains(&r#"{"event":"message","type":"m","data":1}"#.to_owned()),
                "{name}: {ended:?}"
            );
            #[cfg(target_os = "linux")]
            assert_eq!(has_threads_of_tokio(server.id()), *name == "tokio", "{name}");
            assert_eq!(server.stop().code, Some(0));
        }
    }
}

#[cfg(target_os = "linux")]
fn has_threads_of_tokio(process: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{process}/task")).expect("it runs");
    let names = threads.map(|thread| fs::read_to_string(thread.expect("a thread").path().join("comm")));
    names.flatten().any(|name| name.contains("tokio"))
}

#[test]
fn a_runtime_that_is_not_there_is_a_usage_error() {
    let mut others = vec![("other", "tokio, async-std, smol, mio")];
    if !RUNTIMES.contains(&"async-std") {
        others.push(("async-std", "--features async-std"));
    }
    for args in [&["demo"][..], &["record", "--listen", "a", "--to", "b", "c"], &["serve"], &["emit", "a", "b"]] {
        for (name, hint) in &others {
            let ended = run(&[args, &["--runtime", name]].concat(), "");
            assert_eq!(ended.code, Some(2), "{ended:?}");
            assert!(ended.stderr.contains("not in this build") || *name == "other", "{ended:?}");
            assert!(ended.stderr.contains(hint), "{ended:?}");
        }
    }
}
