//! `ipc connect`: what is typed is emitted, what comes is printed.

use std::{
    future::{Future, pending, ready},
    pin::{Pin, pin},
    time::Duration,
};

use futures_util::future::Either;
use ipc_conformance::host::Host;
use ipc_proto::{
    EmitError, Frame, Profile,
    facade::{Delivery, Sender},
};

use crate::{
    args::ConnectArgs,
    failure::{Exit, Failure},
    input::Input,
    lines::Grammar,
    output::Output,
    session::{Session, Stop, first},
    signals::Signals,
    warn,
};

/// How long nothing must have come before the command leaves.
const LINGER: Duration = Duration::from_millis(200);

/// How long a frame waits that found both directions full.
const PAUSE: Duration = Duration::from_millis(20);

pub(crate) async fn run<H: Host>(host: H, args: ConnectArgs, signals: Signals) -> Result<Exit, Failure> {
    let output = Output::new(&args.common);
    let mut config = args.common.config()?;
    config.drain_timeout = args.drain_timeout.unwrap_or(config.drain_timeout);
    let grammar = if config.profile == Profile::Raw { Grammar::Raw(config.encoding) } else { Grammar::Events };
    let drain = if args.stay { None } else { Some(config.drain_timeout) };
    let mut session = Session::open(host.clone(), args.endpoint, config, output, signals).await?;
    let feeder = Feeder { host, sender: session.sender()?, grammar, output, fed: Fed::default() };
    match converse(&mut session, feeder, drain).await {
        Ok(exit) => {
            session.leave().await?;
            Ok(if session.lost { Exit::Failed } else { exit })
        }
        Err(Stop::Signal) => session.leave().await.map(|()| Exit::Done),
        Err(Stop::Destroyed) => Ok(Exit::Failed),
        Err(Stop::Failed(failure)) => Err(failure),
    }
}

/// Feeds the session, and drains it; without a `drain` it goes on for ever.
async fn converse<H: Host>(session: &mut Session<H>, feeder: Feeder<H>, drain: Option<Duration>) -> Result<Exit, Stop> {
    let mut feeding = pin!(feeder.run(Input::open()));
    let fed = match session.until(feeding.as_mut()).await {
        Ok(fed) => fed.map_err(Stop::Failed)?,
        Err(stop) => {
            report_held(feeding).await?;
            return Err(stop);
        }
    };
    let Some(span) = drain else { return session.until(pending()).await };
    let exit = if fed.failed { Exit::Failed } else { Exit::Done };
    let host = session.host.clone();
    let drained = async {
        match fed.last {
            Some(last) => session.until(last).await.map(drop),
            None => session.connected().await,
        }
    };
    let Some(drained) = host.timeout(span, drained).await else { return Ok(Exit::Failed) };
    drained?;
    session.linger(LINGER).await?;
    Ok(exit)
}

/// When the client is gone, a frame that still waits for room is handed back, and reported.
async fn report_held(feeding: Pin<&mut impl Future<Output = Result<Fed, Failure>>>) -> Result<(), Stop> {
    match first(feeding, ready(())).await {
        Either::Left(fed) => fed.map(drop).map_err(Stop::Failed),
        Either::Right(()) => Ok(()),
    }
}

/// What was fed to a client.
#[derive(Default)]
struct Fed {
    /// A line was bad, or could not be sent.
    failed: bool,
    /// Knows when everything is written.
    last: Option<Delivery>,
}

/// Turns lines into emits, in order.
struct Feeder<H> {
    host: H,
    sender: Sender,
    grammar: Grammar,
    output: Output,
    fed: Fed,
}

impl<H: Host> Feeder<H> {
    /// Reads to the end of input, or until the client takes nothing more.
    async fn run(mut self, mut input: Input) -> Result<Fed, Failure> {
        for number in 1_u64.. {
            let Some(line) = input.next().await.map_err(Failure::system)? else { break };
            match self.grammar.parse(&line) {
                Ok(None) => {}
                Ok(Some(frame)) => {
                    if !self.send(frame, number).await? {
                        break;
                    }
                }
                Err(why) => self.skip(number, why),
            }
        }
        Ok(self.fed)
    }

    /// Emits one frame. Says whether more can follow.
    async fn send(&mut self, frame: Frame, number: u64) -> Result<bool, Failure> {
        let mut frame = frame;
        loop {
            match self.sender.send_tracked(frame).await {
                Ok(delivery) => self.fed.last = Some(delivery),
                // We do take events, only not right now: the output is slow.
                Err(EmitError::Stalled(back)) => {
                    self.host.sleep(PAUSE).await;
                    frame = back;
                    continue;
                }
                Err(EmitError::Encode(why)) => self.skip(number, why),
                Err(EmitError::Full(back)) => self.give_up(&back)?,
                Err(EmitError::Closed(back)) => return self.give_up(&back).map(|()| false),
                Err(other) => self.skip(number, other),
            }
            return Ok(true);
        }
    }

    fn skip(&mut self, number: u64, why: impl std::fmt::Display) {
        self.fed.failed = true;
        warn(format_args!("line {number} is skipped: {why}"));
    }

    fn give_up(&mut self, frame: &Frame) -> Result<(), Failure> {
        self.fed.failed = true;
        self.output.undelivered(frame)
    }
}
