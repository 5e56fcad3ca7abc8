//! Several processes serve one socket, as node-ipc's cluster example: the parent binds it, and its workers inherit it.
//!
//! ```sh
//! cargo run -p ipc-tokio --example workers              # workers, and clients to ask them
//! cargo run -p ipc-tokio --example workers serve PATH   # one side, or `ask PATH`; the other may be node-ipc processes
//! ```

use std::os::{fd::AsFd, fd::OwnedFd, unix::net::UnixListener, unix::process::parent_id};
use std::process::{self, Child, Command};
use std::{env, io, time::Duration};

use ipc_tokio::{Config, Event, Ipc, Request};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    let path = env::args().nth(2).unwrap_or_default();
    match (env::args().nth(1).as_deref(), path.trim_start_matches("unix:")) {
        (Some("worker"), _) => work().await,
        (Some("ask"), path) => ask(path).await,
        (Some("serve"), path) => Ok(start(path)?.iter_mut().try_for_each(|worker| worker.wait().map(drop))?),
        _ => {
            let folder = tempfile::tempdir()?;
            let path = format!("{}/shared.sock", folder.path().display());
            let mut workers = start(&path)?;
            ask(&path).await?;
            Ok(workers.iter_mut().try_for_each(Child::kill)?)
        }
    }
}

fn start(path: &str) -> io::Result<Vec<Child>> {
    let listener = OwnedFd::from(UnixListener::bind(path)?);
    println!("listening at unix:{path}");
    let worker = |_| Command::new(env::current_exe()?).arg("worker").stdin(listener.try_clone()?).spawn();
    (0..3).map(worker).collect()
}

async fn work() -> Result<()> {
    let from_parent = || io::stdin().as_fd().try_clone_to_owned().map(UnixListener::from);
    let listener = listenfd::ListenFd::from_env().take_unix_listener(0)?.map_or_else(from_parent, Ok)?;
    let (mut server, parent) = (Ipc::new(Config::default()).serve_listener(listener)?, parent_id());
    // Without a parent there is nobody left to end a worker.
    while parent_id() == parent {
        let next = tokio::time::timeout(Duration::from_secs(1), server.next()).await;
        let Ok(Some((peer, Event::Message(message)))) = next else { continue };
        let Some(request) = Request::of(&message) else { continue };
        server.send(peer, request.answer("reply", &process::id())?).await.ok();
    }
    Ok(())
}

async fn ask(path: &str) -> Result<()> {
    for n in 0..9 {
        let client = Ipc::new(Config::default()).connect_to_path("workers", path)?;
        println!("client {n} was answered by process {}", client.request("who", &n).await?.as_str());
    }
    Ok(())
}
