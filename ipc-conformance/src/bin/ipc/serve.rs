//! `ipc serve`: listens, prints what comes, and answers.

use std::{collections::BTreeMap, future::pending, pin::pin, sync::Arc, time::Duration};

use futures_util::future::Either;
use ipc_conformance::host::Host;
use ipc_proto::{
    Config, Emit, EmitError, Event, Frame, IoError, Json, Message, PeerId, Pressure, Profile,
    endpoint::Endpoint,
    facade::{AcceptErrors, Handler, Ipc, Server},
};

use crate::{
    args::ServeArgs,
    failure::{Exit, Failure},
    lines,
    output::Output,
    place,
    session::first,
    signals::Signals,
    warn,
};

/// How long stopping may take to write what waits.
const DRAIN: Duration = Duration::from_secs(1);

pub(crate) async fn run<H: Host>(host: H, args: ServeArgs, signals: Signals) -> Result<Exit, Failure> {
    let output = Output::new(&args.common);
    let mut server = start(host, args, output).await?;
    let printed = print(&mut server, output, &signals).await;
    // However it ends, the socket goes and the peers are let go.
    server.stop().await;
    printed?;
    while let Some((peer, event)) = server.next().await {
        output.event(Some(peer), &event)?;
    }
    Ok(Exit::Done)
}

/// Prints what happens until somebody asks to stop.
async fn print<H: Host>(server: &mut Server<H>, output: Output, signals: &Signals) -> Result<(), Failure> {
    for endpoint in server.endpoints() {
        output.start(&place::show(endpoint), "listening at")?;
    }
    let mut strangers = server.accept_errors();
    let mut stop = pin!(signals.stop());
    loop {
        match first(stop.as_mut(), next(server, &mut strangers)).await {
            Either::Right(Some((peer, event))) => output.event(peer, &event)?,
            Either::Right(None) | Either::Left(()) => return Ok(()),
        }
    }
}

/// What happens next: to a peer, or to a connection that never became one, by a failed handshake mostly.
async fn next<H: Host>(server: &mut Server<H>, strangers: &mut AcceptErrors) -> Option<(Option<PeerId>, Event)> {
    match first(failed(strangers), server.next()).await {
        Either::Left(error) => Some((None, Event::Error(error.into()))),
        Either::Right(next) => next.map(|(peer, event)| (Some(peer), event)),
    }
}

/// The next connection that fails before there is a peer; there may never be one.
async fn failed(strangers: &mut AcceptErrors) -> IoError {
    match strangers.next().await {
        Some(error) => error,
        None => pending().await,
    }
}

async fn start<H: Host>(host: H, args: ServeArgs, output: Output) -> Result<Server<H>, Failure> {
    let mut config = args.common.config()?.drain_timeout(DRAIN);
    let answers = Arc::new(Answers::new(&args, &config)?);
    if answers.any() {
        make_room(&mut config);
    }
    let endpoint = args.endpoint.unwrap_or_else(|| default_endpoint(&config));
    let endpoints = place::to_serve(endpoint, &mut config, args.common.both_paths)?;
    let make = move |_| handler(Arc::clone(&answers), output);
    Ok(Ipc::with_runtime(config, host).serve_with(endpoints, make).await?)
}

fn default_endpoint(config: &Config) -> Endpoint {
    Endpoint::Id(if config.id.is_empty() { "world".to_owned() } else { config.id.clone() })
}

/// Lets the answer to any message that was taken wait behind others: a peer is not read from while more than the
/// high mark waits for it, so this much is never exceeded.
fn make_room(config: &mut Config) {
    let most = config.frame_limit() + Pressure::HIGH_MARK + config.delimiter.len();
    config.limits.max_pending_bytes = config.limits.max_pending_bytes.max(most);
}

/// What is answered to whom.
struct Answers {
    echo: bool,
    /// By the type of the message, the type of its answer as JSON.
    replies: BTreeMap<String, Json>,
}

impl Answers {
    fn new(args: &ServeArgs, config: &Config) -> Result<Self, Failure> {
        if config.profile == Profile::Raw && !args.on.is_empty() {
            return Err(Failure::usage("--on needs events, and --profile raw has none; --echo works"));
        }
        let reply = |(name, reply): &(String, String)| Some((name.clone(), Json::encode(reply).ok()?));
        Ok(Self { echo: args.echo, replies: args.on.iter().filter_map(reply).collect() })
    }

    fn any(&self) -> bool {
        self.echo || !self.replies.is_empty()
    }

    /// Answers an event, if it is one to be answered.
    fn answer(&self, event: &Event, out: &mut dyn Emit) -> Result<(), EmitError> {
        match event {
            Event::Message(message) => match self.reply_to(message) {
                Some(name) => {
                    let data = message.data().unwrap_or(Json::empty_object());
                    out.send_frame(lines::joined(name, &data)).map(drop)
                }
                None if self.echo => out.relay(message).map(drop),
                None => Ok(()),
            },
            Event::Raw(bytes) if self.echo => out.send_frame(Frame::raw(bytes.clone())).map(drop),
            _ => Ok(()),
        }
    }

    fn reply_to(&self, message: &Message) -> Option<&Json> {
        if self.replies.is_empty() { None } else { self.replies.get(message.name()) }
    }
}

/// Answers inside the connection's task; what is to be printed goes on to the server's stream.
fn handler(answers: Arc<Answers>, output: Output) -> Handler {
    Box::new(move |event, out| {
        if let Err(error) = answers.answer(event, out) {
            report(error, output);
        }
        output.shows(event)
    })
}

/// Says that an answer could not be sent: the connection is closing, mostly.
fn report(error: EmitError, output: Output) {
    match error {
        EmitError::Encode(error) => warn(format_args!("an answer cannot be sent: {error}")),
        // An output that cannot be written ends the command at the next event.
        error => drop(error.into_frame().map(|frame| output.undelivered(&frame))),
    }
}
