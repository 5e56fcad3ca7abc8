//! `ipc request`: a question, and its answer.

use ipc_conformance::host::Host;
use ipc_proto::{Profile, facade::RequestError};

use crate::{
    args::EmitArgs,
    failure::{Exit, Failure},
    output::Output,
    session::{Session, Stop},
    signals::Signals,
};

pub(crate) async fn run<H: Host>(host: H, args: EmitArgs, signals: Signals) -> Result<Exit, Failure> {
    let data = args.json()?;
    let config = args.common.config()?;
    if config.profile == Profile::Raw {
        return Err(Failure::usage("a request is an event, and --profile raw has none"));
    }
    let output = Output::troubles(&args.common);
    let mut session = Session::open(host, args.endpoint, config, output, signals).await?;
    let answer = session.ask(args.timeout, &args.name, &data).await;
    // However it ends, nothing is left behind; the answer is worth more than a failure to leave.
    let left = session.leave().await;
    match answer {
        Ok(Ok(answer)) => output.reply(&answer).and(left).map(|()| Exit::Done),
        Ok(Err(error)) => Err(unanswered(error)),
        Err(Stop::Signal | Stop::Destroyed) => Ok(Exit::Failed),
        Err(Stop::Failed(failure)) => Err(failure),
    }
}

fn unanswered(error: RequestError) -> Failure {
    match error {
        RequestError::Timeout => Failure::new(Exit::TimedOut, error),
        error => Failure::new(Exit::Failed, error),
    }
}
