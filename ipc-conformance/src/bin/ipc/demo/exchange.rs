//! Hello, world, and round trips.

use std::{
    future::Future,
    io,
    time::{Duration, Instant},
};

use ipc_conformance::host::Host;
use ipc_proto::{
    Config, Emit, EmitError, Event, Frame, Message,
    endpoint::Endpoint,
    facade::{self, Handler, Ipc, Server},
};

use super::{Stage, transport::Transport};
use crate::link::Link;

/// How many round trips are timed.
pub(super) const PINGS: u32 = 200;

/// How long one exchange may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The round trips of one exchange that went well.
#[derive(Debug)]
pub(super) struct Trips {
    pub(super) times: Vec<Duration>,
}

pub(super) type Error = Box<dyn std::error::Error>;

pub(super) type Outcome = Result<Trips, Error>;

pub(super) async fn within<H: Host>(host: &H, exchange: impl Future<Output = Outcome>) -> Outcome {
    host.timeout(PATIENCE, exchange).await.ok_or_else(|| wrong("no answer"))?
}

/// A server and a client, here.
pub(super) async fn alone<H: Host>(host: &H, stage: &Stage<'_>, transport: Transport) -> Outcome {
    within(host, async {
        let server = serve(host, transport.server(stage), transport.endpoint(stage, H::NAME)).await?;
        let trips = visit(host, transport.client(stage), address(&server)?).await?;
        server.stop().await;
        Ok(trips)
    })
    .await
}

/// A client that says hello to a server which does what [`serve`]'s does.
pub(super) async fn visit<H: Host>(host: &H, config: Config, endpoint: Endpoint) -> Outcome {
    let mut link = Link::open(host, endpoint, config).await?;
    emit(&link, "message", "hello").await?;
    expect(&mut link, "message", "world").await?;
    let trips = ping(&mut link, "ping").await?;
    link.end().await;
    while link.next().await.is_some() {}
    Ok(trips)
}

/// Where a server listens.
pub(super) fn address<H: Host>(server: &Server<H>) -> Result<Endpoint, Error> {
    server.endpoints().first().cloned().ok_or_else(|| wrong("nowhere to connect to"))
}

/// A server that answers hello with world and sends every ping back.
pub(super) async fn serve<H: Host>(host: &H, config: Config, endpoint: Endpoint) -> Result<Server<H>, facade::Error> {
    let answering = |_| -> Handler {
        Box::new(|event, out| {
            if let Event::Message(message) = event {
                // A peer that is gone needs no answer.
                answer(message, out).ok();
            }
            true
        })
    };
    Ipc::with_runtime(config, host.clone()).serve_with(vec![endpoint], answering).await
}

fn answer(message: &Message, out: &mut dyn Emit) -> Result<(), EmitError> {
    match message.name() {
        "ping" => out.send_frame(message.to_frame()).map(drop),
        "message" if says(message, "hello") => out.send_frame(Frame::encode("message", "world")?).map(drop),
        _ => Ok(()),
    }
}

fn says(message: &Message, text: &str) -> bool {
    message.decode::<String>().is_ok_and(|data| data == text)
}

async fn emit<H: Host, T: serde::Serialize + ?Sized>(link: &Link<H>, name: &str, data: &T) -> Result<(), Error> {
    let sender = link.sender().ok_or_else(|| wrong("the peer is gone"))?;
    sender.emit(name, data).await?;
    Ok(())
}

/// Waits for a message that says `text`.
async fn expect<H: Host>(link: &mut Link<H>, name: &str, text: &str) -> Result<(), Error> {
    loop {
        let message = message(link).await?;
        if message.name() == name && says(&message, text) {
            return Ok(());
        }
    }
}

async fn message<H: Host>(link: &mut Link<H>) -> Result<Message, Error> {
    loop {
        match link.next().await.ok_or_else(|| wrong("the connection ended"))? {
            Event::Message(message) => return Ok(message),
            Event::Error(error) => return Err(error.into()),
            _ => {}
        }
    }
}

/// Times round trips with a peer that sends events called `name` back.
pub(super) async fn ping<H: Host>(link: &mut Link<H>, name: &str) -> Outcome {
    let mut times = Vec::new();
    for number in 0..PINGS {
        let start = Instant::now();
        emit(link, name, &number).await?;
        while message(link).await?.name() != name {}
        times.push(start.elapsed());
    }
    Ok(Trips { times })
}

pub(super) fn wrong(what: &str) -> Error {
    io::Error::other(what).into()
}
