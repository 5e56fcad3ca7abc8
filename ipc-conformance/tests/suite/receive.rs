//! The receive cases of the corpus, fed by a bare socket to a server and to a client: what they publish, and whether they
//! close, is what node-ipc did, but for the differences that are listed.

use std::{collections::BTreeMap, time::Duration};

use futures_util::{StreamExt as _, future::join, stream};
use ipc_conformance::{
    corpus::{Corpus, ReceiveCase, dialect_of},
    host::Host,
    replay::{Chunking, Differs, Ran, Receiving, Replay, Role, Seen, Verdict},
};
use ipc_proto::{Config, Dialect, Event, Reason};

use crate::{
    raw::{Raw, RawListener},
    stage::Stage,
    wire::Wire,
};

/// How many cases are fed at a time.
const AT_ONCE: usize = 16;
/// What is longer is fed once.
const SHORT: usize = 2 << 10;

pub(crate) async fn by_a_server_in_recorded_chunks<H: Host>(stage: Stage<H>) {
    run(&stage, Role::Server, Chunking::Recorded).await;
}

pub(crate) async fn by_a_server_byte_by_byte<H: Host>(stage: Stage<H>) {
    run(&stage, Role::Server, Chunking::Bytes).await;
}

pub(crate) async fn by_a_client_in_recorded_chunks<H: Host>(stage: Stage<H>) {
    run(&stage, Role::Client, Chunking::Recorded).await;
}

pub(crate) async fn by_a_client_byte_by_byte<H: Host>(stage: Stage<H>) {
    run(&stage, Role::Client, Chunking::Bytes).await;
}

async fn run<H: Host>(stage: &Stage<H>, role: Role, chunking: Chunking) {
    let cases = Corpus::built_in().receive_cases().expect("the corpus loads");
    let replay = Replay::new(Differs::built_in());
    // The large ones are the machine's matter more than the transport's: once is enough.
    let most = match (stage.wire, chunking) {
        (Wire::Unix | Wire::Pipe, Chunking::Recorded) => usize::MAX,
        _ => SHORT,
    };
    let fitting = cases.iter().filter(|case| len(case) <= most);
    let setups = fitting.flat_map(|case| setups(case, &replay, role));
    let fed = setups.map(|(case, alike)| async move {
        let ran = feed(stage, case, &alike[0], role, chunking).await;
        let verdicts: Vec<Verdict> = alike.iter().map(|receiving| receiving.judge(&ran)).collect();
        stream::iter(verdicts)
    });
    let verdicts = stream::iter(fed).buffer_unordered(AT_ONCE).flatten();
    let failures: Vec<String> = verdicts.filter_map(|verdict| std::future::ready(failed(verdict))).collect().await;
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Feeds an endpoint in the set-up of `receiving`.
pub(crate) async fn feed<H: Host>(
    stage: &Stage<H>,
    case: &ReceiveCase,
    receiving: &Receiving<'_>,
    role: Role,
    chunking: Chunking,
) -> Ran {
    let input = case.input();
    let slices: Vec<&[u8]> = input.iter().map(Vec::as_slice).collect();
    let (config, waits) = (receiving.config(), receiving.waits());
    let feed = Feed { pieces: chunking.cut(&slices), eof: case.eof_after, config, waits };
    match role {
        Role::Server => feed.server(stage).await,
        Role::Client => feed.client(stage).await,
    }
}

fn len(case: &ReceiveCase) -> usize {
    case.input().iter().map(Vec::len).sum()
}

fn failed(verdict: Verdict) -> Option<String> {
    if let Verdict::Failed(how) = verdict { Some(how) } else { None }
}

/// A case's set-ups: together those that differ in nothing but what was recorded.
pub(crate) fn setups<'a>(
    case: &'a ReceiveCase,
    replay: &'a Replay,
    role: Role,
) -> impl Iterator<Item = (&'a ReceiveCase, Vec<Receiving<'a>>)> {
    let mut alike: BTreeMap<(&str, bool, bool), Vec<Receiving<'a>>> = BTreeMap::new();
    for (options, versions) in &case.results {
        for version in versions.keys() {
            let receiving = replay.receiving(case, options, version, role).expect("the set-up was recorded");
            let classic = dialect_of(version) == Dialect::Classic;
            alike.entry((options, classic, receiving.waits())).or_default().push(receiving);
        }
    }
    alike.into_values().map(move |alike| (case, alike))
}

