//! A server of named pipes keeps no handle of a client that is gone. Alone in its process, whose handles it counts.
#![cfg(windows)]
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Write as _},
    mem,
    os::windows::io::AsRawHandle as _,
    time::Duration,
};

use ipc_tokio::{Config, Endpoint, Event, Ipc, Server};
use tokio::{task::spawn_blocking, time::timeout};

const CYCLES: usize = 1_000;

/// Handles have numbers, four apart, and a new one gets a low number that is free: so many are in use.
fn handles() -> usize {
    File::open("NUL").unwrap().as_raw_handle() as usize / 4
}

/// Comes, says something, hears the answer, and goes; every other one goes in the middle of a message.
fn visit(name: &str, dies: bool) {
    let mut pipe = OpenOptions::new().read(true).write(true).open(name).unwrap();
    if dies {
        return pipe.write_all(b"{\"type\":\"half\",").unwrap();
    }
    let frame = b"{\"type\":\"m\",\"data\":1}\x0c";
    pipe.write_all(frame).unwrap();
    let mut answer = vec![0; frame.len()];
    pipe.read_exact(&mut answer).unwrap();
    assert_eq!(answer, frame);
}

async fn cycle(server: &mut Server, name: &str, dies: bool) {
    let name = name.to_owned();
    let visitor = spawn_blocking(move || visit(&name, dies));
    loop {
        match server.next().await.expect("the server is over") {
            (peer, Event::Message(message)) => server.send(peer, message.to_frame()).await.unwrap(),
            (_, Event::Disconnected { .. }) => break,
            _ => continue,
        };
    }
    visitor.await.unwrap();
}

#[tokio::test]
async fn a_thousand_clients_come_and_go_and_leave_no_handle() {
    let name = format!("ipc-tokio-handles-{}", std::process::id());
    let mut server = Ipc::new(Config::default()).serve_endpoints(vec![Endpoint::Pipe(name.clone())]).await.unwrap();
    let name = format!(r"\\.\pipe\{name}");
    let all = async {
        for n in 0..50 {
            cycle(&mut server, &name, n % 2 == 0).await;
        }
        let before = handles();
        for n in 0..CYCLES {
            cycle(&mut server, &name, n % 2 == 0).await;
        }
        (before, handles())
    };
    let (before, after) = timeout(Duration::from_secs(300), all).await.expect("it does not go on");
    println!("handles before {before}, after {CYCLES} clients {after}");
    assert!(after < before + 50, "{before} handles became {after}");

    // The count counts.
    for _ in 0..200 {
        mem::forget(File::open("NUL").unwrap());
    }
    assert!(handles() >= after + 150, "{} after {after}", handles());
}
