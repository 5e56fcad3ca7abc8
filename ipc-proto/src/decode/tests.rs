use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::message::{Json, Message};

fn message(name: &str, data: &str) -> Message {
    let data = if data.is_empty() { String::new() } else { format!(",\"data\":{data}") };
    Message::parse(format!("{{\"type\":\"{name}\"{data}}}").into()).expect("an event")
}

#[derive(Deserialize, Debug, PartialEq)]
struct Nothing;

#[derive(Deserialize, Debug, PartialEq)]
struct Wrapped<T>(T);

#[derive(Deserialize, Debug, PartialEq)]
struct Empty {}

const NOTHING: [&str; 4] = ["{}", "null", "", "{ \n}"];

#[test]
fn units_decode_from_all_that_node_sends_for_nothing() {
    for data in NOTHING {
        let message = message("m", data);
        message.decode::<()>().expect(data);
        assert_eq!(message.decode::<Nothing>().expect(data), Nothing);
        assert_eq!(message.decode::<Wrapped<Nothing>>().expect(data), Wrapped(Nothing));
        assert_eq!(message.decode::<Wrapped<()>>().expect(data), Wrapped(()));
    }
    for data in ["0", "[]", "\"\"", "false", "{\"a\":1}"] {
        assert!(message("m", data).decode::<()>().is_err(), "{data}");
        assert!(message("m", data).decode::<Nothing>().is_err(), "{data}");
    }
}

#[test]
fn options_are_none_without_a_value() {
    assert_eq!(message("m", "").decode::<Option<u8>>().expect("none"), None);
    assert_eq!(message("m", "null").decode::<Option<u8>>().expect("none"), None);
    assert_eq!(message("m", "5").decode::<Option<Wrapped<u8>>>().expect("some"), Some(Wrapped(5)));
    assert_eq!(message("m", "{}").decode::<Option<()>>().expect("some"), Some(()));
    assert_eq!(message("m", "{}").decode::<Option<Empty>>().expect("some"), Some(Empty {}));
    assert!(message("m", "{}").decode::<Option<u8>>().is_err());
}

#[test]
fn absent_data_is_null_to_any_other_type() {
    assert_eq!(message("m", "").decode::<Value>().expect("null"), Value::Null);
    let error = message("m", "").decode::<String>().expect_err("no string");
    assert!(error.to_string().contains("null"), "{error}");
}

#[test]
fn values_decode_as_with_serde_json() {
    assert_eq!(message("m", "[1,2]").decode::<Vec<u8>>().expect("numbers"), [1, 2]);
    assert_eq!(message("m", "[1,\"a\"]").decode::<(u8, char)>().expect("a tuple"), (1, 'a'));
    let map = message("m", "{\"a\":1.5}").decode::<BTreeMap<String, f64>>().expect("a map");
    assert_eq!(map, BTreeMap::from([("a".into(), 1.5)]));
    assert_eq!(message("m", "\"Ok\"").decode::<Plain>().expect("a variant"), Plain::Ok);
    assert_eq!(message("m", "{\"Err\":[1]}").decode::<Plain>().expect("a variant"), Plain::Err(vec![1]));
    assert_eq!(message("m", "5").decode::<Untagged>().expect("a variant"), Untagged::Number(5));
    assert_eq!(message("m", "[ 1 ]").decode::<&RawValue>().expect("anything").get(), "[ 1 ]");
    assert_eq!(message("m", "{\"a\":1}").decode::<Value>().expect("anything"), json!({"a": 1}));
    assert!(message("m", "300").decode::<u8>().is_err());
}

#[derive(Deserialize, Debug, PartialEq)]
enum Plain {
    Ok,
    Err(Vec<u8>),
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(untagged)]
enum Untagged {
    Number(u8),
    Text(String),
}

#[test]
fn strings_are_borrowed_from_the_message() {
    let message = message("m", "\"abc\"");
    let text: &str = message.decode().expect("a string");
    assert_eq!(text.as_ptr(), message.name_token().as_ptr().wrapping_add(12));
}

