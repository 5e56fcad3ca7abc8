//! Every capture of the corpus decodes to its recorded messages, however its bytes are cut.
//!
//! A test for each capture and way of cutting it. Random cuts come from a seed that is printed; `IPC_SEED` sets it.

mod judge;

use std::sync::Arc;

use ipc_conformance::corpus::{Capture, Corpus};
use ipc_conformance::replay::{Chunking, Differs, Replay, Verdict, seed_from_env};
use judge::Judge;
use libtest_mimic::{Arguments, Trial};

fn main() {
    let args = Arguments::from_args();
    let seed = seed_from_env();
    println!("random cuts: IPC_SEED={seed}");
    let judge = Arc::new(Judge::default());
    let captures = Corpus::built_in().captures().expect("the corpus loads");
    let replay = Arc::new(Replay::new(Differs::built_in()));
    let trials = captures.into_iter().flat_map(|capture| trials_of(Arc::new(capture), &replay, &judge, seed)).collect();
    let conclusion = libtest_mimic::run(&args, trials);
    judge.print("captures × cuts");
    conclusion.exit();
}

fn trials_of(capture: Arc<Capture>, replay: &Arc<Replay>, judge: &Arc<Judge>, seed: u64) -> Vec<Trial> {
    if let Some(reason) = replay.skips_capture(&capture) {
        judge.take(Verdict::Skipped(reason)).expect("a skip is no failure");
        return vec![skipped(capture)];
    }
    let trial = |chunking: Chunking| {
        let (capture, replay, judge) = (Arc::clone(&capture), Arc::clone(replay), Arc::clone(judge));
        Trial::test(format!("{}::{chunking}", capture.name), move || {
            judge.take(replay.capture(&capture, chunking)).map_err(Into::into)
        })
    };
    // A datagram is never cut.
    let ways = if capture.is_datagrams() { &[Chunking::Recorded][..] } else { &Chunking::all(seed) };
    ways.iter().copied().map(trial).collect()
}

/// A test that is shown as ignored. Run all the same, it says whether the capture still has to be skipped.
fn skipped(capture: Arc<Capture>) -> Trial {
    let name = capture.name.clone();
    let needed = move || match Replay::new(Differs::default()).capture(&capture, Chunking::Recorded) {
        Verdict::Failed(_) => Ok(()),
        verdict => Err(format!("need not be skipped any more: {verdict:?}").into()),
    };
    Trial::test(name, needed).with_ignored_flag(true)
}
