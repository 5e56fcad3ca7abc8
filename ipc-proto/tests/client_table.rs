//! What a client does on every input in every state: one table, which the machine is checked against and from which
//! its documentation is written.
//!
//! `BLESS=1 cargo test -p ipc-proto --test client_table` writes the documents anew.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::{collections::BTreeMap, env, fmt::Write as _, fs, path::Path, sync::Arc, time::Duration};

use bytes::Buf as _;
use ipc_proto::{
    Client,
    ClientState::{self, Idle, Open, Opening, Stopped, Waiting},
    Config, Dialect, Event, IoError, Retry, Timestamp,
};

const STATES: [ClientState; 5] = [Idle, Opening, Open, Waiting, Stopped];

/// What is seen after an input, and the state after it.
type Cell = (&'static [&'static str], ClientState);

/// An input, and what it does in each of [`STATES`].
struct Row {
    input: &'static str,
    /// Under what circumstances, where there are several.
    when: &'static str,
    config: fn(Config) -> Config,
    run: fn(&mut Client),
    cells: [Cell; 5],
}

/// A row that is about any circumstances.
const fn on(input: &'static str, run: fn(&mut Client), cells: [Cell; 5]) -> Row {
    Row { input, when: "", config: |config| config, run, cells }
}

impl Row {
    const fn when(self, when: &'static str) -> Self {
        Self { when, ..self }
    }

    const fn with(self, config: fn(Config) -> Config) -> Self {
        Self { config, ..self }
    }
}

const RETRIES: &[&str] = &["error ECONNREFUSED", "Disconnected"];
const LOST: &[&str] = &["Disconnected", "`Close`"];
const FAILED: &[&str] = &["error ECONNRESET", "Disconnected", "`Close`"];
const ENDS: &[&str] = &["Disconnected", "Destroyed"];
const CLOSES: &[&str] = &["Disconnected", "Destroyed", "`Close`"];
const GIVES_BACK: &[&str] = &["Undelivered", "Disconnected", "Destroyed"];
const OPEN: &[&str] = &["`Open`"];
const NONE: &[&str] = &[];

/// Does nothing but in a state.
const fn only_in(state: ClientState, cell: Cell) -> [Cell; 5] {
    let mut cells = [(NONE, Idle), (NONE, Opening), (NONE, Open), (NONE, Waiting), (NONE, Stopped)];
    cells[state as usize] = cell;
    cells
}

