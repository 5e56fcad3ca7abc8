//! `ipc serve`: listens, prints what comes, and answers.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use ipc_tokio::{Config, EmitError, Endpoint, Event, Frame, Handler, Ipc, Json, Message, Pressure, Server};

use crate::{
    args::ServeArgs,
    failure::{Exit, Failure},
    lines,
    output::Output,
    place,
    signals::Signals,
    warn,
};

/// How long stopping may take to write what waits.
const DRAIN: Duration = Duration::from_secs(1);

pub(crate) async fn run(args: ServeArgs, mut signals: Signals) -> Result<Exit, Failure> {
    let output = Output::new(&args.common);
    let mut server = start(args, output).await?;
    let printed = print(&mut server, output, &mut signals).await;
    // However it ends, the socket goes and the peers are let go.
    server.stop().await;
    printed?;
    while let Some((peer, event)) = server.next().await {
        output.event(Some(peer), &event)?;
    }
    Ok(Exit::Done)
}

/// Prints what happens until somebody asks to stop.
async fn print(server: &mut Server, output: Output, signals: &mut Signals) -> Result<(), Failure> {
    for endpoint in server.endpoints() {
        output.start(&place::show(endpoint), "listening at")?;
    }
    loop {
        tokio::select! {
            () = signals.stop() => return Ok(()),
            next = server.next() => match next {
                Some((peer, event)) => output.event(Some(peer), &event)?,
                None => return Ok(()),
            },
        }
    }
}

async fn start(args: ServeArgs, output: Output) -> Result<Server, Failure> {
    let answers = Arc::new(Answers::new(&args)?);
    let mut config = args.common.config().drain_timeout(DRAIN);
    if answers.any() {
        make_room(&mut config);
    }
    let endpoint = args.endpoint.unwrap_or_else(|| default_endpoint(&config));
    let endpoints = place::to_serve(endpoint, &mut config, args.common.both_paths)?;
    let make = move |_| handler(Arc::clone(&answers), output);
    Ok(Ipc::new(config).serve_with(endpoints, make).await?)
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
    fn new(args: &ServeArgs) -> Result<Self, Failure> {
        if args.common.is_raw() && !args.on.is_empty() {
            return Err(Failure::usage("--on needs events, and --profile raw has none; --echo works"));
        }
        let reply = |(name, reply): &(String, String)| Some((name.clone(), Json::encode(reply).ok()?));
        Ok(Self { echo: args.echo, replies: args.on.iter().filter_map(reply).collect() })
    }

    fn any(&self) -> bool {
        self.echo || !self.replies.is_empty()
    }

    fn is_plain_echo(&self) -> bool {
        self.echo && self.replies.is_empty()
    }

    fn answer(&self, event: &Event) -> Option<Frame> {
        match event {
            Event::Message(message) => self.answer_message(message),
            Event::Raw(bytes) if self.echo => Some(Frame::raw(bytes.clone())),
            _ => None,
        }
    }

    fn answer_message(&self, message: &Message) -> Option<Frame> {
        match self.replies.get(message.name()) {
            Some(name) => Some(lines::joined(name, &message.data().unwrap_or(Json::empty_object()))),
            None => self.echo.then(|| message.to_frame()),
        }
    }
}

/// Answers inside the connection's task; what is to be printed goes on to the server's stream.
fn handler(answers: Arc<Answers>, output: Output) -> Handler {
    Box::new(move |event, out| {
        match &event {
            Event::Message(message) if answers.is_plain_echo() => report(out.relay(message), output),
            event => {
                if let Some(frame) = answers.answer(event) {
                    report(out.send_frame(frame), output);
                }
            }
        }
        output.shows(&event).then_some(event)
    })
}

/// Says so when an answer could not be sent: the connection is closing, mostly.
fn report(sent: Result<Pressure, EmitError>, output: Output) {
    match sent {
        Ok(_) => {}
        Err(EmitError::Encode(error)) => warn(format_args!("an answer cannot be sent: {error}")),
        // An output that cannot be written ends the command at the next event.
        Err(error) => drop(error.into_frame().map(|frame| output.undelivered(&frame))),
    }
}
