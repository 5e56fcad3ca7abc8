//! What happens in a simulation: a list that a seed, or a fuzzer, writes, and that can be shortened.

use super::{random::Random, setup::Setup};

macro_rules! acts {
    ($($(#[$doc:meta])* $act:ident = $weight:literal),* $(,)?) => {
        /// One kind of step.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Act { $($(#[$doc])* $act),* }

        /// Each with how often it is picked.
        const ACTS: &[(Act, u64)] = &[$((Act::$act, $weight)),*];
    };
}

acts! {
    /// Time passes.
    Wait = 60,
    Emit = 40,
    Burst = 4,
    /// More than the windows of sessions, at once.
    Flood = 1,
    Ask = 10,
    Cancel = 2,
    Connect = 10,
    Disconnect = 1,
    Close = 1,
    Abort = 1,
    Renew = 1,
    StopRetrying = 1,
    PauseClient = 3,
    Answer = 20,
    EmitToPeer = 15,
    Broadcast = 6,
    BroadcastToRoom = 6,
    Join = 6,
    Leave = 5,
    ClosePeer = 1,
    AbortPeer = 1,
    PausePeer = 4,
    StopServer = 1,
    CrashServer = 1,
    StartServer = 5,
    Cut = 2,
    Reset = 2,
    Part = 2,
    Stall = 3,
    Refuse = 2,
    Forge = 1,
    SendDatagram = 30,
    AnswerDatagram = 10,
    BroadcastDatagram = 3,
    NameDatagramPeer = 4,
    ForgetDatagramPeer = 1,
    PauseSocket = 2,
    Weather = 3,
}

impl Act {
    pub(super) const fn is_client(self) -> bool {
        (self as u8) <= Self::PauseClient as u8 && self as u8 > Self::Wait as u8
    }

    /// Whether this does anything where there are streams, or datagrams.
    const fn applies(self, streams: bool, datagrams: bool) -> bool {
        match self as u8 {
            0 => true,
            act if act >= Self::SendDatagram as u8 => datagrams,
            _ => streams,
        }
    }
}

/// One step. What the numbers mean depends on the kind; they are taken modulo what there is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) act: Act,
    pub(super) who: u16,
    pub(super) a: u16,
    pub(super) b: u16,
}

impl Step {
    const fn from_numbers(pick: u64, numbers: u64) -> Self {
        let mut left = pick % total();
        let mut at = 0;
        while left >= ACTS[at].1 {
            left -= ACTS[at].1;
            at += 1;
        }
        Self { act: ACTS[at].0, who: numbers as u16, a: (numbers >> 16) as u16, b: (numbers >> 32) as u16 }
    }
}

const fn total() -> u64 {
    let (mut sum, mut at) = (0, 0);
    while at < ACTS.len() {
        sum += ACTS[at].1;
        at += 1;
    }
    sum
}

/// A simulation before it runs.
#[derive(Clone, Debug)]
pub struct Script {
    pub(super) seed: u64,
    pub(super) steps: Vec<Step>,
}

impl Script {
    /// The script of a seed: 200 to 299 steps.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        let mut random = Random::part(seed, 2);
        let len = 200 + random.below(100);
        let setup = Setup::new(seed);
        let (streams, datagrams) = (!setup.clients.is_empty(), !setup.sockets.is_empty());
        let steps = std::iter::repeat_with(|| Step::from_numbers(random.next(), random.next()))
            .filter(|step| step.act.applies(streams, datagrams));
        Self { seed, steps: steps.take(len as usize).collect() }
    }

    /// A script from any bytes: the first eight are the seed of the parties and the wire, each further five a step.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let (head, rest) = bytes.split_at(bytes.len().min(8));
        let seed = head.iter().fold(0, |seed, byte| (seed << 8) | u64::from(*byte));
        let steps = rest.chunks_exact(5).map(|step| {
            // A byte counts in both halves of its number, so that a small change reaches all that is made of it.
            let number = |at: usize, shift: u32| (u64::from(step[at]) * 0x101) << shift;
            Step::from_numbers(
                u64::from(u16::from_be_bytes([step[0], step[1]])),
                number(2, 0) | number(3, 16) | number(4, 32),
            )
        });
        Self { seed, steps: steps.collect() }
    }

    /// The steps at these places only.
    #[must_use]
    pub fn only(&self, places: &[usize]) -> Self {
        let steps = places.iter().filter_map(|at| self.steps.get(*at).copied()).collect();
        Self { seed: self.seed, steps }
    }

    /// How many steps there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether nothing happens.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}
