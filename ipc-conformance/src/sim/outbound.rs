//! What one side sends, and what it is told of it, against the model.

use std::collections::BTreeMap;

use ipc_proto::{
    Client, Config, Connection, EmitError, Frame, Outcome, Overflow, Pressure, Profile, SyncLoss, Ticket, Undelivered,
    request::{self, Request},
};

use super::{
    ledger::{Channel, Entry},
    scene::Scene,
    text::{Kind, Note, RAW_END},
};

/// A machine that takes messages.
pub(super) trait Sink {
    fn emit(&mut self, note: &Note) -> Result<Pressure, EmitError>;
    fn send(&mut self, frame: Frame) -> Result<Pressure, EmitError>;
    fn send_tracked(&mut self, frame: Frame) -> Result<Ticket, EmitError>;
    fn pending(&self) -> usize;
    fn settings(&self) -> &Config;
}

macro_rules! sink {
    ($machine:ty) => {
        impl Sink for $machine {
            fn emit(&mut self, note: &Note) -> Result<Pressure, EmitError> {
                self.emit("m", &note.body())
            }
            fn send(&mut self, frame: Frame) -> Result<Pressure, EmitError> {
                self.send(frame)
            }
            fn send_tracked(&mut self, frame: Frame) -> Result<Ticket, EmitError> {
                self.send_tracked(frame)
            }
            fn pending(&self) -> usize {
                self.pending_bytes()
            }
            fn settings(&self) -> &Config {
                self.config()
            }
        }
    };
}

sink!(Client);
sink!(Connection);

/// A message on its way into a machine.
#[derive(Debug)]
pub(super) struct Letter {
    note: Note,
    frame: Frame,
    text: String,
    plain: bool,
}

impl Letter {
    pub(super) fn plain(scene: &mut Scene, raw: bool, choice: u16) -> Self {
        let note = Note::new(scene.number(), 0, choice);
        let text = note.text(if raw { Kind::Raw } else { Kind::Plain });
        let frame = if raw {
            Frame::raw([text.as_bytes(), &[RAW_END]].concat())
        } else {
            Frame::encode("m", &note.body()).expect("numbers and a string have a JSON form")
        };
        Self { note, frame, text, plain: !raw }
    }

    pub(super) fn question(scene: &mut Scene, number: impl FnOnce(u64) -> u64, choice: u16) -> Self {
        let note = Note::new(scene.number(), 0, choice);
        let number = number(note.n);
        let frame = request::question("ask", number, &note.body()).expect("numbers and a string have a JSON form");
        Self { text: note.text(Kind::Ask(number)), note, frame, plain: false }
    }

    /// The answer to question `asked`, whose message was number `to`.
    pub(super) fn answer(scene: &mut Scene, reply_type: &str, asked: &Request, to: u64, choice: u16) -> Self {
        let note = Note::new(scene.number(), to, choice);
        let frame = asked.answer(reply_type, &note.body()).expect("numbers and a string have a JSON form");
        let number = asked.number.decode().unwrap_or(0);
        Self { text: note.text(Kind::Reply(number)), note, frame, plain: false }
    }

    pub(super) fn frame(&self) -> &Frame {
        &self.frame
    }

    pub(super) const fn n(&self) -> u64 {
        self.note.n
    }

    fn wire_len(&self) -> usize {
        self.frame.len()
    }

    /// Why `config` must refuse it with `pending` bytes waiting, if it must.
    fn refusal(&self, config: &Config, pending: usize, is_taking: bool) -> Option<&'static str> {
        let delimiter = config.delimiter.as_str();
        let len = self.wire_len();
        let guarded = matches!(config.profile, Profile::Guarded | Profile::Assured);
        let over = pending + len > config.limits.max_pending_bytes && (pending > 0 || guarded);
        if !is_taking {
            Some("closed")
        } else if len > config.frame_limit() || (config.profile != Profile::Raw && self.text.contains(delimiter)) {
            Some("encode")
        } else {
            over.then_some("full")
        }
    }
}

/// The sending half of one channel.
#[derive(Debug)]
pub(super) struct Outbound {
    name: String,
    channel: Channel,
    tickets: BTreeMap<Ticket, u64>,
    /// `High` was answered and `Writable` has not come.
    pub(super) owes_writable: bool,
    /// The largest message that was taken.
    pub(super) largest: usize,
    /// How many messages it was told that they are given up.
    pub(super) reported: u64,
}

impl Outbound {
    pub(super) fn new(name: String, channel: Channel) -> Self {
        Self { name, channel, tickets: BTreeMap::new(), owes_writable: false, largest: 0, reported: 0 }
    }

