//! Cases over real sockets. What runs them is the suite's: its files are part of this program as well.

use std::{
    any::Any,
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use ipc_conformance::{
    check::{Case, Group, said},
    corpus::{Lifecycle, ReceiveCase, dialect_of},
    host::Host,
    replay::{Chunking, Receiving, Replay, Role, Verdict},
};
use ipc_proto::Dialect;

use super::{Data, report::Report};
use crate::{
    failure::Failure,
    receive::{feed, setups},
    recorded::{Story, is_over_tcp, judge, skips, story},
    runtime::Program,
    stage::Stage,
    wire::Wire,
};

/// How long one input may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs what needs sockets on one runtime.
pub(super) struct Sockets<'a> {
    pub(super) data: &'a Data,
    pub(super) report: &'a mut Report,
    /// Receive cases as well.
    pub(super) receive: bool,
}

impl Program for Sockets<'_> {
    type Output = Result<(), Failure>;

    fn run<H: Host>(self) -> Result<(), Failure> {
        let Self { data, report, receive } = self;
        for case in data.receive.iter().filter(|_| receive) {
            for role in Role::ALL {
                for receivings in setups(case, &data.replay, role) {
                    fed::<H>(case, role, &receivings.1).into_iter().try_for_each(|case| report.case(&case))?;
                }
            }
        }
        let mut stories = Stories::new();
        data.lifecycle.iter().try_for_each(|scenario| report.case(&lived::<H>(scenario, &data.replay, &mut stories)))
    }
}

/// Feeds an endpoint once, in set-ups that differ only in what was recorded.
fn fed<H: Host>(case: &ReceiveCase, role: Role, alike: &[Receiving<'_>]) -> Vec<Case> {
    let named = |receiving: &Receiving<'_>, verdict| Case::new(Group::Receive, receiving.to_string(), H::NAME, verdict);
    let refused: Vec<Case> = alike.iter().filter_map(|one| Some(named(one, one.cannot_run()?))).collect();
    let [first, ..] = alike else { return refused };
    if !refused.is_empty() {
        return refused;
    }
    let ran = unwound(|| {
        H::run(|host| async move {
            let stage = Stage::new(host.clone(), Wire::Unix);
            host.timeout(PATIENCE, feed(&stage, case, first, role, Chunking::Recorded)).await
        })
    });
    let verdict = |receiving: &Receiving<'_>| match &ran {
        Ok(Some(ran)) => receiving.judge(ran),
        Ok(None) => Verdict::Failed("it hangs".to_owned()),
        Err(how) => Verdict::Failed(how.clone()),
    };
    alike.iter().map(|receiving| named(receiving, verdict(receiving))).collect()
}

/// What scenarios came to, by name and whether in classic; versions of one dialect do the same.
type Stories = BTreeMap<(String, bool), Result<Option<Story>, String>>;

fn lived<H: Host>(scenario: &Lifecycle, replay: &Replay, stories: &mut Stories) -> Case {
    let name = format!("{} {}", scenario.name, scenario.version);
    let verdict = match skips(replay, scenario) {
        Some(reason) => Verdict::Skipped(reason),
        None => lived_as(scenario, replay, lived_once::<H>(scenario, stories)),
    };
    Case::new(Group::Lifecycle, name, H::NAME, verdict)
}

fn lived_as(scenario: &Lifecycle, replay: &Replay, story: &Result<Option<Story>, String>) -> Verdict {
    match story {
        Ok(Some(story)) => judge(replay, scenario, story),
        Ok(None) => Verdict::Skipped("Nobody has written down here how this scenario is done.".to_owned()),
        Err(how) => Verdict::Failed(how.clone()),
    }
}

fn lived_once<'a, H: Host>(scenario: &Lifecycle, stories: &'a mut Stories) -> &'a Result<Option<Story>, String> {
    let dialect = dialect_of(&scenario.version);
    let name = &*scenario.name;
    let wire = if is_over_tcp(name) { Wire::Tcp } else { Wire::Unix };
    let key = (name.to_owned(), dialect == Dialect::Classic);
    let run = || unwound(|| H::run(|host| async move { story(&host, wire, name, dialect).await }));
    stories.entry(key).or_insert_with(run)
}

/// Scenarios say by a panic what went wrong.
fn unwound<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic: Box<dyn Any + Send>| said(&*panic))
}
