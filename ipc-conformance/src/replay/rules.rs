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
            // Bad frames end nothing here, so that what follows them has to agree as well.
            () if !self.is_classic() => self.rule_of_frames(seen, wanted).filter(|_| is_part(wanted, seen)),
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

/// Whether each of `wanted` was seen, in that order; bad frames among them as this project treats those.
fn is_part(wanted: &[Wanted], seen: &[Seen]) -> bool {
    let mut seen = seen.iter();
    wanted.iter().all(|wanted| seen.any(|seen| wanted.is(seen) || is_bad_frame(seen) && wanted.is_of_bad_frame()))
}

#[cfg(test)]
mod tests {
    use crate::{
        corpus::Corpus,
        replay::{Chunking, Differs, Replay, Verdict},
    };

    /// A capture over UDP that nobody recorded: what each version is known to make of bad frames.
    fn verdict(version: &str, datagrams: &[&str], published: &str) -> Verdict {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let expect = format!(
            r#"{{"name":"x","version":"{version}","transport":"udp4","mode":"json","expect":{{"server":{published},"client":[]}}}}"#
        );
        file("x.expect.json", &expect);
        let base64 = |text: &&str| base64::Engine::encode(&base64::prelude::BASE64_STANDARD, text);
        let lines: Vec<String> =
            datagrams.iter().map(|text| format!(r#"{{"dir":"c2s","b64":"{}"}}"#, base64(text))).collect();
        file("x.jsonl", &lines.join("\n"));
        let capture = Corpus::at(folder.path()).captures().unwrap().remove(0);
        Replay::by_rule(Differs::built_in()).capture(&capture, Chunking::Recorded)
    }

    #[test]
    fn bad_frames_in_datagrams_differ_in_every_version() {
        let datagrams = ["5\u{c}", "{\"type\":\"a\",\"data\":1}\u{c}"];
        let a = r#"{"type":{"json":"\"a\""},"args":[{"json":"1"},{"peer":{}}]}"#;
        let threw =
            format!(r#"[{{"type":{{"undef":true}},"args":[{{"undef":true}},{{"peer":{{}}}}],"threw":"x"}},{a}]"#);
        let published = format!(r#"[{{"type":{{"undef":true}},"args":[{{"undef":true}},{{"peer":{{}}}}]}},{a}]"#);
        for (version, events) in [("14.0.0", &threw), ("12.0.0", &threw), ("9.2.1", &published)] {
            let verdict = verdict(version, &datagrams, events);
            assert!(
                matches!(&verdict, Verdict::Differs(reason) if reason.contains("no object")),
                "{version}: {verdict:?}"
            );
        }
        let other = verdict("14.0.0", &datagrams, &threw.replace('1', "2"));
        assert!(matches!(other, Verdict::Failed(_)), "{other:?}");
    }

    #[test]
    fn partial_datagrams_and_bad_frames_together_differ_in_classic() {
        let datagrams = ["{\"type\":\"a\"}\u{c}{\"ty", "5\u{c}"];
        let published = r#"[{"type":{"undef":true},"args":[{"undef":true},{"peer":{}}]}]"#;
        let verdict = verdict("9.2.1", &datagrams, published);
        assert!(matches!(&verdict, Verdict::Differs(reason) if reason.contains("incomplete rest")), "{verdict:?}");
    }
}
