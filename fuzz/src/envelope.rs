//! The envelope against serde_json (PROTOCOL.md, rules E2–E4, E8, T1 and T2).

use std::fmt;

use ipc_proto::{Code, Message};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

/// The input is one frame.
pub fn envelope(frame: &[u8]) {
    let text = String::from_utf8_lossy(frame);
    let is_json = serde_json::from_str::<IgnoredAny>(&text).is_ok();
    match Message::parse(frame.to_vec().into()) {
        Ok(message) => {
            assert!(is_json);
            // Keys and names with half a surrogate pair are beyond the model.
            if let Ok(model) = serde_json::from_str::<Model>(&text) {
                assert_same(&message, &model);
            }
            assert_relayed(&message);
            // These may fail, but never panic.
            let _ = (message.decode::<Value>().is_ok(), message.decode::<()>().is_ok(), message.peer_id());
        }
        Err(error) => {
            let object = text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('{');
            assert_eq!(error.code() == Code::InvalidJson, !is_json, "{error}");
            assert_eq!(error.code() == Code::InvalidMessage, is_json && !object, "{error}");
            let model = serde_json::from_str::<Model>(&text);
            assert!(!model.is_ok_and(|model| model.kind.is_some_and(|kind| kind.is_string())), "{error}");
        }
    }
}

fn assert_same(message: &Message, model: &Model) {
    assert_eq!(Some(message.name()), model.kind.as_ref().and_then(Value::as_str));
    let data = message.data();
    assert_eq!(data.as_ref().map(|data| data.as_str()), model.data.as_deref().map(RawValue::get));
}

/// Sending a message on changes nothing but whitespace, and sending that on changes nothing.
fn assert_relayed(message: &Message) {
    let frame = message.to_frame();
    let again = frame.message().expect("a frame that was sent on is a frame");
    assert_eq!(again.name_token(), message.name_token());
    let data = message.data().map(|data| data.to_compact());
    assert_eq!(again.data(), data);
    assert_eq!(again.to_frame(), frame);
}

/// The envelope as serde_json reads it: of duplicates the last.
#[derive(Default)]
struct Model {
    kind: Option<Value>,
    data: Option<Box<RawValue>>,
}

impl<'de> Deserialize<'de> for Model {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Model;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Model, A::Error> {
        let mut model = Model::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "type" => model.kind = Some(map.next_value()?),
                "data" => model.data = Some(map.next_value()?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(model)
    }
}
