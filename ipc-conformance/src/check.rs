//! Recordings as cases with a verdict each, for `ipc check` and the tests.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::{
    corpus::{Capture, ReceiveCase},
    replay::{Chunking, Replay, Role, Verdict},
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
}

impl Case {
    /// A case that was run.
    pub fn new(group: Group, name: impl Into<String>, on: &'static str, verdict: Verdict) -> Self {
        Self { group, name: name.into(), on, verdict }
    }
}

/// A capture through the machines, in every way of cutting it: the first failure counts.
pub fn capture(replay: &Replay, capture: &Capture, seed: u64) -> Case {
    let ways = if capture.is_datagrams() { &[Chunking::Recorded][..] } else { &Chunking::all(seed) };
    let verdicts = ways.iter().map(|way| (*way, unwound(|| replay.capture(capture, *way))));
    Case::new(Group::Captures, &capture.name, "core", worst(verdicts))
}

/// A receive case through the machines, in every set-up it was recorded in, in its own chunks and byte by byte: a case
/// for each set-up, in which the first failure counts.
pub fn receive<'a>(replay: &'a Replay, case: &'a ReceiveCase) -> impl Iterator<Item = Case> + 'a {
    setups(case).map(move |(options, version, role)| {
        let run = |way| replay.receive_case(case, options, version, role, way);
        let missing = || Verdict::Failed("not recorded".to_owned());
        let ways = [Chunking::Recorded, Chunking::Bytes];
        let verdicts = ways.map(|way| (way, unwound(|| run(way).unwrap_or_else(missing))));
        Case::new(Group::Receive, format!("{} {options} {version} {role}", case.name), "core", worst(verdicts))
    })
}

/// The set-ups of a receive case: options, version and role.
pub fn setups(case: &ReceiveCase) -> impl Iterator<Item = (&str, &str, Role)> {
    let versions = case.results.iter().flat_map(|(options, of)| of.keys().map(move |version| (&**options, &**version)));
    versions.flat_map(|(options, version)| Role::ALL.map(|role| (options, version, role)))
}

/// The first failure; else the first verdict, which the others are like.
fn worst(verdicts: impl IntoIterator<Item = (Chunking, Verdict)>) -> Verdict {
    let mut first = None;
    for (way, verdict) in verdicts {
        match verdict {
            Verdict::Failed(how) => return Verdict::Failed(format!("in {way} chunks: {how}")),
            verdict => first.get_or_insert(verdict),
        };
    }
    first.unwrap_or(Verdict::Passed)
}

/// What `run` comes to: a panic is a failure like others, and the next case is run.
fn unwound(run: impl FnOnce() -> Verdict) -> Verdict {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| Verdict::Failed(said(&*panic)))
}

/// What somebody who panicked said, for people.
pub fn said(panic: &(dyn Any + Send)) -> String {
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
        let verdict = unwound(|| panic!("{} of them", 5));
        assert_eq!(verdict, Verdict::Failed("panicked: 5 of them".to_owned()));
    }
}
