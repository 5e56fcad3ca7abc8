//! What this project means an endpoint to make of a stream, written down a second time and without sharing code with the
//! machines: split at the delimiter, read each frame, stop where the dialect says so.
//!
//! It knows the Fast profile only. There it decides whether a difference from node-ipc is intended.

use std::fmt;

use ipc_proto::{Config, Dialect};
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Seen;

/// The messages and errors of a stream.
pub fn messages_and_errors(bytes: &[u8], config: &Config) -> Vec<Seen> {
    let text = String::from_utf8_lossy(bytes);
    let mut frames: Vec<&str> = text.split(config.delimiter.as_str()).collect();
    frames.pop();
    let mut seen = Vec::new();
    for frame in frames {
        let read = read(frame);
        let is_error = matches!(read, Seen::Error(_));
        seen.push(read);
        if is_error && config.dialect == Dialect::Modern {
            break;
        }
    }
    seen
}

/// As [`messages_and_errors`], and whether the connection ends, by the peer or for an error.
pub fn events(bytes: &[u8], config: &Config, eof: bool) -> Vec<Seen> {
    let mut seen = messages_and_errors(bytes, config);
    let failed = config.dialect == Dialect::Modern && matches!(seen.last(), Some(Seen::Error(_)));
    if eof || failed {
        seen.push(Seen::Ended);
    }
    seen
}

fn read(text: &str) -> Seen {
    let Ok(value) = serde_json::from_str::<&RawValue>(text) else { return error("ERR_IPC_INVALID_JSON") };
    if !value.get().starts_with('{') {
        return error("ERR_IPC_INVALID_MESSAGE");
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let Ok(envelope) = reader.deserialize_map(EnvelopeVisitor) else { return error("ERR_IPC_INVALID_JSON") };
    match envelope.type_json.filter(|text| text.starts_with('"')) {
        Some(type_json) => Seen::Message { type_json: Some(type_json), data_json: envelope.data_json },
        None => error("ERR_IPC_INVALID_EVENT"),
    }
}

fn error(code: &str) -> Seen {
    Seen::Error(code.to_owned())
}

#[derive(Default)]
struct Envelope {
    type_json: Option<String>,
    data_json: Option<String>,
}

/// Raw texts, because serde_json's own strings cannot hold the lone surrogates that JavaScript's can.
struct EnvelopeVisitor;

impl<'de> Visitor<'de> for EnvelopeVisitor {
    type Value = Envelope;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    /// The last of several members of one name counts.
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Envelope, A::Error> {
        let mut envelope = Envelope::default();
        while let Some(key) = members.next_key::<String>()? {
            let slot = match &*key {
                "type" => &mut envelope.type_json,
                "data" => &mut envelope.data_json,
                _ => {
                    members.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *slot = Some(members.next_value::<&RawValue>()?.get().to_owned());
        }
        Ok(envelope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str, dialect: Dialect) -> String {
        format!("{:?}", events(text.as_bytes(), &Config::default().dialect(dialect).delimiter("|"), false))
    }

    #[test]
    fn dialects_part_at_a_bad_frame() {
        let text = r#"{"type":"a","data":1}|5|{"data":2,"type":"b"}|{"type"#;
        assert_eq!(seen(text, Dialect::Classic), r#"["a"(1), ERR_IPC_INVALID_MESSAGE, "b"(2)]"#);
        assert_eq!(seen(text, Dialect::Modern), r#"["a"(1), ERR_IPC_INVALID_MESSAGE, ended]"#);
    }

    #[test]
    fn frames_by_their_kind() {
        let text = r#"|{}|{"type":5}|{"type":"\ud800","x":"\udc00","type":"c"}|nul|"#;
        let errors = "ERR_IPC_INVALID_JSON, ERR_IPC_INVALID_EVENT, ERR_IPC_INVALID_EVENT";
        assert_eq!(seen(text, Dialect::Classic), format!(r#"[{errors}, "c"(no data), ERR_IPC_INVALID_JSON]"#));
    }
}
