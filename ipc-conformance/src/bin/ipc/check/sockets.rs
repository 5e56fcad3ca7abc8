//! Cases over real sockets. What runs them is the suite's: its files are part of this program as well.

use std::{collections::BTreeMap, sync::Mutex, thread, time::Duration};

use ipc_conformance::{
    check::{self, Case, Group, Place, quietly},
    corpus::{Capture, Lifecycle, ReceiveCase, dialect_of},
    host::Host,
    replay::{Chunking, Conversation, Receiving, Replay, Role, Said, Step, Verdict},
};
use ipc_proto::Dialect;

use super::{Data, report::Report};
use crate::{
    captured::{given, wire_of},
    failure::Failure,
    receive::{feed, setups},
    recorded::{Story, is_over_tcp, judge, skips, story},
    runtime::Program,
    stage::Stage,
    wire::Wire,
};

/// How many scenarios are done at a time.
const AT_ONCE: usize = 8;
/// How long one input may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs what needs sockets on one runtime.
pub(super) struct Sockets<'a> {
    pub(super) data: &'a Data,
    pub(super) report: &'a mut Report,
    /// Captures as well.
    pub(super) captures: bool,
    /// Receive cases as well.
    pub(super) receive: bool,
}

impl Program for Sockets<'_> {
    type Output = Result<(), Failure>;

    fn run<H: Host>(self) -> Result<(), Failure> {
        let Self { data, report, captures, receive } = self;
        let counts = [(captures, data.captures.len()), (receive, data.setups()), (true, data.lifecycle.len())];
        report.expect(counts.iter().filter(|(done, _)| *done).map(|(_, count)| count).sum());
        for capture in data.captures.iter().filter(|_| captures) {
            report.case(heard::<H>(capture, &data.replay))?;
        }
        for case in data.receive.iter().filter(|_| receive) {
            for role in Role::ALL {
                for receivings in setups(case, &data.replay, role) {
                    fed::<H>(case, role, &receivings.1).into_iter().try_for_each(|case| report.case(case))?;
                }
            }
        }
        let stories = told::<H>(data);
        data.lifecycle.iter().try_for_each(|scenario| report.case(lived::<H>(scenario, &data.replay, &stories)))
    }
}

/// A capture, its streams over a socket of the kind that it was recorded over.
fn heard<H: Host>(capture: &Capture, replay: &Replay) -> Case {
    let case = |verdict| Case::new(Group::Captures, &capture.name, H::NAME, Place::of_capture(capture), verdict);
    if let Some(verdict) = replay.cannot_replay(capture) {
        return case(verdict);
    }
    let Some(wire) = wire_of(capture).or_else(|| (!capture.is_datagrams()).then_some(Wire::Tcp)) else {
        return case(Verdict::Skipped("Over a transport that this version does not know.".to_owned()));
    };
    if !wire.is_there() {
        return case(Verdict::Skipped(format!("This machine has no {wire}.")));
    }
    let ran = quietly(|| {
        H::run(|host| async move {
            let stage = Stage::new(host.clone(), wire);
            host.timeout(PATIENCE, given(&stage, capture, Chunking::Recorded)).await
        })
    });
    match ran {
        Ok(Some(ran)) => case(replay.judge_capture(capture, &ran, Chunking::Whole))
            .with(|| check::conversation(capture, &ran, Chunking::Recorded)),
        Ok(None) => case(hangs()),
        Err(how) => case(Verdict::Failed(how)),
    }
}

fn hangs() -> Verdict {
    Verdict::Failed("it hangs".to_owned())
}

/// Feeds an endpoint once, in set-ups that differ only in what was recorded.
fn fed<H: Host>(case: &ReceiveCase, role: Role, alike: &[Receiving<'_>]) -> Vec<Case> {
    let named = |receiving: &Receiving<'_>, verdict| {
        Case::new(Group::Receive, receiving.to_string(), H::NAME, Place::of_receiving(receiving), verdict)
    };
    let refused: Vec<Case> = alike.iter().filter_map(|one| Some(named(one, one.cannot_run()?))).collect();
    let [first, ..] = alike else { return refused };
    if !refused.is_empty() {
        return refused;
    }
    let ran = quietly(|| {
        H::run(|host| async move {
            let stage = Stage::new(host.clone(), Wire::Unix);
            host.timeout(PATIENCE, feed(&stage, case, first, role, Chunking::Recorded)).await
        })
    });
    let judged = |receiving: &Receiving<'_>| match &ran {
        Ok(Some(ran)) => {
            named(receiving, receiving.judge(ran)).with(|| Some(receiving.conversation(ran, Chunking::Recorded)))
        }
        Ok(None) => named(receiving, hangs()),
        Err(how) => named(receiving, Verdict::Failed(how.clone())),
    };
    alike.iter().map(judged).collect()
}

