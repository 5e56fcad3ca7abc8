//! Several processes serve one socket: the parent binds it once, and its workers inherit it.
//!
//! The counterpart of node-ipc's cluster example. A worker takes its socket from systemd and the like as well.
//!
//! ```sh
//! cargo run -p ipc-tokio --example workers
//! ```

use std::{
    env, io,
    os::fd::{AsFd, OwnedFd},
    os::unix::net::UnixListener,
    process::{self, Child, Command},
};

use ipc_tokio::{Config, Event, Ipc, Request};
use listenfd::ListenFd;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    if env::args().nth(1).as_deref() == Some("worker") { work().await } else { lead().await }
}

async fn lead() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("shared.sock");
    let listener = OwnedFd::from(UnixListener::bind(&path)?);
    let start = |_| Command::new(env::current_exe()?).arg("worker").stdin(listener.try_clone()?).spawn();
    let mut workers: Vec<Child> = (0..3).map(start).collect::<io::Result<_>>()?;

    let ipc = Ipc::new(Config::default());
    for n in 0..9 {
        let mut client = ipc.connect_to_path("workers", path.to_string_lossy())?;
        let answer = client.request("who", &n).await?;
        println!("client {n} was answered by process {}", answer.as_str());
        client.close().await;
    }
    for worker in &mut workers {
        worker.kill()?;
        worker.wait()?;
    }
    Ok(())
}

async fn work() -> Result<()> {
    let listener = match ListenFd::from_env().take_unix_listener(0)? {
        Some(listener) => listener,
        None => UnixListener::from(io::stdin().as_fd().try_clone_to_owned()?),
    };
    let mut server = Ipc::new(Config::default()).serve_listener(listener)?;
    while let Some((peer, event)) = server.next().await {
        let Event::Message(message) = event else { continue };
        if let Some(request) = Request::of(&message) {
            server.send(peer, request.answer("reply", &process::id())?).await?;
        }
    }
    Ok(())
}
