//! Every receive case, in every recorded set-up: what the machines publish and whether they close is what node-ipc did.
//!
//! A test for each case. Each runs the case for every set of options, version and role, in its recorded chunks and byte
//! by byte.

mod judge;

use std::sync::Arc;

use ipc_conformance::corpus::{Corpus, ReceiveCase};
use ipc_conformance::replay::{Chunking, Differs, Replay, Role};
use judge::Judge;
use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let args = Arguments::from_args();
    let judge = Arc::new(Judge::default());
    let replay = Arc::new(Replay::new(Differs::built_in()));
    let cases = Corpus::built_in().receive_cases().expect("the corpus loads");
    let trial = |case: ReceiveCase| {
        let (replay, judge) = (Arc::clone(&replay), Arc::clone(&judge));
        Trial::test(case.name.clone(), move || run(&case, &replay, &judge))
    };
    let conclusion = libtest_mimic::run(&args, cases.into_iter().map(trial).collect());
    judge.print("receive cases × set-ups × cuts");
    conclusion.exit();
}

fn run(case: &ReceiveCase, replay: &Replay, judge: &Judge) -> Result<(), Failed> {
    let mut failures = Vec::new();
    for (options, version) in setups(case) {
        for role in Role::ALL {
            for chunking in [Chunking::Recorded, Chunking::Bytes] {
                let verdict = replay.receive_case(case, options, version, role, chunking);
                let judged = judge.take(verdict.expect("the set-up was recorded"));
                failures.extend(judged.err().map(|how| format!("{options} {version} {role} {chunking}: {how}")));
            }
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n").into()) }
}

fn setups(case: &ReceiveCase) -> impl Iterator<Item = (&str, &str)> {
    case.results.iter().flat_map(|(options, versions)| versions.keys().map(|version| (&**options, &**version)))
}
