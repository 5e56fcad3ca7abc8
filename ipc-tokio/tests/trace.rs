//! What a subscriber hears of a conversation, and what it does not.
#![cfg(all(feature = "tracing", unix))]

use std::{
    fmt::{self, Write},
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use ipc_tokio::{Config, Endpoint, Event, Frame, Ipc, Profile, Retry, Router};
use tokio::time::timeout;
use tracing::{
    Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

/// Long enough for the slowest machine; a test that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Stand in names and data of messages, and nowhere else.
const SECRETS: [&str; 4] = ["salary", "4711", "knock", "raw bytes"];

/// Each event as a line: level, the spans it is in, its fields.
#[derive(Clone, Debug, Default)]
struct Lines(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    lines: Vec<String>,
    /// Spans as text, with those they are in; an id is an index from 1.
    spans: Vec<String>,
    entered: Vec<u64>,
}

impl State {
    fn inside(&self, parent: Option<&Id>) -> String {
        let at = parent.map(Id::into_u64).or_else(|| self.entered.last().copied());
        at.map_or_else(String::new, |id| self.spans[id as usize - 1].clone())
    }
}

struct Fields<'s>(&'s mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "ipc_proto"
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut state = self.0.lock().expect("no panic");
        let mut text = format!("{}/{}", state.inside(span.parent()), span.metadata().name());
        span.record(&mut Fields(&mut text));
        state.spans.push(text);
        Id::from_u64(state.spans.len() as u64)
    }

    fn event(&self, event: &tracing::Event<'_>) {
        let mut state = self.0.lock().expect("no panic");
        let mut line = format!("{} {}:", event.metadata().level(), state.inside(event.parent()));
        event.record(&mut Fields(&mut line));
        state.lines.push(line);
    }

    fn enter(&self, span: &Id) {
        self.0.lock().expect("no panic").entered.push(span.into_u64());
    }

    fn exit(&self, _span: &Id) {
        self.0.lock().expect("no panic").entered.pop();
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}
}

/// What a subscriber hears of `conversation`.
fn heard(conversation: impl Future<Output = ()>) -> Vec<String> {
    let lines = Lines::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    tracing::subscriber::with_default(lines.clone(), || {
        runtime.block_on(async { timeout(PATIENCE, conversation).await.expect("it ends") });
        drop(runtime);
    });
    let mut state = lines.0.lock().expect("no panic");
    let spans = state.spans.clone();
    state.lines.extend(spans);
    state.lines.clone()
}

/// One message and its answer, by a handler; one that the server's application takes and answers; a bad frame; and
/// one that nobody gets.
async fn conversation(log_payloads: bool) {
    let config = Config::default().id("world").retry(Retry::never()).log_payloads(log_payloads);
    let ipc = Ipc::new(config);
    let router = Router::new().on("knock", |cx: &mut ipc_tokio::Cx<'_, ()>, text: String| {
        let _ = cx.emit("knock", &text);
    });
    let tcp: Endpoint = "tcp:127.0.0.1:0".parse().expect("an endpoint");
    let mut server = ipc.serve_routed(vec![tcp], router, |_| ()).await.expect("it listens");
    let Endpoint::Tcp { port, .. } = server.endpoints()[0] else { panic!("not TCP") };

    let mut client = ipc.connect_to_net("world", &port.to_string()).expect("a good config");
    client.emit("knock", "4711").await.expect("taken");
    client.emit("salary", &4711).await.expect("taken");
    let peer = loop {
        if let (peer, Event::Message(_)) = server.next().await.expect("it goes on") {
            break peer;
        }
    };
    server.emit(peer, "salary", "4711").await.expect("taken");
    for _ in 0..2 {
        while !matches!(client.next().await.expect("it goes on"), Event::Message(_)) {}
    }
    server.stop().await;
    while client.next().await.is_some() {}

    let nowhere = tempfile::tempdir().expect("a folder").path().join("socket");
    let nowhere = nowhere.to_str().expect("the name is text");
    let mut lonely = ipc.connect_to_path("lonely", nowhere).expect("a good config");
    lonely.emit("salary", &4711).await.expect("taken");
    while lonely.next().await.is_some() {}
}

async fn raw_conversation(log_payloads: bool) {
    let config = Config::default().profile(Profile::Raw).log_payloads(log_payloads).retry(Retry::never());
    let ipc = Ipc::new(config);
    let mut server = ipc.serve_net("127.0.0.1:0").await.expect("it listens");
    let Endpoint::Tcp { port, .. } = server.endpoints()[0] else { panic!("not TCP") };
    let client = ipc.connect_to_net("world", &port.to_string()).expect("a good config");
    client.send(Frame::raw("raw bytes 4711")).await.expect("taken");
    while !matches!(server.next().await.expect("it goes on"), (_, Event::Raw(_))) {}
}

fn has(lines: &[String], parts: &[&str]) -> bool {
    lines.iter().any(|line| parts.iter().all(|part| line.contains(part)))
}

#[test]
fn payloads_are_heard_only_when_asked_for() {
    for lines in [heard(conversation(false)), heard(raw_conversation(false))] {
        for secret in SECRETS {
            assert!(!has(&lines, &[secret]), "{secret} is in {lines:#?}");
        }
        assert!(has(&lines, &["TRACE", "emitted", "bytes="]), "{lines:#?}");
        assert!(has(&lines, &["TRACE", "received", "bytes="]), "{lines:#?}");
    }
}

#[test]
fn payloads_are_heard_at_trace_when_asked_for() {
    let lines = heard(conversation(true));
    for parts in [
        ["TRACE /client id=\"world\"", "emitted", "salary", "4711"],
        ["TRACE /client id=\"world\"", "received", "salary", "4711"],
        ["/connection peer=1", "received", "knock", "4711"],
        ["/connection peer=1", "emitted", "knock", "4711"],
    ] {
        assert!(has(&lines, &parts), "{parts:?} is not in {lines:#?}");
    }
    let raw = heard(raw_conversation(true));
    assert!(has(&raw, &["TRACE", "received", "raw bytes 4711"]), "{raw:#?}");
}

#[test]
fn lifecycle_is_heard_within_its_span() {
    let lines = heard(conversation(false));
    for parts in [
        ["DEBUG /client id=\"world\"", "connected"],
        ["DEBUG /client id=\"world\"", "disconnected"],
        ["DEBUG /client id=\"world\"", "destroyed"],
        ["DEBUG /server endpoints=\"tcp:127.0.0.1:", "/connection peer=1: message=connected"],
        ["DEBUG /server endpoints=\"tcp:127.0.0.1:", "/connection peer=1: message=disconnected"],
        ["DEBUG /client id=\"lonely\"", "ENOENT"],
        ["DEBUG /client id=\"lonely\"", "undelivered"],
    ] {
        assert!(has(&lines, &parts), "{parts:?} is not in {lines:#?}");
    }
}
