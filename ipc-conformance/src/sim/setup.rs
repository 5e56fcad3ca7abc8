//! Who takes part in a simulation, and how each is configured.

use std::{sync::Arc, time::Duration};

use ipc_proto::{Backoff, Config, Dialect, Limits, Overflow, Profile, Retry, SlowPeer, SyncLoss};

use super::{
    net::Road,
    pipe::{Cut, Style},
    random::Random,
};

/// Everybody, before anything has happened.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) servers: Vec<Arc<Config>>,
    pub(super) clients: Vec<(Arc<Config>, Road)>,
    pub(super) sockets: Vec<Arc<Config>>,
}

/// What a server and its clients must have in common to understand each other.
#[derive(Clone, Copy)]
struct Common {
    delimiter: &'static str,
    raw: bool,
    max_message_size: Option<usize>,
    /// How much a session holds, where there is one.
    session: Option<usize>,
}

impl Setup {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random::part(seed, 1);
        let (servers, clients, sockets) = match random.below(20) {
            0..3 => (0, 0, 3 + random.below(3)),
            3..8 => (1, 1 + random.below(2), 2 + random.below(2)),
            _ => (1 + random.below(2), 2 + random.below(3), 0),
        };
        let common: Vec<Common> = (0..servers).map(|_| Common::random(&mut random)).collect();
        Self {
            servers: common.iter().map(|common| Arc::new(server(&mut random, *common))).collect(),
            clients: (0..clients).map(|n| client(&mut random, &common, n as usize)).collect(),
            sockets: (0..sockets).map(|_| Arc::new(socket(&mut random))).collect(),
        }
    }

    pub(super) fn endpoints(&self) -> usize {
        self.servers.len() + self.clients.len() + self.sockets.len()
    }
}

impl Common {
    fn random(random: &mut Random) -> Self {
        Self {
            delimiter: random.pick(&["\u{c}", "\u{c}", "\n", "||", "\r\n", "\u{e9}\n"]),
            raw: random.one_in(8),
            max_message_size: random.pick(&[None, None, Some(1000)]),
            session: random.pick(&[None, None, None, None, Some(1 << 10), Some(16 << 10), Some(1 << 20)]),
        }
    }

    fn config(self, random: &mut Random) -> Config {
        let dialect = random.pick(&[Dialect::Classic, Dialect::Modern]);
        let profile = if self.raw {
            Profile::Raw
        } else {
            random.pick(&[Profile::Fast, Profile::Fast, Profile::Fast, Profile::Guarded])
        };
        let mut limits = Limits::default();
        limits.max_message_size = self.max_message_size;
        limits.max_pending_bytes = random.pick(&[600, 4000, 100_000, 8 << 20, 8 << 20]);
        limits.message_timeout = random.pick(&[None, None, Some(Duration::from_millis(150)), Some(Duration::ZERO)]);
        Config::default()
            .dialect(dialect)
            .profile(profile)
            .delimiter(self.delimiter)
            .drain_timeout(Duration::from_millis(random.pick(&[300, 10_000])))
            .limits(limits)
    }
}

fn server(random: &mut Random, common: Common) -> Config {
    let mut config = common.config(random);
    config.limits.max_connections = random.pick(&[1, 2, 100, 100, 100]);
    config.limits.memory_budget = random.pick(&[512 << 20, 512 << 20, 3000, 50_000]);
    config.slow_peer(random.pick(&[SlowPeer::Disconnect, SlowPeer::DropNewest]))
}

fn client(random: &mut Random, common: &[Common], n: usize) -> (Arc<Config>, Road) {
    let server = if n < common.len() { n } else { random.below(common.len() as u64) as usize };
    let sync = random.one_in(3);
    let mut config = common[server]
        .config(random)
        .sync(sync)
        .sync_loss(random.pick(&[SyncLoss::Report, SyncLoss::Resend]))
        .retry(retry(random))
        .overflow(random.pick(&[Overflow::Refuse, Overflow::Refuse, Overflow::DropOldest]));
    config.sync_timeout = random.one_in(2).then(|| Duration::from_millis(200));
    config.message_ttl = random.one_in(4).then(|| Duration::from_millis(300));
    if random.one_in(3) && !common[server].raw {
        config = config.on_connect("hello", &1).expect("a number has a JSON form");
    }
    (Arc::new(config), road(random, server, common[server].session, sync))
}

fn retry(random: &mut Random) -> Retry {
    let mut retry = Retry::every(Duration::from_millis(random.pick(&[20, 100, 500])));
    retry.max = random.pick(&[None, None, None, None, Some(0), Some(3)]);
    if random.one_in(4) {
        let backoff = Backoff::default().max_delay(Duration::from_secs(1)).jitter(random.pick(&[0.0, 0.5]));
        retry = retry.backoff(backoff.seed(random.next()));
    }
    retry
}

fn road(random: &mut Random, server: usize, session: Option<usize>, sync: bool) -> Road {
    Road { server, style: style(random), session, sync, resets: random.one_in(2) }
}

pub(super) fn style(random: &mut Random) -> Style {
    Style {
        cut: random.pick(&[Cut::Coalesced, Cut::Written, Cut::UpTo(1), Cut::UpTo(7), Cut::UpTo(300)]),
        delay: random.pick(&[0, 1, 20, 120]),
        capacity: random.pick(&[200, 1500, 8 << 10, 256 << 10]),
    }
}

fn socket(random: &mut Random) -> Config {
    let common = Common { delimiter: "\u{c}", raw: random.one_in(5), max_message_size: None, session: None };
    let mut config = common.config(random);
    config.limits.message_timeout = random.pick(&[None, Some(Duration::from_millis(150))]);
    config.limits.max_udp_partial = random.pick(&[60, 400, 1 << 20]);
    config.limits.udp_partial_budget = random.pick(&[100, 1000, 8 << 20]);
    config.limits.max_udp_peers = random.pick(&[1, 2, 1024]);
    config.limits.udp_idle_timeout = Duration::from_millis(random.pick(&[0, 400, 300_000]));
    config
}
