//! Encoding against decoding, and against serde_json (PROTOCOL.md, rules E5, F3 and D2).

use bytes::Buf;
use ipc_proto::{Config, Connection, Dialect, EmitError, EncodeError, Frame, Side};
use memchr::memmem;
use serde_json::{Number, Value};

const DELIMITERS: [&str; 8] = ["\u{c}", "\n", "|", "||", "\r\n", "\u{e9}", "}", "aba"];

/// A byte chooses the delimiter and the dialect, the next one how long the name is; then comes the data, in JSON.
pub fn encode(input: &[u8]) {
    let [choice, len, rest @ ..] = input else { return };
    let (name, data) = rest.split_at(rest.len().min(usize::from(*len) % 32));
    let name = String::from_utf8_lossy(name);
    let Ok(data) = serde_json::from_slice::<Value>(data) else { return };
    let frame = Frame::encode(&name, &data).expect("every JSON value has a JSON form");
    let message = frame.message().expect("what was encoded is an event");
    assert_eq!(message.name(), name);
    assert!(is_same(&message.decode().expect("any data is a value"), &data), "{frame:?}");
    let whole: Value = serde_json::from_slice(frame.as_bytes()).expect("a frame is JSON");
    assert!(whole["type"] == *name && is_same(&whole["data"], &data));
    emit(&name, &data, usize::from(*choice));
}

/// As JavaScript compares them: all numbers are doubles there. Integers stay exact nevertheless.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) if is_integer(one) && is_integer(other) => one == other,
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let same = |(key, value): (&String, &Value)| other.get(key).is_some_and(|other| is_same(value, other));
            one.len() == other.len() && one.iter().all(same)
        }
        _ => one == other,
    }
}

fn is_integer(number: &Number) -> bool {
    number.is_i64() || number.is_u64()
}

/// What a connection sends is the frame and its end, or nothing.
fn emit(name: &str, data: &Value, choice: usize) {
    let delimiter = DELIMITERS[choice % DELIMITERS.len()];
    let dialect = if choice & 8 == 0 { Dialect::Modern } else { Dialect::Classic };
    let blank = dialect == Dialect::Classic && (data.is_null() || data == "");
    let frame = if blank { Frame::event(name) } else { Frame::encode(name, data).expect("it could be before") };
    let wire = [frame.as_bytes(), delimiter.as_bytes()].concat();
    let ends_at = memmem::find(&wire, delimiter.as_bytes());

    let mut conn = Connection::new(Config::default().dialect(dialect).delimiter(delimiter).into(), Side::Client);
    match conn.emit(name, data) {
        Ok(_) => {
            assert_eq!(ends_at, Some(frame.len()), "the peer would cut it at {ends_at:?}");
            let bytes = conn.pending_bytes();
            assert_eq!(conn.outbox().copy_to_bytes(bytes), wire);
        }
        Err(EmitError::Encode(EncodeError::DelimiterInData)) => assert_ne!(ends_at, Some(frame.len())),
        Err(other) => panic!("{other}"),
    }
}