    /// Gives a message to the machine, one of three ways. Says how it was refused, if it was.
    pub(super) fn send(
        &mut self,
        scene: &mut Scene,
        machine: &mut impl Sink,
        letter: &Letter,
        way: u16,
        is_taking: bool,
    ) -> Option<&'static str> {
        let (pending, config) = (machine.pending(), machine.settings());
        let expected = letter.refusal(config, pending, is_taking);
        let drops_oldest = config.overflow == Overflow::DropOldest;
        let again = config.sync && config.sync_loss == SyncLoss::Resend;
        let way = way % 3;
        let result = match way {
            0 if letter.plain => machine.emit(&letter.note).map(Ok),
            2 => machine.send_tracked(letter.frame.clone()).map(Err),
            _ => machine.send(letter.frame.clone()).map(Ok),
        };
        let refused = refusal(&result);
        let same = refused == expected || (drops_oldest && [refused, expected].contains(&Some("full")));
        scene.check(same, || format!("{}: {:.60} is {refused:?} instead of {expected:?}", self.name, letter.text));
        let high = machine.pending() >= Pressure::HIGH_MARK;
        match result {
            Ok(answer) => {
                let said = !matches!(&answer, Ok(pressure) if (*pressure == Pressure::High) != high);
                scene.check(said, || format!("{}: {answer:?} with {} bytes", self.name, machine.pending()));
                self.owes_writable |= high;
                self.accept(scene, letter, &answer, again);
            }
            Err(error) => self.refuse(scene, letter, error),
        }
        refused
    }

    fn accept(&mut self, scene: &mut Scene, letter: &Letter, answer: &Result<Pressure, Ticket>, again: bool) {
        scene.say(|| format!("{} takes {:.60}", self.name, letter.text));
        scene.totals.count("app: messages taken");
        self.largest = self.largest.max(letter.wire_len());
        match answer {
            Ok(Pressure::High) => {
                scene.totals.count("state: high pressure");
            }
            Ok(Pressure::Low) => {}
            Err(ticket) => drop(self.tickets.insert(*ticket, letter.n())),
        }
        let entry = Entry::new(letter.text.clone().into_bytes(), scene.time.now(), answer.is_err(), again);
        scene.ledger.accept(self.channel, letter.n(), entry);
    }

    fn refuse(&self, scene: &mut Scene, letter: &Letter, error: EmitError) {
        scene.totals.count(match &error {
            EmitError::Full(_) => "app: refused, full",
            EmitError::Closed(_) => "app: refused, closed",
            _ => "app: refused, no frame",
        });
        if let Some(frame) = error.into_frame() {
            let same = frame == letter.frame;
            scene.check(same, || format!("{} gave back another message than {:.60}", self.name, letter.text));
        }
    }

    /// The machine gave a message up.
    pub(super) fn undelivered(&mut self, scene: &mut Scene, lost: &Undelivered) {
        scene.totals.count(if lost.maybe_sent { "state: undelivered, maybe sent" } else { "state: undelivered" });
        self.reported += 1;
        let bytes = lost.frame.as_bytes();
        let text = if lost.frame.is_raw() { bytes.strip_suffix(&[RAW_END]).unwrap_or(bytes) } else { bytes };
        scene.say(|| format!("{} gives up {:.60}", self.name, String::from_utf8_lossy(text)));
        let result = scene.ledger.give_up(self.channel, text, lost.maybe_sent);
        scene.require(result);
    }

    /// What became of messages with tickets.
    pub(super) fn outcomes(&mut self, scene: &mut Scene, mut next: impl FnMut() -> Option<(Ticket, Outcome)>) {
        while let Some((ticket, outcome)) = next() {
            let n = self.tickets.get(&ticket).copied();
            scene.check(n.is_some(), || format!("{}: an outcome for an unknown ticket", self.name));
            let result = scene.ledger.settle(self.channel, n.unwrap_or(0), outcome);
            scene.require(result);
        }
    }

    pub(super) fn writable(&mut self, scene: &mut Scene, pending: usize) {
        scene.totals.count("state: writable again");
        let owed = std::mem::take(&mut self.owes_writable);
        scene.check(owed, || format!("{} is writable again, and was all the time", self.name));
        scene.check(pending <= Pressure::LOW_MARK, || format!("{} is called writable at {pending} bytes", self.name));
    }
}

fn refusal<T>(result: &Result<T, EmitError>) -> Option<&'static str> {
    match result {
        Ok(_) => None,
        Err(EmitError::Full(_)) => Some("full"),
        Err(EmitError::Closed(_)) => Some("closed"),
        Err(EmitError::Encode(_)) => Some("encode"),
        Err(_) => Some("other"),
    }
}
