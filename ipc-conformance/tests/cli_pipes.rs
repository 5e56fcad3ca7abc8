//! The `ipc` command at named pipes.
#![cfg(windows)]

use std::{
    io::{BufRead as _, BufReader, Lines, Write as _},
    process::{self, Child, ChildStdout, Command, Stdio},
};

fn ipc(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ipc"));
    command.args(args).stdin(Stdio::null());
    command
}

/// A running server; it dies with this value.
struct Server {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Server {
    fn start(args: &[&str]) -> Self {
        let mut child = ipc(args).args(["--json", "--echo"]).stdout(Stdio::piped()).spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        Self { child, lines }
    }

    fn expect(&mut self, expected: &str) {
        let line = self.lines.next().expect("the server goes on").expect("it can be read");
        assert_eq!(line, expected);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn what_is_emitted_and_asked_by_either_form_of_a_name_arrives() {
    let name = format!("ipc-cli-{}", process::id());
    let mut server = Server::start(&["serve", &format!("pipe:{name}")]);
    server.expect(&format!(r#"{{"event":"start","endpoint":"pipe:{name}"}}"#));
    for (peer, endpoint) in [format!("pipe:{name}"), format!(r"\\.\pipe\{name}")].iter().enumerate() {
        let peer = peer + 1;
        let status = ipc(&["emit", endpoint, "m", "[1, 2]"]).status().expect("it runs");
        assert_eq!(status.code(), Some(0));
        server.expect(&format!(r#"{{"event":"connect","peer":{peer}}}"#));
        server.expect(&format!(r#"{{"event":"message","peer":{peer},"type":"m","data":[1,2]}}"#));
        server.expect(&format!(r#"{{"event":"disconnect","peer":{peer}}}"#));
    }
}

#[test]
fn lines_are_answered_through_a_pipe() {
    let name = format!("ipc-cli-lines-{}", process::id());
    let mut server = Server::start(&["serve", &format!("pipe:{name}")]);
    server.expect(&format!(r#"{{"event":"start","endpoint":"pipe:{name}"}}"#));
    let mut client = ipc(&["connect", &format!("pipe:{name}"), "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = client.stdin.take().expect("it is piped");
    stdin.write_all(b"first \"line\"\nsecond\n").expect("it reads");
    drop(stdin);
    let output = client.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let expected = [
        format!(r#"{{"event":"start","endpoint":"pipe:{name}"}}"#),
        r#"{"event":"connect"}"#.to_owned(),
        r#"{"event":"message","type":"first","data":"line"}"#.to_owned(),
        r#"{"event":"message","type":"second","data":{}}"#.to_owned(),
        r#"{"event":"disconnect"}"#.to_owned(),
    ];
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().collect::<Vec<_>>(), expected);
}

#[test]
fn an_id_is_a_pipe_and_a_path_too() {
    let id = format!("cli-{}", process::id());
    let mut classic = Server::start(&["serve", &id, "--dialect", "classic"]);
    classic.expect(&format!(r#"{{"event":"start","endpoint":"pipe:tmp-app.{id}"}}"#));
    assert_eq!(ipc(&["emit", &id, "m"]).status().expect("it runs").code(), Some(0));
    classic.expect(r#"{"event":"connect","peer":1}"#);
    let mut path = Server::start(&["serve", &format!("unix:/a/{id}")]);
    path.expect(&format!(r#"{{"event":"start","endpoint":"pipe:a-{id}"}}"#));
}

#[test]
fn names_that_no_pipe_can_have_are_usage_errors() {
    let long = "p".repeat(300);
    for (name, told) in [(&*long, "256"), (r"a\b", "backslash"), ("", "at least one")] {
        for command in ["serve", "connect"] {
            let output = ipc(&[command, &format!("pipe:{name}")]).output().expect("it runs");
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{stderr}");
            assert!(stderr.contains(told), "{stderr}");
        }
    }
}
