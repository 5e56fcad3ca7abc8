//! The `ipc` command: node-ipc from the command line.

mod args;
mod connect;
mod demo;
mod emit;
mod failure;
mod lines;
mod output;
mod place;
mod record;
mod replay;
mod request;
mod serve;
mod session;
mod settings;
mod signals;

use std::{io::Write, process::ExitCode};

use clap::Parser;
use tokio::runtime::Builder;

use crate::{
    args::{Cli, Command},
    failure::{Exit, Failure},
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
    // A server has a task for each peer, and they may run on every core. The others have one connection.
    let mut builder =
        if matches!(command, Command::Serve(_)) { Builder::new_multi_thread() } else { Builder::new_current_thread() };
    let runtime = builder.enable_all().build().map_err(Failure::system)?;
    let result = runtime.block_on(async {
        match command {
            Command::Demo(args) => demo::run(&args).await,
            Command::Serve(args) => serve::run(args, Signals::install()?).await,
            Command::Connect(args) => connect::run(args, Signals::install()?).await,
            Command::Request(args) => request::run(args, Signals::install()?).await,
            Command::Record(args) => record::run(args, Signals::install()?).await,
            Command::Replay(args) => replay::run(&args),
            Command::Emit(args) => emit::run(args, Signals::install()?).await,
        }
    });
    // A read of stdin that nobody waits for any more would keep the runtime from ending.
    runtime.shutdown_background();
    result
}

/// Writes a line for people to stderr; that it cannot be written is nobody's concern.
fn warn(message: impl std::fmt::Display) {
    writeln!(std::io::stderr(), "ipc: {message}").ok();
}
