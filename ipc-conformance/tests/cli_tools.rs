//! `ipc request`, `record`, `replay` and `--config`, as their users see them.
#![cfg(unix)]

// Every test binary uses what it needs of it.
#[allow(dead_code)]
#[path = "cli/process.rs"]
mod process;

use std::{
    fs,
    io::{Read, Write},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    thread,
};

use ipc_conformance::corpus::{Direction, MarkKind, Step};
use process::{Folder, Process, path_of, run};

const HALF: &str = "{\"type\":\"half\",\"data\":{\"n\":8}}\u{c}";
const WHOLE: &str = "{\"type\":\"whole\",\"data\":[1.0]}\u{c}";

/// Answers one question, whose frame `answer` gets and whose answer it gives.
fn answering(path: &Path, answer: fn(&str) -> String) -> thread::JoinHandle<()> {
    let listener = UnixListener::bind(path).expect("a free path");
    thread::spawn(move || {
        let (mut peer, _) = listener.accept().expect("a client");
        let mut frame = Vec::new();
        while frame.last() != Some(&0xC) {
            let mut byte = [0];
            peer.read_exact(&mut byte).expect("a frame");
            frame.push(byte[0]);
        }
        let text = String::from_utf8(frame).expect("text");
        peer.write_all(answer(text.trim_end_matches('\u{c}')).as_bytes()).expect("it reads");
        // Until the client is gone.
        peer.read_to_end(&mut Vec::new()).ok();
    })
}

/// An answer by the convention, with the number of the question.
fn reply(question: &str, outcome: &str) -> String {
    let question: serde_json::Value = serde_json::from_str(question).expect("JSON");
    let number = question["data"]["req"].clone();
    format!("{{\"type\":\"reply\",\"data\":{{\"req\":{number},{outcome}}}}}\u{c}")
}

