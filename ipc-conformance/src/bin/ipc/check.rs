//! `ipc check`: recordings of node-ipc replayed, a line per case.

use ipc_conformance::{
    check::{self, Case, Group},
    corpus::{self, Corpus, CorpusError},
    replay::{Differs, Replay, Verdict, seed_from_env},
};

use crate::{
    args::CheckArgs,
    demo,
    failure::{Exit, Failure},
    runtime::Runtime,
};

mod foreign;
mod report;
#[cfg(unix)]
mod sockets;

use report::Report;

impl From<CorpusError> for Failure {
    fn from(error: CorpusError) -> Self {
        Self::usage(error)
    }
}

pub(crate) fn run(args: &CheckArgs) -> Result<Exit, Failure> {
    let data = Data::read(args)?;
    let mut report = Report::new(args);
    if let Some(command) = &args.command {
        foreign::run(command, &data, &mut report)?;
        return report.end();
    }
    let seed = seed_from_env();
    for capture in &data.captures {
        report.case(&check::capture(&data.replay, capture, seed))?;
    }
    for case in &data.receive {
        check::receive(&data.replay, case).try_for_each(|case| report.case(&case))?;
    }
    over_sockets(&data, args, &mut report)?;
    if data.built_in {
        live(args, &mut report)?;
    }
    report.end()
}

/// Exchanges with real node-ipc, where it is installed: versions, transports, and who is the client.
fn live(args: &CheckArgs, report: &mut Report) -> Result<(), Failure> {
    let runtime = args.runtime.unwrap_or(Runtime::Tokio);
    for (name, outcome) in demo::with_node_ipc(runtime)? {
        let verdict = outcome.map_or_else(Verdict::Failed, |()| Verdict::Passed);
        report.case(&Case::new(Group::Live, name, runtime.name(), verdict))?;
    }
    Ok(())
}

/// Lifecycle scenarios, and on demand receive cases.
#[cfg(unix)]
fn over_sockets(data: &Data, args: &CheckArgs, report: &mut Report) -> Result<(), Failure> {
    let program = sockets::Sockets { data, report, receive: args.runtime.is_some() };
    args.runtime.unwrap_or(Runtime::Tokio).run(program)
}

#[cfg(not(unix))]
fn over_sockets(data: &Data, _args: &CheckArgs, report: &mut Report) -> Result<(), Failure> {
    let reason = || Verdict::Skipped("Scenarios are done over Unix sockets, which this system has not.".to_owned());
    let name = |scenario: &corpus::Lifecycle| format!("{} {}", scenario.name, scenario.version);
    let cases = data.lifecycle.iter().map(|scenario| Case::new(Group::Lifecycle, name(scenario), "core", reason()));
    cases.into_iter().try_for_each(|case| report.case(&case))
}

/// What is to be checked.
struct Data {
    /// Nobody named any.
    built_in: bool,
    replay: Replay,
    captures: Vec<corpus::Capture>,
    receive: Vec<corpus::ReceiveCase>,
    lifecycle: Vec<corpus::Lifecycle>,
}

impl Data {
    /// All of it is read before anything is run.
    fn read(args: &CheckArgs) -> Result<Self, Failure> {
        if args.corpus.is_none() && args.receive.is_none() && args.lifecycle.is_none() {
            let data = Self::of(&Corpus::embedded(), Replay::new(Differs::built_in()))?;
            return Ok(Self { built_in: true, ..data });
        }
        let replay = Replay::by_rule(Differs::built_in());
        let mut data = match &args.corpus {
            Some(folder) => Self::of(&Corpus::at(folder), replay)?,
            None => Self { built_in: false, replay, captures: Vec::new(), receive: Vec::new(), lifecycle: Vec::new() },
        };
        if let Some(file) = &args.receive {
            data.receive = corpus::read_receive_cases(file)?;
        }
        if let Some(file) = &args.lifecycle {
            data.lifecycle = corpus::read_lifecycle(file)?;
        }
        Ok(data)
    }

    /// A folder may have captures only.
    fn of(corpus: &Corpus, replay: Replay) -> Result<Self, CorpusError> {
        Ok(Self {
            built_in: false,
            replay,
            captures: corpus.captures()?,
            receive: if corpus.has_receive_cases() { corpus.receive_cases()? } else { Vec::new() },
            lifecycle: if corpus.has_lifecycle() { corpus.lifecycle()? } else { Vec::new() },
        })
    }
}
