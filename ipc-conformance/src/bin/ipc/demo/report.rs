//! The demo's table.

use std::{
    fmt::Display,
    io::{self, Write},
    time::Duration,
};

use anstyle::{AnsiColor, Style};

use super::exchange::{Outcome, Trips};
use crate::failure::Failure;

const HEADING: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();

/// An exchange with node-ipc, and what went wrong with it.
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) transport: &'static str,
    pub(crate) version: String,
    pub(crate) outcome: Result<(), String>,
}

/// Prints rows as they come, or keeps them.
pub(super) struct Report {
    failed: bool,
    kept: Option<Vec<Row>>,
}

impl Report {
    pub(super) const fn new() -> Self {
        Self { failed: false, kept: None }
    }

    /// One that prints nothing.
    pub(super) const fn keeping() -> Self {
        Self { failed: false, kept: Some(Vec::new()) }
    }

    /// The rows that were kept.
    pub(super) fn kept(self) -> Vec<Row> {
        self.kept.unwrap_or_default()
    }

    /// Whether any exchange failed.
    pub(super) const fn failed(&self) -> bool {
        self.failed
    }

    pub(super) fn line(&self, text: impl Display) -> Result<(), Failure> {
        if self.kept.is_some() {
            return Ok(());
        }
        put(&text).map_err(|error| Failure::output(&error))
    }

    pub(super) fn heading(&self, title: impl Display) -> Result<(), Failure> {
        let title = title.to_string();
        let columns = format!("{title:<44} {:<14} {:>10} {:>10}", "", "min", "median");
        self.line(format_args!("\n{HEADING}{columns}{HEADING:#}"))
    }

    /// An exchange with a version of node-ipc over a transport, which is kept where rows are.
    pub(super) fn guest(
        &mut self,
        (transport, version): (&'static str, &str),
        what: impl Display,
        outcome: Outcome,
    ) -> Result<(), Failure> {
        let Some(kept) = &mut self.kept else { return self.row(what, outcome) };
        let outcome = outcome.map(drop).map_err(|error| error.to_string());
        kept.push(Row { what: what.to_string(), transport, version: version.to_owned(), outcome });
        Ok(())
    }

    pub(super) fn row(&mut self, what: impl Display, outcome: Outcome) -> Result<(), Failure> {
        let what = what.to_string();
        match outcome {
            Ok(mut trips) => {
                let (least, median) = trips.summary();
                let said = "hello -> world";
                self.line(format_args!(
                    "{what:<44} {GOOD}{said:<14}{GOOD:#} {:>10} {:>10}",
                    micros(least),
                    micros(median)
                ))
            }
            Err(error) => {
                self.failed = true;
                self.line(format_args!("{what:<44} {BAD}failed: {error}{BAD:#}"))
            }
        }
    }
}

fn put(text: &impl Display) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

fn micros(span: Duration) -> String {
    format!("{:.1} us", span.as_secs_f64() * 1e6)
}

impl Trips {
    /// The shortest, and the one in the middle.
    fn summary(&mut self) -> (Duration, Duration) {
        self.times.sort_unstable();
        let least = self.times.first().copied().unwrap_or_default();
        (least, self.times.get(self.times.len() / 2).copied().unwrap_or_default())
    }
}
