//! `ipc emit`: one event, and whether the system took it.

use ipc_tokio::{Config, EmitError, Frame, Json, Outcome, Profile, Sender};
use tokio::time::timeout;

use crate::{
    args::EmitArgs,
    failure::{Exit, Failure},
    lines,
    output::Output,
    session::{Session, Stop},
    signals::Signals,
};

pub(crate) async fn run(args: EmitArgs, signals: Signals) -> Result<Exit, Failure> {
    // One message waits for no other's answer.
    let config = args.common.config()?.sync(false);
    let frame = frame(&args, &config)?;
    let output = Output::troubles(&args.common);
    let mut session = Session::open(args.endpoint, config, output, signals)?;
    let sending = send(session.sender(), frame, output);
    let exit = match timeout(args.timeout, session.until(sending)).await {
        Ok(Ok(sent)) => sent?,
        Ok(Err(Stop::Signal | Stop::Destroyed)) => Exit::Failed,
        Ok(Err(Stop::Failed(failure))) => return Err(failure),
        Err(_) => Exit::TimedOut,
    };
    session.leave().await?;
    Ok(exit)
}

async fn send(sender: Sender, frame: Frame, output: Output) -> Result<Exit, Failure> {
    match sender.send_tracked(frame).await {
        Ok(delivery) => Ok(if delivery.await == Outcome::Flushed { Exit::Done } else { Exit::Failed }),
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
