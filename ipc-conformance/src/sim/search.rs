//! Running scripts, many of them, and making a failing one short.

use std::{
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use super::{script::Script, setup::Setup, totals::Totals, world::World};

/// What became of one script.
#[derive(Clone, Debug)]
pub struct Run {
    /// How often what happened.
    pub totals: Totals,
    /// The first thing that was not as the model says, if there was one.
    pub failure: Option<String>,
    /// What happened, line by line, if that was asked for.
    pub trace: Vec<String>,
}

/// A seed whose script fails.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// What was not as the model says.
    pub what: String,
}

/// Plays a script. A panic of the code under test is a failure like any other; its message is the caller's panic
/// hook's business.
#[must_use]
pub fn run(script: &Script, traced: bool) -> Run {
    let mut world = World::new(script.seed, &Setup::new(script.seed), traced);
    let played = catch_unwind(AssertUnwindSafe(|| play(&mut world, script)));
    if played.is_err() {
        world.scene.check(false, || "the code under test panicked".to_owned());
    }
    let scene = std::mem::replace(&mut world.scene, super::scene::Scene::empty());
    let mut totals = scene.totals;
    totals.merge(&world.post.borrow().totals);
    totals.merge(&scene.net.borrow().totals.borrow());
    // A panic may have left a borrow behind, which dropping would trip over.
    if played.is_err() {
        std::mem::forget(world);
    }
    Run { totals, failure: scene.failure, trace: scene.trace.unwrap_or_default() }
}

fn play(world: &mut World, script: &Script) {
    world.settle();
    for step in &script.steps {
        if world.has_failed() {
            return;
        }
        world.scene.totals.count("steps");
        world.act(*step);
    }
    if !world.has_failed() {
        world.finish();
    }
    world.scene.totals.count("simulations");
}

/// Runs the scripts of `seeds` on `threads` threads, up to the first failure.
///
/// # Errors
///
/// The failing seed; of several that fail at the same time the lowest.
pub fn search(seeds: Range<u64>, threads: usize) -> Result<Totals, Failure> {
    let next = AtomicU64::new(seeds.start);
    let found = Mutex::new((Totals::default(), None::<Failure>));
    thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| search_some(&next, seeds.end, &found));
        }
    });
    let (totals, failure) = found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    failure.map_or(Ok(totals), Err)
}

fn search_some(next: &AtomicU64, end: u64, found: &Mutex<(Totals, Option<Failure>)>) {
    let mut totals = Totals::default();
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            break;
        }
        let run = run(&Script::of_seed(seed), false);
        totals.merge(&run.totals);
        if let Some(what) = run.failure {
            next.store(end, Ordering::Relaxed);
            let mut found = found.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if found.1.as_ref().is_none_or(|earlier| earlier.seed > seed) {
                found.1 = Some(Failure { seed, what });
            }
        }
    }
    found.lock().unwrap_or_else(std::sync::PoisonError::into_inner).0.merge(&totals);
}

/// The places of few steps of a failing script that fail in the same way, found by leaving out more and more.
#[must_use]
pub fn shorten(script: &Script) -> Vec<usize> {
    let kind = run(script, false).failure.map(|what| kind_of(&what));
    let fails = |places: &[usize]| {
        kind.is_some() && run(&script.only(places), false).failure.map(|what| kind_of(&what)) == kind
    };
    let mut kept: Vec<usize> = (0..script.len()).collect();
    let mut piece = kept.len().div_ceil(2).max(1);
    loop {
        let before = kept.len();
        let mut at = 0;
        while at < kept.len() {
            let mut fewer = kept.clone();
            fewer.drain(at..(at + piece).min(kept.len()));
            if fails(&fewer) {
                kept = fewer;
            } else {
                at += piece;
            }
        }
        if piece == 1 && kept.len() == before {
            return kept;
        }
        piece = if piece == 1 { 1 } else { piece / 2 };
    }
}

/// Without the numbers, which change with every step that is left out.
fn kind_of(what: &str) -> String {
    what.split(|c: char| !c.is_alphabetic()).take(12).collect()
}
