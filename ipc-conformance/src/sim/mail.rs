//! What a socket must make of the datagrams that it took, by a plain second reading of the rules.

use std::collections::{BTreeMap, VecDeque};

use ipc_proto::{Config, Dialect, Message, Profile, Timestamp};
use serde_json::Value;

use super::text::find;

/// A datagram that a machine took in.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) from: usize,
    pub(super) bytes: Vec<u8>,
    pub(super) at: Timestamp,
}

/// What the application must be handed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Due {
    Raw(Vec<u8>),
    /// The text of a frame that is a message.
    Message(String),
    Error(&'static str),
}

/// The beginning of a frame.
#[derive(Clone, Debug)]
struct Rest {
    text: String,
    since: Timestamp,
}

#[derive(Debug, Default)]
pub(super) struct Mail {
    rests: BTreeMap<usize, Rest>,
    due: VecDeque<(usize, Due)>,
}

impl Mail {
    pub(super) fn is_empty(&self) -> bool {
        self.due.is_empty()
    }

    /// Where the first thing to hand out is that `is_it` knows.
    pub(super) fn find(&self, is_it: impl Fn(&Due) -> bool) -> Option<usize> {
        self.due.iter().position(|(_, due)| is_it(due))
    }

    /// The thing to hand out at that place, and whose it is. Those before it are not waited for any more.
    pub(super) fn skip_to(&mut self, at: usize) -> Option<(usize, Due)> {
        if at < self.due.len() {
            self.due.drain(..at);
            self.due.pop_front()
        } else {
            None
        }
    }

    pub(super) fn clear(&mut self) {
        self.due.clear();
    }

    /// Reads one datagram. Where it is not `sure` what became of the one before it, this is read without its rest too.
    pub(super) fn read(&mut self, config: &Config, taken: &Taken, sure: bool, rank: impl Fn(usize) -> usize) {
        if config.profile == Profile::Raw {
            return self.due.push_back((taken.from, Due::Raw(taken.bytes.clone())));
        }
        if taken.bytes.is_empty() {
            return;
        }
        if !sure && self.rests.contains_key(&taken.from) {
            let kept = self.rests.clone();
            self.rests.remove(&taken.from);
            self.read_frames(config, taken);
            self.rests = kept;
        }
        self.read_frames(config, taken);
        self.keep_budget(config, rank);
    }

    fn read_frames(&mut self, config: &Config, taken: &Taken) {
        let from = taken.from;
        let fresh = Rest { text: String::new(), since: taken.at };
        let Rest { mut text, mut since } = self.rests.remove(&from).unwrap_or(fresh);
        text.push_str(&String::from_utf8_lossy(&taken.bytes));
        let delimiter = config.delimiter.as_str();
        while let Some(at) = find(text.as_bytes(), delimiter.as_bytes()) {
            let rest = text.split_off(at + delimiter.len());
            text.truncate(at);
            let due = meaning(&text);
            let ends = matches!(due, Due::Error(_)) && config.dialect == Dialect::Modern;
            self.due.push_back((from, due));
            if ends {
                return;
            }
            (text, since) = (rest, taken.at);
        }
        if text.is_empty() || config.dialect == Dialect::Classic {
            return;
        }
        if text.len() > config.limits.max_udp_partial {
            return self.due.push_back((from, Due::Error("ERR_IPC_FRAME_TOO_LARGE")));
        }
        self.rests.insert(from, Rest { text, since });
    }

    /// Where all beginnings together are too much, the longest goes; of equal ones the one of the latest peer.
    fn keep_budget(&mut self, config: &Config, rank: impl Fn(usize) -> usize) {
        let sum: usize = self.rests.values().map(|rest| rest.text.len()).sum();
        if sum <= config.limits.udp_partial_budget {
            return;
        }
        let longest = self.rests.iter().max_by_key(|(from, rest)| (rest.text.len(), rank(**from)));
        if let Some(from) = longest.map(|(from, _)| *from) {
            self.rests.remove(&from);
            self.due.push_back((from, Due::Error("ERR_IPC_BACKPRESSURE")));
        }
    }

    /// A peer's beginning was given up for its age. Says whether it was that old.
    pub(super) fn expire(&mut self, config: &Config, from: usize, now: Timestamp) -> bool {
        let span = config.partial_frame_timeout();
        let is_late = |rest: &Rest| span.is_some_and(|span| rest.since.saturating_add(span) <= now);
        let late = self.rests.get(&from).is_some_and(is_late);
        if late {
            self.rests.remove(&from);
        }
        late
    }
}

/// What JavaScript makes of a frame.
fn meaning(text: &str) -> Due {
    match serde_json::from_str::<Value>(text) {
        Err(_) => Due::Error("ERR_IPC_INVALID_JSON"),
        Ok(Value::Object(object)) if object.get("type").is_some_and(Value::is_string) => Due::Message(text.to_owned()),
        Ok(Value::Object(_)) => Due::Error("ERR_IPC_INVALID_EVENT"),
        Ok(_) => Due::Error("ERR_IPC_INVALID_MESSAGE"),
    }
}

/// Whether `message` is what `text` says.
pub(super) fn is_told(text: &str, message: &Message) -> bool {
    let Some(data) = message.data() else {
        return values(text).is_some_and(|whole| whole["type"] == message.name() && whole.get("data").is_none());
    };
    let data = data.to_string();
    if text == format!(r#"{{"type":"{}","data":{data}}}"#, message.name()) {
        return true;
    }
    let (whole, data) = (values(text), values(&data));
    whole.is_some_and(|whole| whole["type"] == message.name() && whole.get("data") == data.as_ref())
}

fn values(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}
