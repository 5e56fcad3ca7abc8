//! Proves the corpus loader with a model of node-ipc's framing that shares no code with the protocol crate:
//! for every framed capture, the recorded bytes must give exactly the recorded messages.

use std::collections::HashMap;

use ipc_conformance::corpus::{Capture, Corpus, Data, Decoded, Direction};
use ipc_proto::Dialect;
use serde_json::value::RawValue;

/// Streams and messages that the checks below cover; a loader that loses some of them must not pass.
const COVERED: (usize, usize) = (157, 718);

/// A frame as its receiver sees it: type and data as JSON texts, or text that is not JSON.
#[derive(Debug, PartialEq)]
enum Frame {
    Message { type_json: Option<String>, data_json: Option<String> },
    Invalid(String),
}

impl Frame {
    fn parse(text: &str) -> Self {
        // Raw texts, because serde_json's own strings cannot hold the lone surrogates that JavaScript's can.
        match serde_json::from_str::<HashMap<String, Box<RawValue>>>(text) {
            Ok(mut fields) => {
                let mut take = |key| fields.remove(key).map(|raw| raw.get().to_owned());
                Self::Message { type_json: take("type"), data_json: take("data") }
            }
            Err(_) => Self::Invalid(text.to_owned()),
        }
    }

    fn is_message(&self) -> bool {
        matches!(self, Self::Message { .. })
    }

    fn is(&self, decoded: &Decoded) -> bool {
        match self {
            Self::Message { type_json, data_json } => {
                !decoded.invalid_json && decoded.matches(type_json.as_deref(), data_json.as_deref())
            }
            Self::Invalid(text) => decoded.invalid_json && response_of(decoded).as_deref() == Some(text),
        }
    }
}

/// The frame that a classic `error` event quotes.
fn response_of(decoded: &Decoded) -> Option<String> {
    let Data::Json(text) = &decoded.data else { return None };
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    Some(value.get("response")?.as_str()?.to_owned())
}

/// Bytes to text, by the encodings that occur in JSON mode.
fn decode(bytes: &[u8], encoding: &str) -> String {
    match encoding {
        "latin1" => bytes.iter().copied().map(char::from).collect(),
        "utf8" => String::from_utf8_lossy(bytes).into_owned(),
        "utf16le" => {
            let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
            String::from_utf16_lossy(&units)
        }
        other => panic!("no capture in JSON mode has the encoding {other}"),
    }
}

/// The complete frames of a text, and what follows the last delimiter.
fn split(text: &str, delimiter: &str) -> (Vec<Frame>, String) {
    let mut frames: Vec<&str> = text.split(delimiter).collect();
    let rest = frames.pop().unwrap_or_default().to_owned();
    (frames.into_iter().map(Frame::parse).collect(), rest)
}

/// Classic: nothing until what has arrived ends with the delimiter; one longer than a UTF-16 unit is never seen.
fn classic_stream(capture: &Capture, dir: Direction, conn: u32) -> Vec<Frame> {
    let config = capture.receiver_config(dir);
    let mut pending = Vec::new();
    let mut frames = Vec::new();
    for chunk in capture.chunks_of(dir, conn) {
        pending.extend_from_slice(chunk);
        let text = decode(&pending, config.encoding());
        if config.delimiter().encode_utf16().count() == 1 && text.ends_with(config.delimiter()) {
            frames.extend(split(&text, config.delimiter()).0);
            pending.clear();
        }
    }
    frames
}

/// Modern: every complete frame; the first that is not JSON ends the connection and is an error, not a message.
fn modern_stream(capture: &Capture, dir: Direction, conn: u32) -> Vec<Frame> {
    let text = decode(&capture.bytes_of(dir, conn), "utf8");
    let (frames, _) = split(&text, capture.receiver_config(dir).delimiter());
    frames.into_iter().take_while(Frame::is_message).collect()
}

/// Classic over UDP: each datagram by itself, whole or not at all.
fn classic_datagrams(capture: &Capture, dir: Direction, conn: u32) -> Vec<Frame> {
    let delimiter = capture.receiver_config(dir).delimiter();
    let datagrams = capture.chunks_of(dir, conn).map(|datagram| split(&decode(datagram, "utf8"), delimiter));
    datagrams.filter(|(_, rest)| rest.is_empty()).flat_map(|(frames, _)| frames).collect()
}

