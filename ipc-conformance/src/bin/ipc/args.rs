//! What can be written on the command line.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};
use ipc_proto::{Encoding, endpoint::Endpoint};

use crate::{
    runtime::{self, Runtime},
    settings,
};

const ENDPOINTS: &str = "\
Endpoints:
  world                 an id: by default the socket app.world in
                        $XDG_RUNTIME_DIR/node-ipc/ (modern) or /tmp/ (classic);
                        clients look at both
  unix:PATH             a Unix socket
  abstract:NAME         a Linux socket without a file
  tcp:HOST:PORT         TCP; port 0 lets the system pick, the start line says

Exit codes: 0 done, 1 failed, 2 bad usage, 3 timed out.";

const RUNTIME: &str = "The runtime to use: tokio, async-std, smol or mio";

const EXAMPLES: &str = "\
Examples:
  ipc demo                                      see it work
  ipc serve world --echo                        answer everything that comes
  ipc emit world message '\"hello\"'              say one thing
  ipc connect world                             type `message \"hello\"`, see the answers";

const SERVE_EXAMPLES: &str = "\
Examples:
  ipc serve                                     as `world`, print what comes
  ipc serve world --both-paths                  found by node-ipc 9-12 and by node-ipc 14
  ipc serve unix:/tmp/x.sock --echo --quiet     a fast echo server
  ipc serve tcp:127.0.0.1:0 --json              the port is in the first line
  ipc serve world --on ping=pong                answer `ping` with `pong` and the same data
  ipc serve world --profile raw --encoding hex  bytes instead of events";

const CONNECT_EXAMPLES: &str = "\
Each line of standard input is one event: its type up to the first space,
then its data as JSON. A type with spaces is written as a JSON string. Without
data `{}` is sent. Blank lines are ignored. A line that cannot be sent is
reported and skipped, and the exit code is 1 in the end. With --profile raw a
line is text, which becomes bytes by --encoding.

Examples:
  echo 'message \"hello\"' | ipc connect world    emit, print what comes back, leave
  ipc connect world --stay </dev/null           listen only
  ipc connect tcp:127.0.0.1:8000 --json         one JSON object per line, for programs
  printf '%s\\n' '\"my type\" [1,2]' ping | ipc connect world";

const EMIT_EXAMPLES: &str = "\
Succeeds when the system has taken all bytes. Whether the peer read them only
an answer can tell: see connect.

Examples:
  ipc emit world message '{\"text\":\"hello\"}'
  ipc emit world ping                           no data: {} is sent
  ipc emit tcp:127.0.0.1:8000 message 5 --timeout 500ms
  ipc emit world 68656c6c6f --profile raw --encoding hex";

const REQUEST_EXAMPLES: &str = "\
The data carries a number, and the answer of type `reply` brings it back. With
--sync nothing is added, and the next message is the answer, whatever its type:
any server of node-ipc that answers will do. An answer that is an error goes to
stderr, and the exit code is 1.

Examples:
  ipc request world sum '[1,2]'
  ipc request world sum '[1,2]' --timeout 500ms --json
  ipc request world ping --sync";

const RECORD_EXAMPLES: &str = "\
Ends on SIGINT or SIGTERM. Each line is in the file before its bytes go on.

Examples:
  ipc record --listen unix:/tmp/tap.sock --to world talk.jsonl
  ipc record --listen tcp:127.0.0.1:0 --to tcp:127.0.0.1:8000 talk.jsonl --json";

const REPLAY_EXAMPLES: &str = "\
Examples:
  ipc replay talk.jsonl
  ipc replay talk.jsonl --json
  ipc replay talk.jsonl --profile raw";

const DEMO_EXAMPLES: &str = "\
With IPC_NODE_DIR set to a folder that ipc-conformance/node/install.sh has
filled, and node on the PATH, real node-ipc servers and clients take part.

Examples:
  ipc demo
  IPC_NODE_DIR=~/.cache/ipc-node ipc demo";

/// Named JSON events over local sockets and TCP, as node-ipc speaks them.
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
    /// Print one JSON object per line.
    #[arg(long)]
    pub(crate) json: bool,
    /// Which generation's path an id stands for.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) dialect: Dialect,
    #[arg(long, value_name = "R", default_value = "tokio", value_parser = runtime::named, help = RUNTIME)]
    pub(crate) runtime: Runtime,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// Captures, shown one after the other.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Print one JSON object per line.
    #[arg(long)]
    pub(crate) json: bool,
    /// Which generation of node-ipc to read as: classic is 9 to 12, modern is 14.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) dialect: Dialect,
    /// How much to check; raw shows bytes instead of events.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) profile: Profile,
    /// How raw bytes were written as text; only classic receivers care.
    #[arg(long, value_name = "E", default_value = "utf8", value_parser = Encoding::from_name)]
    pub(crate) encoding: Encoding,
    /// What ends a message. Escapes are those of JSON strings, and \0. [default: \f]
    #[arg(long, value_name = "S", value_parser = settings::unescaped, allow_hyphen_values = true)]
    pub(crate) delimiter: Option<String>,
}

