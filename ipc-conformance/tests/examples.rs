//! The examples of ipc-tokio, each half against the stock other half in `node/examples`.
//!
//! Without the peers that `IPC_NODE_DIR` names these tests are shown as ignored.
#![allow(clippy::unwrap_used, reason = "these are tests")]

#[path = "../../ipc-tokio/tests/tls/certificates.rs"]
#[allow(dead_code, reason = "of the certificates, only good ones are wanted here")]
mod certificates;
#[path = "live/node.rs"]
mod node;
mod pairs;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::LazyLock;
use std::time::Duration;

use certificates::Authority;
use libtest_mimic::{Arguments, Trial};
use pairs::Half::{self, Rust, Stock};
use pairs::{Keys, NEWS, PAIRS, Pair};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// Longer than anything takes on the slowest machine; reaching it is a failure.
const DEADLINE: Duration = Duration::from_secs(60);

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/node/examples");

/// A version of node-ipc, and a folder for the sockets of one test.
struct Scene {
    version: &'static str,
    dir: TempDir,
}

fn main() {
    let args = Arguments::from_args();
    let mut trials = vec![Trial::test("the_readme_shows_the_lines_that_are_tested", || {
        the_readme_shows_the_lines_that_are_tested();
        Ok(())
    })];
    for version in ["9", "14"] {
        let ignored = !node::is_installed(version);
        trials.extend(PAIRS.iter().map(|pair| {
            let test = move || {
                in_runtime(run(pair, &Scene { version, dir: tempfile::tempdir().unwrap() }));
                Ok(())
            };
            Trial::test(format!("v{version}::{}", pair.name), test).with_ignored_flag(ignored)
        }));
    }
    libtest_mimic::run(&args, trials).exit();
}

fn in_runtime(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(test);
}

async fn run(pair: &Pair, scene: &Scene) {
    let at = match pair.wire {
        "unix" => format!("unix:{}", scene.dir.path().join("socket").display()),
        "udp6" => "udp6:[::1]:0".to_owned(),
        wire => format!("{wire}:127.0.0.1:0"),
    };
    let [of_server, of_client] = options(pair, scene);
    let mut server = Process::start(pair.server, scene, &at, &of_server);
    let line = server.until("listening at ").await;
    let at = line.rsplit(' ').next().unwrap();
    let client = Process::start(pair.client, scene, at, &of_client);

    let mut said = client.finish().await;
    if pair.said == NEWS {
        // Each client's lines keep their order.
        said.sort_by_key(|line| line.split(':').next().map(str::to_owned));
    }
    assert_eq!(said, pair.said, "what the client prints");
    for part in pair.heard {
        server.until(part).await;
    }
}

/// What stands after the endpoint on both command lines.
fn options(pair: &Pair, scene: &Scene) -> [Vec<String>; 2] {
    let more: Vec<String> = pair.more.iter().map(|&word| word.to_owned()).collect();
    if pair.keys == Keys::Nobody {
        return [more.clone(), more];
    }
    let authority = Authority::new("examples");
    let ca = scene.keep(&authority.file(), "ca.pem");
    ["server", "client"].map(|side| {
        let identity = authority.sign(&["127.0.0.1"]);
        let mut tls = json!({});
        if pair.keys == Keys::Both || side == "server" {
            tls["private"] = scene.keep(&identity.key, &format!("{side}.key")).into();
            tls["public"] = scene.keep(&identity.cert, &format!("{side}.pem")).into();
        }
        if pair.keys == Keys::Both || side == "client" {
            tls["trustedConnections"] = json!([ca]);
        }
        if pair.keys == Keys::Both && side == "server" {
            tls["requestCert"] = true.into();
        }
        let file = scene.dir.path().join(format!("{side}.json"));
        fs::write(&file, json!({ "tls": tls }).to_string()).unwrap();
        [&more[..], &[file.display().to_string()]].concat()
    })
}

impl Scene {
    /// A copy of a file that goes with its maker.
    fn keep(&self, file: &str, name: &str) -> String {
        let kept = self.dir.path().join(name);
        fs::copy(file, &kept).unwrap();
        kept.display().to_string()
    }
}

/// A running half; it dies with this value.
struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(half: Half, scene: &Scene, at: &str, more: &[String]) -> Self {
        let mut command = match half {
            Rust(words) => example(words, at),
            Stock(script) => stock(script, scene.version, at),
        };
        let dir = scene.dir.path();
        command.args(more).env("HOME", dir).env("TMPDIR", dir).env("XDG_RUNTIME_DIR", dir);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        Self { child, lines: BufReader::new(stdout).lines() }
    }

    async fn next(&mut self) -> Option<String> {
        within("a line", self.lines.next_line()).await.unwrap()
    }

    /// The next line with `part` in it; others are passed over.
    async fn until(&mut self, part: &str) -> String {
        let mut others = Vec::new();
        while let Some(line) = self.next().await {
            if line.contains(part) {
                return line;
            }
            others.push(line);
        }
        panic!("it ended without {part:?}, after {others:?}")
    }

    /// What it prints until it ends well, but for its lifecycle.
    async fn finish(mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = self.next().await {
            lines.push(line);
        }
        let status = within("its end", self.child.wait()).await.unwrap();
        assert!(status.success(), "{status} after {lines:?}");
        lines.retain(|line| !line.eq_ignore_ascii_case("connected"));
        // Which process it was is the system's choice.
        lines.iter().map(|line| line.split(" by process ").next().unwrap().to_owned()).collect()
    }
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {DEADLINE:?} for {what}"),
    }
}

fn example(words: &[&str], at: &str) -> Command {
    let mut command = Command::new(EXAMPLES.join(words[0]));
    // `echo_server` takes the endpoint alone, `tcp_server` without the scheme.
    let at = if words[0].starts_with("tcp_") { at.trim_start_matches("tcp:") } else { at };
    command.args(&words[1..]).arg(at);
    command
}

fn stock(script: &str, version: &str, at: &str) -> Command {
    let mut command = Command::new(node::node(version));
    command.arg(format!("{SCRIPTS}/{script}.mjs")).args([version, at]);
    command
}

/// Where cargo puts examples: beside the folder of this test. Those of ipc-mio have the same names, and whichever was
/// built last has them there: `cargo test --workspace` has built both, so that this only puts the right ones in place.
static EXAMPLES: LazyLock<PathBuf> = LazyLock::new(|| {
    let test = std::env::current_exe().unwrap();
    let folder = test.ancestors().nth(2).unwrap().join("examples");
    build(&folder);
    folder
});

fn build(folder: &Path) {
    let mut command = std::process::Command::new(env!("CARGO"));
    command
        .args(["build", "--workspace", "--exclude", "ipc-mio", "--examples"])
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    if folder.parent().is_some_and(|profile| profile.ends_with("release")) {
        command.arg("--release");
    }
    assert!(command.status().unwrap().success(), "the examples can be built");
}

fn the_readme_shows_the_lines_that_are_tested() {
    let readme = include_str!("../../README.md");
    for (script, part) in
        [(include_str!("../node/examples/answer.mjs"), "answer"), (include_str!("../node/examples/ask.mjs"), "ask")]
    {
        let (_, rest) = script.split_once(&format!("  // README: {part}\n")).unwrap();
        let (lines, _) = rest.split_once("  // README: end\n").unwrap();
        let shown = lines.lines().map(|line| line.strip_prefix("  ").unwrap_or(line)).collect::<Vec<_>>();
        let shown = shown.join("\n");
        assert!(readme.contains(&shown), "the README does not have\n{shown}");
    }
}