const TABLE: &[Row] = &[
    on(
        "connect",
        |client| client.connect(at(3)),
        [(OPEN, Opening), (NONE, Opening), (NONE, Open), (OPEN, Opening), (OPEN, Opening)],
    ),
    on("handle_connected", |client| client.handle_connected(at(3)), only_in(Opening, (&["Connected"], Open))),
    on("handle_session", |client| client.handle_session(at(3)), only_in(Opening, (&["Connected"], Open))),
    on(
        "handle_failed",
        |client| client.handle_failed(at(3), IoError::new("ECONNREFUSED", "refused")),
        only_in(Opening, (RETRIES, Waiting)),
    ),
    on(
        "handle_failed",
        |client| {
            client.stop_retrying(true);
            client.handle_failed(at(3), IoError::new("ECONNREFUSED", "refused"));
        },
        only_in(Opening, (&["error ECONNREFUSED", "Disconnected", "Destroyed"], Stopped)),
    )
    .when("no retry left"),
    on("handle_eof", |client| client.handle_eof(at(3)), only_in(Open, (LOST, Waiting))),
    on(
        "handle_eof",
        |client| {
            client.stop_retrying(true);
            client.handle_eof(at(3));
        },
        only_in(Open, (CLOSES, Stopped)),
    )
    .when("no retry left"),
    on(
        "handle_error",
        |client| client.handle_error(at(3), IoError::new("ECONNRESET", "reset")),
        only_in(Open, (FAILED, Waiting)),
    ),
    on(
        "a bad frame",
        |client| client.handle_input(at(3), b"no json\x0c"),
        only_in(Open, (&["error ERR_IPC_INVALID_JSON", "Disconnected", "Destroyed", "`Close`"], Stopped)),
    )
    .when("Modern"),
    on(
        "a bad frame",
        |client| client.handle_input(at(3), b"no json\x0c"),
        only_in(Open, (&["error ERR_IPC_INVALID_JSON"], Open)),
    )
    .when("Classic")
    .with(|config| config.dialect(Dialect::Classic)),
    on("handle_timeout", |client| client.handle_timeout(at(102)), only_in(Waiting, (OPEN, Opening)))
        .when("the retry is due"),
    on("handle_timeout", |client| client.handle_timeout(at(101)), only_in(Waiting, (NONE, Waiting)))
        .when("it is not due"),
    on(
        "handle_timeout",
        |client| {
            client.stop_retrying(true);
            client.handle_timeout(at(102));
        },
        only_in(Waiting, (&["Destroyed"], Stopped)),
    )
    .when("retrying stopped, Modern"),
    on(
        "handle_timeout",
        |client| {
            client.handle_input(at(3), b"{");
            client.handle_timeout(at(53));
        },
        only_in(Open, (&["error ERR_IPC_MESSAGE_TIMEOUT", "Disconnected", "Destroyed", "`Close`"], Stopped)),
    )
    .when("a partial frame is too old")
    .with(|config| config.message_timeout(Duration::from_millis(50))),
    on(
        "disconnect",
        |client| {
            client.disconnect(at(3));
            client.handle_eof(at(3));
        },
        [(ENDS, Stopped), (CLOSES, Stopped), (CLOSES, Stopped), (ENDS, Stopped), (NONE, Stopped)],
    )
    .when("nothing waits"),
    on(
        "disconnect",
        |client| {
            let _ = client.emit_type("waits");
            client.disconnect(at(3));
            // Where there is a connection, it is written first.
            let len = client.outbox().remaining();
            client.outbox().advance(len);
            client.handle_eof(at(3));
        },
        [
            (GIVES_BACK, Stopped),
            (&["Undelivered", "Disconnected", "Destroyed", "`Close`"], Stopped),
            (CLOSES, Stopped),
            (GIVES_BACK, Stopped),
            (NONE, Stopped),
        ],
    )
    .when("a message waits"),
    on(
        "abort",
        |client| client.abort(at(3)),
        [(ENDS, Stopped), (CLOSES, Stopped), (CLOSES, Stopped), (ENDS, Stopped), (NONE, Stopped)],
    ),
    on("renew", |client| client.renew(at(3)), only_in(Open, (LOST, Waiting))),
];

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// A client in `state`, with nothing left to poll.
fn client_in(state: ClientState, config: Config) -> Client {
    let mut client = Client::new(Arc::new(config));
    if state != Idle {
        client.connect(at(1));
    }
    match state {
        Open => client.handle_connected(at(2)),
        Waiting => client.handle_failed(at(2), IoError::new("ECONNREFUSED", "refused")),
        Stopped => client.abort(at(2)),
        _ => {}
    }
    seen(&mut client);
    assert_eq!(client.state(), state);
    client
}

/// Events in short, then what the adapter is asked to do.
fn seen(client: &mut Client) -> Vec<String> {
    let mut seen = Vec::new();
    while let Some(event) = client.poll_event() {
        seen.push(short(&event));
    }
    while let Some(action) = client.poll_action() {
        seen.push(format!("`{action:?}`"));
    }
    seen
}

fn short(event: &Event) -> String {
    match event {
        Event::Error(error) => format!("error {}", error.code()),
        Event::Connected => "Connected".into(),
        Event::Undelivered(_) => "Undelivered".into(),
        Event::Disconnected { .. } => "Disconnected".into(),
        Event::Destroyed => "Destroyed".into(),
        event => panic!("the table has no {event:?}"),
    }
}

/// The table's rows of an input are what the machine does.
fn check(input: &str) {
    let rows: Vec<&Row> = TABLE.iter().filter(|row| row.input == input).collect();
    assert!(!rows.is_empty(), "the table has no {input}");
    for row in rows {
        for (state, (expected, next)) in STATES.into_iter().zip(row.cells) {
            let config = (row.config)(Config::default().retry(Retry::every(Duration::from_millis(100))));
            let mut client = client_in(state, config);
            (row.run)(&mut client);
            assert_eq!(seen(&mut client), expected, "{input}, {} in {state:?}", row.when);
            assert_eq!(client.state(), next, "{input}, {} from {state:?}", row.when);
            // Whether another attempt will come is the state's affair, and not the words' alone.
            assert_eq!(client.poll_timeout().is_some(), next == Waiting, "{input}, {} in {state:?}", row.when);
        }
    }
}

