//! The order of calls of different kinds does not matter: input, emits, writes and polls in any interleaving give the
//! same inbound events, and account for every frame that was emitted.

use std::sync::Arc;

use bytes::{Buf, BytesMut};
use ipc_proto::{
    Action, Client, ClientState, Config, Connection, Dialect, EmitError, Event, Frame, Message, Profile, Retry, Side,
    Timestamp,
};
use proptest::prelude::*;
use proptest::sample::{Index, select};

const NOW: Timestamp = Timestamp::ZERO;

/// Control characters, text that occurs in JSON, more than one byte, more than one character, one that overlaps itself.
const DELIMITERS: [&str; 8] = ["\u{c}", "\n", "\r\n", "|", "||", "\u{e9}", "\u{1f600}", "}"];

/// What arrives: good frames, and most ways of being bad.
const FRAMES: [&[u8]; 20] = [
    br#"{"type":"a","data":1}"#,
    br#"{"type":"b","data":{"id":"me","n":[1,2,{}]}}"#,
    br#"{"data":"x","type":"a"}"#,
    br#"{"type":"a"}"#,
    br#" { "type" : "a" , "data" : null } "#,
    "{\"type\":\"h\u{e9}\u{1f600}\",\"data\":\"\u{e9}|}\u{1f600}\"}".as_bytes(),
    br#"{"type":"\ud800","data":"\udc00"}"#,
    b"{\"type\":\"a\",\"data\":\"<\xe2\x8c>\xff\"}",
    br#"{"type":"error","data":1}"#,
    br#"{"type":"constructor","data":1}"#,
    br#"{"type":"","data":1}"#,
    br#"{"type":5,"data":1}"#,
    br#"{"data":1}"#,
    b"{}",
    b"null",
    b"[1]",
    b"bad",
    b"",
    b"{\"type\":\"a\",\"data\":\"\n\"}",
    b"{\"type\":\"a\",\"data\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}",
];

/// What is emitted; some of it is refused by some profile or delimiter.
const EMITS: [(&str, &str); 6] = [("a", ""), ("b", "data"), ("error", "x"), ("c", "a|b"), ("", "x"), ("d", "h\u{e9}")];

/// One call of the machine. Numbers are taken modulo what there is.
#[derive(Clone, Copy, Debug)]
enum Op {
    /// The next bytes come, or all that are left, by one of three ways; after the last ones, the end.
    Input(Option<Index>, u8),
    /// The next emit.
    Emit,
    /// Some bytes that wait are written.
    Write(Index),
    /// One event is taken, or all that are there.
    Poll(bool),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (any::<Option<Index>>(), 0..3_u8).prop_map(|(len, way)| Op::Input(len, way)),
        2 => Just(Op::Emit),
        2 => any::<Index>().prop_map(Op::Write),
        3 => any::<bool>().prop_map(Op::Poll),
    ]
}

#[derive(Clone, Debug)]
struct Case {
    config: Arc<Config>,
    side: Side,
    input: Vec<u8>,
    eof: bool,
    emits: Vec<(&'static str, &'static str)>,
}

fn config() -> impl Strategy<Value = Config> {
    let dialects = select(vec![Dialect::Classic, Dialect::Modern]);
    let profiles = select(vec![Profile::Raw, Profile::Fast, Profile::Fast, Profile::Guarded, Profile::Assured]);
    let delimiters = select(DELIMITERS.to_vec());
    (dialects, profiles, delimiters, any::<bool>()).prop_map(|(dialect, profile, delimiter, narrow)| {
        let config = Config::default().dialect(dialect).profile(profile).delimiter(delimiter).allow("a").allow("b");
        // Small enough to be exceeded by the longest frame.
        let config = config.max_message_size(100).retry(Retry::never());
        // Guarded ends over too much to write, and when that is the case is a matter of order.
        if narrow && !config.is_guarded() { config.max_pending_bytes(60) } else { config }
    })
}

