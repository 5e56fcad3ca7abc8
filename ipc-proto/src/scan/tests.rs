use alloc::{format, string::String};

use proptest::prelude::*;
use serde_json::{Value, value::RawValue};

use super::*;

fn is_json(text: &str) -> bool {
    document(text.as_bytes()).is_some()
}

#[test]
fn accepts_what_json_parse_accepts() {
    let accepted = [
        "null",
        "true",
        "false",
        "0",
        "-0",
        "-1.5e+3",
        "1E400",
        "1e-400",
        "123456789012345678901234567890",
        "0.0",
        "1e5",
        "1E-05",
        "\"\"",
        "\"\u{7f}\u{2028}\u{feff}\"",
        r#""\ud83d""#,
        r#""\udc00\ud800""#,
        r#""\"\\\/\b\f\n\r\t\u00Af""#,
        "[]",
        "{}",
        "[ ]",
        "{ }",
        " \t\r\n5\n",
        "[1,[2,{\"a\":[]}]]",
        "{\"a\":1,\"a\":2}",
        "{\"\":{}}",
    ];
    for text in accepted {
        assert!(is_json(text), "{text:?}");
    }
}

#[test]
fn refuses_what_json_parse_refuses() {
    let refused = [
        "",
        " ",
        "hello",
        "nul",
        "nulll",
        "truefalse",
        "NaN",
        "Infinity",
        "-",
        "-Infinity",
        "+1",
        "01",
        "-01",
        "1.",
        ".5",
        "1e",
        "1e+",
        "0x10",
        "1_0",
        "1 2",
        "'a'",
        "\"",
        "\"a",
        "\"\\\"",
        "\"\n\"",
        "\"\0\"",
        "\"\u{1f}\"",
        "\"\u{c}\"",
        r#""\x41""#,
        r#""\u12""#,
        r#""\u12G4""#,
        r#""\u+123""#,
        r#""\ud83d\u12""#,
        "[",
        "]",
        "[1",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1}",
        "{",
        "}",
        "{]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{a:1}",
        "{1:1}",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "{}}",
        "[]]",
        "\u{feff}{}",
        "\u{a0}1",
        "\u{b}1",
        "\u{c}1",
        "1\0",
        "/**/1",
        "{\"a\":1}//",
        "[1,{\"a\":2]}",
    ];
    for text in refused {
        assert!(!is_json(text), "{text:?}");
    }
}

#[test]
fn depth_is_memory_and_not_stack() {
    for depth in [63, 64, 65, 127, 128, 129, 100_000] {
        let nested =
            |open: &str, inner: &str, close: &str| format!("{}{inner}{}", open.repeat(depth), close.repeat(depth));
        assert!(is_json(&nested("[", "1", "]")));
        assert!(is_json(&nested("{\"a\":", "1", "}")));
        assert!(is_json(&nested("[{\"a\":", "1", "}]")));
        assert!(!is_json(&nested("[", "1", "}")));
        assert!(!is_json(&nested("[{\"a\":", "1", "]}")));
        assert!(!is_json(&format!("{}]", nested("[", "1", "]"))));
    }
}

#[test]
fn tokens_tell_what_is_in_them() {
    let token = |text: &str| document(text.as_bytes()).expect("JSON");
    let flags = |text: &str| {
        let traits = token(text).traits;
        (traits.is_compact(), traits.is_escaped(), traits.has_lone())
    };
    assert_eq!(flags(" [1,\"a b\"] "), (true, false, false));
    assert_eq!(flags("[1, 2]"), (false, false, false));
    assert_eq!(flags(r#""\ud83d\ude00""#), (true, true, false));
    assert_eq!(flags(r#"["\ud83d"]"#), (true, true, true));
    assert_eq!(flags(r#""\ud83d\ud83d\ude00""#), (true, true, true));
    assert_eq!(flags(r#""\ude00\ud83d""#), (true, true, true));
    assert_eq!(token(" [1] ").range(), 1..4);
}

#[test]
fn members_come_in_order_and_keys_may_be_escaped() {
    let text = br#"{ "a" : 1 , "\u0061":[2], "b":"a" }"#;
    let mut found = Vec::new();
    let mut scanner = Scanner::new(text, 0);
    scanner.members(|member| found.push((member.key.says(text, "a"), &text[member.value.range()]))).expect("an object");
    assert_eq!(scanner.peek(), None);
    assert_eq!(found, [(true, &b"1"[..]), (true, b"[2]"), (false, b"\"a\"")]);
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,9}".prop_map(Value::from),
        "[ -~\0-\x1f]{0,90}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((".{0,4}", inner), 0..6).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// JSON, compact or pretty, with some characters deleted, replaced or inserted.
fn nearly_json() -> impl Strategy<Value = String> {
    let edit = (any::<prop::sample::Index>(), 0..3, "[ \t\n\r\"\\\\{}\\[\\],:0-9.eE+\\-truefalsn/dD8c\0-\x1fé]");
    (value(), any::<bool>(), prop::collection::vec(edit, 0..4)).prop_map(|(value, pretty, edits)| {
        let text = if pretty { format!("{value:#}") } else { format!("{value}") };
        let mut chars: Vec<_> = text.chars().collect();
        for (at, what, with) in edits {
            let at = at.index(chars.len() + 1);
            let end = (at + usize::from(what != 0)).min(chars.len());
            chars.splice(at..end, with.chars().filter(|_| what != 1));
        }
        chars.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn agrees_with_serde_json(text in nearly_json()) {
        let theirs = serde_json::from_str::<&RawValue>(&text).ok();
        let ours = document(text.as_bytes());
        prop_assert_eq!(ours.map(|token| &text[token.range()]), theirs.map(RawValue::get));
    }

    #[test]
    fn compact_text_says_the_same(value in value(), pretty in any::<bool>()) {
        let text = if pretty { format!("\t{value:#} ").replace('\n', "\r\n") } else { format!("{value}") };
        let token = document(text.as_bytes()).expect("JSON");
        let mut compact = Vec::new();
        compact_into(text.as_bytes(), &mut compact);
        prop_assert_eq!(compact == text.as_bytes()[token.range()], token.traits.is_compact());
        prop_assert_eq!(document(&compact).map(|token| token.traits.is_compact()), Some(true));
        prop_assert_eq!(serde_json::from_slice::<Value>(&compact).ok(), Some(value));
    }
}
