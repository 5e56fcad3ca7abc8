//! Processes of a test's own: a program that runs itself, as `TEST child RUNTIME QUESTION …`, so that what is counted
//! for a whole process is one test's.

use std::{
    env, fs,
    process::{Child, Command},
    time::Duration,
};

use ipc_conformance::host::Host;

/// Longer than anything takes on the slowest machine; reaching it is a failure.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// This program again, for a question.
pub fn command(runtime: &str, question: &str) -> Command {
    let mut command = Command::new(env::current_exe().expect("this program has a path"));
    command.args(["child", runtime, question]);
    command
}

pub fn succeeds(mut child: Child) -> Result<(), String> {
    let status = child.wait().expect("it is a child");
    if status.success() { Ok(()) } else { Err(format!("the child's {status}")) }
}

/// Waits for something that no event tells.
pub async fn settles<H: Host>(host: &H, what: &str, condition: impl Fn() -> bool) {
    let settling = async {
        while !condition() {
            host.sleep(Duration::from_millis(2)).await;
        }
    };
    host.timeout(PATIENCE, settling).await.unwrap_or_else(|| panic!("{what} stay"));
}

/// The open files of this process.
pub fn files() -> usize {
    fs::read_dir("/proc/self/fd").expect("the system says what is open").count()
}