#[test]
fn connect_in_every_state() {
    check("connect");
}

#[test]
fn connected_in_every_state() {
    check("handle_connected");
    check("handle_session");
}

#[test]
fn failed_in_every_state() {
    check("handle_failed");
}

#[test]
fn eof_in_every_state() {
    check("handle_eof");
}

#[test]
fn transport_failure_in_every_state() {
    check("handle_error");
}

#[test]
fn bad_frame_in_every_state() {
    check("a bad frame");
}

#[test]
fn timeout_in_every_state() {
    check("handle_timeout");
}

#[test]
fn disconnect_in_every_state() {
    check("disconnect");
}

#[test]
fn abort_and_renew_in_every_state() {
    check("abort");
    check("renew");
}

/// An input by its name, as code where it is a method.
fn name_of(row: &Row) -> String {
    let input = if row.input.contains(' ') { row.input.to_owned() } else { format!("`{}`", row.input) };
    if row.when.is_empty() { input } else { format!("{input}, {}", row.when) }
}

fn cell_text(from: ClientState, (seen, to): &Cell) -> String {
    match (seen.is_empty(), from == *to) {
        (true, true) => "–".into(),
        (false, true) => seen.join(", "),
        (true, false) => format!("→ {to:?}"),
        (false, false) => format!("{} → {to:?}", seen.join(", ")),
    }
}

/// For the documentation of `Client`.
fn table() -> String {
    let heads: Vec<String> = STATES.iter().map(|state| format!("{state:?}")).collect();
    let mut text = format!("| input | {} |\n|---|---|---|---|---|---|\n", heads.join(" | "));
    for row in TABLE {
        let cells: Vec<String> = STATES.into_iter().zip(&row.cells).map(|(from, cell)| cell_text(from, cell)).collect();
        writeln!(text, "| {} | {} |", name_of(row), cells.join(" | ")).unwrap();
    }
    text
}

/// An input's name, with its circumstances only where it is they that make it lead there.
fn arrow_text(row: &Row, from: ClientState, to: ClientState) -> String {
    let mut alike = TABLE.iter().filter(|other| other.input == row.input);
    if alike.all(|other| other.cells[from as usize].1 == to) {
        row.input.to_owned()
    } else {
        name_of(row).replace('`', "")
    }
}

/// The changes of state, as Mermaid has them; inputs that lead the same way share an arrow.
fn diagram() -> String {
    let mut arrows: BTreeMap<(usize, usize), Vec<String>> = BTreeMap::new();
    for row in TABLE {
        for (from, (_, to)) in STATES.into_iter().zip(row.cells).filter(|(from, (_, to))| from != to) {
            let inputs = arrows.entry((from as usize, to as usize)).or_default();
            let input = arrow_text(row, from, to);
            if !inputs.contains(&input) {
                inputs.push(input);
            }
        }
    }
    let mut text = String::from("stateDiagram-v2\n    [*] --> Idle\n");
    for ((from, to), inputs) in arrows {
        writeln!(text, "    {:?} --> {:?} : {}", STATES[from], STATES[to], inputs.join("<br/>")).unwrap();
    }
    text
}

fn page() -> String {
    let note = "<!-- Written by tests/client_table.rs from the table that it checks the machine against. -->";
    let (diagram, table) = (diagram(), table());
    format!(
        "{note}\n# The states of a client\n\nPROTOCOL.md, rule L2. Inputs that change no state have no arrow; what each \
         does besides is in the table.\n\n```mermaid\n{diagram}```\n\n“–” is no effect. `Open` and `Close` are what the \
         adapter is asked to do; the others are events, in their order.\n\n{table}"
    )
}

/// What is committed is what is generated.
fn committed(path: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if env::var_os("BLESS").is_some() {
        fs::write(&path, text).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert!(there == text, "{} is out of date: BLESS=1 cargo test -p ipc-proto --test client_table", path.display());
}

#[test]
fn the_diagram_is_that_of_the_table() {
    committed("CLIENT.md", &page());
}

#[test]
fn the_documented_table_is_the_one_that_is_checked() {
    committed("src/client/table.md", &table());
}
