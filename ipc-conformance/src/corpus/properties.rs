//! Lines of captures, written and read back.

use base64::prelude::*;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{Direction, MarkKind, Step};

const DIRECTIONS: [(&str, Direction); 5] = [
    ("c2s", Direction::ToServer),
    ("s2c", Direction::ToClient),
    ("child2parent", Direction::ToParent),
    ("parent2child", Direction::ToChild),
    ("elsewhere", Direction::Other),
];

fn encoded(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// A line without what may be left out.
fn line(fields: Value) -> Vec<u8> {
    let Value::Object(fields) = fields else { panic!("a line is an object") };
    let fields: Map<_, _> = fields.into_iter().filter(|(_, value)| !value.is_null()).collect();
    Value::Object(fields).to_string().into_bytes()
}

proptest! {
    #[test]
    fn a_chunk_is_its_bytes_and_its_repeated_pieces(
        t_ms in 0.0..1e9_f64,
        (name, dir) in prop::sample::select(DIRECTIONS.to_vec()),
        conn in prop::option::of(any::<u32>()),
        first in prop::option::of(prop::collection::vec(any::<u8>(), 0..40)),
        parts in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..9), 0..50_usize), 0..4),
    ) {
        let pieces: Vec<_> = parts.iter().map(|(piece, times)| (encoded(piece), times)).collect();
        let text = line(json!({
            "t_ms": t_ms, "dir": name, "conn": conn, "parts": pieces, "b64": first.as_deref().map(encoded),
        }));
        let mut bytes = first.unwrap_or_default();
        for (piece, times) in &parts {
            (0..*times).for_each(|_| bytes.extend_from_slice(piece));
        }
        let Step::Chunk(chunk) = Step::parse(&text).expect("a chunk") else { panic!("a mark") };
        prop_assert_eq!((chunk.t_ms, chunk.dir, chunk.conn), (t_ms, dir, conn.unwrap_or(0)));
        prop_assert_eq!(chunk.bytes, bytes);
    }

    #[test]
    fn what_is_no_line_is_refused(
        mark in any::<bool>(),
        damage in 0..5_usize,
        at in any::<prop::sample::Index>(),
    ) {
        let good = json!({ "t_ms": 1.5, "dir": "c2s", "ev": if mark { json!("open") } else { Value::Null }, "b64": "aGk=" });
        let mut text = line(good);
        let step = Step::parse(&text).expect("a line");
        prop_assert_eq!(matches!(&step, Step::Mark(mark) if mark.kind == MarkKind::Open), mark);
        let bad = match damage {
            0 => json!({ "dir": "c2s", "b64": "aGk" }),
            1 => json!({ "b64": "aGk=" }),
            2 => json!({ "dir": "c2s", "parts": [["aGk=", usize::MAX]] }),
            3 => json!({ "dir": "c2s", "conn": -1 }),
            _ => {
                text.truncate(at.index(text.len()));
                prop_assert!(Step::parse(&text).is_err());
                return Ok(());
            }
        };
        prop_assert!(Step::parse(&line(bad)).is_err());
    }
}
