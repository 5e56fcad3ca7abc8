//! Recordings as cases with a verdict each, for `ipc check` and the tests.

use std::{
    any::Any,
    cell::Cell,
    panic::{self, AssertUnwindSafe},
    sync::Once,
};

use crate::{
    corpus::{Capture, Lifecycle, ReceiveCase},
    replay::{Chunking, Conversation, Flow, Ran, Receiving, Replay, Role, Verdict},
};

/// What a case is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Group {
    /// A recorded conversation.
    Captures,
    /// Input fed to one endpoint.
    Receive,
    /// Servers that go away, retries, disconnects.
    Lifecycle,
    /// Real node-ipc.
    Live,
}

impl Group {
    /// In one word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Captures => "captures",
            Self::Receive => "receive",
            Self::Lifecycle => "lifecycle",
            Self::Live => "live",
        }
    }
}

/// Where a case stands among the others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Place {
    /// How the ends were joined: `unix`, `tcp` …
    pub transport: String,
    /// What was exchanged, or with which options: `json`, `raw`, `guarded` …
    pub mode: String,
    /// The recorded version of node-ipc, or the one that took part; a server's where the client's is another. Empty without.
    pub version: String,
}

impl Place {
    /// One of these words.
    pub fn new(transport: impl Into<String>, mode: impl Into<String>, version: impl Into<String>) -> Self {
        Self { transport: transport.into(), mode: mode.into(), version: version.into() }
    }

    /// Of a capture. Where the client was of another version than the server, that is a mode of its own.
    pub fn of_capture(capture: &Capture) -> Self {
        let mixed = capture.client_version.as_ref().is_some_and(|client| *client != capture.version);
        let mode = format!("{}{}", capture.mode.name(), if mixed { ", mixed versions" } else { "" });
        Self::new(capture.transport.name(), mode, capture.version.trim_start_matches("node "))
    }

    /// Of a receive case, all of which were recorded over Unix sockets.
    pub fn of_receiving(receiving: &Receiving<'_>) -> Self {
        Self::new("unix", receiving.options(), receiving.version())
    }

    /// Of a lifecycle scenario.
    pub fn of_lifecycle(scenario: &Lifecycle, transport: &str) -> Self {
        Self::new(transport, "lifecycle", &*scenario.version)
    }
}

/// One case, judged.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Case {
    /// What it is about.
    pub group: Group,
    /// Its name in its recording, then the set-up: options, version, role.
    pub name: String,
    /// What it was run on: `core` for the machines alone, else a runtime or a command.
    pub on: &'static str,
    /// What it came to.
    pub verdict: Verdict,
    /// Version, transport and mode.
    pub place: Place,
    /// What passed, for one that failed, as far as it is known.
    pub conversation: Option<Conversation>,
}

impl Case {
    /// A case that was run.
    pub fn new(group: Group, name: impl Into<String>, on: &'static str, place: Place, verdict: Verdict) -> Self {
        Self { group, name: name.into(), on, verdict, place, conversation: None }
    }

    /// With what passed, which is kept of a failed one only.
    #[must_use]
    pub fn with(mut self, conversation: impl FnOnce() -> Option<Conversation>) -> Self {
        self.conversation = matches!(self.verdict, Verdict::Failed(_)).then(conversation).flatten();
        self
    }
}

/// What a way of running a case came to, and what passed.
type Run = (Verdict, Option<Conversation>);

/// A capture through the machines, in every way of cutting it: the first failure counts.
pub fn capture(replay: &Replay, capture: &Capture, seed: u64) -> Case {
    let ways = if capture.is_datagrams() { &[Chunking::Recorded][..] } else { &Chunking::all(seed) };
    let runs = ways.iter().map(|way| (*way, unwound(|| capture_cut(replay, capture, *way))));
    let (verdict, conversation) = worst(runs);
    Case { conversation, ..Case::new(Group::Captures, &capture.name, "core", Place::of_capture(capture), verdict) }
}

fn capture_cut(replay: &Replay, capture: &Capture, way: Chunking) -> Run {
    if let Some(verdict) = replay.cannot_replay(capture) {
        return (verdict, None);
    }
    let ran: Vec<Ran> = Flow::all(capture).iter().map(|flow| flow.by_machine(way)).collect();
    let verdict = replay.judge_capture(capture, &ran, way);
    let failed = matches!(verdict, Verdict::Failed(_));
    (verdict, failed.then(|| conversation(capture, &ran, way)).flatten())
}

