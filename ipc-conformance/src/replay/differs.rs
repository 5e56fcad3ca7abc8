//! The list of cases that are skipped, or come out otherwise than in node-ipc on purpose.

use core::fmt;
use std::collections::BTreeSet;

use serde::Deserialize;

use super::rules::Rule;
use crate::corpus::{Capture, Lifecycle, ReceiveCase, dialect_of};

const BUILT_IN: &str = include_str!("../../differs.json");

/// `differs.json`: cases by name, each with the reason why it is not replayed or not as in node-ipc.
#[derive(Clone, Debug, Default)]
pub struct Differs {
    rows: Vec<Row>,
}

/// What the list says of one case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listed<'a> {
    pub(super) skip: bool,
    pub(super) reason: &'a str,
}

/// What the list says of one lifecycle scenario, run with one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedLifecycle<'a> {
    /// It is not run.
    pub skip: bool,
    /// Why.
    pub reason: &'a str,
    /// What happens here instead, as a test writes it.
    pub gives: &'a str,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    verdict: RowVerdict,
    /// The kind of difference, where a rule tells it.
    #[serde(default)]
    rule: Option<Rule>,
    reason: String,
    /// Captures by name; `*` stands for any text.
    #[serde(default)]
    captures: Vec<String>,
    /// Receive cases by name.
    #[serde(default)]
    receive: Vec<String>,
    /// Lifecycle scenarios by name.
    #[serde(default)]
    lifecycle: Vec<String>,
    /// What such a scenario comes to here.
    #[serde(default)]
    gives: String,
    /// Sets of options of receive cases; none means all.
    #[serde(default)]
    options: Vec<String>,
    /// Versions of receive cases and scenarios; none means all.
    #[serde(default)]
    versions: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RowVerdict {
    Differs,
    Skipped,
}

impl Differs {
    /// The list that comes with this crate.
    ///
    /// # Panics
    /// When it is not of its documented form, which a test excludes.
    pub fn built_in() -> Self {
        Self::parse(BUILT_IN).expect("the list in the source tree is well-formed")
    }

    /// Reads a list.
    ///
    /// # Errors
    /// The text is not of the documented form, or a row lacks a reason.
    pub fn parse(text: &str) -> Result<Self, DiffersError> {
        let rows: Vec<Row> = serde_json::from_str(text).map_err(|error| DiffersError(error.to_string()))?;
        match rows.iter().position(|row| row.reason.trim().is_empty()) {
            Some(at) => Err(DiffersError(format!("row {at} has no reason"))),
            None => Ok(Self { rows }),
        }
    }

