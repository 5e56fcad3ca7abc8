//! `ipc demo`: hello and world over every transport of this machine.

use std::{
    io,
    time::{Duration, Instant},
};

use ipc_tokio::{Client, Config, Emit, EmitError, Endpoint, Event, Frame, Handler, Ipc, Message, PeerId, Server};
use tokio::time::timeout;

use crate::{
    args::DemoArgs,
    failure::{Exit, Failure},
};

mod node;
mod report;

use report::Report;

/// How many round trips are timed.
const PINGS: u32 = 200;

/// How long one exchange may take.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) async fn run(_args: &DemoArgs) -> Result<Exit, Failure> {
    let mut report = Report::new();
    report.line(format_args!("hello and world, both ways, and {PINGS} round trips; the runtime is tokio"))?;
    let folder = tempfile::Builder::new().prefix("ipc-demo-").tempdir().map_err(Failure::system)?;
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();

    report.heading("in this process")?;
    for endpoint in endpoints(path("app.world")) {
        report.row(label(&endpoint), within(exchange(endpoint)).await)?;
    }
    node::run(&mut report, &path).await?;
    Ok(if report.failed() { Exit::Failed } else { Exit::Done })
}

fn endpoints(path: String) -> Vec<Endpoint> {
    let mut endpoints = vec![Endpoint::Path(path), Endpoint::Tcp { host: "127.0.0.1".to_owned(), port: 0 }];
    if cfg!(any(target_os = "linux", target_os = "android")) {
        endpoints.insert(1, Endpoint::Abstract(format!("ipc-demo-{}", std::process::id())));
    }
    endpoints
}

fn label(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Tcp { host, port: 0 } => format!("tcp:{host}, a free port"),
        endpoint => endpoint.to_string(),
    }
}

/// The round trips of one exchange that went well.
#[derive(Debug)]
struct Trips {
    times: Vec<Duration>,
}

type Outcome = Result<Trips, Box<dyn std::error::Error>>;

async fn within(exchange: impl Future<Output = Outcome>) -> Outcome {
    timeout(PATIENCE, exchange).await.map_err(|_| wrong("no answer"))?
}

/// A server and a client, here.
async fn exchange(endpoint: Endpoint) -> Outcome {
    let server = serve(endpoint).await?;
    let endpoint = server.endpoints().first().cloned().ok_or_else(|| wrong("nowhere to connect to"))?;
    let mut client = End::Client(Ipc::new(Config::default()).connect_to_endpoint("world", endpoint)?);
    client.emit("message", "hello").await?;
    client.expect("message", "world").await?;
    let trips = client.ping("ping").await?;
    client.close().await;
    server.stop().await;
    Ok(trips)
}

/// A server that answers hello with world and sends every ping back.
async fn serve(endpoint: Endpoint) -> Result<Server, ipc_tokio::Error> {
    let answering = |_| -> Handler {
        Box::new(|event, out| {
            if let Event::Message(message) = event {
                // A peer that is gone needs no answer.
                answer(message, out).ok();
            }
            true
        })
    };
    Ipc::new(Config::default()).serve_with(vec![endpoint], answering).await
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

/// This side of a conversation, whichever it is.
enum End {
    Client(Client),
    Server(Server, PeerId),
}

impl End {
    async fn emit<T: serde::Serialize + ?Sized>(&self, name: &str, data: &T) -> Result<(), EmitError> {
        match self {
            Self::Client(client) => client.emit(name, data).await.map(drop),
            Self::Server(server, peer) => server.emit(*peer, name, data).await.map(drop),
        }
    }

    async fn message(&mut self) -> Result<Message, Box<dyn std::error::Error>> {
        loop {
            let event = match self {
                Self::Client(client) => client.next().await,
                Self::Server(server, _) => server.next().await.map(|(_, event)| event),
            };
            match event.ok_or_else(|| wrong("the connection ended"))? {
                Event::Message(message) => return Ok(message),
                Event::Error(error) => return Err(error.into()),
                _ => {}
            }
        }
    }

    /// Waits for a message that says `text`.
    async fn expect(&mut self, name: &str, text: &str) -> Result<(), Box<dyn std::error::Error>> {
        loop {
            let message = self.message().await?;
            if message.name() == name && says(&message, text) {
                return Ok(());
            }
        }
    }

    /// Times round trips with a peer that sends events called `name` back.
    async fn ping(&mut self, name: &str) -> Outcome {
        let mut times = Vec::new();
        for number in 0..PINGS {
            let start = Instant::now();
            self.emit(name, &number).await?;
            while self.message().await?.name() != name {}
            times.push(start.elapsed());
        }
        Ok(Trips { times })
    }

    async fn close(self) {
        match self {
            Self::Client(mut client) => drop(client.close().await),
            Self::Server(server, _) => server.stop().await,
        }
    }
}

fn wrong(what: &str) -> Box<dyn std::error::Error> {
    io::Error::other(what).into()
}
