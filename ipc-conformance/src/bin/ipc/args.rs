//! What can be written on the command line.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};
use ipc_proto::endpoint::Endpoint;

use crate::{
    runtime::{self, Runtime, Runtimes},
    settings,
};

mod common;
mod help;

pub(crate) use common::{Common, Dialect, Profile};
use help::{
    CHECK_EXAMPLES, CONNECT_EXAMPLES, DEMO_EXAMPLES, EMIT_EXAMPLES, ENDPOINTS, EXAMPLES, RECORD_EXAMPLES,
    REPLAY_EXAMPLES, REQUEST_EXAMPLES, SERVE_EXAMPLES,
};

/// Named JSON events over local sockets, TCP, TLS and UDP, as node-ipc speaks them.
#[derive(Debug, Parser)]
#[command(name = "ipc", version, after_help = format!("{ENDPOINTS}\n\n{EXAMPLES}"), max_term_width = 110)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show hello and world over every transport of this machine, with round-trip times.
    #[command(after_help = DEMO_EXAMPLES)]
    Demo(DemoArgs),
    /// Listen, print what comes, and answer where told to.
    #[command(after_help = format!("{ENDPOINTS}\n\n{SERVE_EXAMPLES}"))]
    Serve(ServeArgs),
    /// Connect, emit the lines of standard input, and print what comes.
    #[command(after_help = format!("{ENDPOINTS}\n\n{CONNECT_EXAMPLES}"))]
    Connect(ConnectArgs),
    /// Emit one event, and leave when it is written.
    #[command(after_help = format!("{ENDPOINTS}\n\n{EMIT_EXAMPLES}"))]
    Emit(EmitArgs),
    /// Ask, and print the answer.
    #[command(after_help = format!("{ENDPOINTS}\n\n{REQUEST_EXAMPLES}"))]
    Request(EmitArgs),
    /// Pass bytes between clients and a server on, and write them down.
    #[command(after_help = format!("{ENDPOINTS}\n\n{RECORD_EXAMPLES}"))]
    Record(RecordArgs),
    /// Show the conversation that `record` wrote down.
    #[command(after_help = REPLAY_EXAMPLES)]
    Replay(ReplayArgs),
    /// Replay recordings of real node-ipc, and say where this implementation does otherwise.
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Show this runtime only. [default: every one of this build]
    #[arg(long, value_name = "R", value_parser = runtime::named)]
    pub(crate) runtime: Option<Runtime>,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where to listen. [default: the id given by --id, or world]
    pub(crate) endpoint: Option<Endpoint>,
    /// Answer every message with the same type and data (raw: the same bytes), to its sender.
    #[arg(long)]
    pub(crate) echo: bool,
    /// Answer messages of type TYPE with type REPLYTYPE and the same data. May be repeated.
    #[arg(long, value_name = "TYPE=REPLYTYPE", value_parser = settings::answer)]
    pub(crate) on: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct ConnectArgs {
    /// Where to connect to.
    #[arg(default_value = "world")]
    pub(crate) endpoint: Endpoint,
    /// Keep listening after the end of input.
    #[arg(long)]
    pub(crate) stay: bool,
    /// How long to go on writing what waits after the end of input; what still waits then is undelivered. [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = settings::span)]
    pub(crate) drain_timeout: Option<Duration>,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct EmitArgs {
    /// Where to connect to.
    pub(crate) endpoint: Endpoint,
    /// The event's type. With --profile raw: the text to send.
    #[arg(value_name = "TYPE", allow_hyphen_values = true)]
    pub(crate) name: String,
    /// The event's data. Without it `{}` is sent.
    #[arg(value_name = "JSON", allow_hyphen_values = true)]
    pub(crate) data: Option<String>,
    /// How long it may take from the first attempt to connect; the exit code is 3 then.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = settings::span)]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct RecordArgs {
    /// Where clients connect to. An id is a socket as `serve` makes it.
    #[arg(long, value_name = "ENDPOINT")]
    pub(crate) listen: Endpoint,
    /// Where the server is.
    #[arg(long, value_name = "ENDPOINT")]
    pub(crate) to: Endpoint,
    /// The file to write, replaced if it is there. A pipe will do, too.
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// Captures, shown one after the other.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// A folder of captures: itself, or its captures/ or corpus/, with receive_cases.json and lifecycle.json where it has them.
    #[arg(long, value_name = "DIR")]
    pub(crate) corpus: Option<PathBuf>,
    /// Receive cases: input fed to one endpoint, and what it published.
    #[arg(long, value_name = "FILE")]
    pub(crate) receive: Option<PathBuf>,
    /// Lifecycle scenarios: servers that go away, retries, disconnects.
    #[arg(long, value_name = "FILE")]
    pub(crate) lifecycle: Option<PathBuf>,
    /// Feed captures and receive cases to this runtime as well, over real sockets, and run lifecycle scenarios on it; `all` is
    /// every one of this build. [default: tokio for scenarios; with the built-in data, all for captures and scenarios]
    #[arg(long, value_name = "R", value_parser = runtime::several)]
    pub(crate) runtime: Option<Runtimes>,
    /// Check another implementation by the captures and receive cases: a program that RUNNER.md describes, and its
    /// arguments. Comes last.
    #[arg(long, value_name = "CMD", num_args = 1.., allow_hyphen_values = true, conflicts_with = "runtime")]
    pub(crate) command: Option<Vec<String>>,
    /// Write a report to look at: the matrix, and each failed conversation as a timeline of bytes and events.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Write the failures as tables in Markdown, by their kind.
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
    /// Print one JSON object per case, and one for the counts.
    #[arg(long)]
    pub(crate) json: bool,
    /// Print a line for every case, not for failures only.
    #[arg(long, short)]
    pub(crate) verbose: bool,
}