/// What passed in the first flow of a capture that came to something else than was recorded.
pub fn conversation(capture: &Capture, ran: &[Ran], way: Chunking) -> Option<Conversation> {
    let flows = Flow::all(capture);
    let mut other = flows.iter().zip(ran).filter(|(flow, ran)| !flow.is_as_recorded(ran));
    other.next().map(|(flow, ran)| flow.conversation(ran, way))
}

/// A receive case through the machines, in every set-up it was recorded in, in its own chunks and byte by byte: a case
/// for each set-up, in which the first failure counts.
pub fn receive<'a>(replay: &'a Replay, case: &'a ReceiveCase) -> impl Iterator<Item = Case> + 'a {
    setups(case).filter_map(move |(options, version, role)| {
        let receiving = replay.receiving(case, options, version, role)?;
        let ways = [Chunking::Recorded, Chunking::Bytes];
        let (verdict, conversation) = worst(ways.map(|way| (way, unwound(|| received(&receiving, way)))));
        let place = Place::of_receiving(&receiving);
        let case = Case::new(Group::Receive, receiving.to_string(), "core", place, verdict);
        Some(Case { conversation, ..case })
    })
}

fn received(receiving: &Receiving<'_>, way: Chunking) -> Run {
    if let Some(verdict) = receiving.cannot_run() {
        return (verdict, None);
    }
    let ran = receiving.by_machine(way);
    let verdict = receiving.judge(&ran);
    let failed = matches!(verdict, Verdict::Failed(_));
    (verdict, failed.then(|| receiving.conversation(&ran, way)))
}

/// The set-ups of a receive case: options, version and role.
pub fn setups(case: &ReceiveCase) -> impl Iterator<Item = (&str, &str, Role)> {
    let versions = case.results.iter().flat_map(|(options, of)| of.keys().map(move |version| (&**options, &**version)));
    versions.flat_map(|(options, version)| Role::ALL.map(|role| (options, version, role)))
}

/// The first failure; else the first verdict, which the others are like.
fn worst(runs: impl IntoIterator<Item = (Chunking, Run)>) -> Run {
    let mut first = None;
    for (way, (verdict, conversation)) in runs {
        match verdict {
            Verdict::Failed(how) => return (Verdict::Failed(format!("in {way} chunks: {how}")), conversation),
            verdict => first.get_or_insert(verdict),
        };
    }
    (first.unwrap_or(Verdict::Passed), None)
}

/// What `run` comes to: a panic is a failure like others, and the next case is run.
fn unwound(run: impl FnOnce() -> Run) -> Run {
    quietly(run).unwrap_or_else(|how| (Verdict::Failed(how), None))
}

thread_local! {
    /// A panic of this thread is a verdict, and nothing to be printed.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// What `run` gives, or what it said when it panicked. Nothing of that is printed, as far as it is of this thread.
///
/// # Errors
/// It panicked.
pub fn quietly<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                loud(panic);
            }
        }));
    });
    let before = QUIET.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(run));
    QUIET.set(before);
    result.map_err(|panic| said(&*panic))
}

/// What somebody who panicked said, for people.
fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("panicked: {}", text.unwrap_or("without a word"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{corpus::Corpus, replay::Differs};

    /// The rules alone find what the list names, and nothing else.
    #[test]
    fn rules_and_the_list_agree() {
        let (listed, ruled) = (Replay::new(Differs::built_in()), Replay::by_rule(Differs::built_in()));
        let same = |name: &str, verdict: &dyn Fn(&Replay) -> Verdict| {
            let (listed, ruled) = (verdict(&listed), verdict(&ruled));
            let kinds = [&listed, &ruled].map(core::mem::discriminant);
            assert!(kinds[0] == kinds[1], "{name}: {listed:?}, by rule {ruled:?}");
        };
        let corpus = Corpus::embedded();
        for capture in corpus.captures().unwrap() {
            same(&capture.name, &|replay| replay.capture(&capture, Chunking::Recorded));
        }
        for case in corpus.receive_cases().unwrap() {
            for (options, version, role) in setups(&case) {
                let run = |replay: &Replay| replay.receive_case(&case, options, version, role, Chunking::Recorded);
                same(&format!("{} {options} {version} {role}", case.name), &|replay| run(replay).unwrap());
            }
        }
    }

    #[test]
    fn a_panic_is_a_failure() {
        let run = unwound(|| panic!("{} of them", 5));
        assert_eq!(run, (Verdict::Failed("panicked: 5 of them".to_owned()), None));
    }
}
