//! The corpus replayed through the protocol machines: what they make of recorded bytes, against what node-ipc made.
//!
//! [`Replay::capture`] and [`Replay::receive_case`] give a [`Verdict`] each. Where a machine and node-ipc disagree, the case must
//! be listed in `differs.json` with a reason, and the machine must do what [`model`] says this project means to do;
//! anything else is a failure. A listed case that agrees is a failure too, so the list cannot grow stale. Recordings that
//! the list cannot know are judged [by rule](Replay::by_rule).

use core::fmt;

use crate::corpus::{Capture, Direction, Mode, ReceiveCase, Transport};

mod chunking;
mod conversation;
mod datagrams;
mod differs;
mod flow;
mod js;
mod machine;
pub mod model;
mod receiving;
mod recorded;
mod rules;
mod seen;

pub use chunking::{Chunking, seed_from_env};
pub use conversation::{Conversation, Said, Step};
pub use differs::{Differs, DiffersError, ListedLifecycle};
pub use flow::Flow;
pub use js::restringified;
pub use machine::Ran;
pub use receiving::Receiving;
pub use seen::Seen;

use differs::Listed;
use receiving::Setup;
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
            let is_other = capture.mode == Mode::Other
                || capture.transport == Transport::Other
                || capture.chunks.iter().any(|chunk| chunk.dir == Direction::Other);
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

    /// Why a capture cannot be replayed: it is skipped, or nothing can be set up as its endpoints were.
    pub fn cannot_replay(&self, capture: &Capture) -> Option<Verdict> {
        if let Some(reason) = self.skips_capture(capture) {
            return Some(Verdict::Skipped(reason));
        }
        flow::refused(capture).map(Verdict::Failed)
    }

    /// Replays every stream of a capture into the dialect of its receiver. Datagrams are never cut: their borders mean
    /// something.
    pub fn capture(&self, capture: &Capture, chunking: Chunking) -> Verdict {
        self.cannot_replay(capture).unwrap_or_else(|| {
            let ran = |flow: Flow<'_>| flow.by_machine(chunking);
            let ran: Vec<Ran> = Flow::all(capture).into_iter().map(ran).collect();
            self.judge_capture(capture, &ran, chunking)
        })
    }

    /// What endpoints of any kind made of [all flows](Flow::all) of a capture, against what was recorded.
    pub fn judge_capture(&self, capture: &Capture, ran: &[Ran], chunking: Chunking) -> Verdict {
        let flows = Flow::all(capture);
        let outcomes = flows.iter().zip(ran).map(|(flow, ran)| flow.outcome(ran, chunking));
        self.judge(self.differs.capture(&capture.name), outcomes)
    }

    /// As [`judge_capture`](Self::judge_capture), for another implementation: as node-ipc is good, too, where this
    /// project does otherwise.
    pub fn judge_another_capture(&self, capture: &Capture, ran: &[Ran]) -> Verdict {
        let mut flows = Flow::all(capture).into_iter().zip(ran);
        if flows.all(|(flow, ran)| flow.is_as_recorded(ran)) {
            return Verdict::Passed;
        }
        self.judge_capture(capture, ran, Chunking::Whole)
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