/// What every command that speaks the protocol itself takes.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Print one JSON object per line.
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    /// Print start and lifecycle, nothing per message.
    #[arg(long, help_heading = "Output")]
    pub(crate) quiet: bool,

    /// A JSON file of options by node-ipc's names; options of the command line overrule it.
    #[arg(long, value_name = "FILE", help_heading = "Protocol")]
    pub(crate) config: Option<PathBuf>,
    #[arg(long, value_name = "R", default_value = "tokio", value_parser = runtime::named, help = RUNTIME, help_heading = "Protocol")]
    pub(crate) runtime: Runtime,
    /// Which generation of node-ipc to be: classic is 9 to 12, modern is 14. [default: modern]
    #[arg(long, value_enum, help_heading = "Protocol")]
    pub(crate) dialect: Option<Dialect>,
    /// How much to check: raw bytes, any event, small limits and no unsafe names, or only what --allow names. [default: fast]
    #[arg(long, value_enum, help_heading = "Protocol")]
    pub(crate) profile: Option<Profile>,
    /// An event that the assured profile lets through, both ways. May be repeated.
    #[arg(long, value_name = "TYPE", help_heading = "Protocol")]
    pub(crate) allow: Vec<String>,
    /// Let reserved event names (connect, error, ...) through in the guarded profile.
    #[arg(long, help_heading = "Protocol")]
    pub(crate) allow_reserved_events: bool,
    /// How raw bytes are written as text: utf8, ascii, latin1, utf16le, base64, base64url or hex. [default: utf8]
    #[arg(long, value_name = "E", value_parser = Encoding::from_name, help_heading = "Protocol")]
    pub(crate) encoding: Option<Encoding>,
    /// What ends a message. Escapes are those of JSON strings, and \0. [default: \f]
    #[arg(long, value_name = "S", value_parser = settings::unescaped, allow_hyphen_values = true, help_heading = "Protocol")]
    pub(crate) delimiter: Option<String>,
    /// One message at a time: the next one leaves after an answer. Clients only.
    #[arg(long, help_heading = "Protocol")]
    pub(crate) sync: bool,
    /// Take a peer's data.id as its name; classic always does. Servers only.
    #[arg(long, help_heading = "Protocol")]
    pub(crate) identify_peer: bool,

    /// Our private key, a PEM file: tls endpoints. node-ipc's `private`.
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    pub(crate) key: Option<String>,
    /// Our certificate, a PEM file. node-ipc's `public`.
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    pub(crate) cert: Option<String>,
    /// Whose certificates to trust, a PEM file. May be repeated. node-ipc's `trustedConnections`.
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    pub(crate) ca: Vec<String>,
    /// Ask clients for a certificate, and refuse those without. Servers only.
    #[arg(long, help_heading = "TLS")]
    pub(crate) request_cert: bool,

    /// Milliseconds between attempts to connect. [default: 500]
    #[arg(long, value_name = "MS", help_heading = "Limits")]
    pub(crate) retry: Option<u64>,
    /// How many attempts to connect may follow a failed one. [default: no limit]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    pub(crate) max_retries: Option<u32>,
    /// The largest message in bytes. [default: 128 MiB; guarded and assured: 1 MiB]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    pub(crate) max_message_size: Option<usize>,
    /// Milliseconds after which a message must be complete; 0 is no limit. [default: 0; guarded and assured: 30000]
    #[arg(long, value_name = "MS", help_heading = "Limits")]
    pub(crate) message_timeout: Option<u64>,
    /// How many peers a server serves at once. [default: 100]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    pub(crate) max_connections: Option<usize>,

    /// The folder of sockets. [default: modern: $XDG_RUNTIME_DIR/node-ipc/; classic: /tmp/]
    #[arg(long, value_name = "D", help_heading = "Local sockets")]
    pub(crate) socket_root: Option<String>,
    /// What stands before the id in a socket's file name. [default: app.]
    #[arg(long, value_name = "S", help_heading = "Local sockets")]
    pub(crate) appspace: Option<String>,
    /// This process's own id. [default: the machine's name]
    #[arg(long, value_name = "S", help_heading = "Local sockets")]
    pub(crate) id: Option<String>,
    /// Leave a dead socket where it is, and do not start on its path. Servers only.
    #[arg(long, help_heading = "Local sockets")]
    pub(crate) no_unlink: bool,
    /// Serve an id at the paths of both dialects. Servers only: clients always look at both.
    #[arg(long, help_heading = "Local sockets")]
    pub(crate) both_paths: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dialect {
    Classic,
    #[default]
    Modern,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    Raw,
    #[default]
    Fast,
    Guarded,
    Assured,
}
