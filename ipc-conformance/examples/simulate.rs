//! Simulates: `cargo run --release -p ipc-conformance --example simulate -- [--seeds FROM..TO | --seed N [--only 1,2,3]]`.
//!
//! `--seeds` (0..1000 unless told) stops at the first seed that fails and prints its shortest script that does;
//! `--seed` plays one and prints all that happens, `--only` some of its steps.

use std::{env, process::ExitCode, thread, time::Instant};

use ipc_conformance::sim::{self, Failure, Script};

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => search(0, 1000),
        ["--seeds", range] => match range.split_once("..").map(|(from, to)| (from.parse(), to.parse())) {
            Some((Ok(from), Ok(to))) => search(from, to),
            _ => usage(),
        },
        ["--seed", seed] => seed.parse().map_or_else(|_| usage(), |seed| replay(&Script::of_seed(seed))),
        ["--seed", seed, "--only", places] => match (seed.parse(), places.split(',').map(str::parse).collect()) {
            (Ok(seed), Ok::<Vec<usize>, _>(places)) => replay(&Script::of_seed(seed).only(&places)),
            _ => usage(),
        },
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: simulate [--seeds FROM..TO | --seed N [--only STEP,STEP,...]]");
    ExitCode::from(2)
}

fn search(from: u64, to: u64) -> ExitCode {
    let (began, threads) = (Instant::now(), thread::available_parallelism().map_or(1, usize::from));
    match sim::search(from..to, threads) {
        Ok(totals) => {
            print!("{totals}");
            let each = |name| totals.get(name) as f64 / totals.get("simulations") as f64;
            println!("each {:.1} steps of {:.1} endpoints", each("steps"), each("endpoints"));
            let (seeds, seconds) = (to.saturating_sub(from), began.elapsed().as_secs_f64());
            println!("{seeds} seeds in {seconds:.1} s on {threads} threads");
            ExitCode::SUCCESS
        }
        Err(Failure { seed, what }) => {
            println!("seed {seed} fails: {what}");
            let script = Script::of_seed(seed);
            let kept = sim::shorten(&script);
            let places = kept.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
            println!("{} of {} steps are enough: --seed {seed} --only {places}", kept.len(), script.len());
            replay(&script.only(&kept))
        }
    }
}

fn replay(script: &Script) -> ExitCode {
    let run = sim::run(script, true);
    run.trace.iter().for_each(|line| println!("{line}"));
    println!("{}", run.failure.as_deref().unwrap_or("nothing was wrong"));
    ExitCode::from(u8::from(run.failure.is_some()))
}
