//! A running `ipc`, its output line by line.

use std::{
    env,
    ffi::OsStr,
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// How long a test waits before it fails: far longer than anything takes.
const DEADLINE: Duration = Duration::from_secs(120);

/// A folder of the test's own.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(TempDir::with_prefix("ipc-cli-").expect("a temporary folder"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The endpoint of a socket in the folder.
    pub(crate) fn unix(&self, name: &str) -> String {
        format!("unix:{}", self.path(name).display())
    }
}

/// The command; on the runtime that `IPC_CLI_RUNTIME` names, if there is one and the test names none.
pub(crate) fn command(args: &[impl AsRef<OsStr>]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ipc"));
    command.args(args);
    let runs = args.first().is_some_and(|arg| COMMANDS.iter().any(|name| arg.as_ref() == *name));
    if runs && args.iter().all(|arg| arg.as_ref() != "--runtime") {
        command.args(env::var("IPC_CLI_RUNTIME").iter().flat_map(|name| ["--runtime", name]));
    }
    command
}

/// Those that run on a runtime.
const COMMANDS: [&str; 5] = ["serve", "connect", "emit", "request", "record"];

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    /// What it printed and nobody has read yet.
    pub(crate) lines: Vec<String>,
    pub(crate) stderr: String,
}

/// A running `ipc`. Dropping it kills it.
pub(crate) struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    errors: Receiver<String>,
}

impl Process {
    pub(crate) fn start(args: &[impl AsRef<OsStr>]) -> Self {
        Self::spawn(&mut command(args))
    }

    pub(crate) fn spawn(command: &mut Command) -> Self {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().expect("the ipc command starts");
        let lines = lines_of(child.stdout.take().expect("piped"));
        let errors = lines_of(child.stderr.take().expect("piped"));
        Self { stdin: child.stdin.take(), child, lines, errors }
    }

    /// A server that is ready, and where it is.
    pub(crate) fn serve(args: &[&str]) -> (Self, String) {
        let mut server = Self::start(&[&["serve", "--json"], args].concat());
        let start = server.line();
        let endpoint = start
            .strip_prefix(r#"{"event":"start","endpoint":""#)
            .and_then(|rest| rest.strip_suffix("\"}"))
            .unwrap_or_else(|| panic!("no start line: {start}"));
        (server, endpoint.to_owned())
    }

    /// A client that is connected.
    pub(crate) fn connect(endpoint: &str, args: &[&str]) -> Self {
        let mut client = Self::start(&[&["connect", "--json", endpoint], args].concat());
        client.expect(&format!(r#"{{"event":"start","endpoint":"{endpoint}"}}"#));
        client.expect(r#"{"event":"connect"}"#);
        client
    }

    /// The next line.
    pub(crate) fn line(&mut self) -> String {
        match self.lines.recv_timeout(DEADLINE) {
            Ok(line) => line,
            Err(why) => panic!("no line ({why}); stderr: {:?}", self.errors.try_iter().collect::<Vec<_>>()),
        }
    }

    pub(crate) fn expect(&mut self, line: &str) {
        let got = self.line();
        assert!(got == line, "expected {}, got {}", start_of(line), start_of(&got));
    }

    /// The next line that begins so; others are passed over.
    pub(crate) fn wait_for(&mut self, start: &str) -> String {
        loop {
            let line = self.line();
            if line.starts_with(start) {
                return line;
            }
        }
    }

    /// The next line on stderr.
    pub(crate) fn error(&mut self) -> String {
        self.errors.recv_timeout(DEADLINE).expect("a line on stderr")
    }

    pub(crate) fn write(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("stdin is open");
        stdin.write_all(line.as_bytes()).and_then(|()| stdin.write_all(b"\n")).expect("stdin is read");
    }

    /// The process's number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn close_stdin(&mut self) {
        self.stdin = None;
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, signal).expect("the process runs");
    }

    /// Waits for its end; nothing is sent to it any more.
    pub(crate) fn end(mut self) -> Ended {
        self.close_stdin();
        let lines = rest_of(&self.lines);
        let stderr = rest_of(&self.errors).iter().map(|line| format!("{line}\n")).collect();
        let code = self.child.wait().expect("it has ended").code();
        Ended { code, lines, stderr }
    }

    /// Asks it to stop, and waits for its end.
    pub(crate) fn stop(self) -> Ended {
        self.signal(Signal::TERM);
        self.end()
    }
}

/// The lines that a process writes, as they come.
fn lines_of(output: impl Read + Send + 'static) -> Receiver<String> {
    let (send, lines) = channel();
    // A test that has ended reads no more.
    thread::spawn(move || BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
    lines
}

/// What is left until the process ends.
fn rest_of(lines: &Receiver<String>) -> Vec<String> {
    let mut rest = Vec::new();
    loop {
        match lines.recv_timeout(DEADLINE) {
            Ok(line) => rest.push(line),
            Err(RecvTimeoutError::Disconnected) => return rest,
            Err(RecvTimeoutError::Timeout) => panic!("the process does not end; so far {rest:?}"),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended before.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Enough of a line to tell it by.
fn start_of(line: &str) -> String {
    line.chars().take(400).collect()
}

/// Runs `ipc` on some input to its end.
pub(crate) fn run(args: &[&str], input: &str) -> Ended {
    let mut process = Process::start(args);
    // A command that refuses its arguments does not read.
    process.stdin.as_mut().expect("stdin is open").write_all(input.as_bytes()).ok();
    process.end()
}

/// The path of a `unix:` endpoint.
pub(crate) fn path_of(endpoint: &str) -> &Path {
    Path::new(endpoint.strip_prefix("unix:").expect("a Unix socket"))
}
