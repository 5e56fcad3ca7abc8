//! Receive cases: input fed to one endpoint.

use core::{fmt, time::Duration};

use ipc_proto::{Config, Profile, Retry};

use super::{
    Chunking, Conversation, Outcome, Ran, Replay, Role, Seen, Verdict, compare,
    conversation::Bytes,
    differs::Listed,
    is_same,
    machine::{self, Input},
    model,
    recorded::{self, Wanted},
    rules::Circumstances,
};
use crate::corpus::{self, ReceiveCase, dialect_of};

/// The sets of options that receive cases were recorded with.
const OPTIONS: [&str; 5] = ["json", "guarded", "guarded_allowReserved", "identifyPeer", "message_parser"];

/// Which of the recorded endpoints of a receive case.
pub(super) struct Setup<'a> {
    pub(super) options: &'a str,
    pub(super) version: &'a str,
    pub(super) role: Role,
}

impl Setup<'_> {
    fn config(&self, case: &ReceiveCase) -> Config {
        let guarded = self.options.starts_with("guarded");
        let config = Config::default()
            .dialect(dialect_of(self.version))
            .delimiter(case.delimiter.as_str())
            .profile(if guarded { Profile::Guarded } else { Profile::Fast })
            .allow_reserved_events(self.options == "guarded_allowReserved")
            .retry(Retry::never());
        match self.options {
            "identifyPeer" => config.identify_peer(Some(true)),
            _ if guarded => config.message_timeout(Duration::from_millis(400)),
            _ => config,
        }
    }
}

/// A receive case in one set-up.
pub struct Receiving<'a> {
    pub(super) replay: &'a Replay,
    pub(super) case: &'a ReceiveCase,
    pub(super) recorded: &'a corpus::Outcome,
    pub(super) listed: Option<Listed<'a>>,
    pub(super) setup: Setup<'a>,
}

impl Receiving<'_> {
    /// What the endpoint is configured with.
    pub fn config(&self) -> Config {
        self.setup.config(self.case)
    }

    /// Whether time has to pass until nothing is timed any more. The recorder watched long enough for a timeout in some
    /// cases only.
    pub fn waits(&self) -> bool {
        recorded::of_outcome(self.recorded).contains(&Wanted::Error("ERR_IPC_MESSAGE_TIMEOUT".to_owned()))
    }

    /// What this project's machine makes of it.
    pub fn by_machine(&self, chunking: Chunking) -> Ran {
        let chunks = self.chunks(chunking);
        let input = Input { chunks: &chunks, eof: self.case.eof_after, wait: self.waits() };
        match self.setup.role {
            Role::Server => machine::server(self.config(), &input),
            Role::Client => machine::client(self.config(), &input),
        }
    }

    fn chunks(&self, chunking: Chunking) -> Vec<Vec<u8>> {
        let input = self.case.input();
        let slices: Vec<&[u8]> = input.iter().map(Vec::as_slice).collect();
        chunking.cut(&slices)
    }

    /// What happened, for people.
    pub fn conversation(&self, ran: &Ran, chunking: Chunking) -> Conversation {
        let (to, chunks) = (format!("to the {}", self.setup.role), self.chunks(chunking));
        let bytes = Bytes { to: &to, chunks: &chunks, eof: self.case.eof_after };
        let mut conversation = Conversation::new(&bytes, &recorded::of_outcome(self.recorded), ran);
        if ran.closed != self.recorded.peer_closed {
            let words = |closed| if closed { "closes the connection" } else { "leaves the connection open" };
            conversation.also(words(self.recorded.peer_closed), words(ran.closed));
        }
        let name = recorded::last_peer_id(self.recorded);
        if self.setup.role == Role::Server && ran.peer_id != name {
            let words =
                |name: Option<&str>| name.map_or_else(|| "an unnamed peer".to_owned(), |name| format!("peer {name}"));
            conversation.also(&words(name.as_deref()), &words(ran.peer_id.as_deref()));
        }
        conversation
    }

    /// The version that was recorded.
    pub fn version(&self) -> &str {
        self.setup.version
    }

    /// The recorded set of options.
    pub fn options(&self) -> &str {
        self.setup.options
    }

    /// What the endpoint did, against what was recorded.
    pub fn judge(&self, ran: &Ran) -> Verdict {
        match self.listed {
            Some(Listed { skip: true, reason }) if !self.replay.by_rule => Verdict::Skipped(reason.to_owned()),
            listed => self.replay.judge(listed, [self.outcome(ran)]),
        }
    }

    /// Why it cannot be fed to anything here.
    pub fn cannot_run(&self) -> Option<Verdict> {
        let Setup { options, .. } = self.setup;
        if self.case.mode != "json" || !OPTIONS.contains(&options) {
            let reason =
                format!("The mode {} with the options {options} is none that this version knows.", self.case.mode);
            return Some(Verdict::Skipped(reason));
        }
        self.config().validate().err().map(|error| Verdict::Failed(format!("{self}: {error}")))
    }

    /// What another implementation did: as node-ipc is good, too, where this project does otherwise.
    pub fn judge_another(&self, ran: &Ran) -> Verdict {
        let wanted = recorded::of_outcome(self.recorded);
        let same = is_same(&ran.seen, &wanted) && ran.closed == self.recorded.peer_closed;
        if same { Verdict::Passed } else { self.judge(ran) }
    }

    fn outcome(&self, ran: &Ran) -> Outcome {
        let Self { case, recorded, setup, .. } = self;
        let wanted = recorded::of_outcome(recorded);
        let model = self.model();
        let (config, input) = (self.config(), case.input());
        let chunks: Vec<&[u8]> = input.iter().map(Vec::as_slice).collect();
        let delimiter = &*case.delimiter;
        let circumstances = Circumstances {
            version: setup.version,
            options: setup.options,
            config: &config,
            configured: [delimiter; 2],
            chunks: &chunks,
            datagrams: false,
        };
        let outcome = compare(&ran.seen, &wanted, model.as_deref(), &circumstances, &self.to_string());
        let is_same = matches!(outcome, Outcome::Same);
        if is_same && ran.closed != recorded.peer_closed {
            return Outcome::Wrong(format!("{self}: closed is {}", ran.closed));
        }
        if is_same && setup.role == Role::Server && ran.peer_id != recorded::last_peer_id(recorded) {
            return Outcome::Wrong(format!("{}: the peer's name is {:?}", case.name, ran.peer_id));
        }
        outcome
    }

    /// What this project means to do; there is a model of it for the Fast profile only.
    fn model(&self) -> Option<Vec<Seen>> {
        let config = self.config();
        let mut model = model::events(&self.case.input().concat(), &config, self.case.eof_after);
        if self.setup.role == Role::Client && model.last() == Some(&Seen::Ended) {
            model.push(Seen::Destroyed);
        }
        (config.profile == Profile::Fast).then_some(model)
    }
}

impl fmt::Display for Receiving<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Setup { options, version, role } = &self.setup;
        write!(f, "{} {options} {version} {role}", self.case.name)
    }
}
