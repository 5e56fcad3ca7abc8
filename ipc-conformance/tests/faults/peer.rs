//! The process at the other end.

use std::process::{Child, Command};

/// Killed, as by SIGKILL, when it is dropped.
pub(crate) struct Peer(Child);

impl Peer {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.spawn().expect("this program can be run again"))
    }

    /// What of its memory is in use, in KiB.
    pub(crate) fn resident(&self) -> usize {
        resident(&self.0.id().to_string())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.0.kill().expect("it has not been waited for");
        self.0.wait().expect("it is a child");
    }
}

/// What is in use of the memory of a process, in KiB.
pub(crate) fn resident(process: &str) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the system says so");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
