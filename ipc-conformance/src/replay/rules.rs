//! The intended differences as rules, for recordings that the list does not name.
//!
//! A rule says where a difference may be, and what of the recording has to agree nevertheless. It counts only where the
//! machine does what [`model`](super::model) says; `differs.json` has the reasons.

use ipc_proto::{Config, Dialect, Encoding, Profile};
use serde::Deserialize;

use super::{Seen, recorded::Wanted};
use crate::corpus::{Capture, Mode, Transport, major_of};

/// A kind of difference, or a reason to leave a recording out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Rule {
    /// Skips Node's own channel to a child.
    ForkChannel,
    /// Skips calls that failed.
    NoBytes,
    /// A delimiter of several UTF-16 units, which classic never finds.
    LongDelimiter,
    /// Classic's endpoints of one process shared a delimiter.
    SharedDelimiter,
    /// JSON in another encoding than UTF-8, at a classic receiver.
    JsonEncoding,
    /// A datagram whose end is an incomplete frame, at a classic receiver.
    PartialDatagram,
    /// Bytes that went through text, in classic datagrams.
    RawDatagram,
    /// Events of a UDP socket over which nothing came.
    DatagramLifecycle,
    /// A frame that is no object, or one whose type is no string.
    BadFrame,
    /// A name of `Object.prototype`, in node-ipc 10 to 12.
    PrototypeName,
    /// The parser of node-ipc 14 that goes on after a bad frame.
    MessageParser,
    /// Complete frames that classic keeps until its input ends with a delimiter.
    HeldBack,
}

const PROTOTYPE: [&str; 12] = [
    "__defineGetter__",
    "__defineSetter__",
    "__lookupGetter__",
    "__lookupSetter__",
    "__proto__",
    "constructor",
    "hasOwnProperty",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "toLocaleString",
    "toString",
    "valueOf",
];

/// What a difference may come from.
pub(super) struct Circumstances<'a> {
    /// Of the recorded receiver.
    pub(super) version: &'a str,
    /// A receive case's set of options.
    pub(super) options: &'a str,
    pub(super) config: &'a Config,
    /// The delimiters that the recorded ends were told to use.
    pub(super) configured: [&'a str; 2],
    pub(super) chunks: &'a [&'a [u8]],
    pub(super) datagrams: bool,
}

/// Why a capture has nothing to replay.
pub(super) fn skipping(capture: &Capture) -> Option<Rule> {
    match (capture.transport, capture.mode) {
        (Transport::ForkChannel, _) => Some(Rule::ForkChannel),
        (Transport::None, _) | (_, Mode::Api) if capture.chunks.is_empty() => Some(Rule::NoBytes),
        _ => None,
    }
}

impl Circumstances<'_> {
    /// The rule by which `seen` and `wanted` are not the same.
    pub(super) fn rule(&self, seen: &[Seen], wanted: &[Wanted]) -> Option<Rule> {
        if self.datagrams {
            return self.rule_of_datagrams(seen, wanted);
        }
        self.rule_of_receiver(wanted).or_else(|| self.rule_of_frames(seen, wanted))
    }

    fn rule_of_receiver(&self, wanted: &[Wanted]) -> Option<Rule> {
        let delimiter = self.config.delimiter.as_str();
        let nothing = !wanted.iter().any(|event| matches!(event, Wanted::Message { .. }));
        match () {
            () if !self.is_classic() => None,
            () if self.config.encoding != Encoding::default() => Some(Rule::JsonEncoding),
            () if nothing && delimiter.encode_utf16().count() > 1 => Some(Rule::LongDelimiter),
            () if nothing && self.configured.iter().any(|configured| *configured != delimiter) => {
                Some(Rule::SharedDelimiter)
            }
            () => None,
        }
    }

    fn rule_of_frames(&self, seen: &[Seen], wanted: &[Wanted]) -> Option<Rule> {
        let error = seen.iter().position(|seen| matches!(seen, Seen::Error(_)));
        let prototype = seen.iter().position(|seen| self.throws_for(seen));
        let bad = seen.iter().position(is_bad_frame);
        let agrees = |from: Option<usize>| from.is_some_and(|at| agree(seen, wanted, at));
        match () {
            () if self.options == "message_parser" && agrees(error) => Some(Rule::MessageParser),
            () if agrees(bad) => Some(Rule::BadFrame),
            () if agrees(prototype) => Some(Rule::PrototypeName),
            () if self.is_held_back(seen, wanted) => Some(Rule::HeldBack),
            () => None,
        }
    }

    fn rule_of_datagrams(&self, seen: &[Seen], wanted: &[Wanted]) -> Option<Rule> {
        let delimiter = self.config.delimiter.as_bytes();
        match () {
            () if self.chunks.is_empty() && seen.is_empty() => Some(Rule::DatagramLifecycle),
            () if !self.is_classic() => None,
            () if self.config.profile == Profile::Raw => (seen.len() == wanted.len()).then_some(Rule::RawDatagram),
            () if self.chunks.iter().any(|chunk| !chunk.ends_with(delimiter)) && is_part(wanted, seen) => {
                Some(Rule::PartialDatagram)
            }
            () => self.rule_of_receiver(wanted).or_else(|| self.rule_of_frames(seen, wanted)),
        }
    }

    fn is_classic(&self) -> bool {
        self.config.dialect == Dialect::Classic
    }

    fn throws_for(&self, seen: &Seen) -> bool {
        let Seen::Message { type_json, .. } = seen else { return false };
        let name = type_json.as_deref().and_then(|text| serde_json::from_str::<String>(text).ok());
        let name = name.unwrap_or_default();
        (10..=12).contains(&major_of(self.version).unwrap_or(0)) && PROTOTYPE.contains(&&*name)
    }

    /// What was recorded is the beginning, and some read ended within a frame.
    fn is_held_back(&self, seen: &[Seen], wanted: &[Wanted]) -> bool {
        let delimiter = self.config.delimiter.as_bytes();
        let messages: Vec<&Wanted> = wanted.iter().filter(|wanted| !is_end(wanted)).collect();
        self.is_classic()
            && self.chunks.iter().any(|chunk| !chunk.ends_with(delimiter))
            && messages.len() < seen.len()
            && messages.iter().zip(seen).all(|(wanted, seen)| wanted.is(seen))
    }
}

fn is_end(wanted: &Wanted) -> bool {
    matches!(wanted, Wanted::Ended | Wanted::Destroyed)
}

fn is_bad_frame(seen: &Seen) -> bool {
    matches!(seen, Seen::Error(code) if matches!(&**code, "ERR_IPC_INVALID_MESSAGE" | "ERR_IPC_INVALID_EVENT"))
}

/// Whether the first `count` events are the same.
fn agree(seen: &[Seen], wanted: &[Wanted], count: usize) -> bool {
    wanted.len() >= count && seen.iter().zip(wanted).take(count).all(|(seen, wanted)| wanted.is(seen))
}

/// Whether each of `wanted` was seen, in that order.
fn is_part(wanted: &[Wanted], seen: &[Seen]) -> bool {
    let mut seen = seen.iter();
    wanted.iter().all(|wanted| seen.any(|seen| wanted.is(seen)))
}
