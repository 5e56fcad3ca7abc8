//! A running program: an example, or a peer under Node.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{ExitStatus, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use ipc_tokio::Endpoint;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::node;

/// Longer than anything takes on the slowest machine; reaching it is a failure.
const DEADLINE: Duration = Duration::from_secs(120);

pub(crate) struct Example {
    pub(crate) name: &'static str,
    pub(crate) wire: &'static str,
}

pub(crate) const EXAMPLES: [Example; 4] = [
    Example { name: "blocking", wire: "tcp" },
    Example { name: "poll_loop", wire: "unix" },
    Example { name: "mio_embedded", wire: "tcp" },
    Example { name: "completion", wire: "unix" },
];

pub(crate) type Test = fn(&'static Example) -> Pin<Box<dyn Future<Output = ()>>>;

pub(crate) fn in_runtime(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(test);
}

pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {DEADLINE:?} for {what}"),
    }
}

/// A connection of either kind.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A running program; it dies with this value.
pub(crate) struct Program {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    /// Where it takes datagrams, if it does.
    pub(crate) news: Option<String>,
    /// Of its sockets.
    _dir: TempDir,
}

impl Program {
    fn start(mut command: Command, dir: TempDir) -> Self {
        command.env("HOME", dir.path()).env("TMPDIR", dir.path()).env("XDG_RUNTIME_DIR", dir.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, stdin, lines: BufReader::new(stdout).lines(), news: None, _dir: dir }
    }

    /// The server half of an example, and where it listens.
    pub(crate) async fn server(example: &Example) -> (Self, Endpoint) {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new(FOLDER.join(example.name));
        command.arg("server").arg(match example.wire {
            "tcp" => PathBuf::from("127.0.0.1:0"),
            _ => dir.path().join("socket"),
        });
        let mut server = Self::start(command, dir);
        if example.name == "mio_embedded" {
            let line = server.until("news at ").await;
            server.news = Some(line.trim_start_matches("news at ").to_owned());
        }
        let line = server.until("listening at ").await;
        (server, line.trim_start_matches("listening at ").parse().unwrap())
    }

    /// The client half of an example: `count` messages of `size` bytes.
    pub(crate) fn client(example: &Example, at: &Endpoint, count: usize, size: usize) -> Self {
        let mut command = Command::new(FOLDER.join(example.name));
        let address = at.to_string();
        let address = address.split_once(':').unwrap().1;
        command.args(["client", address, &count.to_string(), &size.to_string()]);
        Self::start(command, tempfile::tempdir().unwrap())
    }

    /// A server of node-ipc that echoes, and where it listens.
    pub(crate) async fn node_server(version: &str, example: &Example) -> (Self, Endpoint) {
        let dir = tempfile::tempdir().unwrap();
        let mut command = peer(version, "server", example.wire);
        command.arg("--echo");
        if example.wire == "unix" {
            command.arg("--path").arg(dir.path().join("socket"));
        }
        let mut server = Self::start(command, dir);
        let start: Value = serde_json::from_str(&server.until(r#""start""#).await).unwrap();
        let at = match &start["path"] {
            Value::String(path) => format!("unix:{path}"),
            _ => format!("tcp:127.0.0.1:{}", start["port"]),
        };
        (server, at.parse().unwrap())
    }

    /// A client of node-ipc.
    pub(crate) fn node_client(version: &str, example: &Example, at: &Endpoint) -> Self {
        let mut command = peer(version, "client", example.wire);
        match at {
            Endpoint::Path(path) => command.args(["--path", path]),
            Endpoint::Tcp { host, port } => command.args(["--host", host, "--port", &port.to_string()]),
            other => panic!("no test is at {other}"),
        };
        Self::start(command, tempfile::tempdir().unwrap())
    }

    /// The next line with `part` in it; others are passed over.
    pub(crate) async fn until(&mut self, part: &str) -> String {
        let mut others = Vec::new();
        while let Some(line) = within(part, self.lines.next_line()).await.unwrap() {
            if line.contains(part) {
                return line;
            }
            others.push(line);
        }
        panic!("it ended without {part:?}, after {others:?}")
    }

    pub(crate) async fn write(&mut self, line: &str) {
        self.stdin.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    /// A client's last words, once it has ended well.
    pub(crate) async fn finish(mut self) -> Report {
        let line = self.until("missing ").await;
        let status: ExitStatus = within("its end", self.child.wait()).await.unwrap();
        assert!(status.success(), "{status}");
        let numbers: Vec<u64> = line.split([' ', ',']).filter_map(|word| word.parse().ok()).collect();
        let [missing, connects, turns] = numbers[..] else { panic!("{line:?}") };
        Report { missing, connects, turns }
    }
}

/// What a client says at its end.
pub(crate) struct Report {
    pub(crate) missing: u64,
    pub(crate) connects: u64,
    pub(crate) turns: u64,
}

fn peer(version: &str, role: &str, wire: &str) -> Command {
    let mut command = Command::new(node::node(version));
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/node/peer.mjs"));
    command.args(["--version", version, "--role", role, "--transport", wire]);
    command
}

/// Where cargo puts examples: beside the folder of this test. `cargo test --workspace` has built them.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let test = std::env::current_exe().unwrap();
    let folder = test.ancestors().nth(2).unwrap().join("examples");
    if !EXAMPLES.iter().all(|example| folder.join(example.name).exists()) {
        build(&folder);
    }
    folder
});

fn build(folder: &Path) {
    let mut command = std::process::Command::new(env!("CARGO"));
    command.args(["build", "--package", "ipc-proto", "--examples"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    if folder.parent().is_some_and(|profile| profile.ends_with("release")) {
        command.arg("--release");
    }
    assert!(command.status().unwrap().success(), "the examples can be built");
}

/// Where it cannot listen, it says whether that is for want of io_uring.
pub(crate) fn has_io_uring() -> bool {
    let mut command = std::process::Command::new(FOLDER.join("completion"));
    let output = command.args(["server", "/dev/null/socket"]).output().unwrap();
    assert!(!output.status.success(), "nobody can listen there");
    let said = String::from_utf8_lossy(&output.stderr);
    !(said.contains("there is no io_uring here") || said.contains("this example is about io_uring"))
}
