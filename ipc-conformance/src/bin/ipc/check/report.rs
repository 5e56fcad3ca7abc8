//! What `ipc check` prints.

use std::{
    collections::BTreeMap,
    fmt::Display,
    fs::File,
    io::{self, BufWriter, IsTerminal as _, Write},
    path::PathBuf,
};

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};
use ipc_conformance::{
    check::{Case, Group, Place},
    replay::{Said, Tally, Verdict},
};
use serde_json::{Value, json};

use super::{
    html, markdown,
    matrix::{self, Matrix},
};
use crate::{
    args::CheckArgs,
    demo,
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
    bar: Option<ProgressBar>,
    pages: Pages,
    matrix: Matrix,
    tallies: BTreeMap<(Group, &'static str), Tally>,
    reasons: BTreeMap<(&'static str, String), usize>,
    all: Tally,
    /// Those that failed, where a page wants them.
    failed: Vec<Case>,
    hint: &'static str,
}

/// Files to write at the end, open from the beginning: a mistake in a name is known before the cases are run.
struct Pages {
    html: Option<File>,
    markdown: Option<File>,
}

impl Pages {
    fn create(args: &CheckArgs) -> Result<Self, Failure> {
        let create = |path: &Option<PathBuf>| match path {
            Some(path) => File::create(path)
                .map(Some)
                .map_err(|error| Failure::usage(format_args!("{}: {error}", path.display()))),
            None => Ok(None),
        };
        Ok(Self { html: create(&args.html)?, markdown: create(&args.markdown)? })
    }
}

impl Report {
    pub(super) fn new(args: &CheckArgs) -> Result<Self, Failure> {
        Ok(Self {
            json: args.json,
            verbose: args.verbose,
            bar: (!args.json && io::stderr().is_terminal()).then(bar),
            pages: Pages::create(args)?,
            matrix: Matrix::default(),
            tallies: BTreeMap::new(),
            reasons: BTreeMap::new(),
            all: Tally::default(),
            failed: Vec::new(),
            hint: "",
        })
    }

    /// So many more cases are to come.
    pub(super) fn expect(&self, count: usize) {
        if let Some(bar) = &self.bar {
            bar.inc_length(count.try_into().unwrap_or(u64::MAX));
        }
    }

    pub(super) fn case(&mut self, case: Case) -> Result<(), Failure> {
        self.tallies.entry((case.group, case.on)).or_default().count(&case.verdict);
        self.matrix.count(&case.place, &case.verdict);
        self.all.count(&case.verdict);
        let (outcome, reason) = words(&case.verdict);
        if let Verdict::Differs(reason) | Verdict::Skipped(reason) = &case.verdict {
            *self.reasons.entry((outcome, reason.clone())).or_default() += 1;
        }
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
        let failed = matches!(case.verdict, Verdict::Failed(_));
        if self.json {
            self.print(&json_line(&case, outcome, reason))?;
        } else if self.verbose || failed {
            self.print(&human(&case, outcome, reason))?;
        }
        if failed && (self.pages.html.is_some() || self.pages.markdown.is_some()) {
            self.failed.push(case);
        }
        Ok(())
    }

    /// Says that no real node-ipc took part.
    pub(super) fn without_live_peers(&mut self) -> Result<(), Failure> {
        self.hint = demo::MISSING;
        let reason = "IPC_NODE_DIR names no folder that holds node-ipc, so that no live peer takes part.";
        let verdict = Verdict::Skipped(reason.to_owned());
        self.expect(1);
        self.case(Case::new(Group::Live, "node-ipc", "core", Place::new("", "live", ""), verdict))
    }

    /// The counts, the pages, and the exit code that they come to.
    pub(super) fn end(mut self) -> Result<Exit, Failure> {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        let Tally { passed, differs, skipped, failed } = self.all;
        if self.json {
            self.print(&json!({
                "event": "summary", "cases": passed + differs + skipped + failed,
                "passed": passed, "differs": differs, "skipped": skipped, "failed": failed
            }))?;
        } else {
            self.table()?;
        }
        self.write_pages().map_err(Failure::system)?;
        Ok(if failed == 0 { Exit::Done } else { Exit::Failed })
    }

    fn write_pages(&mut self) -> io::Result<()> {
        let Self { pages, matrix, all, failed, .. } = self;
        if let Some(file) = &mut pages.html {
            html::write(&mut BufWriter::new(file), &html::Page { matrix, all, failed })?;
        }
        if let Some(file) = &mut pages.markdown {
            markdown::write(&mut BufWriter::new(file), all, failed)?;
        }
        Ok(())
    }

    fn table(&self) -> Result<(), Failure> {
        self.show_matrix()?;
        let columns = format!("{:<24}{:>8}{:>8}{:>8}{:>8}", "", "passed", "differs", "skipped", "failed");
        self.print(&format_args!("{HEADING}{columns}{HEADING:#}"))?;
        for ((group, on), tally) in &self.tallies {
            self.print(&row(&format!("{} ({on})", group.name()), tally))?;
        }
        self.print(&row("all", &self.all))?;
        for ((outcome, reason), count) in &self.reasons {
            self.print(&format_args!("{DIM}{count:6} {outcome}: {}{DIM:#}", tame(reason)))?;
        }
        if !self.hint.is_empty() {
            self.print(&format_args!("{}\n", self.hint))?;
        }
        self.print(&self.all)
    }

    fn show_matrix(&self) -> Result<(), Failure> {
        let versions: Vec<String> = self.matrix.versions().into_iter().map(tame).collect();
        let rows: Vec<_> = self.matrix.rows().map(|(a, b, cells)| (tame(&format!("{a} {b}")), cells)).collect();
        let first = rows.iter().map(|(first, _)| first.chars().count()).chain([16]).max().unwrap_or_default();
        let texts = rows.iter().flat_map(|(_, cells)| cells.iter().copied().map(matrix::text));
        let width =
            texts.chain(versions.iter().cloned()).map(|text| text.chars().count()).max().unwrap_or_default() + 2;
        let heading: String = versions.iter().map(|version| format!("{version:>width$}")).collect();
        self.print(&format_args!("{HEADING}{:<first$}{heading}{HEADING:#}", "transport, mode"))?;
        for (name, cells) in rows {
            let cells: String = cells.into_iter().map(|tally| cell(tally, width)).collect();
            self.print(&format_args!("{name:<first$}{cells}"))?;
        }
        self.print(&format_args!("{DIM}{}{DIM:#}\n", matrix::LEGEND))
    }

    /// Above the bar, where there is one.
    fn print(&self, line: &impl Display) -> Result<(), Failure> {
        match &self.bar {
            Some(bar) => bar.suspend(|| print(line)),
            None => print(line),
        }
    }
}

fn bar() -> ProgressBar {
    let form = "{bar:40} {pos}/{len} cases, {elapsed}";
    let style = ProgressStyle::with_template(form).expect("the template is well-formed");
    ProgressBar::new(0).with_style(style)
}

fn cell(tally: Option<Tally>, width: usize) -> String {
    let style = if tally.is_some_and(|tally| tally.failed > 0) { BAD } else { GOOD };
    format!("{style}{:>width$}{style:#}", matrix::text(tally))
}

fn json_line(case: &Case, outcome: &str, reason: Option<&str>) -> Value {
    let Place { transport, mode, version, .. } = &case.place;
    let mut line = json!({
        "event": "case", "group": case.group.name(), "name": case.name, "on": case.on, "outcome": outcome,
        "version": version, "transport": transport, "mode": mode
    });
    if let Some(reason) = reason {
        line["reason"] = reason.into();
    }
    if let Some(conversation) = &case.conversation {
        let texts = |said: &[Said]| said.iter().map(|said| said.text.clone()).collect::<Vec<_>>();
        line["kind"] = conversation.kind().into();
        line["expected"] = texts(&conversation.expected).into();
        line["got"] = texts(&conversation.got).into();
    }
    line
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
