//! What a runner is asked.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ipc_conformance::{
    corpus::{Capture, ReceiveCase},
    replay::{Chunking, Flow, Receiving, Role},
};
use ipc_proto::{Config, Dialect, Encoding, Profile};
use serde_json::{Value, json};

/// A receive case in one set-up.
pub(super) fn receiving(case: &ReceiveCase, role: Role, receiving: &Receiving<'_>) -> Value {
    json!({
        "name": receiving.to_string(),
        "version": receiving.version(),
        "options": receiving.options(),
        "transport": "unix",
        "role": role.to_string(),
        "dialect": dialect(&receiving.config()),
        "config": config(&receiving.config(), "utf8", if receiving.waits() { 400 } else { 0 }),
        "chunks": base64(&case.input()),
        "eof": case.eof_after,
        "wait": receiving.waits(),
    })
}

/// One stream of a capture, or one direction of its datagrams.
pub(super) fn flow(capture: &Capture, flow: &Flow<'_>) -> Value {
    let version = flow.version();
    json!({
        "name": format!("{} {} {version} {}", capture.name, flow.direction(), flow.role()),
        "version": version,
        "options": "capture",
        "transport": capture.transport.name(),
        "role": flow.role().to_string(),
        "dialect": dialect(&flow.config()),
        "config": config(&flow.config(), flow.encoding(), 0),
        "chunks": base64(&flow.chunks(Chunking::Recorded)),
        "eof": !flow.is_datagrams(),
        "wait": false,
    })
}

/// Whether protocol 1 has no words for it.
pub(super) fn needs_2(capture: &Capture, flow: &Flow<'_>) -> bool {
    let config = flow.config();
    let framed = matches!(config.profile, Profile::Fast | Profile::Guarded);
    !capture.is_framed_stream() || !framed || config.encoding != Encoding::default()
}

fn dialect(config: &Config) -> &'static str {
    if config.dialect == Dialect::Classic { "classic" } else { "modern" }
}

fn config(config: &Config, encoding: &str, message_timeout: u32) -> Value {
    let profile = match config.profile {
        Profile::Raw => "raw",
        Profile::Guarded => "guarded",
        Profile::Assured => "assured",
        _ => "fast",
    };
    json!({
        "delimiter": config.delimiter.as_str(),
        "profile": profile,
        "encoding": encoding,
        "identifyPeer": config.identify_peer.unwrap_or(false),
        "allowReservedEvents": config.allow_reserved_events,
        "allowedEvents": config.allowed_events,
        "messageTimeout": message_timeout,
    })
}

fn base64(chunks: &[Vec<u8>]) -> Vec<String> {
    chunks.iter().map(|chunk| STANDARD.encode(chunk)).collect()
}