fn case() -> impl Strategy<Value = Case> {
    let frames = prop::collection::vec(select(FRAMES.to_vec()), 0..8);
    let emits = prop::collection::vec(select(EMITS.to_vec()), 0..8);
    let sides = select(vec![Side::Client, Side::Server]);
    // What comes last is incomplete: nothing, a little, or more than a frame may have.
    let rests = select(vec![0, 12, 200]);
    (config(), sides, frames, rests, any::<bool>(), emits).prop_map(|(config, side, frames, rest, eof, emits)| {
        let delimiter = config.delimiter.as_bytes();
        let mut input: Vec<u8> = frames.iter().flat_map(|frame| [frame, delimiter].concat()).collect();
        input.extend(b"{".repeat(rest));
        Case { config: Arc::new(config), side, input, eof, emits }
    })
}

/// What an interleaving gave.
#[derive(Default)]
struct Run {
    inbound: Vec<String>,
    raw: Vec<u8>,
    written: Vec<u8>,
    accepted: Vec<Frame>,
    undelivered: Vec<(Frame, bool)>,
}

/// A connection, and what has not happened to it yet.
struct Player<'a> {
    conn: Connection,
    input: &'a [u8],
    eof: bool,
    emits: std::slice::Iter<'a, (&'static str, &'static str)>,
    run: Run,
}

impl<'a> Player<'a> {
    fn new(case: &'a Case) -> Self {
        let conn = Connection::new(Arc::clone(&case.config), case.side);
        Self { conn, input: &case.input, eof: case.eof, emits: case.emits.iter(), run: Run::default() }
    }

    fn play(mut self, ops: &[Op]) -> Run {
        ops.iter().for_each(|op| self.step(*op));
        self.finish()
    }

    fn step(&mut self, op: Op) {
        match op {
            Op::Input(..) if self.input.is_empty() => self.end(),
            Op::Input(None, way) => self.receive(self.input.len(), way),
            Op::Input(Some(len), way) => self.receive(len.index(self.input.len()) + 1, way),
            Op::Emit => self.emit(),
            Op::Write(len) => self.write(len.index(self.conn.pending_bytes() + 1)),
            Op::Poll(false) => {
                let _ = self.poll();
            }
            Op::Poll(true) => while self.poll() {},
        }
    }

    /// All that is left, in the plainest order.
    fn finish(mut self) -> Run {
        while self.emits.len() > 0 {
            self.emit();
        }
        if !self.input.is_empty() {
            self.receive(self.input.len(), 0);
        }
        self.end();
        while self.poll() {}
        self.write(self.conn.pending_bytes());
        while self.poll() {}
        self.run
    }

    fn receive(&mut self, len: usize, way: u8) {
        let (bytes, rest) = self.input.split_at(len);
        self.input = rest;
        match way {
            0 => self.conn.handle_input(NOW, bytes),
            1 => self.conn.handle_owned(NOW, BytesMut::from(bytes)),
            _ => {
                self.conn.recv_buffer().extend_from_slice(bytes);
                self.conn.handle_received(NOW);
            }
        }
    }

    fn end(&mut self) {
        if std::mem::take(&mut self.eof) {
            self.conn.handle_eof(NOW);
        }
    }

    fn emit(&mut self) {
        let Some((name, data)) = self.emits.next() else { return };
        let frame = self.frame(name, data);
        match self.conn.send(frame.clone()) {
            Ok(_) => self.run.accepted.push(frame),
            Err(EmitError::Closed(back) | EmitError::Full(back)) => assert_eq!(back, frame),
            Err(EmitError::Encode(_)) => {}
            Err(other) => panic!("{other}"),
        }
    }

    /// As this endpoint sends it: Classic blanks the empty string.
    fn frame(&self, name: &str, data: &str) -> Frame {
        let config = self.conn.config();
        match (config.profile, config.dialect) {
            (Profile::Raw, _) => Frame::raw([name, data, "x"].concat()),
            (_, Dialect::Classic) if data.is_empty() => Frame::event(name),
            _ => Frame::encode(name, data).expect("a string has a JSON form"),
        }
    }

