//! Every receive case, in every recorded set-up: what the machines publish and whether they close is what node-ipc did.
//!
//! A test for each case. Each runs the case for every set of options, version and role, in its recorded chunks and byte
//! by byte.

mod judge;

use std::sync::Arc;

use ipc_conformance::check;
use ipc_conformance::corpus::{Corpus, ReceiveCase};
use ipc_conformance::replay::{Differs, Replay};
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
    judge.print("receive cases × set-ups");
    conclusion.exit();
}

fn run(case: &ReceiveCase, replay: &Replay, judge: &Judge) -> Result<(), Failed> {
    let judged = check::receive(replay, case).map(|case| (case.name, judge.take(case.verdict)));
    let failures: Vec<String> = judged.filter_map(|(name, taken)| Some(format!("{name}: {}", taken.err()?))).collect();
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n").into()) }
}
