//! `ipc replay`: a capture as a conversation.

use std::{
    collections::BTreeMap,
    fmt::Display,
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
    sync::Arc,
    time::Duration,
};

use ipc_conformance::corpus::{Chunk, Direction, Mark, MarkKind, Step};
use ipc_proto::{Config, Connection, Event, Side, Timestamp};

use crate::{
    args::ReplayArgs,
    failure::{Exit, Failure},
    output::{At, Output, Recorded},
};

pub(crate) fn run(args: &ReplayArgs) -> Result<Exit, Failure> {
    let config = Arc::new(args.common.config()?);
    config.validate()?;
    let output = Output::new(&args.common);
    for path in &args.files {
        let replay = Replay { config: Arc::clone(&config), output, receivers: BTreeMap::new() };
        replay.file(path)?;
    }
    Ok(Exit::Done)
}

/// The receivers of a capture, one for each direction of each connection.
struct Replay {
    config: Arc<Config>,
    output: Output,
    receivers: BTreeMap<(u32, Direction), Connection>,
}

impl Replay {
    fn file(mut self, path: &Path) -> Result<(), Failure> {
        let failed = |why: &dyn Display| Failure::new(Exit::Failed, format_args!("{}{why}", path.display()));
        let mut input = BufReader::new(File::open(path).map_err(|error| failed(&format_args!(": {error}")))?);
        let mut line = Vec::new();
        for number in 1_u64.. {
            line.clear();
            let read = input.read_until(b'\n', &mut line).map_err(|error| failed(&format_args!(": {error}")))?;
            if read == 0 {
                break;
            }
            if !line.trim_ascii().is_empty() {
                let step = Step::parse(&line).map_err(|error| failed(&format_args!(":{number}: {error}")))?;
                self.step(step)?;
            }
        }
        Ok(())
    }

    fn step(&mut self, step: Step) -> Result<(), Failure> {
        match step {
            Step::Chunk(chunk) => self.chunk(&chunk),
            Step::Mark(mark) => self.mark(&mark),
            _ => Ok(()),
        }
    }

    fn chunk(&mut self, chunk: &Chunk) -> Result<(), Failure> {
        let at = At { t_ms: chunk.t_ms, conn: chunk.conn, dir: Some(chunk.dir) };
        self.receive(&at, chunk.dir, |receiver, now| receiver.handle_input(now, &chunk.bytes))
    }

    fn mark(&mut self, mark: &Mark) -> Result<(), Failure> {
        let at = At { t_ms: mark.t_ms, conn: mark.conn, dir: mark.dir };
        match (mark.kind, mark.dir) {
            // A number can be used again where captures were put together.
            (MarkKind::Open, _) => self.receivers.retain(|(conn, _), _| *conn != mark.conn),
            (MarkKind::Eof, Some(dir)) => self.receive(&at, dir, Connection::handle_eof)?,
            _ => {}
        }
        self.output.recorded(&at, &Recorded::Mark(mark.kind))
    }

    /// Gives something to the receiver of a direction, and shows what it makes of it.
    fn receive(
        &mut self,
        at: &At,
        dir: Direction,
        give: impl FnOnce(&mut Connection, Timestamp),
    ) -> Result<(), Failure> {
        let config = &self.config;
        let side = if matches!(dir, Direction::ToServer | Direction::ToParent) { Side::Server } else { Side::Client };
        let receiver =
            self.receivers.entry((at.conn, dir)).or_insert_with(|| Connection::new(Arc::clone(config), side));
        let now = Timestamp::new(Duration::try_from_secs_f64(at.t_ms / 1000.0).unwrap_or_default());
        if receiver.poll_timeout().is_some_and(|due| due <= now) {
            receiver.handle_timeout(now);
        }
        give(receiver, now);
        while let Some(event) = receiver.poll_event() {
            if matches!(event, Event::Message(_) | Event::Raw(_) | Event::Error(_)) {
                self.output.recorded(at, &Recorded::Event(event))?;
            }
        }
        Ok(())
    }
}
