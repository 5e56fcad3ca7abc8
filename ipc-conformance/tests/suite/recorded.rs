//! The lifecycle scenarios of the corpus, done again: what is published, in which order, is what was recorded, but for the
//! differences that are listed.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    time::Duration,
};

use ipc_conformance::{
    corpus::{Arg, Corpus, Lifecycle, Published, dialect_of},
    host::Host,
    replay::{Differs, Replay, Verdict},
};
use ipc_proto::{
    Config, Dialect, Event, Retry,
    endpoint::Endpoint,
    facade::{Client, Server},
};

use crate::{clients, servers, stage::Stage, wire::Wire};

/// How long one of them may take; the test has to know which.
const PATIENCE: Duration = Duration::from_secs(60);

/// One scenario, with a folder, an address and a dialect of its own.
pub(crate) struct Scene<H: Host> {
    pub(crate) stage: Stage<H>,
    pub(crate) dialect: Dialect,
}

impl<H: Host> Scene<H> {
    /// Comes back at once.
    pub(crate) fn config(&self) -> Config {
        self.stage.config().dialect(self.dialect).retry(Retry::every(Duration::from_millis(5)))
    }

    pub(crate) fn watch(&self, config: Config, endpoint: &Endpoint) -> Watch<H> {
        Watch { client: self.stage.connect_at(config, endpoint), story: Story::default() }
    }
}

/// What a scenario comes to: what a client and a server published, and what a bare peer received.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Story {
    pub(crate) client: Vec<String>,
    pub(crate) server: Vec<String>,
    pub(crate) received: String,
}

impl Story {
    pub(crate) fn recorded(scenario: &Lifecycle) -> Self {
        let of = |side: &str| {
            let events = scenario.events.iter().filter(|event| side_of(event).starts_with(side));
            collapsed(&scenario.name, events.filter_map(word_of_recorded).collect())
        };
        let data: Vec<u8> = scenario.wire.iter().flat_map(|step| step.bytes.clone()).collect();
        Self { client: of("client"), server: of("server"), received: String::from_utf8_lossy(&data).into_owned() }
    }

    fn seen(name: &str, seen: Self) -> Self {
        let Self { client, server, received } = seen;
        Self { client: collapsed(name, client), server: collapsed(name, server), received }
    }

    /// Some recordings saw the recorder's own end of the connection at the end, others did not.
    fn is_as(&self, recorded: &Self) -> bool {
        let end = ["disconnect".to_owned()];
        let same = |seen: &[String], recorded: &[String]| {
            seen == recorded || seen == [recorded, &end].concat() || recorded == [seen, &end].concat()
        };
        same(&self.client, &recorded.client)
            && same(&self.server, &recorded.server)
            && self.received == recorded.received
    }

    fn text(&self) -> String {
        let Self { client, server, received } = self;
        let parts =
            [("", client.join(" ")), ("server: ", server.join(" ")), ("received: ", received.replace('\x0c', " "))];
        let parts = parts.iter().filter(|(_, text)| !text.is_empty());
        parts.map(|(name, text)| format!("{name}{}", text.trim())).collect::<Vec<_>>().join("; ")
    }
}

/// How often an attempt is made in a given time is nobody's promise, but where attempts are counted.
fn collapsed(name: &str, words: Vec<String>) -> Vec<String> {
    let counts = name.starts_with("maxRetries") || name == "retry_zero";
    let mut out: Vec<String> = Vec::new();
    // The failure of another server than the one whose events these are has no place among them.
    let (failures, events) = words.into_iter().partition::<Vec<_>, _>(|word| word == "error(EADDRINUSE)");
    for word in [failures, events].concat() {
        out.push(word);
        let at = out.len().saturating_sub(4);
        let failed = |pair: &[String]| pair[0].starts_with("error(") && pair[1] == "disconnect";
        // A server that begins refuses for a moment what was not there before.
        let repeats = out.len() >= 4 && failed(&out[at..at + 2]) && failed(&out[at + 2..]);
        if repeats && !counts || out.ends_with(&["error(ERR_IPC_BACKPRESSURE)"; 2].map(str::to_owned)) {
            out.truncate(if repeats { at + 2 } else { out.len() - 1 });
        }
    }
    out
}

/// A server that could not start is one, whether it said so by an event or threw.
fn side_of(event: &Published) -> &str {
    if event.is("start threw") { "server" } else { &event.side }
}

fn word_of_recorded(event: &Published) -> Option<String> {
    let name: String = serde_json::from_str(event.type_json.as_deref()?).ok()?;
    let code = event.args.iter().find_map(|arg| match arg {
        Arg::Error { failure } => failure.code.clone(),
        // Classic's event for a bad frame holds the frame instead.
        Arg::Json { parse_error: Some(_), .. } => Some("ERR_IPC_INVALID_JSON".to_owned()),
        _ => None,
    });
    match name.as_str() {
        "start" | "close" => None,
        "socket.disconnected" if event.side == "server" => Some("disconnect".to_owned()),
        "error" | "start threw" => Some(format!("error({})", code.unwrap_or_default())),
        _ => Some(name),
    }
}

