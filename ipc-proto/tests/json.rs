//! Values to the wire, compared with what Node 20 printed for `JSON.stringify` of the same.

use std::collections::BTreeMap;

use ipc_proto::{Frame, Json, Message};
use proptest::prelude::*;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, json, value::RawValue};

fn text<T: Serialize + ?Sized>(value: &T) -> String {
    Json::encode(value).expect("a JSON form").to_string()
}

#[test]
fn doubles_have_ecmascript_form() {
    let cases = [
        (1e21, "1e+21"),
        (1e-7, "1e-7"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (123_456_789_012_345_680_000.0, "123456789012345680000"),
        (9_007_199_254_740_992.0, "9007199254740992"),
        (9_007_199_254_740_991.0, "9007199254740991"),
        (f64::MAX, "1.7976931348623157e+308"),
        (5e-324, "5e-324"),
        (1.0, "1"),
        (-1.5, "-1.5"),
        (1e20, "100000000000000000000"),
        (1e-6, "0.000001"),
        (1.5e-6, "0.0000015"),
        (0.00001, "0.00001"),
        (0.0001, "0.0001"),
        (0.000_099_999, "0.000099999"),
        (-0.000_001_234_56, "-0.00000123456"),
        (1.234_567_890_123_456_7e30, "1.2345678901234567e+30"),
        (-1e-10, "-1e-10"),
        (9_223_372_036_854_775_808.0, "9223372036854776000"),
        (-1_152_921_504_606_846_976.0, "-1152921504606847000"),
        (999_999_999_999_999_900_000.0, "999999999999999900000"),
        (1e100, "1e+100"),
        (1.0 / 3.0, "0.3333333333333333"),
        (f64::INFINITY, "null"),
        (f64::NEG_INFINITY, "null"),
        (f64::NAN, "null"),
    ];
    for (number, expected) in cases {
        assert_eq!(text(&number), expected);
        assert_eq!(text(&[Some(number)]), format!("[{expected}]"));
    }
}

#[test]
fn singles_keep_their_own_shortest_digits() {
    let cases = [(0.1f32, "0.1"), (16_777_216.0, "16777216"), (f32::MAX, "3.4028235e+38"), (1e-7, "1e-7"), (-0.0, "0")];
    for (number, expected) in cases {
        assert_eq!(text(&number), expected);
    }
}

#[test]
fn integers_stay_exact() {
    assert_eq!(text(&u64::MAX), "18446744073709551615");
    assert_eq!(text(&i64::MIN), "-9223372036854775808");
    assert_eq!(text(&u128::MAX), "340282366920938463463374607431768211455");
}

#[test]
fn strings_have_ecmascript_escapes() {
    let all: String = (0..0x80).map(char::from).chain("\u{80}\u{2028}\u{2029}\u{feff}😀/".chars()).collect();
    let expected = concat!(
        r#""\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f\u0010\u0011\u0012\u0013"#,
        r##"\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d\u001e\u001f !\"#$%&'()*+,-./0123456789:;"##,
        "<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\\\]^_`abcdefghijklmnopqrstuvwxyz{|}~\u{7f}\u{80}\u{2028}\u{2029}\u{feff}😀/\"",
    );
    assert_eq!(text(&all), expected);
    let frame = Frame::encode(&all, &()).expect("a JSON form");
    assert_eq!(
        format!("{frame:?}"),
        format!("Frame({:?})", bytes::Bytes::from(format!("{{\"type\":{expected},\"data\":null}}")))
    );
}

#[test]
fn long_strings_are_written_like_short_ones() {
    for len in [511, 512, 513, 5000] {
        for end in ["", "é", "\n", "\"", "\\", "\u{1}"] {
            let string = format!("{}{end}", "x".repeat(len));
            let escaped = text(&end);
            assert_eq!(text(&string), format!("\"{}{}", "x".repeat(len), &escaped[1..]));
            assert_eq!(text(&BTreeMap::from([(&string, 1)])), format!("{{{}:1}}", text(&string)));
        }
    }
}

/// Keys and values given one after the other, as some types do.
struct InTurn;

impl Serialize for InTurn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert!(serializer.is_human_readable());
        let mut map = serializer.serialize_map(None)?;
        map.serialize_key(&1e21)?;
        map.serialize_value(&1.0)?;
        map.serialize_key("a")?;
        map.serialize_value(&-0.0)?;
        map.end()
    }
}

#[derive(Serialize)]
struct Sparse {
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<u8>,
    second: f64,
}

