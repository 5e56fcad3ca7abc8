//! The examples of ipc-tokio, each half against the stock other half in `node/examples`.
//!
//! Without the peers that `IPC_NODE_DIR` names these tests are shown as ignored.
#![allow(clippy::unwrap_used, reason = "these are tests")]

#[path = "live/node.rs"]
mod node;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::LazyLock;
use std::time::Duration;

use libtest_mimic::{Arguments, Trial};
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

/// One half: an example with its first words, or a stock script.
#[derive(Clone, Copy)]
enum Half {
    Rust(&'static [&'static str]),
    Stock(&'static str),
}

/// A server, the client that is run against it, and what comes after the endpoint on both command lines.
struct Pair {
    name: &'static str,
    wire: &'static str,
    server: Half,
    client: Half,
    more: &'static [&'static str],
    /// What the server says of it, in this order.
    heard: &'static [&'static str],
    /// All that the client prints, but for its lifecycle. Where several clients print, by their names.
    said: &'static [&'static str],
}

use Half::{Rust, Stock};

const NEWS: &[&str] = &[
    "one: welcome, one",
    "one: to everybody",
    "three: welcome, three",
    "three: to everybody",
    "two: welcome, two",
    "two: to everybody",
];

const fn pair(name: &'static str, server: Half, client: Half) -> Pair {
    Pair { name, wire: "unix", server, client, more: &[], heard: &[], said: &[] }
}

const PAIRS: &[Pair] = &[
    Pair {
        heard: &["hello"],
        said: &["message: hello"],
        ..pair("unix_server", Rust(&["echo_server"]), Stock("hello_client"))
    },
    Pair {
        heard: &["message: hello"],
        said: &["message: hello world!"],
        ..pair("unix_client", Stock("hello_server"), Rust(&["echo_client"]))
    },
    Pair {
        wire: "tcp",
        heard: &["message: hello"],
        said: &["message: hello world!"],
        ..pair("tcp_server", Rust(&["tcp_server"]), Stock("hello_client"))
    },
    Pair {
        wire: "tcp",
        heard: &["message: hello"],
        said: &["message: hello world!"],
        ..pair("tcp_client", Stock("hello_server"), Rust(&["tcp_client"]))
    },
    Pair {
        more: &["utf8"],
        heard: &["héllo"],
        said: &["héllo"],
        ..pair("raw_server_utf8", Rust(&["raw_server"]), Stock("raw_client"))
    },
    Pair {
        more: &["utf8"],
        heard: &["héllo"],
        said: &["héllo"],
        ..pair("raw_client_utf8", Stock("raw_server"), Rust(&["raw_client"]))
    },
    Pair {
        more: &["hex"],
        heard: &["68c3a96c6c6f"],
        said: &["68c3a96c6c6f"],
        ..pair("raw_server_hex", Rust(&["raw_server"]), Stock("raw_client"))
    },
    Pair {
        more: &["hex"],
        heard: &["68c3a96c6c6f"],
        said: &["68c3a96c6c6f"],
        ..pair("raw_client_hex", Stock("raw_server"), Rust(&["raw_client"]))
    },
    Pair {
        heard: &["on its way to 3 peers"],
        said: NEWS,
        ..pair("broadcast_server", Rust(&["broadcast", "server"]), Stock("broadcast_clients"))
    },
    Pair { said: NEWS, ..pair("broadcast_clients", Stock("broadcast_server"), Rust(&["broadcast", "clients"])) },
    Pair {
        heard: &["first", "second", "third"],
        said: &["answer: first", "answer: second", "answer: third"],
        ..pair("sync_server", Rust(&["echo_server"]), Stock("sync_client"))
    },
    Pair {
        heard: &["ask: first", "ask: second", "ask: third"],
        said: &[
            "answer: first asked",
            r#"no answer to Some(Message { name: "ask", data: Some(Json("second")) })"#,
            "answer: third asked",
        ],
        ..pair("sync_client", Stock("sync_server"), Rust(&["sync_mode"]))
    },
    Pair {
        said: &["1 + 2 = 3", "1 / 0: division by zero"],
        ..pair("request_answered", Rust(&["request", "answer"]), Stock("ask"))
    },
    Pair {
        said: &["1 + 2 = 3", "1 / 0: division by zero"],
        ..pair("request_asked", Stock("answer"), Rust(&["request", "ask"]))
    },
];

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
        "tcp" => "tcp:127.0.0.1:0".to_owned(),
        _ => format!("unix:{}", scene.dir.path().join("socket").display()),
    };
    let mut server = Process::start(pair.server, scene, &at, pair.more);
    let line = server.until("listening at ").await;
    let at = line.rsplit(' ').next().unwrap();
    let client = Process::start(pair.client, scene, at, pair.more);

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

/// A running half; it dies with this value.
struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(half: Half, scene: &Scene, at: &str, more: &[&str]) -> Self {
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
        lines
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

/// Where cargo puts examples: beside the folder of this test. `cargo test --workspace` has built them.
static EXAMPLES: LazyLock<PathBuf> = LazyLock::new(|| {
    let test = std::env::current_exe().unwrap();
    let folder = test.ancestors().nth(2).unwrap().join("examples");
    let names = PAIRS.iter().flat_map(|pair| [pair.server, pair.client]);
    let missing = |half| matches!(half, Rust(words) if !folder.join(words[0]).exists());
    if names.into_iter().any(missing) {
        build(&folder);
    }
    folder
});

fn build(folder: &Path) {
    let mut command = std::process::Command::new(env!("CARGO"));
    command.args(["build", "--package", "ipc-tokio", "--examples"]).current_dir(env!("CARGO_MANIFEST_DIR"));
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
