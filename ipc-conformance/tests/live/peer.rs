//! A process at the other end, driven by JSON lines.

use std::env;
use std::process::Stdio;

use ipc_conformance::host::Host;
use ipc_proto::endpoint::Endpoint;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::helper;
use crate::scene::{Scene, within};

const PEER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/node/peer.mjs");

/// A running process; it dies with this value.
pub(crate) struct Peer {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

/// One line of it.
#[derive(Debug, Deserialize)]
pub(crate) struct Line {
    pub(crate) ev: String,
    #[serde(default, rename = "type")]
    pub(crate) type_json: Option<Box<RawValue>>,
    /// Exactly what JSON.stringify gave; `null` is a text like others.
    #[serde(default, deserialize_with = "some")]
    pub(crate) data: Option<Box<RawValue>>,
    #[serde(default)]
    pub(crate) n: Option<usize>,
    #[serde(default)]
    pub(crate) code: Option<String>,
    /// Raw bytes.
    #[serde(default)]
    pub(crate) b64: Option<String>,
    #[serde(default)]
    pub(crate) seq: Option<u64>,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    port: Option<u16>,
}

fn some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}

impl Line {
    /// The type and the data's text of a message.
    pub(crate) fn texts(&self) -> (&str, Option<&str>) {
        assert_eq!(self.ev, "message", "{self:?}");
        (self.type_json.as_ref().map_or("undefined", |text| text.get()), self.data.as_ref().map(|text| text.get()))
    }

    /// The number that a message's data is.
    pub(crate) fn number(&self) -> usize {
        let text = self.texts().1.unwrap_or_default();
        text.parse().unwrap_or_else(|_| panic!("{text:?} is no number"))
    }
}

impl Peer {
    /// A node-ipc endpoint. Without an endpoint it is found by its id.
    pub(crate) fn node<H: Host>(scene: &Scene<H>, role: &str, endpoint: Option<&Endpoint>, more: &[&str]) -> Self {
        let mut command = Command::new(scene.version.node());
        command.args([PEER, "--version", scene.version.number(), "--role", role, "--transport"]);
        command.arg(scene.wire.to_string());
        match endpoint {
            Some(Endpoint::Path(path)) => command.args(["--path", path]),
            Some(
                Endpoint::Tcp { host, port }
                | Endpoint::Tls { host, port }
                | Endpoint::Udp4 { host, port }
                | Endpoint::Udp6 { host, port },
            ) => command.args(["--host", host, "--port", &port.to_string()]),
            Some(other) => panic!("no test is at {other}"),
            None => &mut command,
        };
        command.args(more);
        Self::spawn(command, scene)
    }

    /// This program as a server of its own.
    pub(crate) fn rust<H: Host>(scene: &Scene<H>, words: &[&str]) -> Self {
        let mut command = Command::new(env::current_exe().expect("a test knows its own file"));
        command.arg(helper::WORD).args(words);
        Self::spawn(command, scene)
    }

    /// With folders of the scene's own wherever an endpoint may look.
    fn spawn<H: Host>(mut command: Command, scene: &Scene<H>) -> Self {
        let dir = scene.dir.path();
        command.env("HOME", dir).env("TMPDIR", dir);
        match scene.runtime_dir {
            true => command.env("XDG_RUNTIME_DIR", dir),
            false => command.env_remove("XDG_RUNTIME_DIR"),
        };
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("the process can be started");
        let stdin = child.stdin.take().expect("stdin is piped");
        let stdout = child.stdout.take().expect("stdout is piped");
        Self { child, stdin, lines: BufReader::new(stdout).lines() }
    }

    /// The next line; `None` at the end.
    pub(crate) async fn try_next(&mut self) -> Option<Line> {
        let line = within("a line of the peer", self.lines.next_line()).await.expect("its output can be read")?;
        Some(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")))
    }

    pub(crate) async fn next(&mut self) -> Line {
        self.try_next().await.expect("the peer goes on")
    }

    /// The next line, which is `ev`.
    pub(crate) async fn expect(&mut self, ev: &str) -> Line {
        let line = self.next().await;
        assert_eq!(line.ev, ev, "{line:?}");
        line
    }

    /// The next line that is `ev`; others are passed over.
    pub(crate) async fn until(&mut self, ev: &str) -> Line {
        loop {
            let line = self.next().await;
            if line.ev == ev {
                return line;
            }
        }
    }

    /// Waits until a server listens; says where.
    pub(crate) async fn started(&mut self) -> Endpoint {
        let line = self.expect("start").await;
        match (line.path, line.port) {
            (Some(path), _) => Endpoint::Path(path),
            (None, Some(port)) => Endpoint::Tcp { host: "127.0.0.1".into(), port },
            (None, None) => panic!("a server that starts nowhere"),
        }
    }

    /// Gives a command.
    pub(crate) async fn tell(&mut self, command: &str) {
        let line = format!("{command}\n");
        within("the peer to read", self.stdin.write_all(line.as_bytes())).await.expect("the peer is alive");
    }

    /// Kills the process, and gives the lines that were under way.
    pub(crate) async fn kill(mut self) -> Vec<Line> {
        self.child.start_kill().expect("the process can be killed");
        within("the process to die", self.child.wait()).await.expect("it can be waited for");
        let mut rest = Vec::new();
        while let Some(line) = self.try_next().await {
            rest.push(line);
        }
        rest
    }
}