#[test]
fn maps_and_structs_may_come_in_parts() {
    assert_eq!(text(&InTurn), r#"{"1e+21":1,"a":0}"#);
    assert_eq!(text(&Sparse { first: None, second: 2.0 }), r#"{"second":2}"#);
    assert_eq!(text(&Sparse { first: Some(1), second: 2.0 }), r#"{"first":1,"second":2}"#);
}

struct FloatKeys;

impl Serialize for FloatKeys {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in [(1.0, 1), (1.5, 2), (1e21, 3), (1e-7, 4)] {
            map.serialize_entry(&key, &value)?;
        }
        map.end()
    }
}

#[derive(Serialize)]
enum Shape {
    Unit,
    Newtype(f64),
    Tuple(f64, Option<f64>),
    Struct { x: f64, y: Point },
}

#[derive(Serialize)]
struct Point(f64, f64);

#[derive(Serialize)]
struct Meters(f64);

#[test]
fn floats_are_found_in_every_shape() {
    assert_eq!(text(&FloatKeys), r#"{"1":1,"1.5":2,"1e+21":3,"1e-7":4}"#);
    assert_eq!(text(&BTreeMap::from([(1, Meters(2.0))])), r#"{"1":2}"#);
    let shapes = [
        Shape::Unit,
        Shape::Newtype(1.0),
        Shape::Tuple(1e21, Some(2.0)),
        Shape::Struct { x: 1.0, y: Point(-0.0, 1e-7) },
    ];
    let expected = r#"["Unit",{"Newtype":1},{"Tuple":[1e+21,2]},{"Struct":{"x":1,"y":[0,1e-7]}}]"#;
    assert_eq!(text(&shapes), expected);
    assert_eq!(text(&json!({"a": 1.0, "b": [null, true, 2.5], "c": {}})), r#"{"a":1,"b":[null,true,2.5],"c":{}}"#);
    assert_eq!(text(&((), None::<u8>, 'x', "\n")), r#"[null,null,"x","\n"]"#);
    assert_eq!(text(&serde_bytes_like(b"\x01\xff")), "[1,255]");
    assert_eq!(text(&format_args!("{}\"", 5)), r#""5\"""#);
}

fn serde_bytes_like(bytes: &'static [u8]) -> impl Serialize {
    struct Raw(&'static [u8]);
    impl Serialize for Raw {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(self.0)
        }
    }
    Raw(bytes)
}

#[test]
fn json_text_goes_out_as_it_is() {
    let json = Json::parse(r#" {"a": 1.0, "b": "\ud800", "c": 1E400} "#).expect("JSON");
    assert_eq!(text(&json), json.as_str());
    assert_eq!(text(&[&json]), format!("[{json}]"));
    let raw: &RawValue = serde_json::from_str("1.0").expect("JSON");
    assert_eq!(text(&(raw, Json::empty_object())), "[1.0,{}]");
    assert_eq!(serde_json::to_string(&json).expect("JSON"), json.as_str());
}

#[test]
fn a_value_without_a_json_form_is_an_error() {
    assert!(Json::encode(&BTreeMap::from([((1, 2), 3)])).is_err());
    assert!(Frame::encode("m", &BTreeMap::from([(vec![1], 3)])).is_err());
}

#[test]
fn truth_is_javascripts() {
    for truthy in ["1", "-1e-300", "\"0\"", "[]", "{}", "true", "1E400", "\" \"", "-0.1"] {
        assert!(Json::parse(truthy).expect("JSON").is_truthy(), "{truthy}");
    }
    for falsy in ["0", "-0", "0.0e5", "1e-400", "null", "false", "\"\""] {
        assert!(!Json::parse(falsy).expect("JSON").is_truthy(), "{falsy}");
    }
}

#[test]
fn json_is_checked_and_trimmed() {
    assert_eq!(" [1 ,2]\n".parse::<Json>().expect("JSON").as_str(), "[1 ,2]");
    assert_eq!(" [1 ,2]\n".parse::<Json>().expect("JSON").to_compact(), Json::parse("[1,2]").expect("JSON"));
    assert_eq!(Json::parse("[1,2]").expect("JSON").decode::<(u8, u8)>().expect("two numbers"), (1, 2));
    for bad in [&b""[..], b"\xFF", b"\"\xFF\"", b"{", b"1 2"] {
        assert!(Json::parse(bad).is_err(), "{bad:?}");
    }
}

/// What JavaScript's `if` thinks of a value, by the value.
fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Bool(true) | Value::Array(_) | Value::Object(_) => true,
    }
}

proptest! {
    #[test]
    fn text_is_kept_and_means_the_same(
        text in "null|true|false|-?(0|[1-9][0-9]?)([.]0{0,2}[0-9])?(e[+-]?[0-9])?|\"[a-z]{0,2}\"|\\[1, 2\\]|[{] ?[}]|[{]\"a\" : 0[}]",
        around in " ?\n?\t?",
    ) {
        let json = Json::parse(format!("{around}{text}{around}")).expect("JSON");
        let value: Value = serde_json::from_str(&text).expect("JSON");
        prop_assert_eq!(json.as_str(), &text);
        prop_assert_eq!(json.is_truthy(), is_truthy(&value), "{}", text);
        prop_assert_eq!(json.to_compact().to_string(), text.replace(' ', ""));
        prop_assert_eq!(json.decode::<Value>().expect("any value"), value);
        prop_assert_eq!(json.to_string().parse::<Json>(), Ok(json.clone()));
        prop_assert_eq!(json.into_bytes(), text);
    }

    #[test]
    fn doubles_round_trip(bits in any::<u64>()) {
        let number = f64::from_bits(bits);
        prop_assume!(number.is_finite());
        prop_assert_eq!(text(&number).parse::<f64>(), Ok(number));
        prop_assert_eq!(Json::encode(&number).expect("a JSON form").decode::<f64>().ok(), Some(number));
    }

    #[test]
    fn emitted_values_come_back(name in ".{0,12}", words in prop::collection::vec(".{0,40}", 0..5), number in any::<i32>()) {
        let data = json!({"words": words, "number": number, "half": f64::from(number) / 2.0});
        let json = Json::encode(&data).expect("a JSON form");
        let name_json = Json::encode(&name).expect("a JSON form");
        let message = Message::parse(format!("{{\"type\":{name_json},\"data\":{json}}}").into()).expect("an event");
        prop_assert_eq!(message.name(), &name);
        prop_assert_eq!(message.data(), Some(json));
        prop_assert_eq!(message.to_frame(), Frame::encode(&name, &data).expect("a JSON form"));
        let half = message.decode::<Value>().expect("any value")["half"].as_f64();
        prop_assert_eq!(half, Some(f64::from(number) / 2.0));
    }
}
