//! The `ipc` command, as its users see it.
#![cfg(unix)]

// Every test binary uses what it needs of it.
#[allow(dead_code)]
#[path = "cli/process.rs"]
mod process;

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    thread,
    time::Duration,
};

use process::{Folder, Process, command, path_of, run};
use rustix::process::Signal;
use serde_json::Value;

/// The text that node-ipc 14 writes for every kind of data.
fn payloads() -> Vec<String> {
    let rows: Vec<Value> = serde_json::from_str(include_str!("../node/payloads.json")).expect("a table");
    let texts: Vec<_> = rows.iter().filter_map(|row| row["modern"].as_str()).map(str::to_owned).collect();
    assert!(texts.len() > 40, "{} payloads", texts.len());
    texts
}

#[test]
fn an_echo_is_verbatim() {
    let folder = Folder::new();
    let (mut server, endpoint) = Process::serve(&[&folder.unix("s"), "--echo"]);
    let mut client = Process::connect(&endpoint, &[]);
    server.expect(r#"{"event":"connect","peer":1}"#);
    let odd = ["1.0", "-0", "1e400", "123456789012345678901234567890", r#"{"a":1,"a":2}"#, r#""\u0041\ud800\/""#];
    for data in payloads().iter().map(String::as_str).chain(odd) {
        client.write(&format!("m {data}"));
        client.expect(&format!(r#"{{"event":"message","type":"m","data":{data}}}"#));
        server.expect(&format!(r#"{{"event":"message","peer":1,"type":"m","data":{data}}}"#));
    }
    let ended = client.end();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert_eq!(ended.lines, [r#"{"event":"disconnect"}"#]);
    server.expect(r#"{"event":"disconnect","peer":1}"#);
}

#[test]
fn lines_of_a_classic_server_to_the_letter() {
    let folder = Folder::new();
    let (mut server, endpoint) = Process::serve(&[&folder.unix("s"), "--dialect", "classic", "--echo"]);
    let mut peer = UnixStream::connect(path_of(&endpoint)).expect("it listens");
    peer.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    let frames = [
        r#"{ "data": {"id": {"x": 1}, "n": 1.0}, "type": "\u006d" }"#,
        r#"{"type":"m"}"#,
        "nonsense",
        "[]",
        r#"{"data":1}"#,
        r#"{"type":"toString","data":null}"#,
    ];
    peer.write_all(format!("{}\u{c}", frames.join("\u{c}")).as_bytes()).expect("it reads");
    let invalid = |code, message| format!(r#"{{"event":"error","peer":1,"code":"{code}","message":"{message}"}}"#);
    server.expect(r#"{"event":"connect","peer":1}"#);
    server.expect(r#"{"event":"message","peer":1,"type":"\u006d","data":{"id":{"x":1},"n":1.0}}"#);
    server.expect(r#"{"event":"message","peer":1,"type":"m"}"#);
    server.expect(&invalid("ERR_IPC_INVALID_JSON", "the frame is not valid JSON"));
    server.expect(&invalid("ERR_IPC_INVALID_MESSAGE", "the frame is not a JSON object"));
    server.expect(&invalid("ERR_IPC_INVALID_EVENT", "the event has no usable name"));
    server.expect(r#"{"event":"message","peer":1,"type":"toString","data":null}"#);

    let echo = concat!(
        r#"{"type":"\u006d","data":{"id":{"x":1},"n":1.0}}"#,
        "\u{c}",
        r#"{"type":"m"}"#,
        "\u{c}",
        r#"{"type":"toString","data":{}}"#,
        "\u{c}",
    );
    let mut got = vec![0; echo.len()];
    peer.read_exact(&mut got).expect("the echo");
    assert_eq!(String::from_utf8_lossy(&got), echo);
    drop(peer);
    server.expect(r#"{"event":"disconnect","peer":1,"id":{"x":1}}"#);
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn a_modern_server_closes_on_a_bad_frame() {
    let folder = Folder::new();
    let (mut server, endpoint) = Process::serve(&[&folder.unix("s")]);
    let mut peer = UnixStream::connect(path_of(&endpoint)).expect("it listens");
    peer.write_all(b"nonsense\x0c").expect("it reads");
    server.expect(r#"{"event":"connect","peer":1}"#);
    server.wait_for(r#"{"event":"error","peer":1,"code":"ERR_IPC_INVALID_JSON","message":"#);
    server.expect(r#"{"event":"disconnect","peer":1}"#);
    assert_eq!(peer.read(&mut [0; 8]).expect("closed"), 0);
}

#[test]
fn every_client_gets_its_own_answers_in_order() {
    let folder = Folder::new();
    let (mut server, endpoint) = Process::serve(&[&folder.unix("s"), "--on", "ask=\"an answer\"", "--quiet"]);
    let mut first = Process::connect(&endpoint, &[]);
    server.expect(r#"{"event":"connect","peer":1}"#);
    let mut second = Process::connect(&endpoint, &[]);
    server.expect(r#"{"event":"connect","peer":2}"#);
    for number in 0..50 {
        first.write(&format!("ask {number}"));
        first.write("unanswered");
        second.write(&format!(r#"ask "{number}""#));
    }
    for number in 0..50 {
        first.expect(&format!(r#"{{"event":"message","type":"\"an answer\"","data":{number}}}"#));
        second.expect(&format!(r#"{{"event":"message","type":"\"an answer\"","data":"{number}"}}"#));
    }
    assert_eq!(first.end().code, Some(0));
    server.expect(r#"{"event":"disconnect","peer":1}"#);
    assert_eq!(second.end().code, Some(0));
    server.expect(r#"{"event":"disconnect","peer":2}"#);
}

#[test]
fn input_lines_are_events() {
    let folder = Folder::new();
    let (mut server, endpoint) = Process::serve(&[&folder.unix("s")]);
    let input = concat!(
        "ping\n\n   \n",
        "m  { \"a\" : [1, 2] } \n",
        "\"my type\" \"x\"\n",
        "\"\\ud800\" 1.0\n",
        "m hello\n",
        "\"open 1\n",
        "it's null\n",
        "last true"
    );
    let ended = run(&["connect", &endpoint, "--quiet", "--json"], input);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("line 7") && ended.stderr.contains("line 8"), "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 2);
    let events =
        [r#""ping","data":{}"#, r#""m","data":{"a":[1,2]}"#, r#""my type","data":"x""#, r#""\ud800","data":1.0"#];
    server.expect(r#"{"event":"connect","peer":1}"#);
    for event in events.into_iter().chain([r#""it's","data":null"#, r#""last","data":true"#]) {
        server.expect(&format!(r#"{{"event":"message","peer":1,"type":{event}}}"#));
    }
    server.expect(r#"{"event":"disconnect","peer":1}"#);
}

#[test]
fn what_cannot_be_is_a_usage_error_that_names_the_option() {
    let cases: &[(&[&str], &str)] = &[
        (&[], "Usage"),
        (&["serve", "a/b"], "unix:a/b"),
        (&["serve", "world", "--delimiter", ""], "delimiter"),
        (&["serve", "world", "--delimiter", "\\x"], "--delimiter"),
        (&["serve", "world", "--profile", "assured"], "allowed_events"),
        (&["serve", "world", "--max-message-size", "0"], "max_message_size"),
        (&["serve", "world", "--appspace", "a/"], "appspace"),
        (&["serve", "world", "--encoding", "rot13"], "--encoding"),
        (&["serve", "unix:/tmp/x", "--both-paths"], "--both-paths"),
        (&["serve", "world", "--profile", "raw", "--on", "a=b"], "--on"),
        (&["serve", "world", "--on", "a"], "--on"),
        (&["serve", "tls:127.0.0.1:0"], "tls.private"),
        (&["connect", "udp4:127.0.0.1:0"], "port"),
        (&["connect", "pipe:world"], "pipe:world"),
        (&["connect", "world", "--drain-timeout", "soon"], "--drain-timeout"),
        (&["connect", "tcp:127.0.0.1:99999"], "99999"),
        (&["emit", "world"], "TYPE"),
        (&["emit", "world", "m", "hello"], "JSON"),
        (&["emit", "world", "m", "1", "--profile", "raw"], "raw"),
        (&["emit", "world", "connect", "--profile", "guarded"], "reserved"),
        (&["emit", "world", "m", "1", "--max-message-size", "5"], "max_message_size"),
    ];
    for (args, named) in cases {
        let ended = run(args, "");
        assert_eq!(ended.code, Some(2), "{args:?}: {ended:?}");
        assert!(ended.stderr.contains(named), "{args:?}: {}", ended.stderr);
        assert!(!ended.stderr.contains("panicked"), "{args:?}: {}", ended.stderr);
    }
}

#[test]
fn a_path_that_is_too_long_is_named_with_its_length() {
    let long = format!("unix:/tmp/{}", "p".repeat(120));
    let ended = run(&["serve", &long], "");
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("125 bytes"), "{}", ended.stderr);
}

#[test]
fn a_server_that_cannot_listen_fails() {
    let folder = Folder::new();
    let (_server, endpoint) = Process::serve(&[&folder.unix("s")]);
    let taken = run(&["serve", &endpoint], "");
    assert_eq!(taken.code, Some(1));
    assert!(taken.stderr.contains("in use"), "{}", taken.stderr);
    fs::write(folder.path("file"), "precious").expect("a file");
    let file = run(&["serve", &folder.unix("file")], "");
    assert_eq!(file.code, Some(1));
    assert!(file.stderr.contains("no socket"), "{}", file.stderr);
    assert_eq!(fs::read(folder.path("file")).expect("still there"), b"precious");
}

#[test]
fn a_signal_stops_a_server_and_removes_its_socket() {
    for signal in [Signal::TERM, Signal::INT] {
        let folder = Folder::new();
        let (mut server, endpoint) = Process::serve(&[&folder.unix("s"), "--quiet"]);
        assert!(path_of(&endpoint).exists());
        let mut client = Process::connect(&endpoint, &["--max-retries", "0"]);
        server.expect(r#"{"event":"connect","peer":1}"#);
        server.signal(signal);
        client.expect(r#"{"event":"disconnect"}"#);
        client.wait_for(r#"{"event":"destroy"}"#);
        let ended = server.end();
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        assert_eq!(ended.lines, [r#"{"event":"disconnect","peer":1}"#]);
        assert!(!path_of(&endpoint).exists());
        assert_eq!(client.end().code, Some(1));
    }
}

#[test]
fn a_signal_stops_a_client_and_what_waits_is_printed() {
    let folder = Folder::new();
    let listener = UnixListener::bind(folder.path("s")).expect("a free path");
    let mut client = Process::start(&["connect", "--json", "--sync", &folder.unix("s")]);
    client.write("m 1\nm 2");
    let (peer, _) = listener.accept().expect("it connects");
    let mut peer = BufReader::new(peer);
    // The answer that would let the second message go never comes.
    peer.read_until(b'\x0c', &mut Vec::new()).expect("the first message");
    client.signal(Signal::TERM);
    drop(peer);
    let ended = client.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.lines.contains(&r#"{"event":"undelivered","type":"m","data":2}"#.to_owned()), "{ended:?}");
}

#[test]
fn port_zero_is_reported_as_the_port_that_it_became() {
    let (_server, endpoint) = Process::serve(&["tcp:127.0.0.1:0", "--echo"]);
    assert!(endpoint.starts_with("tcp:127.0.0.1:") && !endpoint.ends_with(":0"), "{endpoint}");
    let ended = run(&["connect", &endpoint, "--json"], "m [1]\n");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.lines.contains(&r#"{"event":"message","type":"m","data":[1]}"#.to_owned()), "{ended:?}");
}

#[test]
fn relative_paths_are_shown_in_full() {
    let folder = Folder::new();
    let mut server = Process::spawn(command(&["serve", "unix:s", "--json"]).current_dir(folder.path("")));
    server.expect(&format!(r#"{{"event":"start","endpoint":"{}"}}"#, folder.unix("s")));
}

#[test]
fn sixty_four_mebibytes_come_back() {
    let folder = Folder::new();
    let (_server, endpoint) = Process::serve(&[&folder.unix("s"), "--echo", "--quiet"]);
    let mut client = Process::connect(&endpoint, &[]);
    let data = "0123456789abcde\u{e9}".repeat((64 << 20) / 17);
    client.write("small 1");
    client.write(&format!("m \"{data}\""));
    client.write("small 2");
    client.expect(r#"{"event":"message","type":"small","data":1}"#);
    client.expect(&format!(r#"{{"event":"message","type":"m","data":"{data}"}}"#));
    client.expect(r#"{"event":"message","type":"small","data":2}"#);
    assert_eq!(client.end().code, Some(0));
}

#[test]
fn a_restart_loses_nothing_that_was_not_sent() {
    let folder = Folder::new();
    let (mut server, endpoint) = Process::serve(&[&folder.unix("s")]);
    let mut client = Process::connect(&endpoint, &["--retry", "10"]);
    server.expect(r#"{"event":"connect","peer":1}"#);
    drop(server); // killed: its socket stays
    client.expect(r#"{"event":"disconnect"}"#);
    client.write("m 1");
    client.write("m 2");
    client.wait_for(r#"{"event":"error","code":"ECONNREFUSED","message":"#);
    let (mut server, _) = Process::serve(&[&folder.unix("s")]);
    server.expect(r#"{"event":"connect","peer":1}"#);
    server.expect(r#"{"event":"message","peer":1,"type":"m","data":1}"#);
    server.expect(r#"{"event":"message","peer":1,"type":"m","data":2}"#);
    client.wait_for(r#"{"event":"connect"}"#);
    assert_eq!(client.end().code, Some(0));
}

#[test]
fn what_cannot_be_delivered_is_printed() {
    let folder = Folder::new();
    let lost = [r#"{"event":"undelivered","type":"m","data":1}"#, r#"{"event":"undelivered","type":"n","data":{}}"#];
    let drained = run(&["connect", &folder.unix("none"), "--json", "--drain-timeout", "50ms"], "m 1\nn\n");
    assert_eq!(drained.code, Some(1), "{drained:?}");
    assert_eq!(drained.lines[drained.lines.len() - 2..], lost, "{drained:?}");

    let given_up = run(&["connect", &folder.unix("none"), "--json", "--max-retries", "1", "--retry", "1"], "");
    assert_eq!(given_up.code, Some(1), "{given_up:?}");
    assert_eq!(given_up.lines.iter().filter(|line| line.contains("ENOENT")).count(), 2, "{given_up:?}");
    assert_eq!(given_up.lines.last().map(String::as_str), Some(r#"{"event":"destroy"}"#), "{given_up:?}");

    let listener = UnixListener::bind(folder.path("s")).expect("a free path");
    let mut client = Process::connect(&folder.unix("s"), &["--sync", "--max-retries", "0"]);
    client.write("m 1\nn\nbad bad");
    // It has read what comes before. The answer that would let the second message go never comes.
    assert!(client.error().contains("line 3"));
    drop(listener);
    let ended = client.end();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.lines.iter().filter(|line| lost.contains(&line.as_str())).count(), 2, "{ended:?}");
    assert!(ended.lines.contains(&r#"{"event":"destroy"}"#.to_owned()), "{ended:?}");
}

#[test]
fn emit_says_by_its_exit_code_how_it_went() {
    let folder = Folder::new();
    let (mut server, endpoint) = Process::serve(&[&folder.unix("s")]);
    let done = run(&["emit", &endpoint, "m", r#"{"a": 1}"#], "");
    assert_eq!((done.code, done.lines.as_slice(), done.stderr.as_str()), (Some(0), &[][..], ""));
    server.expect(r#"{"event":"connect","peer":1}"#);
    server.expect(r#"{"event":"message","peer":1,"type":"m","data":{"a":1}}"#);

    let gone = run(&["emit", &folder.unix("none"), "m", "--max-retries", "0"], "");
    assert_eq!(gone.code, Some(1), "{gone:?}");
    assert!(gone.stderr.contains("ENOENT"), "{gone:?}");

    let late = run(&["emit", &folder.unix("none"), "-m", "-1", "--timeout", "50ms", "--json"], "");
    assert_eq!(late.code, Some(3), "{late:?}");
    assert_eq!(late.lines.last().map(String::as_str), Some(r#"{"event":"undelivered","type":"-m","data":-1}"#));
}

#[test]
fn both_paths_are_served() {
    let folder = Folder::new();
    let id = format!("ipc-cli-{}", std::process::id());
    let serve = ["serve", &id, "--both-paths", "--echo", "--json"];
    let mut server = Process::spawn(command(&serve).env("XDG_RUNTIME_DIR", folder.path("")));
    let modern = folder.unix(&format!("node-ipc/app.{id}"));
    let classic = format!("unix:/tmp/app.{id}");
    for endpoint in [&modern, &classic] {
        server.expect(&format!(r#"{{"event":"start","endpoint":"{endpoint}"}}"#));
        let ended = run(&["connect", endpoint, "--json"], "m\n");
        assert!(ended.lines.contains(&r#"{"event":"message","type":"m","data":{}}"#.to_owned()), "{ended:?}");
    }
    let ended = server.stop();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!path_of(&modern).exists() && !path_of(&classic).exists());
    fs::remove_file(format!("{}.lock", path_of(&classic).display())).expect("the lock stays");
}

#[test]
fn an_id_is_found_in_the_socket_root() {
    let folder = Folder::new();
    let root = folder.path("").display().to_string();
    let options = ["--socket-root", root.trim_end_matches('/'), "--appspace", "x.", "--dialect", "classic"];
    let (mut server, endpoint) = Process::serve(&[&options[..], &["--id", "mine", "--echo"]].concat());
    assert_eq!(endpoint, folder.unix("x.mine"));
    let ended = run(&[&["connect", "mine"][..], &options].concat(), "m 1\n");
    assert_eq!(ended.lines, [&format!("connecting to {endpoint}"), "connected", "m 1", "disconnected"]);
    server.expect(r#"{"event":"connect","peer":1}"#);
}

#[test]
fn raw_bytes_pass_unchanged() {
    let folder = Folder::new();
    let (mut server, endpoint) = Process::serve(&[&folder.unix("s"), "--profile", "raw", "--echo"]);
    let mut client = Process::connect(&endpoint, &["--profile", "raw", "--encoding", "hex"]);
    server.expect(r#"{"event":"connect","peer":1}"#);
    client.write("000cff");
    server.expect(r#"{"event":"data","peer":1,"b64":"AAz/"}"#);
    client.expect(r#"{"event":"data","b64":"AAz/"}"#);
    assert_eq!(client.end().code, Some(0));
    server.expect(r#"{"event":"disconnect","peer":1}"#);
    let emitted = run(&["emit", &endpoint, "h\u{e9}", "--profile", "raw", "--encoding", "latin1"], "");
    assert_eq!(emitted.code, Some(0));
    server.expect(r#"{"event":"connect","peer":2}"#);
    server.expect(r#"{"event":"data","peer":2,"b64":"aOk="}"#);
}

#[test]
fn other_delimiters_have_escapes() {
    let folder = Folder::new();
    let (_server, endpoint) = Process::serve(&[&folder.unix("s"), "--delimiter", "\\r\\n", "--echo"]);
    let mut peer = UnixStream::connect(path_of(&endpoint)).expect("it listens");
    peer.write_all(b"{\"type\":\"m\",\"data\":1}\r\n").expect("it reads");
    let mut line = String::new();
    BufReader::new(peer).read_line(&mut line).expect("the echo");
    assert_eq!(line, "{\"type\":\"m\",\"data\":1}\r\n");
}

#[test]
fn sync_mode_sends_everything_in_the_end() {
    let folder = Folder::new();
    let (_server, endpoint) = Process::serve(&[&folder.unix("s"), "--echo"]);
    let ended = run(&["connect", &endpoint, "--sync", "--json"], "m 1\nm 2\nm 3\n");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let message = |data| format!(r#"{{"event":"message","type":"m","data":{data}}}"#);
    assert_eq!(ended.lines[2..5], [message(1), message(2), message(3)]);
}

#[test]
fn quiet_prints_lifecycle_only() {
    let folder = Folder::new();
    let (server, endpoint) = Process::serve(&[&folder.unix("s"), "--echo", "--quiet"]);
    let ended = run(&["connect", &endpoint, "--quiet", "--json"], "m 1\n");
    let start = format!(r#"{{"event":"start","endpoint":"{endpoint}"}}"#);
    assert_eq!(ended.lines, [&start, r#"{"event":"connect"}"#, r#"{"event":"disconnect"}"#]);
    let lines = server.stop().lines;
    assert_eq!(lines, [r#"{"event":"connect","peer":1}"#, r#"{"event":"disconnect","peer":1}"#]);
}

#[test]
fn staying_outlasts_silence() {
    let folder = Folder::new();
    let listener = UnixListener::bind(folder.path("s")).expect("a free path");
    let mut client = Process::start(&["connect", &folder.unix("s"), "--stay", "--json"]);
    client.close_stdin();
    let (mut peer, _) = listener.accept().expect("it connects");
    // Longer than it would wait without the option. On a slow machine this proves less, and still passes.
    thread::sleep(Duration::from_millis(400));
    peer.write_all(b"{\"type\":\"late\",\"data\":1}\x0c").expect("it is still there");
    client.wait_for(r#"{"event":"message","type":"late","data":1}"#);
    assert_eq!(client.stop().code, Some(0));
}

#[test]
fn surplus_peers_are_turned_away() {
    let folder = Folder::new();
    let (mut server, endpoint) = Process::serve(&[&folder.unix("s"), "--max-connections", "1"]);
    let first = UnixStream::connect(path_of(&endpoint)).expect("it listens");
    server.expect(r#"{"event":"connect","peer":1}"#);
    let mut second = UnixStream::connect(path_of(&endpoint)).expect("it listens");
    assert_eq!(second.read(&mut [0; 8]).expect("closed"), 0);
    drop(first);
    server.expect(r#"{"event":"disconnect","peer":1}"#);
}

#[test]
fn a_reader_that_goes_away_ends_the_command_quietly() {
    let folder = Folder::new();
    let path = folder.path("s");
    let mut server = command(&["serve", &folder.unix("s"), "--json"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdout = BufReader::new(server.stdout.take().expect("piped"));
    stdout.read_line(&mut String::new()).expect("the start line");
    drop(stdout);
    let mut peer = UnixStream::connect(&path).expect("it listens");
    // More than one message: a process that another test is starting may still hold the pipe's other end.
    while peer.write_all(b"{\"type\":\"m\"}\x0c").is_ok() {}
    let ended = server.wait_with_output().expect("it ends");
    assert_eq!((ended.status.code(), String::from_utf8_lossy(&ended.stderr).as_ref()), (Some(1), ""));
    assert!(!path.exists());
}

#[test]
fn people_see_no_colours_in_a_pipe() {
    let folder = Folder::new();
    let mut server = Process::start(&["serve", &folder.unix("s")]);
    server.expect(&format!("listening at {}", folder.unix("s")));
    let ended = run(&["connect", &folder.unix("s")], "\"a b\" {\"x\":1}\n");
    assert_eq!(ended.code, Some(0));
    for line in ["#1 connected", "#1 \"a b\" {\"x\":1}", "#1 disconnected"] {
        server.expect(line);
    }
}

#[test]
fn help_teaches_by_examples() {
    for subcommand in ["demo", "serve", "connect", "emit"] {
        let help = run(&[subcommand, "--help"], "");
        assert_eq!(help.code, Some(0));
        let text = help.lines.join("\n");
        assert!(text.contains("Examples:") && text.contains(&format!("ipc {subcommand}")), "{text}");
    }
    assert!(run(&["--help"], "").lines.join("\n").contains("Exit codes"));
}

#[test]
fn the_demo_works_without_node() {
    let demo = Process::spawn(command(&["demo"]).env_remove("IPC_NODE_DIR")).end();
    assert_eq!(demo.code, Some(0), "{demo:?}");
    let text = demo.lines.join("\n");
    for transport in ["Unix socket", "TCP", "TLS", "UDP, IPv4"] {
        let shown = |line: &String| line.starts_with(&format!("{transport}  ")) && line.contains("hello -> world");
        assert!(demo.lines.iter().any(shown), "{transport}: {text}");
    }
    assert!(text.contains("install.sh"), "{text}");
}
