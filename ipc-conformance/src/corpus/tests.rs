use super::{Arg, Capture, Corpus, Data, Direction, Mode, dialect_of, read_receive_cases};
use ipc_proto::Dialect;

fn capture(name: &str) -> Capture {
    Corpus::built_in().capture(name).unwrap()
}

#[test]
fn every_file_is_as_the_manifest_says() {
    let manifest = Corpus::built_in().verify().unwrap();
    assert_eq!(manifest.format, 1);
    assert!(manifest.packages.iter().all(|package| package.integrity.starts_with("sha512-")));
}

#[test]
fn verify_finds_changed_missing_and_unlisted_files() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("captures")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    let sha256 = super::bytes::sha256_hex(b"ab");
    write(
        "manifest.json",
        &format!(r#"{{"format":1,"packages":[],"files":{{"a":{{"sha256":"{sha256}","size":2}}}}}}"#),
    );
    let verdict = || Corpus::at(dir.path()).verify().map(|_| ()).map_err(|error| error.to_string());

    assert!(verdict().is_err(), "missing");
    write("a", "ab");
    assert_eq!(verdict(), Ok(()));
    write("a", "ac");
    assert!(verdict().unwrap_err().contains("SHA-256"));
    write("a", "abc");
    assert!(verdict().unwrap_err().contains("3 bytes"));
    write("a", "ab");
    write("captures/b", "");
    assert!(verdict().unwrap_err().contains("not in the manifest"));
}

#[test]
fn a_capture_has_bytes_events_and_marks() {
    let capture = capture("9.2.1_hello_unix");
    assert_eq!(capture.bytes_of(Direction::ToServer, 0), b"{\"type\":\"message\",\"data\":\"hello\"}\x0c");
    let events = capture.expected_stream_events(Direction::ToClient, 0);
    assert_eq!(events.len(), 1);
    assert!(events[0].matches(Some("\"message\""), Some("\"world\"")));
    assert!(!events[0].matches(Some("\"message\""), None));
    assert_eq!(capture.marks.len(), 5);
    assert!(capture.expect.server[0].is("start"));
    assert_eq!(capture.expect.server[0].args, [Arg::Undefined { undef: true }]);
}

#[test]
fn repeated_parts_of_a_chunk_are_expanded() {
    let capture = capture("14.0.0_large_300k_tcp");
    let bytes = capture.bytes_of(Direction::ToServer, 0);
    let data = format!("\"{}\"", "a\u{1f600}".repeat(100_000));
    assert_eq!(bytes, format!("{{\"type\":\"big\",\"data\":{data}}}\u{c}").as_bytes());
    assert!(capture.decoded[0].data.matches_json(Some(&data)));
    assert!(!capture.decoded[0].data.matches_json(Some(&data.replacen('a', "b", 1))));
}

#[test]
fn raw_captures_have_bytes_for_data() {
    let large = capture("14.0.0_raw_large");
    assert_eq!(large.mode, Mode::Raw);
    let lengths = large.expected_stream_events(Direction::ToServer, 0);
    assert!(lengths[0].data.matches_bytes(&[b'a'; 65_536]));
    assert!(matches!(lengths.last().unwrap().data, Data::Bytes(_)));
    assert_eq!(large.bytes_of(Direction::ToServer, 0), [b'a'; 200_000]);
}

#[test]
fn the_delimiter_on_the_wire_is_the_senders() {
    let delimiter = |name: &str| capture(name).wire_delimiter(Direction::ToServer);
    assert_eq!(delimiter("9.2.1_hello_unix"), "\u{c}");
    assert_eq!(delimiter("9.2.1_delim_crlf"), "\r\n");
    assert_eq!(delimiter("14.0.0_delim_brace"), "}");
    assert_eq!(delimiter("14.0.0_module_shared_delimiter"), "\u{c}");
    assert_eq!(delimiter("9.2.1_module_shared_delimiter"), "#");
}

#[test]
fn mixed_versions_have_a_dialect_on_each_side() {
    let capture = capture("14.0.0_cross_client_12.0.0");
    assert_eq!(capture.sender_dialect(Direction::ToServer), Dialect::Classic);
    assert_eq!(capture.receiver_dialect(Direction::ToServer), Dialect::Modern);
    assert_eq!(capture.receiver_dialect(Direction::ToClient), Dialect::Classic);
    assert_eq!(dialect_of("a10.1.11"), Dialect::Classic);
    assert_eq!(dialect_of("14.0.0"), Dialect::Modern);
}

#[test]
fn generated_input_is_what_was_recorded() {
    let cases = Corpus::built_in().receive_cases().unwrap();
    let generated = cases.iter().filter_map(|case| Some((case, case.generated.as_ref()?)));
    let mut seen = 0;
    for (case, recipe) in generated {
        assert_eq!(super::bytes::sha256_hex(&case.input().concat()), recipe.sha256, "{}", case.name);
        seen += 1;
    }
    assert_eq!(seen, 6);
}

#[test]
fn every_argument_is_of_a_known_form() {
    let corpus = Corpus::built_in();
    let published = corpus.captures().unwrap().into_iter().flat_map(|c| [c.expect.server, c.expect.client].concat());
    let scenarios = corpus.lifecycle().unwrap().into_iter().flat_map(|scenario| scenario.events);
    for event in published.chain(scenarios) {
        for arg in event.args {
            if let Arg::Other(map) = arg {
                assert!(map.contains_key("server") || map.contains_key("dgram") || map.contains_key("exit"), "{map:?}");
            }
        }
    }
}

#[test]
fn fork_recordings_load() {
    let records = Corpus::built_in().fork_records().unwrap();
    assert!(records.iter().any(|record| record.rec.first().is_some_and(|step| step.bytes == b"\"hello\"\n")));
    let feeds = Corpus::built_in().fork_feeds().unwrap();
    assert_eq!(feeds[0].fed[0], b"{\"cmd\":\"NODE_\"}\n");
}

#[test]
fn a_file_that_is_absent_or_malformed_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cases.json");
    assert!(read_receive_cases(&path).unwrap_err().to_string().contains("cases.json"));
    std::fs::write(&path, "[{}]").unwrap();
    let error = read_receive_cases(&path).unwrap_err();
    assert_eq!(error.path(), path);
    assert!(error.to_string().contains("missing field"), "{error}");
}

#[test]
fn bare_folders_of_captures_are_read() {
    let built_in = Corpus::built_in();
    let bare = Corpus::at(built_in.dir().join("captures"));
    assert_eq!(bare.captures().unwrap().len(), built_in.captures().unwrap().len());
}
