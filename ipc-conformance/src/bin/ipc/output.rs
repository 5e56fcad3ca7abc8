//! What the command prints: lines for people, or one JSON object per line for programs.

use std::io::{self, Write};

use ipc_conformance::corpus::{Direction, MarkKind};
use ipc_proto::{Event, Frame, Json, PeerId};

use crate::{args::Common, failure::Failure};

mod human;
mod json;

pub(crate) use human::tame;

/// How much is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Detail {
    Everything,
    /// Start and lifecycle, nothing per message.
    Lifecycle,
    /// Only what goes wrong, on stderr.
    Trouble,
}

/// When and where something was recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At {
    pub(crate) t_ms: f64,
    pub(crate) conn: u32,
    pub(crate) dir: Option<Direction>,
}

/// What was recorded.
#[derive(Debug)]
pub(crate) enum Recorded {
    /// What a receiver makes of the bytes.
    Event(Event),
    /// A change of the connection.
    Mark(MarkKind),
}

/// Prints events as they come. Every line is flushed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
    detail: Detail,
}

impl Output {
    pub(crate) fn new(common: &Common) -> Self {
        Self { json: common.json, detail: if common.quiet { Detail::Lifecycle } else { Detail::Everything } }
    }

    /// For a command that people expect to say nothing when all is well.
    pub(crate) fn troubles(common: &Common) -> Self {
        let usual = Self::new(common);
        if common.json { usual } else { Self { detail: Detail::Trouble, ..usual } }
    }

    /// A line of a recorded conversation.
    pub(crate) fn recorded(self, at: &At, what: &Recorded) -> Result<(), Failure> {
        let line = if self.json { json::recorded(at, what) } else { human::recorded(at, what) };
        line.map_or(Ok(()), |line| self.write(line))
    }

    /// Whether an event is printed at all.
    pub(crate) fn shows(self, event: &Event) -> bool {
        match event {
            Event::Message(_) | Event::Raw(_) => self.detail == Detail::Everything,
            Event::Error(_) | Event::Undelivered(_) => true,
            Event::Writable => false,
            _ => self.detail != Detail::Trouble,
        }
    }

    /// The first line: where the command listens, or connects to.
    pub(crate) fn start(self, endpoint: &str, verb: &str) -> Result<(), Failure> {
        if self.detail == Detail::Trouble {
            return Ok(());
        }
        self.write(if self.json { json::start(endpoint) } else { human::start(endpoint, verb) })
    }

    /// An event; `peer` is who it comes from, at a server.
    pub(crate) fn event(self, peer: Option<PeerId>, event: &Event) -> Result<(), Failure> {
        if !self.shows(event) {
            return Ok(());
        }
        let line = if self.json { json::event(peer, event) } else { human::event(peer, event) };
        line.map_or(Ok(()), |line| self.write(line))
    }

    /// A message that was given up.
    pub(crate) fn undelivered(self, frame: &Frame) -> Result<(), Failure> {
        self.write(if self.json { json::undelivered(frame) } else { human::undelivered(None, frame) })
    }

    /// The answer to a request, which is always printed on stdout.
    pub(crate) fn reply(self, answer: &Json) -> Result<(), Failure> {
        let line = if self.json { json::reply(answer) } else { human::reply(answer) };
        Self { detail: Detail::Everything, ..self }.write(line)
    }

    fn write(self, mut line: Vec<u8>) -> Result<(), Failure> {
        line.push(b'\n');
        let written = match self.detail {
            _ if self.json => put(io::stdout().lock(), &line),
            Detail::Trouble => put(anstream::stderr().lock(), &line),
            Detail::Everything | Detail::Lifecycle => put(anstream::stdout().lock(), &line),
        };
        written.map_err(|error| Failure::output(&error))
    }
}

/// What a mark is called; `None` for one that this build does not know.
fn mark(kind: MarkKind) -> Option<&'static str> {
    Some(match kind {
        MarkKind::Open => "open",
        MarkKind::Eof => "eof",
        MarkKind::Close => "close",
        MarkKind::Error => "broken",
        _ => return None,
    })
}

fn put(mut out: impl Write, line: &[u8]) -> io::Result<()> {
    out.write_all(line)?;
    out.flush()
}