/// What scenarios came to, by name and whether in classic; versions of one dialect do the same.
type Stories = BTreeMap<(String, bool), Result<Option<Story>, String>>;

fn lived<H: Host>(scenario: &Lifecycle, replay: &Replay, stories: &Stories) -> Case {
    let name = format!("{} {}", scenario.name, scenario.version);
    let place = Place::of_lifecycle(scenario, &wire(scenario).to_string());
    let case = |verdict| Case::new(Group::Lifecycle, &*name, H::NAME, place, verdict);
    if let Some(reason) = skips(replay, scenario) {
        return case(Verdict::Skipped(reason));
    }
    let story = &stories[&key(scenario)];
    case(lived_as(scenario, replay, story)).with(|| Some(conversation(scenario, story.as_ref().ok()?.as_ref()?)))
}

/// What was recorded of a scenario, and what came here, for people.
fn conversation(scenario: &Lifecycle, seen: &Story) -> Conversation {
    let done = scenario.steps.iter().map(|step| Step::Note(step.clone()));
    let bytes = scenario.wire.iter().filter(|step| !step.bytes.is_empty());
    let bytes = bytes.map(|step| Step::bytes(&format!("recorded, connection {}", step.n), &step.bytes));
    Conversation::of_events(done.chain(bytes).collect(), events(&Story::recorded(scenario)), events(seen))
}

fn events(story: &Story) -> Vec<Said> {
    let of = |side: &'static str, words: &[String]| -> Vec<Said> {
        words.iter().map(|word| Said::plain(format!("{side}: {word}"))).collect()
    };
    let received = story.received.split_terminator('\x0c').map(|frame| Said::plain(format!("received: {frame}")));
    of("client", &story.client).into_iter().chain(of("server", &story.server)).chain(received).collect()
}

fn wire(scenario: &Lifecycle) -> Wire {
    if is_over_tcp(&scenario.name) { Wire::Tcp } else { Wire::Unix }
}

fn lived_as(scenario: &Lifecycle, replay: &Replay, story: &Result<Option<Story>, String>) -> Verdict {
    match story {
        Ok(Some(story)) => judge(replay, scenario, story),
        Ok(None) => Verdict::Skipped("Nobody has written down here how this scenario is done.".to_owned()),
        Err(how) => Verdict::Failed(how.clone()),
    }
}

fn key(scenario: &Lifecycle) -> (String, bool) {
    (scenario.name.clone(), dialect_of(&scenario.version) == Dialect::Classic)
}

/// Does every scenario once, some at a time: for the most part they wait.
fn told<H: Host>(data: &Data) -> Stories {
    let done = data.lifecycle.iter().filter(|scenario| skips(&data.replay, scenario).is_none());
    let different: BTreeMap<_, &Lifecycle> = done.map(|scenario| (key(scenario), scenario)).collect();
    let (waiting, stories) = (Mutex::new(different.into_iter()), Mutex::new(Stories::new()));
    let next = || waiting.lock().expect("nobody panics with it").next();
    let work = || {
        while let Some((key, scenario)) = next() {
            let story = lived_once::<H>(scenario);
            stories.lock().expect("nobody panics with it").insert(key, story);
        }
    };
    thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(work))));
    stories.into_inner().expect("nobody panics with it")
}

fn lived_once<H: Host>(scenario: &Lifecycle) -> Result<Option<Story>, String> {
    let (wire, name, dialect) = (wire(scenario), &*scenario.name, dialect_of(&scenario.version));
    quietly(|| H::run(|host| async move { story(&host, wire, name, dialect).await }))
}
