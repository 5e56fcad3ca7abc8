//! The `ipc` command: node-ipc from the command line.

mod args;
mod check;
mod connect;
mod demo;
mod emit;
mod failure;
mod input;
mod lines;
mod link;
mod output;
mod place;
mod record;
mod replay;
mod request;
mod runtime;
mod serve;
mod session;
mod settings;
mod signals;

// The suite's scenarios over real sockets are cases of `ipc check`: one text, used twice.
#[cfg(unix)]
#[path = "../../../tests/suite/captured.rs"]
#[allow(dead_code, reason = "it belongs to the suite, which uses all of it")]
mod captured;
#[cfg(unix)]
#[path = "../../../../ipc-tokio/tests/tls/certificates.rs"]
#[allow(dead_code, reason = "it belongs to the suite, which uses all of it")]
mod certificates;
#[cfg(unix)]
#[path = "../../../tests/suite/clients.rs"]
#[allow(clippy::unwrap_used, reason = "a scenario says by a panic what went wrong")]
mod clients;
#[cfg(unix)]
#[path = "../../../tests/suite/raw.rs"]
#[allow(dead_code, reason = "it belongs to the suite, which uses all of it")]
mod raw;
#[cfg(unix)]
#[path = "../../../tests/suite/receive.rs"]
#[allow(dead_code, reason = "it belongs to the suite, which uses all of it")]
mod receive;
#[cfg(unix)]
#[path = "../../../tests/suite/recorded.rs"]
#[allow(dead_code, reason = "it belongs to the suite, which uses all of it")]
mod recorded;
#[cfg(unix)]
#[path = "../../../tests/suite/servers.rs"]
#[allow(clippy::unwrap_used, reason = "a scenario says by a panic what went wrong")]
mod servers;
#[cfg(unix)]
#[path = "../../../tests/suite/stage.rs"]
#[allow(dead_code, reason = "it belongs to the suite, which uses all of it")]
mod stage;
#[cfg(unix)]
#[path = "../../../tests/suite/tls.rs"]
#[allow(dead_code, reason = "it belongs to the suite, which uses all of it")]
mod tls;
#[cfg(unix)]
#[path = "../../../tests/suite/wire.rs"]
#[allow(dead_code, reason = "it belongs to the suite, which uses all of it")]
mod wire;

use std::{io::Write, process::ExitCode};

use clap::Parser;
use ipc_conformance::host::Host;

use crate::{
    args::{Cli, Command},
    failure::{Exit, Failure},
    runtime::{Program, Runtime},
    signals::Signals,
};

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            failure.report();
            failure.exit.into()
        }
    }
}

fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Demo(args) => demo::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Serve(args) => on_runtime(args.common.runtime, Work::Serve(args)),
        Command::Connect(args) => on_runtime(args.common.runtime, Work::Connect(args)),
        Command::Emit(args) => on_runtime(args.common.runtime, Work::Emit(args)),
        Command::Request(args) => on_runtime(args.common.runtime, Work::Request(args)),
        Command::Record(args) => on_runtime(args.common.runtime, Work::Record(args)),
    }
}

fn on_runtime(runtime: Runtime, work: Work) -> Result<Exit, Failure> {
    runtime.run((work, Signals::install()?))
}

/// What is done on the runtime that the command line names.
enum Work {
    Serve(args::ServeArgs),
    Connect(args::ConnectArgs),
    Emit(args::EmitArgs),
    Request(args::EmitArgs),
    Record(args::RecordArgs),
}

impl Program for (Work, Signals) {
    type Output = Result<Exit, Failure>;

    fn run<H: Host>(self) -> Result<Exit, Failure> {
        let (work, signals) = self;
        match work {
            // A server has a task for each peer, and they may run on every core. The others have one connection.
            Work::Serve(args) => H::run(|host| serve::run(host, args, signals)),
            Work::Connect(args) => H::run_alone(|host| connect::run(host, args, signals)),
            Work::Emit(args) => H::run_alone(|host| emit::run(host, args, signals)),
            Work::Request(args) => H::run_alone(|host| request::run(host, args, signals)),
            Work::Record(args) => H::run_alone(|host| record::run(host, args, signals)),
        }
    }
}

/// Writes a line for people to stderr; that it cannot be written is nobody's concern.
fn warn(message: impl std::fmt::Display) {
    writeln!(std::io::stderr(), "ipc: {message}").ok();
}
