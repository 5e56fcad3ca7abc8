use alloc::{
    format,
    string::{String, ToString},
};

use proptest::prelude::*;

use super::*;

fn message(frame: &str) -> Message {
    Message::parse(Bytes::copy_from_slice(frame.as_bytes())).expect("an event")
}

fn code(frame: &[u8]) -> Option<Code> {
    Message::parse(Bytes::copy_from_slice(frame)).err().map(|error| error.code())
}

fn bytes_of(frame: &Frame) -> String {
    format!("{frame:?}")
}

#[test]
fn messages_stay_small() {
    assert!(size_of::<Message>() <= 88);
    assert!(size_of::<Result<Message, ProtocolError>>() <= 88);
}

#[test]
fn bad_frames_have_node_ipcs_codes() {
    let cases: &[(&[u8], Code)] = &[
        (b"", Code::InvalidJson),
        (b" ", Code::InvalidJson),
        (b"hello", Code::InvalidJson),
        (b"{\"type\":\"a\",\"data\":", Code::InvalidJson),
        (b"{'type':'a','data':1}", Code::InvalidJson),
        (b"{\"type\":\"a\",\"data\":1,}", Code::InvalidJson),
        (b"{\"type\":\"a\"/*c*/,\"data\":1}", Code::InvalidJson),
        (b"{\"type\":\"a\",\"data\":01}", Code::InvalidJson),
        (b"{\"type\":\"a\",\"data\":+1}", Code::InvalidJson),
        (b"{\"type\":\"a\",\"data\":\"x\ny\"}", Code::InvalidJson),
        (b"{\"type\":\"a\",\"data\":\"x\x00y\"}", Code::InvalidJson),
        (b"{\"type\":\"a\",\"data\":\"\\x\"}", Code::InvalidJson),
        (b"{\"type\":\"a\",\"data\":\"\\u12g4\"}", Code::InvalidJson),
        (b"{\"type\":\"a\",\"data\":1}}", Code::InvalidJson),
        (b"{\"type\":\"a\",\"data\":1}x", Code::InvalidJson),
        (b"{\"type\":\"a\",\"data\":}", Code::InvalidJson),
        (b"{\"type\":5,\"data\":}", Code::InvalidJson),
        (b"\x00{\"type\":\"b\",\"data\":2}", Code::InvalidJson),
        (b"\xEF\xBB\xBF{\"type\":\"a\",\"data\":1}", Code::InvalidJson),
        (b"{\"type\":\"a\",\"data\":1}\xC0\x8C", Code::InvalidJson),
        (b"{\"type\":\"a\",\"data\":\"\xC3", Code::InvalidJson),
        (b"5", Code::InvalidMessage),
        (b" null ", Code::InvalidMessage),
        (b"true", Code::InvalidMessage),
        (b"\"x\"", Code::InvalidMessage),
        (b"[\"a\",1]", Code::InvalidMessage),
        (b"[]", Code::InvalidMessage),
        (b"{}", Code::InvalidEvent),
        (b"{\"data\":1}", Code::InvalidEvent),
        (b"{\"type\":null,\"data\":1}", Code::InvalidEvent),
        (b"{\"type\":5,\"data\":1}", Code::InvalidEvent),
        (b"{\"type\":true,\"data\":1}", Code::InvalidEvent),
        (b"{\"type\":{\"a\":1},\"data\":1}", Code::InvalidEvent),
        (b"{\"type\":[\"a\"],\"data\":1}", Code::InvalidEvent),
        (b"{\"type\":\"a\",\"type\":5}", Code::InvalidEvent),
        (b"{\"Type\":\"a\",\"DATA\":1}", Code::InvalidEvent),
        (b"{\"__proto__\":{\"type\":\"a\",\"data\":1}}", Code::InvalidEvent),
    ];
    for (frame, expected) in cases {
        assert_eq!(code(frame), Some(*expected), "{}", String::from_utf8_lossy(frame));
    }
}

