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
    check::{self, Case, Group, Place, setups},
    corpus::{Capture, ReceiveCase},
    replay::{Chunking, Flow, Ran, Receiving, Replay, Role, Seen, Verdict},
};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, value::RawValue};

use super::{Data, report::Report};
use crate::failure::{Exit, Failure};

mod question;

/// How long one case may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The version of the protocol that is spoken here. A runner that does not say its own speaks 1.
const PROTOCOL: u32 = 2;

/// Gives every receive case to the command, then the captures.
pub(super) fn run(command: &[String], data: &Data, report: &mut Report) -> Result<(), Failure> {
    let mut runner = Runner::start(command).map_err(|error| Failure::usage(format_args!("{}: {error}", command[0])))?;
    report.expect(data.setups() + data.captures.len());
    for case in &data.receive {
        for (options, version, role) in setups(case) {
            if let Some(receiving) = data.replay.receiving(case, options, version, role) {
                received(&mut runner, case, role, &receiving, report)?;
            }
        }
    }
    data.captures.iter().try_for_each(|capture| captured(&mut runner, capture, &data.replay, report))
}

fn received(
    runner: &mut Runner,
    case: &ReceiveCase,
    role: Role,
    receiving: &Receiving<'_>,
    report: &mut Report,
) -> Result<(), Failure> {
    let judged =
        |verdict| Case::new(Group::Receive, receiving.to_string(), "command", Place::of_receiving(receiving), verdict);
    if let Some(verdict) = receiving.cannot_run() {
        return report.case(judged(verdict));
    }
    match runner.answer(&question::receiving(case, role, receiving)) {
        Ok(Answer::Ran(ran)) => report.case(
            judged(receiving.judge_another(&ran)).with(|| Some(receiving.conversation(&ran, Chunking::Recorded))),
        ),
        Ok(Answer::Skip(reason)) => report.case(judged(Verdict::Skipped(reason))),
        Err(how) => broken(judged(Verdict::Failed(format!("the command {how}"))), report),
    }
}

/// A case for a capture, all of whose streams are asked about.
fn captured(runner: &mut Runner, capture: &Capture, replay: &Replay, report: &mut Report) -> Result<(), Failure> {
    let judged = |verdict| Case::new(Group::Captures, &*capture.name, "command", Place::of_capture(capture), verdict);
    if let Some(verdict) = replay.cannot_replay(capture) {
        return report.case(judged(verdict));
    }
    let mut ran = Vec::new();
    for flow in Flow::all(capture) {
        if runner.protocol == Some(1) && question::needs_2(capture, &flow) {
            let reason = "It takes protocol 2, which the runner does not say that it speaks.";
            return report.case(judged(Verdict::Skipped(reason.to_owned())));
        }
        match runner.answer(&question::flow(capture, &flow)) {
            Ok(Answer::Ran(one)) => ran.push(one),
            Ok(Answer::Skip(reason)) => return report.case(judged(Verdict::Skipped(reason))),
            Err(how) => return broken(judged(Verdict::Failed(format!("the command {how}"))), report),
        }
    }
    let verdict = replay.judge_another_capture(capture, &ran);
    report.case(judged(verdict).with(|| check::conversation(capture, &ran, Chunking::Recorded)))
}

/// The case that a command broke at has failed, and is the last.
fn broken(case: Case, report: &mut Report) -> Result<(), Failure> {
    let how = if let Verdict::Failed(how) = &case.verdict { how.clone() } else { String::new() };
    let failure = Failure::new(Exit::Failed, format_args!("{}: {how}", case.name));
    report.case(case)?;
    Err(failure)
}

/// What a runner says of a case.
enum Answer {
    Ran(Ran),
    Skip(String),
}

/// The running command. Dropping it ends it.
struct Runner {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    count: u64,
    /// What it speaks, once it has said anything.
    protocol: Option<u32>,
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
    b64: Option<String>,
    protocol: Option<u32>,
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
        Ok(Self { child, input, lines, count: 0, protocol: None })
    }

    /// What a case comes to; an error says what the command does instead of answering.
    fn answer(&mut self, question: &Value) -> Result<Answer, String> {
        self.ask(question).map_err(|error| format!("does not read: {error}"))?;
        let mut ran = Ran::default();
        loop {
            let line = self.lines.recv_timeout(PATIENCE).map_err(|_| "ended, or takes too long")?;
            let line: Line = serde_json::from_str(&line).map_err(|error| format!("writes {line}: {error}"))?;
            if line.done {
                self.protocol = Some(line.protocol.unwrap_or(1));
                (ran.closed, ran.peer_id) = (line.closed, line.peer_id);
                return Ok(line.skip.map_or(Answer::Ran(ran), Answer::Skip));
            }
            ran.seen.extend(seen(line)?);
        }
    }

    fn ask(&mut self, question: &Value) -> io::Result<()> {
        self.count += 1;
        let mut question = question.clone();
        question["case"] = self.count.into();
        question["protocol"] = PROTOCOL.into();
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

fn seen(line: Line) -> Result<Option<Seen>, String> {
    let text = |value: Option<Box<RawValue>>| value.map(|value| value.get().to_owned());
    Ok(Some(match line.event.as_deref() {
        Some("message") => Seen::Message { type_json: text(line.name), data_json: text(line.data) },
        Some("data") => {
            let bytes = STANDARD.decode(line.b64.unwrap_or_default());
            Seen::Raw(bytes.map_err(|error| format!("writes an event data that is not base64: {error}"))?)
        }
        Some("error") => Seen::Error(line.code.unwrap_or_else(|| "ERR_IPC_INVALID_JSON".to_owned())),
        Some("threw") => Seen::Threw,
        Some("disconnect") => Seen::Ended,
        Some("destroy") => Seen::Destroyed,
        Some("connect") => return Ok(None),
        _ => return Err(format!("writes an unknown event {:?}", line.event)),
    }))
}
