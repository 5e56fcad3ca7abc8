//! The options that commands share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ipc_proto::Encoding;

use crate::{
    runtime::{self, Runtime},
    settings,
};

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
    /// The runtime to use: tokio, async-std, smol or mio.
    #[arg(long, value_name = "R", default_value = "tokio", value_parser = runtime::named, help_heading = "Protocol")]
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
    /// One message at a time: the next one leaves after an answer. Clients only, and not over UDP.
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
