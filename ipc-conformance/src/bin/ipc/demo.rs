//! `ipc demo`: hello and world over every transport of this machine.

use std::path::Path;

use ipc_conformance::host::Host;

use crate::{
    args::DemoArgs,
    failure::{Exit, Failure},
    runtime::{Program, Runtime},
};

mod certificate;
mod child;
mod exchange;
mod node;
mod report;
mod transport;

use certificate::Certificate;
use exchange::PINGS;
pub(crate) use node::MISSING;
use report::Report;
pub(crate) use report::Row;
use transport::Transport;

pub(crate) fn run(args: &DemoArgs) -> Result<Exit, Failure> {
    let mut report = Report::new();
    report.line(format_args!("hello and world, both ways, and {PINGS} round trips"))?;
    let folder = tempfile::Builder::new().prefix("ipc-demo-").tempdir().map_err(Failure::system)?;
    let stage = Stage { folder: folder.path(), certificate: Certificate::make(folder.path())? };
    let runtimes = args.runtime.as_ref().map_or(Runtime::ALL, std::slice::from_ref);
    for runtime in runtimes {
        runtime.run(Show { stage: &stage, report: &mut report, guests: None })?;
    }
    // Node-ipc cannot tell runtimes apart; one will do.
    if let Some(first) = runtimes.first() {
        match node::find(&stage)? {
            Some(guests) => first.run(Show { stage: &stage, report: &mut report, guests: Some(guests) })?,
            None => report.line(MISSING)?,
        }
    }
    Ok(if report.failed() { Exit::Failed } else { Exit::Done })
}

/// Exchanges with the node-ipc that is installed, on one runtime and without a word; none where there is none.
pub(crate) fn with_node_ipc(runtime: Runtime) -> Result<Vec<Row>, Failure> {
    let folder = tempfile::Builder::new().prefix("ipc-check-").tempdir().map_err(Failure::system)?;
    let stage = Stage { folder: folder.path(), certificate: Certificate::make(folder.path())? };
    let mut report = Report::keeping();
    if let Some(guests) = node::find(&stage)? {
        runtime.run(Show { stage: &stage, report: &mut report, guests: Some(guests) })?;
    }
    Ok(report.kept())
}

/// What the exchanges share.
struct Stage<'a> {
    folder: &'a Path,
    certificate: Certificate,
}

impl Stage<'_> {
    fn path(&self, name: &str) -> String {
        self.folder.join(name).to_string_lossy().into_owned()
    }
}

/// Exchanges on one runtime, with node-ipc where there are guests.
struct Show<'a> {
    stage: &'a Stage<'a>,
    report: &'a mut Report,
    guests: Option<node::Guests>,
}

impl Program for Show<'_> {
    type Output = Result<(), Failure>;

    fn run<H: Host>(self) -> Result<(), Failure> {
        let Self { stage, report, guests } = self;
        H::run_alone(|host| async move {
            match guests {
                Some(guests) => node::exchanges(&host, stage, &guests, report).await,
                None => exchanges(&host, stage, report).await,
            }
        })
    }
}

/// A server and a client in this process, over every transport.
async fn exchanges<H: Host>(host: &H, stage: &Stage<'_>, report: &mut Report) -> Result<(), Failure> {
    report.heading(format_args!("in this process, on {}", H::NAME))?;
    for transport in Transport::here() {
        report.row(transport, exchange::alone(host, stage, transport).await)?;
    }
    Ok(())
}
