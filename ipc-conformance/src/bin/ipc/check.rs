//! `ipc check`: recordings of node-ipc replayed, a line per case.

use ipc_conformance::{
    check::{self, Case, Group, Place},
    corpus::{self, Corpus, CorpusError},
    replay::{Differs, Replay, Verdict, seed_from_env},
};

use crate::{
    args::CheckArgs,
    demo::{self, Row},
    failure::{Exit, Failure},
    runtime::Runtime,
};

mod escape;
mod foreign;
mod html;
mod markdown;
mod matrix;
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
    let mut report = Report::new(args)?;
    if let Some(command) = &args.command {
        let ended = foreign::run(command, &data, &mut report);
        let exit = report.end()?;
        return ended.map(|()| exit);
    }
    let seed = seed_from_env();
    report.expect(data.captures.len() + data.setups());
    for capture in &data.captures {
        report.case(check::capture(&data.replay, capture, seed))?;
    }
    for case in &data.receive {
        check::receive(&data.replay, case).try_for_each(|case| report.case(case))?;
    }
    over_sockets(&data, args, &mut report)?;
    if data.built_in {
        live(args, &mut report)?;
    }
    report.end()
}

/// Exchanges with real node-ipc, where it is installed: versions, transports, and who is the client.
fn live(args: &CheckArgs, report: &mut Report) -> Result<(), Failure> {
    let runtime = args.runtime.and_then(|runtimes| runtimes.first()).copied().unwrap_or(Runtime::Tokio);
    let rows = demo::with_node_ipc(runtime)?;
    if rows.is_empty() {
        return report.without_live_peers();
    }
    report.expect(rows.len());
    for Row { what, transport, version, outcome } in rows {
        let verdict = outcome.map_or_else(Verdict::Failed, |()| Verdict::Passed);
        let place = Place::new(transport, "live", version);
        report.case(Case::new(Group::Live, what, runtime.name(), place, verdict))?;
    }
    Ok(())
}

/// Lifecycle scenarios; captures where anybody asks or nobody named other data; receive cases on demand.
#[cfg(unix)]
fn over_sockets(data: &Data, args: &CheckArgs, report: &mut Report) -> Result<(), Failure> {
    let few: &[Runtime] = if data.built_in { Runtime::ALL } else { &[Runtime::Tokio] };
    let asked = args.runtime.is_some();
    for runtime in args.runtime.unwrap_or(few) {
        runtime.run(sockets::Sockets { data, report, captures: asked || data.built_in, receive: asked })?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn over_sockets(data: &Data, _args: &CheckArgs, report: &mut Report) -> Result<(), Failure> {
    let reason = || Verdict::Skipped("Scenarios are done over Unix sockets, which this system has not.".to_owned());
    let name = |scenario: &corpus::Lifecycle| format!("{} {}", scenario.name, scenario.version);
    let place = |scenario| Place::of_lifecycle(scenario, "unix");
    let case = |scenario| Case::new(Group::Lifecycle, name(scenario), "core", place(scenario), reason());
    data.lifecycle.iter().try_for_each(|scenario| report.case(case(scenario)))
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
    /// How many set-ups the receive cases have.
    fn setups(&self) -> usize {
        self.receive.iter().map(|case| check::setups(case).count()).sum()
    }

    /// All of it is read before anything is run.
    fn read(args: &CheckArgs) -> Result<Self, Failure> {
        if args.corpus.is_none() && args.receive.is_none() && args.lifecycle.is_none() {
            return Self::built_in();
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
        data.refuse_nothing(args)?;
        Ok(data)
    }

    /// A check of nothing would be a success.
    fn refuse_nothing(&self, args: &CheckArgs) -> Result<(), Failure> {
        if !self.captures.is_empty() || !self.lifecycle.is_empty() || self.setups() > 0 {
            return Ok(());
        }
        let named = [&args.corpus, &args.receive, &args.lifecycle].into_iter().flatten();
        let names: Vec<String> = named.map(|path| path.display().to_string()).collect();
        Err(Failure::usage(format_args!("{}: no capture, receive case or scenario", names.join(", "))))
    }

    fn built_in() -> Result<Self, Failure> {
        let (corpus, replay) = (Corpus::embedded(), Replay::new(Differs::built_in()));
        let (captures, receive, lifecycle) = (corpus.captures()?, corpus.receive_cases()?, corpus.lifecycle()?);
        Ok(Self { built_in: true, replay, captures, receive, lifecycle })
    }

    /// A folder may have captures only.
    fn of(corpus: &Corpus, replay: Replay) -> Result<Self, CorpusError> {
        Ok(Self {
            built_in: false,
            replay,
            captures: corpus.captures()?,
            receive: if corpus.has_receive_cases() {
                corpus::read_receive_cases(&corpus.receive_path())?
            } else {
                Vec::new()
            },
            lifecycle: if corpus.has_lifecycle() { corpus.lifecycle()? } else { Vec::new() },
        })
    }
}
