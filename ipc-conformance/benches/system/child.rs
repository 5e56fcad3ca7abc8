//! What this program is in processes of its own: a server that broadcasts, a crowd of clients.

use futures_util::{StreamExt, stream::select_all};
use ipc_conformance::host::{Host, Smol};
use ipc_mio::Mio;
use ipc_proto::{
    Config, Event,
    endpoint::Endpoint,
    facade::{Ipc, Server},
};
use ipc_tokio::Tokio;

use crate::lab::Result;

pub(crate) fn run(words: &[String]) -> Result<()> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.get(1) {
        Some(&"tokio") => on::<Tokio>(&words),
        Some(&"mio") => on::<Mio>(&words),
        Some(&"smol") => on::<Smol>(&words),
        #[cfg(feature = "async-std")]
        Some(&"async-std") => on::<ipc_conformance::host::AsyncStd>(&words),
        _ => Err("no such runtime".into()),
    }
}

fn on<H: Host>(words: &[&str]) -> Result<()> {
    match *words {
        ["broadcast", _, count, path] => {
            let count = count.parse()?;
            H::run(|host: H| broadcast(host, count, path.to_owned()))
        }
        ["clients", _, count, path] => {
            let count = count.parse()?;
            H::run(|host: H| clients(host, count, path.to_owned()))
        }
        _ => Err("no such child".into()),
    }
}

/// Tells everybody what anybody says, once all have come; before them comes who looks whether it listens.
async fn broadcast<H: Host>(host: H, clients: usize, path: String) -> Result<()> {
    let config = Config::default().max_connections(10_000);
    let mut server: Server<H> = Ipc::with_runtime(config, host).serve_at(path).await?;
    let (mut came, mut said) = (0, None);
    while let Some((_, event)) = server.next().await {
        match event {
            Event::Connected => came += 1,
            Event::Message(message) => said = Some(message),
            _ => {}
        }
        if let Some(message) = said.take_if(|_| came > clients) {
            server.broadcast(message.name(), &message.data()).await?;
        }
    }
    Ok(())
}

/// Says `up` when all are connected and `down` when none is.
async fn clients<H: Host>(host: H, count: usize, path: String) -> Result<()> {
    let ipc = Ipc::with_runtime(Config::default(), host);
    let connect = |n: usize| {
        let client = ipc.connect_to_endpoint(&format!("server {n}"), Endpoint::Path(path.clone()))?;
        Ok(client.map(move |event| (n, event)))
    };
    let mut events = select_all((0..count).map(connect).collect::<Result<Vec<_>>>()?);
    let (mut connected, mut here) = (vec![false; count], 0);
    while let Some((n, event)) = events.next().await {
        let now = match event {
            Event::Connected => true,
            Event::Disconnected { .. } => false,
            _ => continue,
        };
        if connected[n] == now {
            continue;
        }
        connected[n] = now;
        here = if now { here + 1 } else { here - 1 };
        if here == count {
            println!("up");
        } else if here == 0 {
            println!("down");
        }
    }
    Ok(())
}
