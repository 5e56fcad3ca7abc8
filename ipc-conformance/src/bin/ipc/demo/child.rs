//! A process that tells how far it is by JSON lines.

use std::{
    io::{self, BufRead, BufReader},
    process::{Child as Process, Command, Stdio},
    thread,
};

use async_channel::{Receiver, unbounded};
use serde_json::Value;

/// A running process. Dropping it ends it.
pub(super) struct Child {
    process: Process,
    lines: Receiver<String>,
    earlier: Vec<Value>,
}

impl Child {
    pub(super) fn start(command: &mut Command) -> io::Result<Self> {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = piped.spawn().map_err(|error| {
            let program = piped.get_program().to_string_lossy();
            io::Error::new(error.kind(), format!("{program}: {error}"))
        })?;
        let output = process.stdout.take().ok_or_else(|| io::Error::other("a process without output"))?;
        let (send, lines) = unbounded();
        thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| send.send_blocking(line))
        });
        Ok(Self { process, lines, earlier: Vec::new() })
    }

    /// Waits for the line in which `key` is `value`. Others that come before may still be waited for.
    pub(super) async fn wait_for(&mut self, key: &str, value: &str) -> io::Result<Value> {
        let wanted = |line: &Value| line[key] == value;
        if let Some(at) = self.earlier.iter().position(wanted) {
            return Ok(self.earlier.swap_remove(at));
        }
        while let Ok(line) = self.lines.recv().await {
            let line = serde_json::from_str(&line)?;
            if wanted(&line) {
                return Ok(line);
            }
            self.earlier.push(line);
        }
        Err(io::Error::other("node ended; is it installed, and new enough?"))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended before.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
