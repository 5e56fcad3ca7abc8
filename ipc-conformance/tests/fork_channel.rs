//! The deframer without the envelope: Node's own channel between a parent and a forked child is JSON in lines.

use ipc_conformance::corpus::{Corpus, ForkRecord};
use ipc_proto::{Deframer, Delimiter, Json};

/// The lines that arrive when `bytes` come in pieces of `step`.
fn lines(bytes: &[u8], step: usize) -> Vec<String> {
    let mut deframer = Deframer::new(Delimiter::from("\n"), 1 << 20);
    let mut lines = Vec::new();
    for piece in bytes.chunks(step) {
        deframer.push(piece);
        while let Some(line) = deframer.next_frame().expect("no line is over the limit") {
            lines.push(String::from_utf8(line.to_vec()).expect("Node writes UTF-8"));
        }
    }
    assert_eq!(deframer.partial_len(), 0, "the channel ends with a line");
    lines
}

fn sent(record: &ForkRecord) -> Vec<u8> {
    record.rec.iter().flat_map(|step| step.bytes.iter().copied()).collect()
}

#[test]
fn what_a_child_sends_comes_line_by_line() {
    let records = Corpus::built_in().fork_records().expect("the corpus is whole");
    let mut checked = 0;
    for record in records.iter().filter(|record| record.name == "child_to_parent_json") {
        let bytes = sent(record);
        let whole = lines(&bytes, bytes.len());
        for step in [1, 2, 7, 64] {
            assert_eq!(lines(&bytes, step), whole, "{} in pieces of {step}", record.node);
        }
        let accepted =
            record.child_stdout.iter().filter(|line| line.starts_with("SEND ") && line.ends_with("ret=true"));
        assert_eq!(whole.len(), accepted.count(), "one line for each send that Node took");
        assert_eq!(whole[..5], ["\"hello\"", "5", "0", "null", "true"]);
        assert!(whole.contains(&r#"{"cmd":"NODE_foo","x":1}"#.to_owned()), "{whole:?}");
        for line in &whole {
            assert!(Json::parse(line.clone()).is_ok(), "{line}");
        }
        checked += 1;
    }
    assert_eq!(checked, 2, "recorded with two versions of Node");
}
