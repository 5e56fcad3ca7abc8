//! `--command`: another implementation, by the protocol of RUNNER.md.

use std::{
    io::{self, BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ipc_conformance::{
    check::{Case, Group, setups},
    corpus::ReceiveCase,
    replay::{Ran, Receiving, Role, Seen, Verdict},
};
use ipc_proto::{Dialect, Profile};
use serde::{Deserialize, Deserializer};
use serde_json::{json, value::RawValue};

use super::{Data, report::Report};
use crate::failure::{Exit, Failure};

/// How long one case may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Gives every receive case to the command.
pub(super) fn run(command: &[String], data: &Data, report: &mut Report) -> Result<(), Failure> {
    let mut runner = Runner::start(command).map_err(|error| Failure::usage(format_args!("{}: {error}", command[0])))?;
    for case in &data.receive {
        for (options, version, role) in setups(case) {
            let Some(receiving) = data.replay.receiving(case, options, version, role) else { continue };
            let verdict = match receiving.cannot_run() {
                Some(verdict) => verdict,
                None => runner.verdict(case, role, &receiving)?,
            };
            report.case(&Case::new(Group::Receive, receiving.to_string(), "command", verdict))?;
        }
    }
    Ok(())
}

/// The running command. Dropping it ends it.
struct Runner {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    count: u64,
}

/// A line of the command's.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    event: Option<String>,
    #[serde(rename = "type", default, deserialize_with = "present")]
    name: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "present")]
    data: Option<Box<RawValue>>,
    code: Option<String>,
    #[serde(default)]
    done: bool,
    #[serde(default)]
    closed: bool,
    peer_id: Option<String>,
    skip: Option<String>,
}

/// `null` is a value here, and not the same as none.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::deserialize(deserializer).map(Some)
}

impl Runner {
    fn start(command: &[String]) -> io::Result<Self> {
        let mut child =
            Command::new(&command[0]).args(&command[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("a process without input or output"));
        };
        let (send, lines) = channel();
        thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| send.send(line))
        });
        Ok(Self { child, input, lines, count: 0 })
    }

    fn verdict(&mut self, case: &ReceiveCase, role: Role, receiving: &Receiving<'_>) -> Result<Verdict, Failure> {
        let broken =
            |how: &dyn core::fmt::Display| Failure::new(Exit::Failed, format_args!("{receiving}: the command {how}"));
        self.ask(case, role, receiving).map_err(|error| broken(&format_args!("does not read: {error}")))?;
        let mut ran = Ran::default();
        loop {
            let line = self.lines.recv_timeout(PATIENCE).map_err(|_| broken(&"ended, or takes too long"))?;
            let line: Line =
                serde_json::from_str(&line).map_err(|error| broken(&format_args!("writes {line}: {error}")))?;
            if line.done {
                (ran.closed, ran.peer_id) = (line.closed, line.peer_id);
                return Ok(line.skip.map_or_else(|| receiving.judge_another(&ran), Verdict::Skipped));
            }
            ran.seen.extend(seen(line).map_err(|event| broken(&format_args!("writes an unknown event {event:?}")))?);
        }
    }

    fn ask(&mut self, case: &ReceiveCase, role: Role, receiving: &Receiving<'_>) -> io::Result<()> {
        let config = receiving.config();
        let chunks: Vec<String> = case.input().iter().map(|chunk| STANDARD.encode(chunk)).collect();
        self.count += 1;
        let question = json!({
            "case": self.count,
            "name": receiving.to_string(),
            "role": role.to_string(),
            "dialect": if config.dialect == Dialect::Classic { "classic" } else { "modern" },
            "config": {
                "delimiter": case.delimiter,
                "profile": if config.profile == Profile::Guarded { "guarded" } else { "fast" },
                "identifyPeer": config.identify_peer.unwrap_or(false),
                "allowReservedEvents": config.allow_reserved_events,
                "messageTimeout": if receiving.waits() { 400 } else { 0 },
            },
            "chunks": chunks,
            "eof": case.eof_after,
            "wait": receiving.waits(),
        });
        writeln!(self.input, "{question}")?;
        self.input.flush()
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        // It may have ended before.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn seen(line: Line) -> Result<Option<Seen>, Option<String>> {
    let text = |value: Option<Box<RawValue>>| value.map(|value| value.get().to_owned());
    Ok(Some(match line.event.as_deref() {
        Some("message") => Seen::Message { type_json: text(line.name).unwrap_or_default(), data_json: text(line.data) },
        Some("error") => Seen::Error(line.code.unwrap_or_else(|| "ERR_IPC_INVALID_JSON".to_owned())),
        Some("disconnect") => Seen::Ended,
        Some("destroy") => Seen::Destroyed,
        Some("connect") => return Ok(None),
        _ => return Err(line.event),
    }))
}
