//! Frames whose end the JSON reader finds, against frames that are cut at their delimiter first.

use proptest::prelude::*;

use super::*;

/// A delimiter of two bytes is always searched for.
const SEARCHED: &str = "\u{1e}\u{1f}";

fn frame() -> impl Strategy<Value = Vec<u8>> {
    let data = prop_oneof![
        "\"[a-z\\\\\"\u{e9} ]{0,40}\"",
        "[0-9]{1,3}",
        Just("[1,{\"a\":null}]".into()),
        Just("[1, 2]".into()),
        Just("{\"type\":\"in\",\"data\":1}".into()),
        Just("[\"\\ud800\"]".into()),
        Just("[1".into()),
    ];
    prop_oneof![
        6 => ("[a-z]{0,9}", data).prop_map(|(name, data)| alloc::format!("{{\"type\":\"{name}\",\"data\":{data}}}").into()),
        1 => Just(b"{\"data\":1,\"type\":\"later\"}".to_vec()),
        1 => Just(b"{\"type\":\"a\",\"data\":1} ".to_vec()),
        1 => Just(b"{\"type\":\"a\",\"data\":1}{\"type\":\"b\",\"data\":1}".to_vec()),
        1 => Just(b"{\"type\":\"\xff\",\"data\":1}".to_vec()),
        1 => Just(b"{\"type\":\"\\u0061\",\"data\":1}".to_vec()),
        1 => Just(Vec::new()),
    ]
}

fn seen(config: &Config, delimiter: &str, frames: &[Vec<u8>], chunk: usize) -> Vec<String> {
    let mut conn = server(config.clone().delimiter(delimiter));
    let mut stream = Vec::new();
    for frame in frames {
        stream.extend_from_slice(frame);
        stream.extend_from_slice(delimiter.as_bytes());
    }
    let mut seen = Vec::new();
    for bytes in stream.chunks(chunk) {
        conn.handle_input(NOW, bytes);
        seen.extend(core::iter::from_fn(|| conn.poll_event()).map(|event| match event {
            Event::Message(message) => alloc::format!("{message:?} {:?}", message.to_frame()),
            event => short(event),
        }));
    }
    seen
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn the_quick_way_gives_what_the_slow_one_does(
        frames in proptest::collection::vec(frame(), 0..8),
        chunk in 1..80_usize,
        limit in prop_oneof![Just(1 << 20), 20..60_usize],
        classic: bool,
    ) {
        let dialect = if classic { Dialect::Classic } else { Dialect::Modern };
        let config = Config::default().dialect(dialect).max_message_size(limit);
        let searched = seen(&config, SEARCHED, &frames, chunk);
        for quick in ["\u{c}", "\0", "\u{1}"] {
            prop_assert_eq!(&seen(&config, quick, &frames, chunk), &searched);
        }
        // A line feed is whitespace too, so that one is searched for.
        prop_assert_eq!(&seen(&config, "\n", &frames, chunk), &searched);
    }
}

#[test]
fn a_delimiter_that_is_whitespace_ends_a_frame_within_its_data() {
    let mut conn = server(Config::default().dialect(Dialect::Classic).delimiter("\n"));
    conn.handle_input(NOW, b"{\"type\":\"a\",\"data\":[1,\n2]}\n{\"type\":\"b\",\"data\":1}\n");
    assert_eq!(events(&mut conn), ["ERR_IPC_INVALID_JSON", "ERR_IPC_INVALID_JSON", "b"]);
}
