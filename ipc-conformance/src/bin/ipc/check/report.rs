//! What `ipc check` prints.

use std::{
    collections::BTreeMap,
    fmt::Display,
    io::{self, Write},
};

use anstyle::{AnsiColor, Style};
use ipc_conformance::{
    check::{Case, Group},
    replay::{Tally, Verdict},
};
use serde_json::json;

use crate::{
    args::CheckArgs,
    failure::{Exit, Failure},
    output::tame,
};

const HEADING: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const DIM: Style = Style::new().dimmed();

/// Prints cases as they are judged, and counts them.
pub(super) struct Report {
    json: bool,
    verbose: bool,
    tallies: BTreeMap<(Group, &'static str), Tally>,
    reasons: BTreeMap<(&'static str, String), usize>,
    all: Tally,
}

impl Report {
    pub(super) fn new(args: &CheckArgs) -> Self {
        Self {
            json: args.json,
            verbose: args.verbose,
            tallies: BTreeMap::new(),
            reasons: BTreeMap::new(),
            all: Tally::default(),
        }
    }

    pub(super) fn case(&mut self, case: &Case) -> Result<(), Failure> {
        self.tallies.entry((case.group, case.on)).or_default().count(&case.verdict);
        self.all.count(&case.verdict);
        let (outcome, reason) = words(&case.verdict);
        if let Verdict::Differs(reason) | Verdict::Skipped(reason) = &case.verdict {
            *self.reasons.entry((outcome, reason.clone())).or_default() += 1;
        }
        if self.json {
            let mut line = json!({"event": "case", "group": case.group.name(), "name": case.name, "on": case.on, "outcome": outcome});
            if let Some(reason) = reason {
                line["reason"] = reason.into();
            }
            return print(&line);
        }
        if self.verbose || matches!(case.verdict, Verdict::Failed(_)) {
            print(&human(case, outcome, reason))?;
        }
        Ok(())
    }

    /// The counts, and the exit code that they come to.
    pub(super) fn end(self) -> Result<Exit, Failure> {
        let Tally { passed, differs, skipped, failed } = self.all;
        if self.json {
            print(&json!({
                "event": "summary", "cases": passed + differs + skipped + failed,
                "passed": passed, "differs": differs, "skipped": skipped, "failed": failed
            }))?;
        } else {
            self.table()?;
        }
        Ok(if failed == 0 { Exit::Done } else { Exit::Failed })
    }

    fn table(&self) -> Result<(), Failure> {
        let columns = format!("{:<24}{:>8}{:>8}{:>8}{:>8}", "", "passed", "differs", "skipped", "failed");
        print(&format_args!("{HEADING}{columns}{HEADING:#}"))?;
        for ((group, on), tally) in &self.tallies {
            print(&row(&format!("{} ({on})", group.name()), tally))?;
        }
        print(&row("all", &self.all))?;
        for ((outcome, reason), count) in &self.reasons {
            print(&format_args!("{DIM}{count:6} {outcome}: {}{DIM:#}", tame(reason)))?;
        }
        print(&format_args!("{}", self.all))
    }
}

fn row(name: &str, tally: &Tally) -> String {
    let Tally { passed, differs, skipped, failed } = tally;
    let style = if *failed == 0 { GOOD } else { BAD };
    format!("{name:<24}{GOOD}{passed:>8}{GOOD:#}{differs:>8}{skipped:>8}{style}{failed:>8}{style:#}")
}

fn words(verdict: &Verdict) -> (&'static str, Option<&str>) {
    match verdict {
        Verdict::Passed => ("passed", None),
        Verdict::Differs(reason) => ("differs", Some(reason)),
        Verdict::Skipped(reason) => ("skipped", Some(reason)),
        Verdict::Failed(how) => ("failed", Some(how)),
    }
}

fn human(case: &Case, outcome: &str, reason: Option<&str>) -> String {
    let style = match case.verdict {
        Verdict::Passed => GOOD,
        Verdict::Failed(_) => BAD,
        _ => DIM,
    };
    let reason = reason.map(|reason| format!(": {}", lines(reason))).unwrap_or_default();
    format!("{style}{outcome:<8}{style:#} {} {} ({}){reason}", case.group.name(), tame(&case.name), case.on)
}

/// Line ends stay; nothing else that a terminal would obey.
fn lines(text: &str) -> String {
    text.split('\n').map(tame).collect::<Vec<_>>().join("\n")
}

fn print(line: &impl Display) -> Result<(), Failure> {
    let put = || {
        let mut out = anstream::stdout().lock();
        writeln!(out, "{line}")?;
        out.flush()
    };
    put().map_err(|error: io::Error| Failure::output(&error))
}