/// Frame, name, the name's token, data, and the frame it is sent on as (empty: the same).
type Case = (&'static str, &'static str, &'static str, Option<&'static str>, &'static str);

const GOOD: &[Case] = &[
    (r#"{"type":"m","data":"h😀"}"#, "m", r#""m""#, Some("\"h😀\""), ""),
    (r#"{"type":"","data":null}"#, "", r#""""#, Some("null"), ""),
    (r#"{"type":"a\"b","data":[1.0,{}]}"#, "a\"b", r#""a\"b""#, Some("[1.0,{}]"), ""),
    (r#"{"type":"\ud83d","data":"\ud83d"}"#, "\u{FFFD}", r#""\ud83d""#, Some(r#""\ud83d""#), ""),
    (r#"{"type":"\u0061","data":1}"#, "a", r#""\u0061""#, Some("1"), ""),
    (r#"{"type":"a","data":{"type":"x","data":2}}"#, "a", r#""a""#, Some(r#"{"type":"x","data":2}"#), ""),
    (r#"{"type":"a"}"#, "a", r#""a""#, None, r#"{"type":"a"}"#),
    (r#"{"data":1,"type":"a"}"#, "a", r#""a""#, Some("1"), r#"{"type":"a","data":1}"#),
    (r#"{"type":"a","type":"b","data":1}"#, "b", r#""b""#, Some("1"), r#"{"type":"b","data":1}"#),
    (r#"{"type":5,"type":"b","data":1}"#, "b", r#""b""#, Some("1"), r#"{"type":"b","data":1}"#),
    (r#"{"type":"a","data":1,"data":2}"#, "a", r#""a""#, Some("2"), r#"{"type":"a","data":2}"#),
    (r#"{"\u0074ype":"a","d\u0061ta":1}"#, "a", r#""a""#, Some("1"), r#"{"type":"a","data":1}"#),
    (r#"{"x":1,"type":"a","y":[2],"data":1,"id":"z"}"#, "a", r#""a""#, Some("1"), r#"{"type":"a","data":1}"#),
    (r#"{"x":{"type":"no"},"type":"a"}"#, "a", r#""a""#, None, r#"{"type":"a"}"#),
    (r#"{"type":"a","data":[1, "b c" ]}"#, "a", r#""a""#, Some(r#"[1, "b c" ]"#), r#"{"type":"a","data":[1,"b c"]}"#),
    ("\n{\"type\":\"a\",\"data\":1}", "a", r#""a""#, Some("1"), r#"{"type":"a","data":1}"#),
    ("{ \"type\" : \"a\" ,\r\n\t\"data\" : 1 } ", "a", r#""a""#, Some("1"), r#"{"type":"a","data":1}"#),
    (r#"{"type":"a","data": 1}"#, "a", r#""a""#, Some("1"), r#"{"type":"a","data":1}"#),
];

#[test]
fn frames_are_taken_apart() {
    for (frame, name, token, data, resent) in GOOD {
        let message = message(frame);
        assert_eq!((message.name(), message.name_token(), message.len()), (*name, *token, frame.len()), "{frame}");
        assert!(!message.is_empty());
        assert_eq!(message.data().map(|data| data.to_string()).as_deref(), *data, "{frame}");
        assert_eq!(message.has_data(), data.is_some());
        let resent = if resent.is_empty() { frame } else { resent };
        let data_at = resent.find(",\"data\":").map_or(resent.len(), |at| at + 8);
        let expected = Frame::from_parts(Bytes::from_static(resent.as_bytes()), data_at, frame.len().max(resent.len()));
        assert_eq!(bytes_of(&message.to_frame()), bytes_of(&expected));
    }
}

#[test]
fn canonical_bytes_are_sent_on_without_a_copy() {
    for (frame, .., resent) in GOOD {
        let bytes = Bytes::from_static(frame.as_bytes());
        let message = Message::parse(bytes.clone()).expect("an event");
        assert_eq!(message.frame.as_ptr(), bytes.as_ptr());
        assert_eq!(message.form.is_canonical(), resent.is_empty(), "{frame}");
    }
}

#[test]
fn invalid_utf8_is_replaced() {
    let message =
        Message::parse(Bytes::from_static(b"{\"type\":\"a\xFF\",\"data\":\"<\xED\xA0\x80>\"}")).expect("an event");
    assert_eq!(message.name(), "a\u{FFFD}");
    assert_eq!(message.decode::<&str>().expect("a string"), "<\u{FFFD}\u{FFFD}\u{FFFD}>");
}

#[test]
fn peers_name_themselves_by_any_truthy_id() {
    let cases = [
        (r#"{"id":"ID1"}"#, Some(r#""ID1""#)),
        (r#"{"a":{"id":1},"id":{"x": 2}}"#, Some(r#"{"x": 2}"#)),
        (r#"{"id":"a","id":"b"}"#, Some(r#""b""#)),
        (r#"{"id":"a","id":0}"#, None),
        (r#"{"\u0069d":5}"#, Some("5")),
        (r#"{ "id" : [] }"#, Some("[]")),
        (r#"{"id":null}"#, None),
        (r#"{"id":""}"#, None),
        (r#"{"a":{"id":1}}"#, None),
        (r#"{"a":"id"}"#, None),
        (r#"{"Id":1}"#, None),
        (r#"[{"id":1}]"#, None),
        (r#""{\"id\":1}""#, None),
        ("null", None),
    ];
    for (data, id) in cases {
        let message = message(&format!("{{\"type\":\"m\",\"data\":{data}}}"));
        assert_eq!(message.peer_id().map(|id| id.to_string()).as_deref(), id, "{data}");
    }
    assert_eq!(message(r#"{"type":"m","id":1}"#).peer_id(), None);
}

#[test]
fn json_is_compared_by_its_text() {
    let json = |text: &str| text.parse::<Json>().expect("JSON");
    assert_eq!(json(" [1]"), json("[1] "));
    for other in ["[1 ]", "[1.0]", "[2]", "1"] {
        assert_ne!(json("[1]"), json(other));
    }
    let one = json("[1]");
    let copy = one.detached();
    assert_eq!(copy, one);
    assert_ne!(copy.as_bytes().as_ptr(), one.as_bytes().as_ptr());
    assert_eq!(one.into_bytes(), "[1]");
}

#[test]
fn waiting_messages_let_go_of_large_buffers() {
    let buffer = Bytes::from(format!("{}{}", r#"{"type":"a","data":"\ud83d"}"#, " ".repeat(1000)));
    let small = |backing| Message::parse_valid(buffer.slice(..28), backing).expect("an event");
    assert_eq!(small(4 * 28).detach().frame.as_ptr(), buffer.as_ptr());
    let detached = small(4 * 28 + 1).detach();
    assert_ne!(detached.frame.as_ptr(), buffer.as_ptr());
    assert_eq!(detached.form.backing(), 28);
    assert_eq!(detached.decode::<String>().expect("a string"), "\u{FFFD}");
    assert_eq!(detached.name(), "a");
}

#[test]
fn debug_shows_name_and_data() {
    assert_eq!(
        format!("{:?}", message(r#"{"type":"m","data":[1]}"#)),
        r#"Message { name: "m", data: Some(Json([1])) }"#
    );
}

proptest! {
    #[test]
    fn the_fast_path_agrees_with_the_general_one(
        name in r#"([a-z ]|\\n|\\u00e9|\\ud83d|é){0,20}"#,
        data in r#"[0-9]{1,3}|"[a-z]{0,70}"|\[1, ?2\]|\{"type":"x"\}|"\\udc00"|nul|\[\}|"#,
        tail in "|\\}| |,\"data\":2",
    ) {
        let frame = format!("{{\"type\":\"{name}\",\"data\":{data}{tail}}}");
        let general = general(frame.as_bytes());
        match Parts::canonical(Scanner::new(frame.as_bytes(), 0)).filter(|parts| parts.len == frame.len()) {
            Some(fast) => prop_assert_eq!(Ok(Parts { canonical: false, ..fast }), general),
            None => prop_assert!(general.is_err() || !tail.is_empty()),
        }
    }

    #[test]
    fn a_plain_run_is_read_as_its_first_frame_alone(
        first in r#"\{"type":"[a-zé"]{0,20}","data":([0-9]{1,3}|"[a-z \x0c"\]]{0,70}"|\["", ?2\]|\{"a":"b"\}|")[}"]?"#,
        rest in r#"(\x0c|"|\}|[a-z,:]|\{"type":"m","data":"n"\}){0,6}"#,
    ) {
        let run = format!("{first}\x0c{rest}\x0c");
        prop_assert_ne!(scan::makeup(run.as_bytes(), 0x0c), scan::Makeup::Special);
        let quotes = scan::Quotes::or(0x0c).expect("whoever runs tests can search wide");
        let end = run.find('\x0c').unwrap();
        let fast = Parts::canonical(Scanner::plain(run.as_bytes(), &quotes)).filter(|parts| parts.len == end);
        let alone = Parts::canonical(Scanner::new(&run.as_bytes()[..end], 0)).filter(|parts| parts.len == end);
        prop_assert_eq!(fast, alone);
        // What ends elsewhere ends at no delimiter, and is left to the general way.
        let elsewhere = Parts::canonical(Scanner::plain(run.as_bytes(), &quotes)).filter(|parts| parts.len != end);
        prop_assert!(elsewhere.is_none_or(|parts| run.as_bytes().get(parts.len) != Some(&0x0c)));
    }
}
