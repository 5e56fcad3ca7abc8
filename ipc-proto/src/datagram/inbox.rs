//! What was received: datagrams that nobody has looked into yet, the one that is being taken apart, and what is
//! left of incomplete frames.

use alloc::collections::{BTreeMap, VecDeque};

use bytes::{Bytes, BytesMut};

use crate::{
    config::{Config, Dialect},
    error::{Code, ProtocolError},
    frame::{Cut, Deframer},
    peers::PeerId,
    text,
    time::Timestamp,
};

/// How much unread input there may be.
const MAX_UNREAD: usize = 1 << 20;
/// What a waiting datagram costs beside its bytes.
const OVERHEAD: usize = 64;

/// The beginning of a frame whose end may come in its peer's next datagram.
#[derive(Debug)]
struct Partial {
    deframer: Deframer,
    since: Timestamp,
}

/// The datagram that is being taken apart, behind what was left of those before it.
#[derive(Debug)]
struct Open {
    peer: PeerId,
    partial: Partial,
    /// A frame was cut from it.
    cut: bool,
}

/// What the inbox has for a peer.
#[derive(Debug)]
pub(super) enum Input {
    /// A complete frame.
    Frame(Cut),
    /// A whole datagram, of the raw profile.
    Raw(Bytes),
    /// A frame grew too large, or all incomplete ones together did.
    Refused(ProtocolError),
}

#[derive(Debug, Default)]
pub(super) struct Inbox {
    waiting: VecDeque<(PeerId, Bytes)>,
    unread: usize,
    open: Option<Open>,
    partials: BTreeMap<PeerId, Partial>,
    partial_bytes: usize,
}

impl Inbox {
    /// Takes a datagram in. Says whether there was room.
    pub(super) fn push(&mut self, peer: PeerId, datagram: &[u8]) -> bool {
        if self.is_full() {
            return false;
        }
        self.unread += datagram.len() + OVERHEAD;
        self.waiting.push_back((peer, Bytes::copy_from_slice(datagram)));
        true
    }

    pub(super) const fn is_full(&self) -> bool {
        self.unread >= MAX_UNREAD
    }

    /// How many bytes are held.
    pub(super) fn held(&self) -> usize {
        let open = self.open.as_ref().map_or(0, |open| open.partial.deframer.held());
        self.unread + self.partial_bytes + open
    }

    /// The next thing to hand out, of a peer that `knows` knows.
    pub(super) fn next(
        &mut self,
        config: &Config,
        now: Timestamp,
        raw: bool,
        knows: impl Fn(PeerId) -> bool,
    ) -> Option<(PeerId, Input)> {
        loop {
            if let Some(open) = &mut self.open {
                let peer = open.peer;
                if let Some(input) = open.next() {
                    return Some((peer, input));
                }
                if let Some(refused) = self.close(config, now) {
                    return Some(refused);
                }
            }
            let (peer, datagram) = self.waiting.pop_front()?;
            self.unread -= datagram.len() + OVERHEAD;
            if !knows(peer) {
                continue;
            }
            if raw {
                return Some((peer, Input::Raw(datagram)));
            }
            self.open(config, now, peer, datagram);
        }
    }

    /// Drops what a peer began, and the rest of its datagram.
    pub(super) fn reset(&mut self, peer: PeerId) {
        self.open.take_if(|open| open.peer == peer);
        self.take_partial(peer);
    }

    /// The incomplete frame that is too old, and when it became so.
    pub(super) fn next_stale(&self, config: &Config) -> Option<(PeerId, Timestamp)> {
        let timeout = config.partial_frame_timeout()?;
        let (peer, partial) = self.partials.iter().min_by_key(|(_, partial)| partial.since)?;
        Some((*peer, partial.since.checked_add(timeout)?))
    }

    /// Each datagram is text of its own: a character that two of them share is none in either.
    fn open(&mut self, config: &Config, now: Timestamp, peer: PeerId, datagram: Bytes) {
        let text = text::replace_invalid(datagram);
        let mut partial = self.take_partial(peer).unwrap_or_else(|| Partial::new(config, now));
        partial.deframer.push_owned(BytesMut::from(text));
        self.open = Some(Open { peer, partial, cut: false });
    }

    /// Keeps what is left of the open datagram, where the dialect does. Returns whose rest was too much.
    fn close(&mut self, config: &Config, now: Timestamp) -> Option<(PeerId, Input)> {
        let Open { peer, mut partial, cut } = self.open.take()?;
        let len = partial.deframer.partial_len();
        if len == 0 || config.dialect == Dialect::Classic {
            return None;
        }
        if len > config.limits.max_udp_partial {
            return Some((peer, Input::refused(Code::FrameTooLarge)));
        }
        if cut {
            partial = partial.moved(config, now);
        }
        self.partials.insert(peer, partial);
        self.partial_bytes += len;
        self.drop_largest(config)
    }

    /// Where all incomplete frames together are too much, the largest goes.
    fn drop_largest(&mut self, config: &Config) -> Option<(PeerId, Input)> {
        if self.partial_bytes <= config.limits.udp_partial_budget {
            return None;
        }
        let (peer, _) = self.partials.iter().max_by_key(|(_, partial)| partial.deframer.partial_len())?;
        let peer = *peer;
        self.take_partial(peer);
        Some((peer, Input::refused(Code::Backpressure)))
    }

    fn take_partial(&mut self, peer: PeerId) -> Option<Partial> {
        let partial = self.partials.remove(&peer)?;
        self.partial_bytes -= partial.deframer.partial_len();
        Some(partial)
    }
}

impl Open {
    fn next(&mut self) -> Option<Input> {
        match self.partial.deframer.next_cut() {
            Ok(cut) => {
                self.cut |= cut.is_some();
                cut.map(Input::Frame)
            }
            Err(error) => Some(Input::Refused(error)),
        }
    }
}

impl Partial {
    fn new(config: &Config, since: Timestamp) -> Self {
        Self { deframer: Deframer::new(config.delimiter.clone(), config.frame_limit()), since }
    }

    /// The same in a buffer of its own, so that it does not keep the frames before it alive.
    fn moved(mut self, config: &Config, now: Timestamp) -> Self {
        let mut own = Self::new(config, now);
        if let Some(rest) = self.deframer.take_all() {
            own.deframer.push(&rest);
        }
        own
    }
}

impl Input {
    const fn refused(code: Code) -> Self {
        Self::Refused(ProtocolError::new(code))
    }
}