/// An event by node-ipc's word for it; it has none for some.
pub(crate) fn word_of(event: &Event) -> Option<String> {
    Some(match event {
        Event::Connected => "connect".to_owned(),
        Event::Message(message) => message.name().to_owned(),
        Event::Error(error) => format!("error({})", error.code()),
        Event::Disconnected { .. } => "disconnect".to_owned(),
        Event::Destroyed => "destroy".to_owned(),
        _ => return None,
    })
}

/// A client, and what it has published so far.
pub(crate) struct Watch<H: Host> {
    pub(crate) client: Client<H>,
    pub(crate) story: Story,
}

impl<H: Host> Watch<H> {
    /// Takes events until one is `word`.
    pub(crate) async fn until(&mut self, word: &str) {
        while self.next().await.expect("it goes on") != word {}
    }

    /// Takes so many events that have a word.
    pub(crate) async fn some(&mut self, count: usize) {
        for _ in 0..count {
            self.next().await.expect("it goes on");
        }
    }

    pub(crate) async fn ending(mut self) -> Story {
        while self.next().await.is_some() {}
        self.story
    }

    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(word) = word_of(&self.client.next().await?) {
                self.story.client.push(word.clone());
                return Some(word);
            }
        }
    }
}

/// Takes a server's events until so many of its peers are gone.
pub(crate) async fn watch_server<H: Host>(server: &mut Server<H>, gone: usize) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    while words.iter().filter(|word| *word == "disconnect").count() < gone {
        let (_, event) = server.next().await.expect("it goes on");
        words.extend(word_of(&event));
    }
    words
}

/// Those over local sockets.
pub(crate) async fn scenarios_over_local_sockets<H: Host>(stage: Stage<H>) {
    run(stage, |name| !is_over_tcp(name)).await;
}

/// Those that are about TCP.
pub(crate) async fn scenarios_over_tcp<H: Host>(stage: Stage<H>) {
    run(stage, is_over_tcp).await;
}

pub(crate) fn is_over_tcp(name: &str) -> bool {
    name.contains("tcp") || name == "server_rst"
}

async fn run<H: Host>(stage: Stage<H>, picks: impl Fn(&str) -> bool) {
    let (host, wire): (H, Wire) = (stage.host, stage.wire);
    let scenarios = Corpus::built_in().lifecycle().expect("the corpus loads");
    let replay = Replay::new(Differs::built_in());
    let mut done: BTreeMap<(&str, bool), Story> = BTreeMap::new();
    let mut failures = Vec::new();
    for scenario in scenarios.iter().filter(|scenario| picks(&scenario.name)) {
        if skips(&replay, scenario).is_some() {
            continue;
        }
        let dialect = dialect_of(&scenario.version);
        let key = (scenario.name.as_str(), dialect == Dialect::Classic);
        if let Entry::Vacant(entry) = done.entry(key) {
            let story = story(&host, wire, &scenario.name, dialect).await;
            entry.insert(story.unwrap_or_else(|| panic!("{} is neither done nor listed as skipped", scenario.name)));
        }
        if let Verdict::Failed(how) = judge(&replay, scenario, &done[&key]) {
            failures.push(how);
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(!done.is_empty());
}

/// Why a scenario is not run, if it is listed so.
pub(crate) fn skips(replay: &Replay, scenario: &Lifecycle) -> Option<String> {
    let listed = replay.lifecycle(&scenario.name, &scenario.version)?;
    listed.skip.then(|| listed.reason.to_owned())
}

/// What a scenario comes to on a runtime; `None` for one that nobody has written down here.
pub(crate) async fn story<H: Host>(host: &H, wire: Wire, name: &str, dialect: Dialect) -> Option<Story> {
    let scene = Scene { stage: Stage::new(host.clone(), wire), dialect };
    let story = host.timeout(PATIENCE, perform(&scene, name)).await;
    Some(Story::seen(name, story.unwrap_or_else(|| panic!("{name} {dialect:?} hangs"))?))
}

/// What a scenario came to, against what was recorded.
pub(crate) fn judge(replay: &Replay, scenario: &Lifecycle, seen: &Story) -> Verdict {
    let recorded = Story::recorded(scenario);
    let listed = replay.lifecycle(&scenario.name, &scenario.version);
    match listed {
        Some(listed) if !seen.is_as(&recorded) && seen.text() == listed.gives => {
            Verdict::Differs(listed.reason.to_owned())
        }
        None if seen.is_as(&recorded) => Verdict::Passed,
        Some(_) if replay.is_by_rule() && seen.is_as(&recorded) => Verdict::Passed,
        listed => Verdict::Failed(format!(
            "{} {}:\n  gives    {}\n  recorded {}\n  listed   {:?}",
            scenario.name,
            scenario.version,
            seen.text(),
            recorded.text(),
            listed.map(|listed| listed.gives)
        )),
    }
}

async fn perform<H: Host>(scene: &Scene<H>, name: &str) -> Option<Story> {
    match clients::perform(scene, name).await {
        Some(story) => Some(story),
        None => servers::perform(scene, name).await,
    }
}
