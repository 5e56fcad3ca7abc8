//! The corpus replayed through the protocol machines: what they make of recorded bytes, against what node-ipc made.
//!
//! [`Replay::capture`] and [`Replay::receive_case`] give a [`Verdict`] each. Where a machine and node-ipc disagree, the case must
//! be listed in `differs.json` with a reason, and the machine must do what [`model`] says this project means to do;
//! anything else is a failure. A listed case that agrees is a failure too, so the list cannot grow stale. Recordings that
//! the list cannot know are judged [by rule](Replay::by_rule).

use core::fmt;

use ipc_proto::{Config, Encoding, Profile};

use crate::corpus::{self, Capture, Direction, EndpointConfig, Mode, ReceiveCase, dialect_of};

mod chunking;
mod datagrams;
mod differs;
mod js;
mod machine;
pub mod model;
mod recorded;
mod rules;
mod seen;

pub use chunking::{Chunking, seed_from_env};
pub use differs::{Differs, DiffersError, ListedLifecycle};
pub use js::restringified;
pub use seen::Seen;

pub use machine::Ran;

use differs::Listed;
use machine::Input;
use recorded::Wanted;
use rules::{Circumstances, Rule};

/// What a replay came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As node-ipc.
    Passed,
    /// Not as node-ipc, on purpose and as listed.
    Differs(String),
    /// Not replayed, for the reason that is listed.
    Skipped(String),
    /// Neither as node-ipc nor as listed; or listed without need.
    Failed(String),
}

/// How many replays came to which verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// As node-ipc.
    pub passed: usize,
    /// Not as node-ipc, on purpose.
    pub differs: usize,
    /// Not replayed.
    pub skipped: usize,
    /// Failed.
    pub failed: usize,
}

impl Tally {
    /// Counts one more.
    pub fn count(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Passed => self.passed += 1,
            Verdict::Differs(_) => self.differs += 1,
            Verdict::Skipped(_) => self.skipped += 1,
            Verdict::Failed(_) => self.failed += 1,
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passed, differs, skipped, failed } = self;
        write!(f, "{passed} passed, {differs} differ by design, {skipped} skipped, {failed} failed")
    }
}

/// Which end of a connection is under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It accepted.
    Server,
    /// It dialled.
    Client,
}

impl Role {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Server, Self::Client];
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Server => "server",
            Self::Client => "client",
        })
    }
}

/// One comparison: agreed, or how not and whether the model explains it.
enum Outcome {
    Same,
    /// As the model, and otherwise than recorded; by a rule, if there is one.
    ByDesign(Option<Rule>, String),
    Wrong(String),
}

/// Replays recordings and judges by a list of intended differences.
#[derive(Clone, Debug)]
pub struct Replay {
    differs: Differs,
    by_rule: bool,
}

impl Replay {
    /// With a list of intended differences.
    pub fn new(differs: Differs) -> Self {
        Self { differs, by_rule: false }
    }

    /// For recordings that the list does not name: what differs is told by its kind, and names mean nothing.
    pub fn by_rule(differs: Differs) -> Self {
        Self { differs, by_rule: true }
    }

    /// Whether names mean nothing.
    pub fn is_by_rule(&self) -> bool {
        self.by_rule
    }

