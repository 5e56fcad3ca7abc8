//! A process that is driven by JSON lines.

use std::{
    io::{self, BufRead, BufReader, Write},
    process::{Child as Process, ChildStdin, Command, Stdio},
    thread,
};

use async_channel::{Receiver, unbounded};
use serde_json::Value;

/// A running process. Dropping it ends it.
pub(super) struct Child {
    process: Process,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Child {
    pub(super) fn start(command: &mut Command) -> io::Result<Self> {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = piped.spawn().map_err(|error| {
            let program = piped.get_program().display();
            io::Error::new(error.kind(), format!("{program}: {error}"))
        })?;
        let (Some(input), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(io::Error::other("a process without pipes"));
        };
        let (send, lines) = unbounded();
        thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| send.send_blocking(line))
        });
        Ok(Self { process, input, lines })
    }

    pub(super) fn command(&mut self, command: &Value) -> io::Result<()> {
        self.input.write_all(format!("{command}\n").as_bytes())
    }

    /// Waits for an event, and where `data` is given for its data.
    pub(super) async fn wait_for(&mut self, event: &str, data: Option<&str>) -> io::Result<Value> {
        while let Ok(line) = self.lines.recv().await {
            let line: Value = serde_json::from_str(&line)?;
            if line["ev"] == event && data.is_none_or(|data| line["data"] == data) {
                return Ok(line);
            }
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