    fn write(&mut self, mut len: usize) {
        while len > 0 {
            let outbox = self.conn.outbox();
            let step = outbox.chunk().len().min(len);
            if step == 0 {
                break;
            }
            self.run.written.extend_from_slice(&outbox.chunk()[..step]);
            outbox.advance(step);
            len -= step;
        }
    }

    /// Whether there was an event.
    fn poll(&mut self) -> bool {
        match self.conn.poll_event() {
            None => return false,
            Some(Event::Undelivered(lost)) => self.run.undelivered.push((lost.frame, lost.maybe_sent)),
            Some(Event::Raw(bytes)) => self.run.raw.extend_from_slice(&bytes),
            Some(Event::Writable) => {}
            Some(event) => self.run.inbound.push(shown(&event)),
        }
        true
    }
}

fn shown(event: &Event) -> String {
    match event {
        Event::Message(message) => format!("{} {:?}", message.name_token(), message.data()),
        other => format!("{other:?}"),
    }
}

/// Every accepted frame was written whole and in order, or is reported, and of those at most the first was begun.
fn account_for(case: &Case, run: &Run) {
    let delimiter = if case.config.profile == Profile::Raw { &[][..] } else { case.config.delimiter.as_bytes() };
    let framed: Vec<Vec<u8>> = run.accepted.iter().map(|frame| [&frame.as_bytes()[..], delimiter].concat()).collect();
    assert!(framed.concat().starts_with(&run.written), "other bytes than were accepted");

    let (mut whole, mut left) = (0, run.written.len());
    while framed.get(whole).is_some_and(|frame| frame.len() <= left) {
        left -= framed[whole].len();
        whole += 1;
    }
    let reported = run.accepted.iter().skip(whole).enumerate().map(|(n, frame)| (frame.clone(), n == 0 && left > 0));
    assert_eq!(run.undelivered, reported.collect::<Vec<_>>());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_calls_does_not_matter(case in case(), ops in prop::collection::vec(op(), 0..60)) {
        let plain = Player::new(&case).finish();
        let run = Player::new(&case).play(&ops);
        prop_assert_eq!(&run.inbound, &plain.inbound);
        prop_assert_eq!(&run.raw, &plain.raw);
        account_for(&case, &plain);
        account_for(&case, &run);
    }
}

/// One thing that happens to a client.
#[derive(Clone, Copy, Debug)]
enum Turn {
    Emit,
    Write(Index),
    Poll,
    /// The adapter finishes what it was asked to do; the flag says how an attempt ends.
    Act(bool),
    /// The peer ends the connection, or it fails.
    Cut(bool),
    /// Time passes until the next timer.
    Wait,
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        4 => Just(Turn::Emit),
        4 => any::<Index>().prop_map(Turn::Write),
        2 => Just(Turn::Poll),
        2 => any::<bool>().prop_map(Turn::Act),
        1 => any::<bool>().prop_map(Turn::Cut),
        1 => Just(Turn::Wait),
    ]
}

/// A client, and a receiver for each of its connections.
struct Caller {
    client: Client,
    now: Timestamp,
    opening: bool,
    emitted: usize,
    /// The bytes that each connection's receiver got.
    connections: Vec<Vec<u8>>,
}

impl Caller {
    fn new(dialect: Dialect, delimiter: &str) -> Self {
        let config = Config::default().dialect(dialect).delimiter(delimiter).on_connect("hello", "x");
        let mut client = Client::new(Arc::new(config.expect("a string has a JSON form")));
        client.connect(NOW);
        Self { client, now: NOW, opening: false, emitted: 0, connections: Vec::new() }
    }

