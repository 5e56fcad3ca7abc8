//! Other implementations, as runners of RUNNER.md. Here they are a few lines of shell.

use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{capture, cases, count, ipc, lines, recorded};

/// A runner that says `lines` to every case.
fn saying(lines: &[&str]) -> String {
    let echo: String = lines.iter().map(|line| format!("echo '{line}'; ")).collect();
    format!("while read -r line; do {echo}done")
}

fn receive(folder: &TempDir, script: &str) -> Output {
    ipc(folder, &["--receive", "cases.json", "--json", "--command", "sh", "-c", script])
}

const DONE: &str = r#"{"done":true,"protocol":2,"closed":false}"#;

#[test]
fn it_is_judged_by_what_it_says() {
    let folder = cases(&recorded(1));
    let idle = receive(&folder, &saying(&[r#"{"done":true,"closed":false}"#]));
    let (cases, summary) = lines(&idle);
    assert_eq!((idle.status.code(), count(&cases, "outcome", "failed")), (Some(1), cases.len()), "{summary}");
    assert!(cases.iter().all(|case| case["got"] == json!([]) && case["kind"].is_string()), "{cases:?}");
    let modest = receive(&folder, &saying(&[r#"{"done":true,"skip":"not yet"}"#]));
    let (cases, _) = lines(&modest);
    assert_eq!((modest.status.code(), count(&cases, "reason", "not yet")), (Some(0), cases.len()));
    assert_eq!(ipc(&folder, &["--receive", "cases.json", "--command", "./nothing-here"]).status.code(), Some(2));
}

/// The case at which it breaks has failed, and is the last.
#[test]
fn one_that_breaks_ends_the_run() {
    let folder = cases(&recorded(1));
    let broken = [saying(&["what?"]), saying(&[r#"{"event":"unheard of"}"#]), "exit 0".to_owned()];
    let broken = broken.into_iter().chain([saying(&[r#"{"event":"data","b64":"?"}"#])]);
    for script in broken {
        let output = receive(&folder, &script);
        let (cases, _) = lines(&output);
        assert_eq!(
            (output.status.code(), count(&cases, "outcome", "failed"), cases.len()),
            (Some(1), 1, 1),
            "{script}"
        );
        assert!(String::from_utf8_lossy(&output.stderr).contains("the command"), "{script}");
    }
}

/// A case, in one set-up, at which node-ipc 12 published `events`.
fn case(events: &Value) -> TempDir {
    let outcome = json!({"published": events, "peer_closed": false});
    let roles = json!({"server": outcome, "client": outcome});
    let input = "eyJkYXRhIjoxfQw=";
    cases(&[json!({
        "name": "a", "mode": "json", "delimiter": "\u{c}", "chunks": [input], "results": {"json": {"12.0.0": roles}}
    })])
}

#[test]
fn a_type_may_be_missing_and_a_dispatcher_may_throw() {
    let undefined = json!([{"type": {"undef": true}, "args": [{"json": "1"}]}]);
    let null = json!([{"type": {"json": "null"}, "args": [{"json": "1"}]}]);
    let threw = json!([{"type": {"undef": true}, "args": [{"json": "1"}], "threw": "expected a string"}]);
    let without = r#"{"event":"message","data":1}"#;
    let with_null = r#"{"event":"message","type":null,"data":1}"#;
    let throws = r#"{"event":"threw"}"#;
    for (events, line, passes) in [
        (&undefined, without, true),
        (&undefined, with_null, false),
        (&null, with_null, true),
        (&null, without, false),
        (&threw, throws, true),
        (&threw, without, false),
        (&undefined, throws, false),
    ] {
        let output = receive(&case(events), &saying(&[line, DONE]));
        let (cases, _) = lines(&output);
        assert_eq!(count(&cases, "outcome", "passed"), if passes { 2 } else { 0 }, "{events} {line}");
    }
}

fn replayed(name: &str, script: &str) -> (Option<i32>, Vec<Value>) {
    let folder = capture(name, |text| text);
    let output = ipc(&folder, &["--corpus", ".", "--json", "--command", "sh", "-c", script]);
    (output.status.code(), lines(&output).0)
}

#[test]
fn captures_are_asked_stream_by_stream() {
    // The answer is chosen by the role that is asked for.
    let script = format!(
        r#"while read -r line; do case "$line" in
            *'"role":"server"'*) echo '{{"event":"message","type":"message","data":"hello"}}';;
            *) echo '{{"event":"message","type":"message","data":"world"}}';;
        esac; echo '{DONE}'; done"#
    );
    let (code, cases) = replayed("9.2.1_hello_unix", &script);
    assert_eq!((code, count(&cases, "outcome", "passed"), cases.len()), (Some(0), 1, 1), "{cases:?}");
    let (code, cases) = replayed("9.2.1_hello_unix", &saying(&[DONE]));
    assert_eq!((code, &cases[0]["kind"]), (Some(1), &"nothing instead of a message".into()));
}

#[test]
fn bytes_are_an_event_of_protocol_2() {
    let answer = |protocol: &str| {
        let done = format!(r#"{{"done":true,{protocol}"closed":false}}"#);
        format!(
            r#"while read -r line; do
                chunks=${{line#*'"chunks":["'}}; chunks=${{chunks%%'"]'*}}
                case "$line" in *'"chunks":[]'*) ;; *) echo "$chunks" | sed 's/","/\n/g' | while read -r chunk; do
                    echo "{{\"event\":\"data\",\"b64\":\"$chunk\"}}"; done;; esac
                echo '{done}'; done"#
        )
    };
    let (code, cases) = replayed("14.0.0_raw_latin1", &answer(r#""protocol":2,"#));
    assert_eq!((code, count(&cases, "outcome", "passed")), (Some(0), 1), "{cases:?}");
    // Datagrams of raw bytes, after a first case that shows what the runner speaks.
    let folder = cases_and_captures();
    let old = answer("");
    let output = ipc(&folder, &["--corpus", ".", "--json", "--command", "sh", "-c", &old]);
    let (cases, _) = lines(&output);
    let captures: Vec<&Value> = cases.iter().filter(|case| case["group"] == "captures").collect();
    assert!(captures.iter().all(|case| case["outcome"] == "skipped") && captures.len() == 1, "{captures:?}");
}

fn cases_and_captures() -> TempDir {
    let folder = capture("14.0.0_raw_latin1", |text| text);
    let cases = serde_json::to_string(&recorded(1)).expect("JSON");
    std::fs::write(folder.path().join("receive_cases.json"), cases).expect("room");
    folder
}