/// What one endpoint is fed.
pub(crate) struct Feed {
    pub(crate) pieces: Vec<Vec<u8>>,
    /// The peer's end of its side was recorded as well.
    pub(crate) eof: bool,
    pub(crate) config: Config,
    /// A timeout is due, which its end would forestall.
    pub(crate) waits: bool,
}

impl Feed {
    pub(crate) async fn server<H: Host>(self, stage: &Stage<H>) -> Ran {
        let config = self.config(stage);
        let endpoint = stage.endpoint_of_its_own();
        let mut listener = stage.ipc(config).listen(endpoint).await.expect("the endpoint is free");
        let at = listener.endpoint().clone();
        let accepting = async {
            let mut conn = listener.accept().await.expect("somebody came");
            let first = conn.next().await;
            assert!(matches!(first, Some(Event::Connected)), "{first:?}");
            conn
        };
        let (raw, mut conn) = join(Raw::connect(&at), accepting).await;
        let ending = self.write(raw);
        let seeing = async {
            let mut sight = Sight::default();
            while let Some(event) = conn.next().await {
                let name = conn.peer_id().map(|id| id.as_str().to_owned());
                sight.ran.peer_id = name.or_else(|| sight.ran.peer_id.take());
                sight.take(event);
            }
            // A peer that still writes has to hear of the end.
            drop(conn);
            sight
        };
        let (_raw, sight) = join(ending, seeing).await;
        sight.without_our_end(self.ends_by_us())
    }

    pub(crate) async fn client<H: Host>(self, stage: &Stage<H>) -> Ran {
        let listener = RawListener::bind(&stage.endpoint_of_its_own());
        let mut client = stage.connect_at(self.config(stage), &listener.endpoint);
        let raw = listener.accept().await;
        let ending = self.write(raw);
        let seeing = async {
            let mut sight = Sight::default();
            while let Some(event) = client.next().await {
                sight.take(event);
            }
            sight
        };
        let (_raw, sight) = join(ending, seeing).await;
        sight.without_our_end(self.ends_by_us())
    }

    /// The recorded options, over this scenario's transport. A timeout that was not recorded must not come here either.
    fn config<H: Host>(&self, stage: &Stage<H>) -> Config {
        let own = stage.config();
        let mut config = self.config.clone();
        (config.socket_root, config.tls) = (own.socket_root, own.tls);
        if self.waits { config } else { config.message_timeout(Duration::ZERO) }
    }

    /// Writes the pieces, and ends its side, so that there is an end to wait for; but where a timeout is due it waits for
    /// that.
    async fn write(&self, mut raw: Raw) -> Raw {
        raw.write_pieces(self.pieces.clone()).await;
        if self.eof || self.ends_by_us() {
            raw.finish().await;
        }
        raw
    }

    /// The recorded peer did not end its side, and this one does.
    fn ends_by_us(&self) -> bool {
        !self.eof && !self.waits
    }
}

#[derive(Default)]
struct Sight {
    ran: Ran,
    reason: Option<Reason>,
}

impl Sight {
    fn take(&mut self, event: Event) {
        if let Event::Disconnected { reason, .. } = &event {
            self.reason = Some(*reason);
        }
        self.ran.seen.extend(Seen::of(event));
    }

    /// Leaves out the end that only this peer has brought about.
    fn without_our_end(mut self, ended_by_us: bool) -> Ran {
        let by_peer = matches!(self.reason, Some(Reason::Peer | Reason::Io));
        self.ran.closed = !(by_peer && ended_by_us);
        if by_peer && ended_by_us {
            self.ran.seen.retain(|seen| !matches!(seen, Seen::Ended | Seen::Destroyed));
        }
        self.ran
    }
}