    /// What the list says of a lifecycle scenario; by rule, versions of one dialect are one.
    pub fn lifecycle(&self, name: &str, version: &str) -> Option<ListedLifecycle<'_>> {
        if self.by_rule { self.differs.lifecycle_like(name, version) } else { self.differs.lifecycle(name, version) }
    }

    /// Why a capture is not replayed, if it is listed so.
    pub fn skips_capture(&self, capture: &Capture) -> Option<String> {
        let reason = if self.by_rule {
            let is_other =
                capture.mode == Mode::Other || capture.chunks.iter().any(|chunk| chunk.dir == Direction::Other);
            let rule = rules::skipping(capture).and_then(|rule| self.differs.reason(rule));
            rule.or_else(|| is_other.then_some("Of a kind that this version does not know."))
        } else {
            self.differs.capture(&capture.name).filter(|listed| listed.skip).map(|listed| listed.reason)
        };
        reason.map(str::to_owned)
    }

    fn judge(&self, listed: Option<Listed<'_>>, outcomes: impl IntoIterator<Item = Outcome>) -> Verdict {
        if self.by_rule { self.judge_by_rule(outcomes) } else { judge(listed, outcomes) }
    }

    fn judge_by_rule(&self, outcomes: impl IntoIterator<Item = Outcome>) -> Verdict {
        let mut verdict = Verdict::Passed;
        for outcome in outcomes {
            match outcome {
                Outcome::Same => {}
                Outcome::Wrong(how) => return Verdict::Failed(how),
                Outcome::ByDesign(rule, how) => match rule.and_then(|rule| self.differs.reason(rule)) {
                    Some(reason) => verdict = Verdict::Differs(reason.to_owned()),
                    None => return Verdict::Failed(how),
                },
            }
        }
        verdict
    }

    /// Replays every stream of a capture into the dialect of its receiver. Datagrams are never cut: their borders mean
    /// something.
    pub fn capture(&self, capture: &Capture, chunking: Chunking) -> Verdict {
        if let Some(reason) = self.skips_capture(capture) {
            return Verdict::Skipped(reason);
        }
        if let Some(error) =
            [Direction::ToServer, Direction::ToClient].into_iter().find_map(|dir| refused(capture, dir))
        {
            return Verdict::Failed(error);
        }
        if capture.is_datagrams() {
            let outcomes = datagrams::capture(capture, |dir| capture_config(capture, dir));
            return self.judge(self.differs.capture(&capture.name), outcomes);
        }
        if !capture.is_framed_stream() && !capture.is_raw_stream() {
            return Verdict::Failed("no byte streams to replay, and not listed as skipped".to_owned());
        }
        let streams = capture.streams();
        self.judge(
            self.differs.capture(&capture.name),
            streams.iter().map(|(dir, conn)| stream(capture, *dir, *conn, chunking)),
        )
    }

    /// Feeds a receive case to a machine set up as `version` was under `options`; `None` where it was not recorded.
    pub fn receive_case(
        &self,
        case: &ReceiveCase,
        options: &str,
        version: &str,
        role: Role,
        chunking: Chunking,
    ) -> Option<Verdict> {
        let receiving = self.receiving(case, options, version, role)?;
        Some(receiving.cannot_run().unwrap_or_else(|| receiving.judge(&receiving.by_machine(chunking))))
    }

    /// A receive case to be fed to an endpoint of any kind, set up as `version` was under `options`; `None` where it
    /// was not recorded.
    pub fn receiving<'a>(
        &'a self,
        case: &'a ReceiveCase,
        options: &'a str,
        version: &'a str,
        role: Role,
    ) -> Option<Receiving<'a>> {
        let roles = case.outcome(options, version)?;
        let recorded = match role {
            Role::Server => &roles.server,
            Role::Client => &roles.client,
        };
        let listed = self.differs.receive_case(&case.name, options, version);
        Some(Receiving { replay: self, case, recorded, listed, setup: Setup { options, version, role } })
    }
}

fn judge(listed: Option<Listed<'_>>, outcomes: impl IntoIterator<Item = Outcome>) -> Verdict {
    let mut by_design = false;
    for outcome in outcomes {
        match outcome {
            Outcome::Same => {}
            Outcome::ByDesign(..) => by_design = true,
            Outcome::Wrong(how) => return Verdict::Failed(how),
        }
    }
    match (listed, by_design) {
        (Some(listed), true) => Verdict::Differs(listed.reason.to_owned()),
        (Some(_), false) => Verdict::Failed("listed in differs.json, but does as node-ipc did".to_owned()),
        (None, true) => Verdict::Failed("does otherwise than node-ipc, and is not listed in differs.json".to_owned()),
        (None, false) => Verdict::Passed,
    }
}

/// Replays one direction of one connection.
fn stream(capture: &Capture, dir: Direction, conn: u32, chunking: Chunking) -> Outcome {
    let recorded_chunks: Vec<&[u8]> = capture.chunks_of(dir, conn).collect();
    let chunks = chunking.cut(&recorded_chunks);
    let wanted = recorded::of_capture(capture, dir, conn);
    let config = capture_config(capture, dir);
    let bytes = recorded_chunks.concat();
    let model = (!capture.is_raw_stream()).then(|| model::messages_and_errors(&bytes, &config));
    let ran = machine::server(config.clone(), &Input { chunks: &chunks, eof: true, wait: false });
    let place = format!("{} {dir} {conn}", capture.name);
    if capture.is_raw_stream() && chunking != Chunking::Recorded {
        return raw_bytes(&ran, &recorded::raw_bytes(&wanted).unwrap_or(bytes), &place);
    }
    let seen: Vec<Seen> = ran.seen.into_iter().filter(|seen| !seen.is_lifecycle()).collect();
    let circumstances = circumstances(capture, dir, &config, &recorded_chunks);
    compare(&seen, &wanted, model.as_deref(), &circumstances, &place)
}

