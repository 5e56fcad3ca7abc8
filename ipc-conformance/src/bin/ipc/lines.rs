//! The lines of standard input, and the frames they stand for.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use ipc_proto::{Encoding, Frame, Json, Message};

/// Why a line cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadLine {
    NotUtf8,
    NotAType,
    NotJson,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotUtf8 => "it is not UTF-8",
            Self::NotAType => "it begins with a quote, but not with a JSON string",
            Self::NotJson => "what follows the type is not JSON; a string is written in quotes: message \"hello\"",
        })
    }
}

/// How a line is read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Grammar {
    /// A type, and data.
    Events,
    /// Text that stands for bytes.
    Raw(Encoding),
}

impl Grammar {
    /// The frame that `line`, without its line end, stands for; `None` for one that is to be ignored. The end may be
    /// that of Windows.
    pub(crate) fn parse(self, line: &[u8]) -> Result<Option<Frame>, BadLine> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let text = std::str::from_utf8(line).map_err(|_| BadLine::NotUtf8)?;
        match self {
            Self::Raw(_) if text.is_empty() => Ok(None),
            Self::Raw(encoding) => Ok(Some(Frame::raw(encoding.encode(text)))),
            Self::Events if text.trim().is_empty() => Ok(None),
            Self::Events => event(text).map(Some),
        }
    }
}

/// `TYPE JSON`, `"TYPE" JSON`, or a type alone.
fn event(text: &str) -> Result<Frame, BadLine> {
    if !text.starts_with('"') {
        let (name, data) = text.split_once(' ').unwrap_or((text, ""));
        let name = Json::encode(name).map_err(|_| BadLine::NotAType)?;
        return frame(&name, data);
    }
    let (name, data) = text.split_at(string_end(text).ok_or(BadLine::NotAType)?);
    let name = Json::parse(Bytes::copy_from_slice(name.as_bytes())).map_err(|_| BadLine::NotAType)?;
    frame(&name, data)
}

/// Where the JSON string ends that `text` begins with.
fn string_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    let quote = text.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    quote.map(|at| at + 2)
}

/// The frame with `name`, a JSON string that is kept as it is, and the JSON text `text`.
fn frame(name: &Json, text: &str) -> Result<Frame, BadLine> {
    Ok(joined(name, &data(text)?))
}

/// The data that a text stands for; none is `{}`.
pub(crate) fn data(text: &str) -> Result<Json, BadLine> {
    match text.trim() {
        "" => Ok(Json::empty_object()),
        text => Json::parse(Bytes::copy_from_slice(text.as_bytes())).map_err(|_| BadLine::NotJson),
    }
}

/// The frame with `name`, which is a JSON string, and `data`, both as they are.
pub(crate) fn joined(name: &Json, data: &Json) -> Frame {
    let mut text = BytesMut::with_capacity(name.as_bytes().len() + data.as_bytes().len() + 20);
    for part in [&b"{\"type\":"[..], name.as_bytes(), b",\"data\":", data.as_bytes(), b"}"] {
        text.put_slice(part);
    }
    Message::parse(text.freeze()).expect("a JSON string and JSON make a message").to_frame()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(line: &str) -> Result<String, BadLine> {
        let frame = Grammar::Events.parse(line.as_bytes())?.expect("a frame");
        Ok(String::from_utf8(frame.as_bytes().to_vec()).expect("JSON is UTF-8"))
    }

    #[test]
    fn lines_become_frames() {
        let cases = [
            ("ping", r#"{"type":"ping","data":{}}"#),
            ("ping ", r#"{"type":"ping","data":{}}"#),
            ("ping\r", r#"{"type":"ping","data":{}}"#),
            ("m 1.0", r#"{"type":"m","data":1.0}"#),
            ("m  { \"a\" : [1, 2] } ", r#"{"type":"m","data":{"a":[1,2]}}"#),
            (r#"m "a  b""#, r#"{"type":"m","data":"a  b"}"#),
            ("m null", r#"{"type":"m","data":null}"#),
            (r#"it"s 1"#, r#"{"type":"it\"s","data":1}"#),
            (r#""my type" 5"#, r#"{"type":"my type","data":5}"#),
            (r#""a"5"#, r#"{"type":"a","data":5}"#),
            (r#""a\"b\\" 5"#, r#"{"type":"a\"b\\","data":5}"#),
            (r#""\ud800" "\u0041""#, r#"{"type":"\ud800","data":"\u0041"}"#),
            (r#""" 5"#, r#"{"type":"","data":5}"#),
            (" 5", r#"{"type":"","data":5}"#),
            ("é 1e400", r#"{"type":"é","data":1e400}"#),
        ];
        for (line, frame) in cases {
            assert_eq!(text(line).as_deref(), Ok(frame), "{line}");
        }
    }

    #[test]
    fn bad_lines_say_why() {
        let cases = [
            ("m hello", BadLine::NotJson),
            ("m 01", BadLine::NotJson),
            ("m 1,\"type\":\"x\"", BadLine::NotJson),
            ("m {} {}", BadLine::NotJson),
            ("\"m 1", BadLine::NotAType),
            ("\"m\\q\" 1", BadLine::NotAType),
        ];
        for (line, why) in cases {
            assert_eq!(text(line), Err(why), "{line}");
        }
        assert_eq!(Grammar::Events.parse(b"m \xff").expect_err("no text"), BadLine::NotUtf8);
    }

    #[test]
    fn only_a_space_ends_a_type() {
        assert_eq!(text("m\t1").as_deref(), Ok(r#"{"type":"m\t1","data":{}}"#));
    }

    #[test]
    fn blank_lines_are_ignored() {
        for line in ["", " ", "\t \r"] {
            assert!(Grammar::Events.parse(line.as_bytes()).expect("nothing bad").is_none());
        }
        assert!(Grammar::Raw(Encoding::Utf8).parse(b"").expect("nothing bad").is_none());
    }

    #[test]
    fn raw_lines_are_bytes_in_an_encoding() {
        let bytes = |encoding, line: &str| {
            let frame = Grammar::Raw(encoding).parse(line.as_bytes()).expect("text").expect("a frame");
            frame.as_bytes().to_vec()
        };
        assert_eq!(bytes(Encoding::Hex, "00ff"), [0, 255]);
        assert_eq!(bytes(Encoding::Utf8, "a\r\r"), *b"a\r");
        assert_eq!(bytes(Encoding::Utf8, " é"), [32, 0xc3, 0xa9]);
    }
}
