//! Every target over its kept inputs.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::{fs, path::Path};

fn over_corpus(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(!files.is_empty());
    for file in files {
        run(&fs::read(file).unwrap());
    }
}

#[test]
fn capture() {
    over_corpus("capture", ipc_fuzz::capture);
}

#[test]
fn config() {
    over_corpus("config", ipc_fuzz::config);
}

#[test]
fn datagram() {
    over_corpus("datagram", ipc_fuzz::datagram);
}

#[test]
fn deframer() {
    over_corpus("deframer", ipc_fuzz::deframer);
}

#[test]
fn encode() {
    over_corpus("encode", ipc_fuzz::encode);
}

#[test]
fn endpoint() {
    over_corpus("endpoint", ipc_fuzz::endpoint);
}

#[test]
fn envelope() {
    over_corpus("envelope", ipc_fuzz::envelope);
}

#[test]
fn session() {
    over_corpus("session", ipc_fuzz::session);
}

#[test]
fn text() {
    over_corpus("text", ipc_fuzz::text);
}
