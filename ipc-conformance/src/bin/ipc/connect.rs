//! `ipc connect`: what is typed is emitted, what comes is printed.

use std::{
    future::{Future, pending, ready},
    pin::{Pin, pin},
    time::Duration,
};

use ipc_tokio::{Delivery, EmitError, Frame, Profile, Sender};
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, BufReader, stdin},
    time::{sleep, timeout},
};

use crate::{
    args::ConnectArgs,
    failure::{Exit, Failure},
    lines::Grammar,
    output::Output,
    session::{Session, Stop},
    signals::Signals,
    warn,
};

/// How long nothing must have come before the command leaves.
const LINGER: Duration = Duration::from_millis(200);

/// How long a frame waits that found both directions full.
const PAUSE: Duration = Duration::from_millis(20);

pub(crate) async fn run(args: ConnectArgs, signals: Signals) -> Result<Exit, Failure> {
    let output = Output::new(&args.common);
    let mut config = args.common.config()?;
    config.drain_timeout = args.drain_timeout.unwrap_or(config.drain_timeout);
    let grammar = if config.profile == Profile::Raw { Grammar::Raw(config.encoding) } else { Grammar::Events };
    let drain = if args.stay { None } else { Some(config.drain_timeout) };
    let mut session = Session::open(args.endpoint, config, output, signals)?;
    let feeder = Feeder { sender: session.sender(), grammar, output, fed: Fed::default() };
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
async fn converse(session: &mut Session, feeder: Feeder, drain: Option<Duration>) -> Result<Exit, Stop> {
    let mut feeding = pin!(feeder.run(BufReader::new(stdin())));
    let fed = match session.until(feeding.as_mut()).await {
        Ok(fed) => fed.map_err(Stop::Failed)?,
        Err(stop) => {
            report_held(feeding).await?;
            return Err(stop);
        }
    };
    let Some(span) = drain else { return session.until(pending()).await };
    let exit = if fed.failed { Exit::Failed } else { Exit::Done };
    let drained = async {
        match fed.last {
            Some(last) => session.until(last).await.map(drop),
            None => session.connected().await,
        }
    };
    let Ok(drained) = timeout(span, drained).await else { return Ok(Exit::Failed) };
    drained?;
    session.linger(LINGER).await?;
    Ok(exit)
}

/// When the client is gone, a frame that still waits for room is handed back, and reported.
async fn report_held(feeding: Pin<&mut impl Future<Output = Result<Fed, Failure>>>) -> Result<(), Stop> {
    tokio::select! {
        biased;
        fed = feeding => fed.map(drop).map_err(Stop::Failed),
        () = ready(()) => Ok(()),
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
struct Feeder {
    sender: Sender,
    grammar: Grammar,
    output: Output,
    fed: Fed,
}

impl Feeder {
    /// Reads to the end of input, or until the client takes nothing more.
    async fn run(mut self, mut input: impl AsyncBufRead + Unpin) -> Result<Fed, Failure> {
        let mut line = Vec::new();
        for number in 1_u64.. {
            line.clear();
            if input.read_until(b'\n', &mut line).await.map_err(Failure::system)? == 0 {
                break;
            }
            let text = line.strip_suffix(b"\n").unwrap_or(&line);
            match self.grammar.parse(text) {
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
                    sleep(PAUSE).await;
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