#[test]
fn a_request_prints_its_answer() {
    let folder = Folder::new();
    for (args, shown) in [(&["--json"][..], r#"{"event":"reply","data":{"sum":3.0}}"#), (&[], r#"{"sum":3.0}"#)] {
        let name = args.len().to_string();
        let server = answering(&folder.path(&name), |question| reply(question, r#""body":{"sum": 3.0}"#));
        let ended = run(&[&["request", &folder.unix(&name), "sum", "[1,2]"], args].concat(), "");
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        assert_eq!(ended.lines.last().map(String::as_str), Some(shown));
        server.join().expect("it was asked");
    }
}

#[test]
fn a_refused_request_fails() {
    let folder = Folder::new();
    let server = answering(&folder.path("s"), |question| reply(question, r#""error":"odd""#));
    let ended = run(&["request", &folder.unix("s"), "half", "3"], "");
    assert_eq!((ended.code, ended.lines.len()), (Some(1), 0));
    assert!(ended.stderr.contains("\"odd\""), "{}", ended.stderr);
    server.join().expect("it was asked");
}

#[test]
fn a_request_in_sync_mode_takes_any_message() {
    let folder = Folder::new();
    let server = answering(&folder.path("s"), |question| {
        assert_eq!(question, r#"{"type":"ping","data":{}}"#);
        WHOLE.to_owned()
    });
    let ended = run(&["request", &folder.unix("s"), "ping", "--sync"], "");
    assert_eq!((ended.code, ended.lines), (Some(0), vec!["[1.0]".to_owned()]));
    server.join().expect("it was asked");
}

#[test]
fn a_request_without_an_answer_times_out() {
    let folder = Folder::new();
    let (_server, endpoint) = Process::serve(&[&folder.unix("s")]);
    let ended = run(&["request", &endpoint, "ping", "--timeout", "100ms"], "");
    assert_eq!((ended.code, ended.lines.len()), (Some(3), 0));
    assert!(ended.stderr.contains("in time"), "{}", ended.stderr);
}

#[test]
fn a_request_that_cannot_be_is_a_usage_error() {
    assert_eq!(run(&["request", "world", "m", "hello"], "").code, Some(2));
    assert_eq!(run(&["request", "world", "m", "--profile", "raw"], "").code, Some(2));
}

/// Records one conversation, by whichever way it is listened to.
fn record(folder: &Folder, listen: &str, talk: impl FnOnce(&str)) -> Vec<Step> {
    let file = folder.path("talk.jsonl");
    let file = file.to_str().expect("text");
    let to = folder.unix("server");
    let mut proxy = Process::start(&["record", "--json", "--listen", listen, "--to", &to, file]);
    let start = proxy.line();
    let endpoint = start.strip_prefix(r#"{"event":"start","endpoint":""#).and_then(|rest| rest.strip_suffix("\"}"));
    talk(endpoint.expect("a start line"));
    let ended = proxy.stop();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let text = fs::read(file).expect("a recording");
    text.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| Step::parse(line).expect("a line"))
        .collect()
}

fn bytes_of(steps: &[Step], wanted: Direction) -> Vec<u8> {
    let chunks = steps.iter().filter_map(|step| match step {
        Step::Chunk(chunk) if chunk.dir == wanted => Some(chunk.bytes.as_slice()),
        _ => None,
    });
    chunks.collect::<Vec<_>>().concat()
}

fn marks_of(steps: &[Step]) -> Vec<(MarkKind, Option<Direction>)> {
    let marks = steps.iter().filter_map(|step| match step {
        Step::Mark(mark) => Some((mark.kind, mark.dir)),
        _ => None,
    });
    marks.collect()
}

#[test]
fn a_recording_is_what_was_said() {
    let folder = Folder::new();
    // Much more than is read at once, and no frames at all.
    let sent: Vec<u8> = (0..300_000_u32).map(|n| n.to_le_bytes()[(n % 3) as usize]).collect();
    let listener = UnixListener::bind(folder.path("server")).expect("a free path");
    let steps = record(&folder, &folder.unix("tap"), |endpoint| {
        let mut client = UnixStream::connect(path_of(endpoint)).expect("it listens");
        let (mut server, _) = listener.accept().expect("it passes on");
        thread::scope(|scope| {
            scope.spawn(|| {
                client.write_all(&sent).expect("it is read");
                client.shutdown(Shutdown::Write).expect("it is open");
            });
            let mut got = Vec::new();
            server.read_to_end(&mut got).expect("the end is passed on");
            assert!(got == sent);
        });
        // The other direction is still open.
        server.write_all(b"\xFFbye").expect("it is read");
        drop(server);
        let mut got = Vec::new();
        client.read_to_end(&mut got).expect("the end is passed on");
        assert_eq!(got, b"\xFFbye");
        wait_for_close(&folder.path("talk.jsonl"));
    });
    assert!(bytes_of(&steps, Direction::ToServer) == sent);
    assert_eq!(bytes_of(&steps, Direction::ToClient), b"\xFFbye");
    let (up, down) = (Some(Direction::ToServer), Some(Direction::ToClient));
    let marks = [(MarkKind::Open, None), (MarkKind::Eof, up), (MarkKind::Eof, down)];
    let closes = [(MarkKind::Close, down), (MarkKind::Close, up)];
    assert_eq!(marks_of(&steps), [&marks[..], &closes].concat());
}

/// Waits until the recording has the last line of its first connection: every line is there at once.
fn wait_for_close(file: &Path) {
    let closed = || fs::read_to_string(file).expect("it is there").matches("\"close\"").count() == 2;
    while !closed() {
        thread::yield_now();
    }
}

#[test]
fn a_tcp_recording_replays() {
    let folder = Folder::new();
    let listener = UnixListener::bind(folder.path("server")).expect("a free path");
    let steps = record(&folder, "tcp:127.0.0.1:0", |endpoint| {
        let address = endpoint.strip_prefix("tcp:").expect("TCP");
        let mut client = std::net::TcpStream::connect(address).expect("it listens");
        let (mut server, _) = listener.accept().expect("it passes on");
        client.write_all(HALF.as_bytes()).expect("it is read");
        server.read_exact(&mut vec![0; HALF.len()]).expect("it is passed on");
        server.write_all(WHOLE.as_bytes()).expect("it is read");
        client.read_exact(&mut vec![0; WHOLE.len()]).expect("it is passed on");
    });
    assert_eq!(bytes_of(&steps, Direction::ToServer), HALF.as_bytes());
    let ended = run(&["replay", "--json", folder.path("talk.jsonl").to_str().expect("text")], "");
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let messages: Vec<_> = ended.lines.iter().filter(|line| line.contains("\"message\"")).collect();
    assert!(messages[0].starts_with(r#"{"event":"message","dir":"c2s","conn":0,"t_ms":"#), "{}", messages[0]);
    assert!(messages[0].ends_with(r#","type":"half","data":{"n":8}}"#), "{}", messages[0]);
    assert!(messages[1].starts_with(r#"{"event":"message","dir":"s2c","#), "{}", messages[1]);
    assert!(messages[1].ends_with(r#""data":[1.0]}"#), "{}", messages[1]);
}

#[test]
fn every_recorded_connection_has_a_number() {
    let folder = Folder::new();
    let _listener = UnixListener::bind(folder.path("server")).expect("a free path");
    let steps = record(&folder, &folder.unix("tap"), |endpoint| {
        let connect = |_| UnixStream::connect(path_of(endpoint)).expect("it listens");
        let clients: Vec<_> = (0..3).map(connect).collect();
        let opened = || fs::read_to_string(folder.path("talk.jsonl")).expect("it is there").matches("open").count();
        while opened() < clients.len() {
            thread::yield_now();
        }
    });
    let opens = steps.iter().filter_map(|step| match step {
        Step::Mark(mark) if mark.kind == MarkKind::Open => Some(mark.conn),
        _ => None,
    });
    assert_eq!(opens.collect::<Vec<_>>(), [0, 1, 2]);
}

/// Replays the lines of a capture.
fn replay(lines: &str, args: &[&str]) -> process::Ended {
    let folder = Folder::new();
    fs::write(folder.path("capture.jsonl"), lines).expect("it can be written");
    run(&[&["replay", folder.path("capture.jsonl").to_str().expect("text")], args].concat(), "")
}

const CAPTURE: &str = concat!(
    r#"{"t_ms":1.5,"ev":"open","conn":0}"#,
    "\n",
    // One frame, and the first half of another.
    r#"{"t_ms":2,"dir":"c2s","conn":0,"b64":"eyJ0eXBlIjoibSIsImRhdGEiOjF9fHsidHlw"}"#,
    "\n",
    r#"{"t_ms":3,"dir":"c2s","conn":0,"parts":[["ZSI6Im0iLCJkYXRhIjoyfXw=",1],["bm8=",2],["fA==",1]]}"#,
    "\n",
    r#"{"t_ms":4,"ev":"close","dir":"c2s","conn":0}"#,
    "\n",
);

#[test]
fn a_transcript_is_readable() {
    let ended = replay(CAPTURE, &["--delimiter", "|", "--dialect", "classic"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let expected = [
        "      1.50 #0 open",
        "      2.00 #0 -> m 1",
        "      3.00 #0 -> m 2",
        "      3.00 #0 -> ERR_IPC_INVALID_JSON: the frame is not valid JSON",
        "      4.00 #0 -> close",
    ];
    assert_eq!(ended.lines, expected);
}

#[test]
fn a_raw_transcript_shows_bytes() {
    let ended = replay(r#"{"t_ms":2,"dir":"s2c","conn":7,"b64":"AP8="}"#, &["--profile", "raw"]);
    assert_eq!(ended.lines, [r#"      2.00 #7 <- 2 bytes "\x00\xff""#]);
    let ended = replay(r#"{"t_ms":2,"dir":"s2c","conn":7,"b64":"AP8="}"#, &["--profile", "raw", "--json"]);
    assert_eq!(ended.lines, [r#"{"event":"data","dir":"s2c","conn":7,"t_ms":2,"b64":"AP8="}"#]);
}

#[test]
fn a_bad_capture_is_told_by_its_line() {
    let bad = [
        "nonsense",
        "[]",
        r#"{"conn":0,"b64":"AP8="}"#,
        r#"{"dir":"c2s","conn":0,"b64":"?"}"#,
        r#"{"dir":"c2s","conn":-1,"b64":""}"#,
        r#"{"dir":"c2s","conn":0,"parts":[["YWJj",18446744073709551615]]}"#,
    ];
    for line in bad {
        let ended = replay(&format!("{CAPTURE}{line}\n"), &[]);
        assert_eq!(ended.code, Some(1), "{line}");
        assert!(ended.stderr.contains("capture.jsonl:5: "), "{line}: {}", ended.stderr);
    }
    let odd = r#"{"t_ms":-1e300,"dir":"c2s","conn":0,"b64":""}"#;
    assert_eq!(replay(odd, &[]).code, Some(0));
    assert_eq!(run(&["replay", "/nowhere/at.all"], "").code, Some(1));
}

#[test]
fn the_command_line_overrules_the_config_file() {
    let folder = Folder::new();
    let file = folder.path("config.json");
    let path = file.to_str().expect("text");
    fs::write(&file, r#"{"delimiter":"|","silent":true,"delimitre":"x"}"#).expect("it can be written");
    for (args, end) in [(&["--config", path][..], "|"), (&["--config", path, "--delimiter", "+"], "+")] {
        let (mut server, endpoint) = Process::serve(&[&[folder.unix("s").as_str()], args].concat());
        let mut peer = UnixStream::connect(path_of(&endpoint)).expect("it listens");
        peer.write_all(format!(r#"{{"type":"m","data":1}}{end}"#).as_bytes()).expect("it reads");
        server.wait_for(r#"{"event":"message","peer":1,"type":"m","data":1}"#);
        let ended = server.stop();
        assert_eq!(ended.code, Some(0));
        assert_eq!(ended.stderr, format!("ipc: {path}: delimitre is no option\n"));
    }
}

#[test]
fn a_bad_config_file_is_a_usage_error() {
    let folder = Folder::new();
    let file = folder.path("config.json");
    let path = file.to_str().expect("text");
    let bad = [("{\"retry\":\"soon\"}", "retry"), ("{\"tls\":true}", "tls"), ("[]", "config")];
    for (text, named) in bad {
        fs::write(&file, text).expect("it can be written");
        for command in [&["serve", "--config"][..], &["emit", "world", "m", "--config"]] {
            let ended = run(&[command, &[path]].concat(), "");
            assert_eq!(ended.code, Some(2), "{text}");
            assert!(ended.stderr.contains(named), "{text}: {}", ended.stderr);
        }
    }
    assert_eq!(run(&["serve", "--config", "/nowhere/at.all"], "").code, Some(2));
}
