//! Data of the documented forms that others made up, and data that only looks like it.

use std::fs;

use serde_json::{Value, json};

use super::{capture, cases, count, folder, ipc, lines, recorded};

#[test]
fn what_cannot_be_read_is_bad_usage_and_named() {
    let broken = folder();
    let file = |name: &str, text: &str| fs::write(broken.path().join(name), text).expect("room");
    file("cases.json", "[\n{\"name\": 5}]");
    file("none.json", "[]");
    file("nan.json", "[\n\nNaN]");
    file("deep.json", &"[".repeat(100_000));
    file("a.expect.json", r#"{"name":"a","version":"9.2.1","transport":"unix","mode":"json"}"#);
    file("a.jsonl", "{\"ev\":\"open\"}\n{\"b64\":\"?\",\"dir\":\"c2s\"}\n");
    fs::create_dir(broken.path().join("empty")).expect("room");
    let runs: [(&[&str], &[&str]); 12] = [
        (&["--receive", "cases.json"], &["cases.json", "line 2"]),
        (&["--lifecycle", "cases.json"], &["cases.json", "line 2"]),
        (&["--receive", "nan.json"], &["nan.json", "line 3"]),
        (&["--lifecycle", "deep.json"], &["deep.json", "line 1"]),
        (
            &["--receive", "none.json", "--lifecycle", "none.json"],
            &["none.json", "no capture, receive case or scenario"],
        ),
        (&["--corpus", "empty"], &["empty", "no capture, receive case or scenario"]),
        (&["--corpus", "."], &["a.jsonl", "line 2"]),
        (&["--corpus", "nowhere"], &["nowhere"]),
        (&["--corpus", "none.json"], &["none.json"]),
        (&["--runtime", "nothing"], &["nothing"]),
        (&["--receive", "cases.json", "--html", "nowhere/a.html"], &["cases.json"]),
        (&["--html", "nowhere/a.html"], &["nowhere/a.html"]),
    ];
    for (args, words) in runs {
        let output = ipc(&broken, args);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(words.iter().all(|word| stderr.contains(word)), "{args:?}: {stderr}");
        assert!(!stderr.contains("panicked"), "{args:?}: {stderr}");
    }
}

/// One case of the corpus, changed: the exit code, and the lines.
fn changed(change: impl FnOnce(&mut Value)) -> (Option<i32>, Vec<Value>, String) {
    let mut case = recorded(1).remove(0);
    change(&mut case);
    let output = ipc(&cases(&[case]), &["--receive", "cases.json", "--json"]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines = if output.status.code() == Some(2) { Vec::new() } else { lines(&output).0 };
    (output.status.code(), lines, stderr)
}

#[test]
fn what_is_not_known_is_passed_over_or_skipped() {
    let (code, lines, _) = changed(|case| case["another"] = json!({"field": [1]}));
    assert_eq!((code, count(&lines, "outcome", "passed")), (Some(0), lines.len()));
    let (code, lines, _) = changed(|case| case["mode"] = "telepathy".into());
    assert_eq!((code, count(&lines, "outcome", "skipped")), (Some(0), lines.len()));
    let (code, lines, _) = changed(|case| {
        let modern = case["results"]["json"]["14.0.0"].clone();
        case["results"]["strange"] = json!({"14.0.0": modern});
        case["results"]["json"]["15.1.0"] = modern;
    });
    assert_eq!((code, count(&lines, "outcome", "skipped"), count(&lines, "version", "15.1.0")), (Some(0), 2, 2));
    let hostile = "<script>\u{0}\u{1b}[31m";
    let (code, lines, _) = changed(|case| case["name"] = hostile.into());
    assert!(
        code == Some(0) && lines.iter().all(|line| line["name"].as_str().is_some_and(|name| name.starts_with(hostile)))
    );
}

#[test]
fn what_no_endpoint_can_be_fails_without_a_panic() {
    let (code, lines, stderr) = changed(|case| case["delimiter"] = "".into());
    assert_eq!((code, count(&lines, "outcome", "failed"), &*stderr), (Some(1), lines.len(), ""));
    let (code, _, stderr) = changed(|case| {
        case["chunks_generated"] = json!({"note": "", "frame_bytes": 1000, "unit": "61", "sha256": "00"});
    });
    assert!(code == Some(2) && stderr.contains("sha256"), "{stderr}");
    let (code, _, stderr) = changed(|case| {
        case["chunks_generated"] = json!({"note": "", "frame_bytes": 1_u64 << 40, "unit": "61", "sha256": "00"});
    });
    assert!(code == Some(2) && stderr.contains("1 GiB"), "{stderr}");
}

/// Two cases of one name are two cases.
#[test]
fn names_need_not_differ() {
    let case = recorded(1).remove(0);
    let once = lines(&ipc(&cases(std::slice::from_ref(&case)), &["--receive", "cases.json", "--json"])).0.len();
    let twice = lines(&ipc(&cases(&[case.clone(), case]), &["--receive", "cases.json", "--json"])).0;
    assert_eq!((twice.len(), count(&twice, "outcome", "passed")), (2 * once, 2 * once));
}

#[test]
fn scenarios_that_nobody_knows_are_skipped() {
    let scenario = |name: &str| json!({"name": name, "version": "14.0.0", "events": []});
    let names = ["never heard of", "", "maxRetries_down_", "maxRetries_down_1e999", "maxRetries_down_\u{0}\"]"];
    let folder = cases(&names.map(scenario));
    let output = ipc(&folder, &["--lifecycle", "cases.json", "--json"]);
    let (lines, _) = lines(&output);
    assert_eq!((output.status.code(), count(&lines, "outcome", "skipped")), (Some(0), names.len()));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Values of options that nobody recorded.
#[test]
fn scenarios_of_other_values_are_done() {
    let event = |name: &str, args: Value| json!({"side": "client", "type": name, "args": args});
    let attempt = [event("error", json!([{"err": {"code": "ENOENT"}}])), event("disconnect", json!([]))];
    let given_up = [&attempt[..], &[event("destroy", json!([]))]].concat();
    let twice = [&attempt[..], &given_up].concat();
    let scenario = |name: &str, events: &[Value]| json!({"name": name, "version": "14.0.0", "events": events});
    let folder = cases(&[
        scenario("stopRetrying_before_true", &given_up),
        scenario("stopRetrying_before_syess", &given_up),
        scenario("stopRetrying_before_ss", &[&attempt[..], &attempt].concat()),
        scenario("maxRetries_down_0", &given_up),
        scenario("maxRetries_down_s1s", &twice),
    ]);
    let (lines, summary) = lines(&ipc(&folder, &["--lifecycle", "cases.json", "--json", "--runtime", "all"]));
    assert_eq!(count(&lines, "outcome", "passed"), lines.len(), "{summary} {lines:?}");
    assert_eq!(lines.len() % 5, 0);
}

#[test]
fn captures_of_unknown_kinds_are_skipped() {
    for (from, to) in [("\"unix\"", "\"carrier pigeon\""), ("\"json\"", "\"telepathy\"")] {
        let folder = capture("9.2.1_hello_unix", |text| text.replacen(from, to, 1));
        let output = ipc(&folder, &["--corpus", ".", "--json", "--runtime", "all"]);
        let (lines, _) = lines(&output);
        assert_eq!((output.status.code(), count(&lines, "outcome", "skipped")), (Some(0), lines.len()), "{to}");
    }
}