    pub(super) fn capture(&self, name: &str) -> Option<Listed<'_>> {
        self.rows.iter().find(|row| row.has_capture(name)).map(Row::listed)
    }

    pub(super) fn receive_case(&self, name: &str, options: &str, version: &str) -> Option<Listed<'_>> {
        self.rows.iter().find(|row| row.has_receive_case(name, options, version)).map(Row::listed)
    }

    /// What the list says of a lifecycle scenario.
    pub fn lifecycle(&self, name: &str, version: &str) -> Option<ListedLifecycle<'_>> {
        let row = self.rows.iter().find(|row| row.has_lifecycle(name, version))?;
        let Listed { skip, reason } = row.listed();
        Some(ListedLifecycle { skip, reason, gives: &row.gives })
    }

    /// As [`lifecycle`](Self::lifecycle), with versions of one dialect taken for each other.
    pub fn lifecycle_like(&self, name: &str, version: &str) -> Option<ListedLifecycle<'_>> {
        self.lifecycle(name, version).or_else(|| {
            let versions = self.rows.iter().flat_map(|row| &row.versions);
            let mut alike = versions.filter(|listed| dialect_of(listed) == dialect_of(version));
            alike.find_map(|listed| self.lifecycle(name, listed))
        })
    }

    /// Why a rule is as it is.
    pub(super) fn reason(&self, rule: Rule) -> Option<&str> {
        self.rows.iter().find(|row| row.rule == Some(rule)).map(|row| &*row.reason)
    }

    /// Patterns that no case matches, and which therefore have to go.
    pub fn unused(&self, captures: &[Capture], cases: &[ReceiveCase], scenarios: &[Lifecycle]) -> BTreeSet<&str> {
        let results = || cases.iter().flat_map(|case| &case.results);
        let names: Vec<&str> = captures.iter().map(|capture| &*capture.name).collect();
        let case_names: Vec<&str> = cases.iter().map(|case| &*case.name).collect();
        let options: Vec<&str> = results().map(|(options, _)| &**options).collect();
        let versions: Vec<&str> = results().flat_map(|(_, versions)| versions.keys()).map(String::as_str).collect();
        let scenario_names: Vec<&str> = scenarios.iter().map(|scenario| &*scenario.name).collect();
        let mut unused = BTreeSet::new();
        for row in &self.rows {
            unused.extend(unmatched(&row.captures, &names));
            unused.extend(unmatched(&row.receive, &case_names));
            unused.extend(unmatched(&row.lifecycle, &scenario_names));
            unused.extend(unmatched(&row.options, &options));
            unused.extend(unmatched(&row.versions, &versions));
        }
        unused
    }
}

fn unmatched<'a>(patterns: &'a [String], names: &[&str]) -> impl Iterator<Item = &'a str> {
    let unmatched = patterns.iter().filter(|pattern| !names.iter().any(|name| matches(pattern, name)));
    unmatched.map(String::as_str)
}

impl Row {
    fn listed(&self) -> Listed<'_> {
        Listed { skip: self.verdict == RowVerdict::Skipped, reason: &self.reason }
    }

    fn has_capture(&self, name: &str) -> bool {
        self.captures.iter().any(|pattern| matches(pattern, name))
    }

    fn has_lifecycle(&self, name: &str, version: &str) -> bool {
        self.lifecycle.iter().any(|pattern| matches(pattern, name)) && allows(&self.versions, version)
    }

    fn has_receive_case(&self, name: &str, options: &str, version: &str) -> bool {
        self.receive.iter().any(|pattern| matches(pattern, name))
            && allows(&self.options, options)
            && allows(&self.versions, version)
    }
}

fn allows(list: &[String], value: &str) -> bool {
    list.is_empty() || list.iter().any(|pattern| matches(pattern, value))
}

/// Whether `name` is what `pattern` says, where `*` stands for any text.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == name };
    let Some(rest) = name.strip_prefix(head) else { return false };
    let starts = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
    { starts }.any(|at| matches(tail, &rest[at..]))
}

/// The list of differences cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffersError(String);

impl fmt::Display for DiffersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the list of differences: {}", self.0)
    }
}

impl core::error::Error for DiffersError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::Corpus;

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, name, is) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("*_udp*", "9.2.1_udp4_x", true),
            ("*_udp*", "9.2.1_unix", false),
            ("a*b*c", "a_b_b_c", true),
            ("a*b*c", "a_c", false),
        ] {
            assert_eq!(matches(pattern, name), is, "{pattern} {name}");
        }
    }

    #[test]
    fn every_row_is_of_use() {
        let corpus = Corpus::built_in();
        let (captures, cases) = (corpus.captures().unwrap(), corpus.receive_cases().unwrap());
        let scenarios = corpus.lifecycle().unwrap();
        assert_eq!(Differs::built_in().unused(&captures, &cases, &scenarios), BTreeSet::new());
    }

    #[test]
    fn a_row_needs_a_reason() {
        let row = r#"[{"verdict":"differs","reason":" ","captures":["x"]}]"#;
        assert!(Differs::parse(row).is_err());
        assert!(Differs::parse(r#"[{"verdict":"later","reason":"x"}]"#).is_err());
    }
}