    fn take(&mut self, turn: Turn) {
        match turn {
            Turn::Emit => self.emit(),
            Turn::Write(len) => self.write(len),
            Turn::Poll => self.poll(),
            Turn::Act(succeeds) => self.act(succeeds),
            Turn::Cut(clean) if clean => self.client.handle_eof(self.now),
            Turn::Cut(_) => self.client.handle_error(self.now, std::io::Error::from(std::io::ErrorKind::BrokenPipe)),
            Turn::Wait => self.wait(),
        }
    }

    fn emit(&mut self) {
        let _ = self.client.emit("n", &self.emitted).expect("there is room");
        self.emitted += 1;
    }

    fn write(&mut self, len: Index) {
        let most = self.client.outbox().remaining() + 1;
        self.write_up_to(len.index(most));
    }

    fn write_up_to(&mut self, most: usize) {
        let outbox = self.client.outbox();
        let len = most.min(outbox.chunk().len());
        let bytes = outbox.chunk()[..len].to_vec();
        outbox.advance(len);
        if let Some(connection) = self.connections.last_mut() {
            connection.extend(bytes);
        }
    }

    fn poll(&mut self) {
        if let Some(event) = self.client.poll_event() {
            assert!(!matches!(event, Event::Undelivered(_) | Event::Destroyed), "{event:?}");
        }
    }

    fn act(&mut self, succeeds: bool) {
        while let Some(action) = self.client.poll_action() {
            self.opening = action == Action::Open;
        }
        match (std::mem::take(&mut self.opening), succeeds) {
            (false, _) => {}
            (true, true) => {
                self.connections.push(Vec::new());
                self.client.handle_connected(self.now);
            }
            (true, false) => {
                self.client.handle_failed(self.now, std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
            }
        }
    }

    fn wait(&mut self) {
        if let Some(at) = self.client.poll_timeout() {
            self.now = self.now.max(at);
            self.client.handle_timeout(self.now);
        }
    }

    /// From here on nothing goes wrong.
    fn recover(&mut self) {
        for _ in 0..10 {
            while let Some(event) = self.client.poll_event() {
                assert!(!matches!(event, Event::Undelivered(_) | Event::Destroyed), "{event:?}");
            }
            self.wait();
            self.act(true);
        }
        assert_eq!(self.client.state(), ClientState::Open);
        while self.client.outbox().has_remaining() {
            self.write_up_to(usize::MAX);
        }
        assert!(self.client.is_drained());
    }
}

/// What the receiver of one connection makes of its bytes: an incomplete frame is dropped.
fn names_and_numbers(bytes: &[u8], delimiter: &str) -> Vec<(String, Option<usize>)> {
    let text = std::str::from_utf8(bytes).unwrap_or_else(|error| {
        // A cut character belongs to the incomplete frame.
        std::str::from_utf8(&bytes[..error.valid_up_to()]).expect("it was valid up to there")
    });
    let mut frames: Vec<&str> = text.split(delimiter).collect();
    frames.pop();
    let parse = |frame: &str| Message::parse(frame.to_owned().into()).expect("whole frames only");
    frames.into_iter().map(parse).map(|message| (message.name().to_owned(), message.decode().ok())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn every_emit_arrives_once_and_in_order_over_any_number_of_connections(
        dialect in select(vec![Dialect::Classic, Dialect::Modern]),
        delimiter in select(vec!["\u{c}", "\r\n", "\u{1f600}"]),
        turns in prop::collection::vec(turn(), 0..120),
    ) {
        let mut caller = Caller::new(dialect, delimiter);
        turns.iter().for_each(|turn| caller.take(*turn));
        caller.recover();
        let mut numbers = Vec::new();
        for connection in &caller.connections {
            let mut arrived = names_and_numbers(connection, delimiter).into_iter();
            // A connection that was cut early got nothing, not even the greeting.
            let greeting = arrived.next();
            prop_assert!(greeting.is_none_or(|(name, _)| name == "hello"));
            numbers.extend(arrived.map(|(_, number)| number));
        }
        let all: Vec<Option<usize>> = (0..caller.emitted).map(Some).collect();
        prop_assert_eq!(numbers, all);
    }
}