fn circumstances<'a>(
    capture: &'a Capture,
    dir: Direction,
    config: &'a Config,
    chunks: &'a [&'a [u8]],
) -> Circumstances<'a> {
    Circumstances {
        version: capture.receiver_version(dir),
        options: "",
        config,
        configured: [capture.receiver_config(dir).delimiter(), capture.sender_config(dir).delimiter()],
        chunks,
        datagrams: capture.is_datagrams(),
    }
}

/// Why nothing can be set up as the receiver was.
fn refused(capture: &Capture, dir: Direction) -> Option<String> {
    let config = capture_config(capture, dir);
    let assured = config.profile == Profile::Assured && capture.is_datagrams();
    let error = config.validate().err().map(|error| error.to_string());
    error.or_else(|| assured.then(|| "the assured profile has no datagrams".to_owned()))
}

/// Reads depend on how the bytes come; what all of them amount to does not.
fn raw_bytes(ran: &Ran, wanted: &[u8], place: &str) -> Outcome {
    let got: Vec<u8> = ran.seen.iter().flat_map(Seen::raw_bytes).copied().collect();
    if got == wanted { Outcome::Same } else { Outcome::Wrong(format!("{place}: other bytes than were recorded")) }
}

/// A stream's receiver, but for the delimiter: that is what stood on the wire.
fn capture_config(capture: &Capture, dir: Direction) -> Config {
    let options: &EndpointConfig = capture.receiver_config(dir);
    let profile = match options.parser.as_deref() {
        Some("guarded") => Profile::Guarded,
        Some("assured") => Profile::Assured,
        _ if options.raw_buffer || capture.is_raw_stream() => Profile::Raw,
        _ => Profile::Fast,
    };
    let config = Config::default()
        .dialect(capture.receiver_dialect(dir))
        .delimiter(capture.wire_delimiter(dir))
        .encoding(Encoding::from_name(options.encoding()).unwrap_or_default())
        .identify_peer(options.identify_peer.then_some(true))
        .profile(profile);
    options.allowed_events.iter().fold(config, Config::allow)
}

/// The sets of options that receive cases were recorded with.
const OPTIONS: [&str; 5] = ["json", "guarded", "guarded_allowReserved", "identifyPeer", "message_parser"];

/// Which of the recorded endpoints of a receive case.
struct Setup<'a> {
    options: &'a str,
    version: &'a str,
    role: Role,
}

impl Setup<'_> {
    fn config(&self, case: &ReceiveCase) -> Config {
        let guarded = self.options.starts_with("guarded");
        let config = Config::default()
            .dialect(dialect_of(self.version))
            .delimiter(case.delimiter.as_str())
            .profile(if guarded { Profile::Guarded } else { Profile::Fast })
            .allow_reserved_events(self.options == "guarded_allowReserved")
            .retry(ipc_proto::Retry::never());
        match self.options {
            "identifyPeer" => config.identify_peer(Some(true)),
            _ if guarded => config.message_timeout(core::time::Duration::from_millis(400)),
            _ => config,
        }
    }
}

/// A receive case in one set-up.
pub struct Receiving<'a> {
    replay: &'a Replay,
    case: &'a ReceiveCase,
    recorded: &'a corpus::Outcome,
    listed: Option<Listed<'a>>,
    setup: Setup<'a>,
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

    fn by_machine(&self, chunking: Chunking) -> Ran {
        let input = self.case.input();
        let slices: Vec<&[u8]> = input.iter().map(Vec::as_slice).collect();
        let chunks = chunking.cut(&slices);
        let input = Input { chunks: &chunks, eof: self.case.eof_after, wait: self.waits() };
        match self.setup.role {
            Role::Server => machine::server(self.config(), &input),
            Role::Client => machine::client(self.config(), &input),
        }
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

fn is_same(seen: &[Seen], wanted: &[Wanted]) -> bool {
    seen.len() == wanted.len() && seen.iter().zip(wanted).all(|(seen, wanted)| wanted.is(seen))
}

fn compare(
    seen: &[Seen],
    wanted: &[Wanted],
    model: Option<&[Seen]>,
    circumstances: &Circumstances<'_>,
    place: &str,
) -> Outcome {
    if let Some(model) = model.filter(|model| *model != seen) {
        return Outcome::Wrong(format!("{place}:\n  gives  {seen:?}\n  design {model:?}"));
    }
    if is_same(seen, wanted) {
        return Outcome::Same;
    }
    let how = format!("{place}:\n  gives    {seen:?}\n  recorded {wanted:?}");
    if model.is_some() { Outcome::ByDesign(circumstances.rule(seen, wanted), how) } else { Outcome::Wrong(how) }
}
