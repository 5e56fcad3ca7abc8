//! `ipc check`, as its users see it.
#![cfg(unix)]

mod data;
mod foreign;
mod pages;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use ipc_conformance::{check, corpus::Corpus};
use serde_json::Value;
use tempfile::TempDir;

fn ipc(folder: &TempDir, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ipc"));
    command.arg("check").args(args).current_dir(folder).env_remove("IPC_NODE_DIR");
    command.output().expect("it runs")
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// The lines of a run with `--json`, the last of which is the summary.
fn lines(output: &Output) -> (Vec<Value>, Value) {
    let text = String::from_utf8(output.stdout.clone()).expect("text");
    let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let summary = lines.pop().expect("a summary");
    assert_eq!(summary["event"], "summary");
    assert!(lines.iter().all(|line| line["event"] == "case"));
    (lines, summary)
}

fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name)
}

/// A folder with one capture, its expectation changed.
fn capture(name: &str, change: impl Fn(String) -> String) -> TempDir {
    let folder = folder();
    for (suffix, changes) in [(".jsonl", false), (".expect.json", true)] {
        let file = format!("{name}{suffix}");
        let text = fs::read_to_string(corpus("captures").join(&file)).expect("it is in the corpus");
        fs::write(folder.path().join(&file), if changes { change(text) } else { text }).expect("room");
    }
    folder
}

fn count(lines: &[Value], key: &str, value: &str) -> usize {
    lines.iter().filter(|line| line[key] == value).count()
}

#[test]
fn without_options_what_is_built_in_is_checked() {
    let output = ipc(&folder(), &["--json"]);
    let (lines, summary) = lines(&output);
    assert_eq!(output.status.code(), Some(0), "{summary}");

    let corpus = Corpus::built_in();
    let cases = corpus.receive_cases().expect("it loads");
    let (captures, lifecycle) =
        (corpus.captures().expect("it loads").len(), corpus.lifecycle().expect("it loads").len());
    let setups: usize = cases.iter().map(|case| check::setups(case).count()).sum();
    let of = |on: &str, group: &str| lines.iter().filter(|line| line["on"] == on && line["group"] == group).count();
    assert_eq!((of("core", "captures"), of("core", "receive"), of("core", "lifecycle")), (captures, setups, 0));
    for runtime in ["tokio", "smol", "mio"] {
        assert_eq!((of(runtime, "captures"), of(runtime, "lifecycle")), (captures, lifecycle), "{runtime}");
    }
    let live: Vec<&Value> = lines.iter().filter(|line| line["group"] == "live").collect();
    assert!(live.iter().all(|line| line["outcome"] == "skipped") && live.len() == 1, "IPC_NODE_DIR is not set");
    for outcome in ["passed", "differs", "skipped", "failed"] {
        assert_eq!(summary[outcome], count(&lines, "outcome", outcome), "{outcome}");
    }
    assert_eq!((&summary["failed"], &summary["cases"]), (&0.into(), &lines.len().into()));
    let explained = |line: &Value| line["outcome"] == "passed" || line["reason"].is_string();
    assert!(lines.iter().all(explained));
}

#[test]
fn a_change_of_what_was_recorded_is_found() {
    let changed = capture("9.2.1_hello_unix", |text| text.replace("\\\"hello\\\"", "\\\"hullo\\\""));
    let output = ipc(&changed, &["--corpus", "."]);
    let text = String::from_utf8(output.stdout).expect("text");
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("failed") && text.contains("9.2.1_hello_unix"), "{text}");

    let kept = capture("9.2.1_hello_unix", |text| text);
    let output = ipc(&kept, &["--corpus", ".", "--json"]);
    let (lines, summary) = lines(&output);
    assert_eq!((output.status.code(), lines.len(), &summary["passed"]), (Some(0), 1, &1.into()));
}

/// A folder with `cases.json`.
fn cases(cases: &[Value]) -> TempDir {
    let folder = folder();
    fs::write(folder.path().join("cases.json"), serde_json::to_string(cases).expect("JSON")).expect("room");
    folder
}

/// Receive cases of the corpus.
fn recorded(count: usize) -> Vec<Value> {
    let text = fs::read_to_string(corpus("receive_cases.json")).expect("it is there");
    let mut cases: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    cases.truncate(count);
    cases
}

/// A runtime is fed what the core is.
#[test]
fn a_runtime_is_fed_over_sockets() {
    let folder = cases(&recorded(3));
    let output = ipc(&folder, &["--receive", "cases.json", "--runtime", "smol", "--json"]);
    let (lines, summary) = lines(&output);
    assert_eq!(output.status.code(), Some(0), "{summary}");
    assert!(count(&lines, "on", "smol") > 0);
    assert_eq!(count(&lines, "on", "smol"), count(&lines, "on", "core"));
}

/// A name that no list has: the difference is known by its kind, and only the difference.
#[test]
fn what_differs_by_design_is_known_by_its_kind() {
    let mut case = recorded(usize::MAX).into_iter().find(|case| case["name"] == "type_number_then_good");
    let case = case.as_mut().expect("it is there");
    case["name"] = "of another name".into();
    let folder = cases(&[case.take()]);
    let output = ipc(&folder, &["--receive", "cases.json", "--json"]);
    let (lines, summary) = lines(&output);
    assert_eq!(output.status.code(), Some(0), "{summary}");
    assert!(count(&lines, "outcome", "differs") > 0, "{summary}");
}
