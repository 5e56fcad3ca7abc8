//! `ipc emit`: one event, and whether the system took it.

use ipc_tokio::{EmitError, Frame, Json, Outcome, Sender};
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
    let frame = frame(&args)?;
    let output = Output::troubles(&args.common);
    // One message waits for no other's answer.
    let config = args.common.config().sync(false);
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

fn frame(args: &EmitArgs) -> Result<Frame, Failure> {
    if args.common.is_raw() {
        return match &args.data {
            None => Ok(Frame::raw(args.common.encoding.encode(&args.name))),
            Some(_) => Err(Failure::usage("--profile raw sends TYPE alone; leave JSON out")),
        };
    }
    let name = Json::encode(args.name.as_str()).map_err(Failure::usage)?;
    lines::frame(&name, args.data.as_deref().unwrap_or_default())
        .map_err(|_| Failure::usage("JSON is not JSON; a string is written in quotes: '\"hello\"'"))
}
