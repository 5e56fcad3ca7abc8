//! What `ipc check` shows to people: the matrix, the page, the bar.

use std::{
    fs::{self, File},
    io::Read,
    os::fd::OwnedFd,
    process::{Command, Stdio},
    thread,
};

use roxmltree::{Document, ParsingOptions};
use rustix::{
    fs::{Mode, OFlags},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};
use serde_json::json;
use tempfile::TempDir;

use super::{cases, ipc, recorded};

/// A case whose name and bytes would be markup, were they not taken for text.
fn hostile() -> TempDir {
    let outcome = json!({"published": [{"type": {"json": "\"<script>\""}, "args": [{"json": "\"\\u0000\u{202e}\""}]}], "peer_closed": false});
    let roles = json!({"server": outcome, "client": outcome});
    // <script>, then NUL, ESC, and bytes that are no UTF-8.
    let chunks = ["PHNjcmlwdD4=", "ABv//sB/"];
    cases(&[json!({
        "name": "<script>alert(1)</script>&\u{1b}]0;\u{7}", "mode": "json", "delimiter": "\u{c}", "chunks": chunks,
        "results": {"json": {"14.0.0": roles}}
    })])
}

/// A broken runner: whatever it is asked, markup is the answer.
const BROKEN: &str = r#"while read -r line; do
    echo '{"event":"message","type":"</code><script>","data":"]]>"}'; echo '{"done":true,"closed":true}'; done"#;

#[test]
fn a_page_shows_what_failed_as_text() {
    let folder = hostile();
    let pages = ["--html", "page.html", "--markdown", "page.md"];
    let args = [&["--receive", "cases.json"], &pages[..], &["--command", "sh", "-c", BROKEN]].concat();
    let output = ipc(&folder, &args);
    assert_eq!(output.status.code(), Some(1));

    let text = fs::read_to_string(folder.path().join("page.html")).expect("it was written");
    let page = Document::parse_with_options(&text, ParsingOptions { allow_dtd: true, ..Default::default() });
    let page = page.expect("it is well-formed");
    let all = |name: &str| -> Vec<String> {
        let nodes = page.descendants().filter(|node| node.has_tag_name(("http://www.w3.org/1999/xhtml", name)));
        nodes
            .map(|node| node.descendants().filter_map(|node| node.text().filter(|_| node.is_text())).collect())
            .collect()
    };
    assert!(all("script").is_empty() && all("details").len() == 2);
    assert!(
        all("summary")[0].contains(r"<script>alert(1)</script>&\u{1b}]0;\u{7} json 14.0.0"),
        "{:?}",
        all("summary")
    );
    let bytes = all("pre").concat();
    assert!(bytes.contains("3c 73 63 72 69 70 74 3e") && bytes.contains("<script>"), "{bytes}");
    assert!(bytes.contains("00 1b ff fe c0 7f") && bytes.contains("······"), "{bytes}");
    let cells = all("td").join("\n");
    assert!(
        cells.contains(r#""</code><script>"("]]>")"#) && cells.contains(r#""<script>"("\u0000\u{202e}")"#),
        "{cells}"
    );
    assert!(cells.contains("leaves the connection open\ncloses the connection"), "{cells}");
    assert!(cells.contains("!2"), "the matrix: {cells}");

    // Nothing is fetched: the one address is a name.
    assert_eq!((text.matches("http").count(), text.matches("url(").count(), text.matches("src").count()), (1, 0, 0));
    let visible = |c: char| !c.is_control() || c == '\n';
    assert!(text.chars().all(visible) && text.contains("prefers-color-scheme: dark"));

    let markdown = fs::read_to_string(folder.path().join("page.md")).expect("it was written");
    assert!(markdown.starts_with("0 passed, 0 differ by design, 0 skipped, 2 failed.\n"), "{markdown}");
    assert!(markdown.contains("### A message with other content: 2"), "{markdown}");
    assert!(
        markdown.contains("| `<script>alert(1)</script>&\\u{1b}]0;\\u{7}` | json 14.0.0 server, json 14.0.0 client |"),
        "{markdown}"
    );
}

/// The core alone, and a scenario: with a timeline of what was done.
#[test]
fn a_page_shows_captures_and_scenarios() {
    let folder = super::capture("9.2.1_hello_unix", |text| text.replace("\\\"hello\\\"", "\\\"hullo\\\""));
    let scenario =
        json!({"name": "down_then_up", "version": "14.0.0", "steps": ["a step <that> was done"], "events": []});
    fs::write(folder.path().join("life.json"), json!([scenario]).to_string()).expect("room");
    let output = ipc(&folder, &["--corpus", ".", "--lifecycle", "life.json", "--html", "page.html"]);
    assert_eq!(output.status.code(), Some(1));
    let text = fs::read_to_string(folder.path().join("page.html")).expect("it was written");
    for part in ["34 bytes to the server, connection 0", "hullo", "a step &lt;that&gt; was done", "client: connect"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let options = ParsingOptions { allow_dtd: true, ..Default::default() };
    assert!(Document::parse_with_options(&text, options).is_ok());
}

#[test]
fn without_a_failure_the_matrix_is_shown() {
    let folder = cases(&recorded(2));
    let output = ipc(&folder, &["--receive", "cases.json", "--html", "page.html"]);
    let text = String::from_utf8(output.stdout).expect("text");
    let mut lines = text.lines();
    let heading = lines.next().expect("a heading");
    for word in ["transport, mode", "9.2.1", "12.0.0", "14.0.0"] {
        assert!(heading.contains(word), "{heading}");
    }
    assert!(lines.any(|line| line.starts_with("unix guarded")), "{text}");
    assert!(output.stderr.is_empty(), "no terminal, no bar");
    let page = fs::read_to_string(folder.path().join("page.html")).expect("it was written");
    assert!(page.contains("<th>guarded</th>") && !page.contains("<details"));
}

/// What a run writes to a terminal as its standard error.
fn on_a_terminal(folder: &TempDir, args: &[&str]) -> String {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&terminal).and_then(|()| unlockpt(&terminal)).expect("it is ours");
    let name = ptsname(&terminal, Vec::new()).expect("it has a name");
    let end: OwnedFd = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("it opens");
    let mut command = Command::new(env!("CARGO_BIN_EXE_ipc"));
    command.arg("check").args(args).current_dir(folder).env("TERM", "xterm").stdout(Stdio::null()).stderr(end);
    let mut child = command.spawn().expect("it runs");
    // It holds the other end, whose closing ends what is read here.
    drop(command);
    let reading = thread::spawn(move || {
        let (mut shown, mut buffer) = (Vec::new(), [0; 4096]);
        let mut terminal = File::from(terminal);
        while let Ok(len @ 1..) = terminal.read(&mut buffer) {
            shown.extend_from_slice(&buffer[..len]);
        }
        String::from_utf8_lossy(&shown).into_owned()
    });
    child.wait().expect("it ends");
    reading.join().expect("it reads")
}

#[test]
fn a_terminal_is_shown_a_bar() {
    let folder = cases(&recorded(20));
    let shown = on_a_terminal(&folder, &["--receive", "cases.json"]);
    assert!(shown.contains("cases, "), "{shown:?}");
    assert_eq!(on_a_terminal(&folder, &["--receive", "cases.json", "--json"]), "");
}
