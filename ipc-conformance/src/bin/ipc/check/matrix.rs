//! Versions × transports × modes, with what came of the cases there.

use std::collections::{BTreeMap, BTreeSet};

use ipc_conformance::{
    check::Place,
    replay::{Tally, Verdict},
};

/// A row for each transport and mode, a column for each version.
#[derive(Debug, Default)]
pub(super) struct Matrix {
    rows: BTreeMap<(String, String), BTreeMap<String, Tally>>,
}

/// A row: transport, mode, and what came of it by version, where it has any case.
pub(super) type Row<'a> = (&'a str, &'a str, Vec<Option<Tally>>);

/// What the cells mean.
pub(super) const LEGEND: &str = "passed, +differ by design, -skipped, !failed";

impl Matrix {
    /// Counts a case; one without a version has no place here.
    pub(super) fn count(&mut self, place: &Place, verdict: &Verdict) {
        if place.version.is_empty() {
            return;
        }
        let row = self.rows.entry((place.transport.clone(), place.mode.clone())).or_default();
        row.entry(place.version.clone()).or_default().count(verdict);
    }

    /// The versions that there are cases of, the smallest number first.
    pub(super) fn versions(&self) -> Vec<&str> {
        let versions: BTreeSet<&str> = self.rows.values().flat_map(BTreeMap::keys).map(String::as_str).collect();
        let mut versions: Vec<&str> = versions.into_iter().collect();
        versions.sort_by_key(|version| numbers(version));
        versions
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let versions = self.versions();
        self.rows.iter().map(move |((transport, mode), cells)| {
            (&**transport, &**mode, versions.iter().map(|version| cells.get(*version).copied()).collect())
        })
    }
}

fn numbers(version: &str) -> Vec<u32> {
    version.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()
}

/// A cell in a few characters.
pub(super) fn text(tally: Option<Tally>) -> String {
    let Some(Tally { passed, differs, skipped, failed }) = tally else { return String::new() };
    let others = [('+', differs), ('-', skipped), ('!', failed)];
    let others = others.into_iter().filter(|(_, count)| *count > 0).map(|(sign, count)| format!(" {sign}{count}"));
    let text = others.fold(if passed > 0 { passed.to_string() } else { String::new() }, |text, other| text + &other);
    text.trim_start().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_count_by_place() {
        let mut matrix = Matrix::default();
        let verdicts =
            [Verdict::Passed, Verdict::Passed, Verdict::Differs(String::new()), Verdict::Failed(String::new())];
        for verdict in verdicts {
            matrix.count(&Place::new("unix", "json", "14.0.0"), &verdict);
        }
        matrix.count(&Place::new("tcp", "raw", "9.2.1"), &Verdict::Skipped(String::new()));
        assert_eq!(matrix.versions(), ["9.2.1", "14.0.0"]);
        let rows: Vec<_> = matrix.rows().map(|(a, b, cells)| (a, b, cells.into_iter().map(text).collect())).collect();
        let cells = |cells: [&str; 2]| -> Vec<String> { cells.map(str::to_owned).into() };
        assert_eq!(rows, [("tcp", "raw", cells(["-1", ""])), ("unix", "json", cells(["", "2 +1 !1"]))]);
    }
}