#[test]
fn halves_of_surrogate_pairs_are_replaced() {
    let message = message("m", r#"{"\ud800":["\udc00x","\ud83d\ude00"]}"#);
    assert_eq!(message.decode::<Value>().expect("any value"), json!({"\u{FFFD}": ["\u{FFFD}x", "😀"]}));
    let data = message.data().expect("data");
    assert_eq!(data.as_str(), r#"{"\ud800":["\udc00x","\ud83d\ude00"]}"#);
    assert_eq!(data.decode::<Value>().expect("any value"), json!({"\u{FFFD}": ["\u{FFFD}x", "😀"]}));
    let parsed = Json::parse(r#" ["\ud800" ] "#).expect("JSON");
    assert_eq!(parsed.decode::<[&str; 1]>().ok(), None);
    assert_eq!(parsed.to_compact().decode::<[String; 1]>().expect("a string"), ["\u{FFFD}"]);
}

#[test]
fn depth_is_an_error_and_not_an_overflow() {
    let deep = |depth: usize| message("m", &format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
    assert!(deep(100).decode::<Value>().is_ok());
    for depth in [200, 100_000] {
        assert!(deep(depth).decode::<Value>().is_err());
        deep(depth).decode::<serde::de::IgnoredAny>().expect("ignoring needs no depth");
    }
}

#[test]
fn numbers_beyond_doubles_are_errors() {
    assert!(message("m", "1E400").decode::<f64>().is_err());
    assert_eq!(message("m", "1e-400").decode::<f64>().ok(), Some(0.0));
    assert_eq!(message("m", "9007199254740993").decode::<u64>().ok(), Some(9_007_199_254_740_993));
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(tag = "type", content = "data", rename_all = "camelCase")]
enum Event<'a> {
    Ping,
    Chat(&'a str),
    Move {
        x: f64,
        y: f64,
    },
    Pair(u8, u8),
    Maybe(Option<u8>),
    Unit(()),
    Any(Value),
    #[serde(other)]
    Unknown,
}

#[test]
fn events_decode_by_their_names() {
    let cases = [
        ("chat", r#""hi""#, Event::Chat("hi")),
        ("move", r#"{"x":1,"y":2.5}"#, Event::Move { x: 1.0, y: 2.5 }),
        ("pair", "[1,2]", Event::Pair(1, 2)),
        ("maybe", "5", Event::Maybe(Some(5))),
        ("maybe", "null", Event::Maybe(None)),
        ("maybe", "", Event::Maybe(None)),
        ("any", "{}", Event::Any(json!({}))),
        ("any", "", Event::Any(Value::Null)),
        ("any", "[{\"a\":null}]", Event::Any(json!([{"a": null}]))),
    ];
    for (name, data, event) in cases {
        assert_eq!(message(name, data).decode_event::<Event<'_>>().expect(name), event);
    }
    for (name, data) in
        [("chat", "5"), ("chat", "{}"), ("maybe", "{}"), ("maybe", "\"x\""), ("move", "{}"), ("unit", "5")]
    {
        assert!(message(name, data).decode_event::<Event<'_>>().is_err(), "{name} {data}");
    }
}

#[test]
fn unit_variants_take_any_data() {
    for data in NOTHING.into_iter().chain(["5", "\"x\"", "[1,{}]", "{\"a\":1}", "true"]) {
        assert_eq!(message("ping", data).decode_event::<Event<'_>>().expect(data), Event::Ping);
        assert_eq!(message("what", data).decode_event::<Event<'_>>().expect(data), Event::Unknown);
    }
    for data in NOTHING {
        assert_eq!(message("unit", data).decode_event::<Event<'_>>().expect(data), Event::Unit(()));
    }
}

#[test]
fn events_decode_into_structs_too() {
    #[derive(Deserialize, Debug, PartialEq)]
    struct Envelope {
        r#type: String,
        data: Option<Vec<u8>>,
    }
    let decoded = message("m", "[1]").decode_event::<Envelope>().expect("an envelope");
    assert_eq!(decoded, Envelope { r#type: "m".into(), data: Some(vec![1]) });
    assert_eq!(message("m", "").decode_event::<Wrapped<Envelope>>().expect("an envelope").0.data, None);
    #[derive(Deserialize, Debug)]
    #[serde(tag = "type", content = "data")]
    enum Closed {
        #[allow(dead_code)]
        A(u8),
    }
    let error = message("b", "1").decode_event::<Closed>().expect_err("no such variant");
    assert!(error.to_string().contains("unknown variant"), "{error}");
}

#[test]
fn a_name_with_escapes_still_selects() {
    let message = Message::parse(Bytes::from_static(br#"{"type":"\u0063hat","data":"hi"}"#)).expect("an event");
    assert_eq!(message.decode_event::<Event<'_>>().expect("an event"), Event::Chat("hi"));
}
