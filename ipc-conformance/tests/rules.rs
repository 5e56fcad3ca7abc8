//! Every rule of PROTOCOL.md has tests, which RULES.md names.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// `F1`, `X16` and their like.
fn is_rule(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(|letter| letter.is_ascii_uppercase())
        && letters.as_str().parse::<u8>().is_ok_and(|number| number > 0)
}

/// The rules in the order in which they stand, from `**F1.**`.
fn rules() -> Vec<String> {
    let text = read("ipc-proto/PROTOCOL.md");
    let bold = text.split("**").skip(1).step_by(2);
    bold.filter_map(|bold| bold.split_once('.'))
        .map(|(rule, _)| rule)
        .filter(|rule| is_rule(rule))
        .map(Into::into)
        .collect()
}

/// The rows of RULES.md: a rule, and the tests that are named in back quotes.
fn rows() -> BTreeMap<String, Vec<String>> {
    let text = read("ipc-conformance/RULES.md");
    let cells = text.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    let rows = cells.filter(|(rule, _)| is_rule(rule));
    let tests = |cell: &str| cell.split('`').skip(1).step_by(2).map(Into::into).collect();
    rows.map(|(rule, cell)| (rule.to_owned(), tests(cell))).collect()
}

/// All files below a folder that end so.
fn files(folder: &Path, end: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            files(&path, end, found);
        } else if path.to_str().is_some_and(|path| path.ends_with(end)) {
            found.push(path);
        }
    }
}

/// The functions of a source that are for tests: all of a test's file, and elsewhere what follows the first `cfg(test)`.
fn tests_in(path: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(path).unwrap();
    let of_tests = path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs");
    let from = if of_tests { Some(0) } else { text.find("#[cfg(test)]") };
    // Bodies of fuzz targets are functions that tests call.
    let from = from.or_else(|| path.components().any(|part| part.as_os_str() == "fuzz").then_some(0));
    let functions = text[from.unwrap_or(text.len())..].split("fn ").skip(1);
    functions
        .map(|rest| rest.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next().unwrap().to_owned())
        .collect()
}

/// Recordings and receive cases, by their names.
fn recorded() -> BTreeSet<String> {
    let mut captures = Vec::new();
    files(&root().join("ipc-conformance/corpus/captures"), ".jsonl", &mut captures);
    let mut names: BTreeSet<String> =
        captures.iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    let cases: serde_json::Value = serde_json::from_str(&read("ipc-conformance/corpus/receive_cases.json")).unwrap();
    names.extend(names_in(&cases));
    names
}

fn names_in(value: &serde_json::Value) -> Vec<String> {
    let own = value.get("name").and_then(|name| name.as_str()).map(str::to_owned);
    let inner: Vec<String> = match value {
        serde_json::Value::Array(values) => values.iter().flat_map(names_in).collect(),
        serde_json::Value::Object(members) => members.values().flat_map(names_in).collect(),
        _ => Vec::new(),
    };
    own.into_iter().chain(inner).collect()
}

#[test]
fn every_rule_has_a_number_of_its_own_and_a_row() {
    let (rules, rows) = (rules(), rows());
    assert!(rules.len() > 90, "the rules are not found: {rules:?}");
    let known: BTreeSet<&String> = rules.iter().collect();
    assert_eq!(known.len(), rules.len(), "a number is given twice: {rules:?}");
    let without: Vec<&&String> = known.iter().filter(|rule| rows.get(**rule).is_none_or(Vec::is_empty)).collect();
    assert!(without.is_empty(), "RULES.md names no test of {without:?}");
    let unknown: Vec<&String> = rows.keys().filter(|rule| !known.contains(rule)).collect();
    assert!(unknown.is_empty(), "PROTOCOL.md has no {unknown:?}");
}

#[test]
fn what_is_named_is_a_test() {
    let mut sources = Vec::new();
    for folder in ["ipc-proto", "ipc-tokio", "ipc-async-std", "ipc-mio", "ipc-conformance", "fuzz/src", "fuzz/tests"] {
        files(&root().join(folder), ".rs", &mut sources);
    }
    let mut known: BTreeSet<String> = sources.iter().flat_map(|path| tests_in(path)).collect();
    known.extend(recorded());
    for (rule, tests) in rows() {
        let missing: Vec<&String> = tests.iter().filter(|test| !known.contains(*test)).collect();
        assert!(missing.is_empty(), "{rule}: there is no test {missing:?}");
    }
}