/// Modern over UDP: the rest of a datagram joins the next one; a bad frame is an error and drops the rest.
fn modern_datagrams(capture: &Capture, dir: Direction, conn: u32) -> Vec<Frame> {
    let delimiter = capture.receiver_config(dir).delimiter();
    let mut pending = String::new();
    let mut messages = Vec::new();
    for datagram in capture.chunks_of(dir, conn) {
        let (frames, rest) = split(&(pending + &decode(datagram, "utf8")), delimiter);
        let all_good = frames.iter().all(Frame::is_message);
        messages.extend(frames.into_iter().take_while(Frame::is_message));
        pending = if all_good { rest } else { String::new() };
    }
    messages
}

fn model(capture: &Capture, dir: Direction, conn: u32) -> Vec<Frame> {
    let classic = capture.receiver_dialect(dir) == Dialect::Classic;
    match (classic, capture.is_framed_stream()) {
        (true, true) => classic_stream(capture, dir, conn),
        (true, false) => classic_datagrams(capture, dir, conn),
        (false, true) => modern_stream(capture, dir, conn),
        (false, false) => modern_datagrams(capture, dir, conn),
    }
}

/// Compares one stream; answers how many messages it had.
fn check(capture: &Capture, dir: Direction, conn: u32) -> usize {
    let frames = model(capture, dir, conn);
    let recorded = capture.expected_stream_events(dir, conn);
    let place = format!("{} {dir} {conn}", capture.name);
    assert_eq!(frames.len(), recorded.len(), "{place}: {frames:?}\nrecorded {recorded:?}");
    for (frame, decoded) in frames.iter().zip(&recorded) {
        assert!(frame.is(decoded), "{place}: {frame:?}\nrecorded {decoded:?}");
    }
    recorded.len()
}

fn all_captures() -> Vec<Capture> {
    Corpus::built_in().captures().expect("the corpus loads")
}

fn framed_captures() -> Vec<Capture> {
    all_captures().into_iter().filter(|c| c.is_framed_stream() || c.is_framed_datagram()).collect()
}

#[test]
fn recorded_bytes_give_the_recorded_messages() {
    let mut covered = (0, 0);
    for capture in framed_captures() {
        let messages: usize = capture.streams().into_iter().map(|(dir, conn)| check(&capture, dir, conn)).sum();
        assert_eq!(messages, capture.decoded.len(), "{}: messages from streams without bytes", capture.name);
        covered = (covered.0 + capture.streams().len(), covered.1 + messages);
    }
    assert_eq!(covered, COVERED);
}

#[test]
fn the_wire_delimiter_ends_every_framed_stream() {
    for capture in framed_captures().iter().filter(|capture| capture.is_framed_stream()) {
        for (dir, conn) in capture.streams() {
            let delimiter = capture.wire_delimiter(dir);
            assert!(capture.bytes_of(dir, conn).ends_with(delimiter.as_bytes()), "{} {dir} {conn}", capture.name);
        }
    }
}

/// Modern hands raw bytes on untouched; classic does so for the encodings of one byte to a character.
fn hands_on_bytes(capture: &Capture, dir: Direction) -> bool {
    let lossless = matches!(capture.receiver_config(dir).encoding(), "latin1" | "binary");
    lossless || capture.receiver_dialect(dir) == Dialect::Modern
}

/// Compares one raw stream; answers how many events it had.
fn check_raw(capture: &Capture, dir: Direction, conn: u32) -> usize {
    let recorded = capture.expected_stream_events(dir, conn);
    let chunks: Vec<_> = capture.chunks_of(dir, conn).collect();
    let place = format!("{} {dir} {conn}", capture.name);
    assert_eq!(chunks.len(), recorded.len(), "{place}");
    assert!(chunks.iter().zip(&recorded).all(|(chunk, event)| event.data.matches_bytes(chunk)), "{place}");
    recorded.len()
}

#[test]
fn raw_chunks_arrive_as_recorded() {
    let mut events = 0;
    for capture in all_captures().iter().filter(|capture| capture.is_raw_stream()) {
        let streams = capture.streams().into_iter().filter(|(dir, _)| hands_on_bytes(capture, *dir));
        events += streams.map(|(dir, conn)| check_raw(capture, dir, conn)).sum::<usize>();
    }
    assert_eq!(events, 70);
}
