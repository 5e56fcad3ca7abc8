//! The results as text: a summary, a table for each row, the page.

use std::{fmt::Write, fs, process::Command};

use crate::{
    lab::{Lab, Result, here},
    result::{Bound, Measured, Verdict},
};

/// A line for each target.
pub(crate) fn summary(measured: &[Measured]) -> String {
    let mut text = "| work | who | measured | target | met |\n|---|---|---|---|---|\n".to_owned();
    for row in measured {
        for verdict in row.verdicts() {
            let Verdict { target, value, met } = verdict;
            let (value, target_text) = match target.of {
                Some(of) => (format!("{value:.3} × {of}"), format!("{} ×", bound(target.bound))),
                None => (number(value), bound(target.bound)),
            };
            let met = if met { "yes" } else { "**no**" };
            line(&mut text, format_args!("| {} | {} | {value} | {target_text} | {met} |", row.row.title, target.who));
        }
    }
    text
}

fn bound(bound: Bound) -> String {
    match bound {
        Bound::AtMost(most) => format!("at most {most}"),
        Bound::AtLeast(least) => format!("at least {least}"),
    }
}

/// Everybody's median in a row, and the runs it is of.
pub(crate) fn details(measured: &Measured) -> String {
    let mut text = "| who | median | runs |\n|---|---|---|\n".to_owned();
    for (who, median) in measured.medians() {
        let of_run =
            |run: &Vec<(String, f64)>| run.iter().find(|(name, _)| name == who).map(|(_, value)| number(*value));
        let runs: Vec<String> = measured.runs.iter().filter_map(of_run).collect();
        line(&mut text, format_args!("| {who} | {} | {} |", number(median), runs.join(" · ")));
    }
    text
}

/// Three digits that mean something.
pub(crate) fn number(value: f64) -> String {
    let digits = if value >= 100.0 { 0 } else { usize::from(value < 10.0) + 1 };
    let plain = format!("{value:.digits$}");
    let (whole, rest) = plain.split_at(plain.find('.').unwrap_or(plain.len()));
    let groups: Vec<&str> =
        whole.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap_or_default()).collect();
    groups.join(",") + rest
}

/// The whole page.
pub(crate) fn page(lab: &Lab, measured: &[Measured], runs: usize) -> Result<String> {
    let mut text = String::from(INTRODUCTION);
    line(&mut text, format_args!("\n## Machine and versions\n\n{}", machine(lab)?));
    line(
        &mut text,
        format_args!("Medians of {runs} runs (three where one takes long), {} s for each load.\n", lab.seconds),
    );
    line(
        &mut text,
        format_args!("## Targets\n\nA ratio is the median of the runs' own ratios.\n\n{}", summary(measured)),
    );
    line(&mut text, format_args!("## Rows\n"));
    for row in measured {
        let (title, key, unit) = (row.row.title, row.row.key, row.row.unit);
        line(&mut text, format_args!("### {title}\n\nIn {unit}.\n\n{}", details(row)));
        line(&mut text, format_args!("![{title}](benchmarks/{key}.svg)\n"));
    }
    Ok(text.trim_end().to_owned() + "\n")
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("a string takes everything");
}

const INTRODUCTION: &str = "\
# Benchmarks

What a message, a byte and a connection cost, beside others that speak the same bytes, measured in one run on one machine by

    cargo bench -p ipc-conformance --bench system -- --write ipc-conformance/BENCHMARKS.md

which wrote this page. `--list` shows the rows, `-- echo` measures those with that name, `--slow` lets node-ipc itself echo 64 MiB, and
with `--features async-std` async-std takes part. With IPC_NODE_DIR set, as for the tests, stock node-ipc does. What the core alone takes is also in
`cargo bench -p ipc-conformance --bench micro`, and in instructions, which do not vary, in `ipc-conformance/ci/instructions`.
Why a target is missed where it is: [PROFILES.md](PROFILES.md).

## Method

* Every server is a process of its own, on a core of its own; a client that only moves and counts bytes has another core.
  `ipc-…` is `ipc serve --echo --quiet` on that runtime, so facade, limits and validation are in.
* CPU is what the scheduler counted for the server's threads (`schedstat`) between the first and the last message of a load, after a
  warm-up. On a machine with other work it is the figure to trust; times of the clock are not.
* *Byte copy* answers with what it read, whatever it is: a thread for each connection, or tokio. No server that looks at frames is
  faster. *tokio-util + serde_json* is what one would write first. node-ipc for Rust is the crate `node-ipc`, for JS the package.
* Decoding is of whole frames in reads of 64 KiB, as owned messages, UTF-8 and JSON checked; the copy into the read buffer, which
  a socket makes, is not counted for anybody. The payload is an object with a number, a text with an escape, and an array.
* Round trips have both sides on one core, so that waking a second one is not in them.
* The memory of an idle connection is the growth of the process's own pages (`RssAnon`) over 4,000 connections with two messages each.
* *1 connection, 1 core* has server and client on the same core, and *2 connections, 2 cores* two of each on two: what is compared is
  the throughput of one core with that of two, clients included.
* After a restart, time begins when the server's process does, two seconds after it was killed.
";

fn machine(lab: &Lab) -> Result<String> {
    let cpus = fs::read_to_string("/proc/cpuinfo")?;
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let memory = fs::read_to_string("/proc/meminfo")?;
    let kib: u64 = memory.split_whitespace().nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    let load = fs::read_to_string("/proc/loadavg")?;
    let mut text = String::from("| | |\n|---|---|\n");
    let mut row = |name: &str, value: &str| line(&mut text, format_args!("| {name} | {} |", value.trim()));
    let cores = std::thread::available_parallelism()?;
    row("processor", &format!("{}, {cores} cores", model.trim_start_matches([' ', '\t', ':'])));
    row("memory", &format!("{} GiB", kib >> 20));
    row("system", &format!("Linux {}", fs::read_to_string("/proc/sys/kernel/osrelease")?));
    row("load average at the end", load.split(' ').next().unwrap_or_default());
    row("compiler", &said("rustc", &["--version"]));
    row("commit", &said("git", &["describe", "--always", "--dirty", "--abbrev=12"]));
    row("others", &locked(&["node-ipc", "tokio", "tokio-util", "serde_json"])?);
    row("node-ipc for JS", if lab.has_node() { "14.0.0 on Node 24" } else { "not installed" });
    Ok(text)
}

fn said(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    output.map_or_else(|_| "unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The versions of these crates among the peers.
fn locked(names: &[&str]) -> Result<String> {
    let lock = fs::read_to_string(here().join("benches/peers/Cargo.lock"))?;
    let version = |name: &&str| {
        let rest = lock.split(&format!("name = \"{name}\"\nversion = \"")).nth(1)?;
        Some(format!("{name} {}", rest.split('"').next()?))
    };
    Ok(names.iter().filter_map(version).collect::<Vec<_>>().join(", "))
}
