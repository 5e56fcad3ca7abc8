//! `ipc emit`: one event, and whether the system took it.

use std::time::Duration;

use ipc_conformance::host::Host;
use ipc_proto::{Config, EmitError, EncodeError, Event, Frame, IoError, Json, Outcome, Profile, facade::Sender};

use crate::{
    args::EmitArgs,
    failure::{Exit, Failure},
    lines,
    output::Output,
    session::{Session, Stop},
    signals::Signals,
};

pub(crate) async fn run<H: Host>(host: H, args: EmitArgs, signals: Signals) -> Result<Exit, Failure> {
    // One message waits for no other's answer.
    let config = args.common.config()?.sync(false);
    let frame = frame(&args, &config)?;
    let output = Output::troubles(&args.common);
    let mut session = Session::open(host.clone(), args.endpoint, config, output, signals).await?;
    let sending = send(session.sender()?, frame, output);
    let sent = match host.timeout(args.timeout, session.until(sending)).await {
        Some(Ok(sent)) => sent,
        Some(Err(Stop::Signal | Stop::Destroyed)) => Ok(Exit::Failed),
        Some(Err(Stop::Failed(failure))) => Err(failure),
        None => Err(late(args.timeout)),
    };
    // However it ends, what happened is told.
    session.leave().await?;
    sent
}

fn late(span: Duration) -> Failure {
    let span = humantime::format_duration(span);
    Failure::new(Exit::TimedOut, format_args!("it could not be written within {span}"))
}

async fn send(sender: Sender, frame: Frame, output: Output) -> Result<Exit, Failure> {
    match sender.send_tracked(frame).await {
        Ok(delivery) => Ok(if delivery.await == Outcome::Flushed { Exit::Done } else { Exit::Failed }),
        Err(EmitError::Encode(error @ EncodeError::TooLargeForDatagram { .. })) => {
            // A limit of the network's, told as the system would tell it.
            output.event(None, &Event::Error(IoError::new("EMSGSIZE", error.to_string()).into()))?;
            Ok(Exit::Failed)
        }
        Err(EmitError::Encode(error)) => Err(Failure::usage(error)),
        Err(error) => {
            let why = error.to_string();
            error.into_frame().map_or(Ok(()), |frame| output.undelivered(&frame))?;
            Err(Failure::new(Exit::Failed, why))
        }
    }
}

fn frame(args: &EmitArgs, config: &Config) -> Result<Frame, Failure> {
    if config.profile == Profile::Raw {
        return match &args.data {
            None => Ok(Frame::raw(config.encoding.encode(&args.name))),
            Some(_) => Err(Failure::usage("--profile raw sends TYPE alone; leave JSON out")),
        };
    }
    let name = Json::encode(args.name.as_str()).map_err(Failure::usage)?;
    Ok(lines::joined(&name, &args.json()?))
}
