//! Events as lines for people.

use std::fmt::{Display, Write as _};

use anstyle::{AnsiColor, Style};
use ipc_conformance::corpus::Direction;
use ipc_proto::{Event, Frame, Json, Message, PeerId};

use super::{At, Recorded, mark};

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const NAME: Style = AnsiColor::Cyan.on_default().bold();
const DIM: Style = Style::new().dimmed();

/// How many raw bytes are shown.
const SHOWN: usize = 1024;

pub(super) fn start(endpoint: &str, verb: &str) -> Vec<u8> {
    painted(GOOD, format_args!("{verb} {}", tame(endpoint))).into_bytes()
}

pub(super) fn event(peer: Option<PeerId>, event: &Event) -> Option<Vec<u8>> {
    let text = match event {
        Event::Connected => painted(GOOD, "connected"),
        Event::Message(message) => named(message),
        Event::Raw(bytes) => raw(bytes),
        Event::Error(error) => painted(BAD, format_args!("{}: {}", error.code(), tame(&error.to_string()))),
        Event::Disconnected { id: Some(id), .. } => painted(DIM, format_args!("disconnected {}", tame(id.as_str()))),
        Event::Disconnected { id: None, retry_in: Some(delay), .. } => {
            painted(DIM, format_args!("disconnected, next attempt in {}", humantime::format_duration(*delay)))
        }
        Event::Disconnected { .. } => painted(DIM, "disconnected"),
        Event::Destroyed => painted(BAD, "given up"),
        Event::Undelivered(lost) => return Some(undelivered(peer, &lost.frame)),
        _ => return None,
    };
    Some(after(peer, &text))
}

pub(super) fn reply(answer: &Json) -> Vec<u8> {
    tame(answer.to_compact().as_str()).into_bytes()
}

/// A line of a transcript: time, connection, direction, and what happened.
pub(super) fn recorded(at: &At, what: &Recorded) -> Option<Vec<u8>> {
    let text = match what {
        Recorded::Event(happened) => event(None, happened)?,
        Recorded::Mark(kind) => painted(DIM, mark(*kind)?).into_bytes(),
    };
    let arrow = match at.dir {
        Some(Direction::ToServer | Direction::ToParent) => "-> ",
        Some(_) => "<- ",
        None => "",
    };
    let place = painted(DIM, format_args!("{:>10.2} #{}", at.t_ms, at.conn));
    Some([place.as_bytes(), b" ", arrow.as_bytes(), &text].concat())
}

pub(super) fn undelivered(peer: Option<PeerId>, frame: &Frame) -> Vec<u8> {
    let what = frame.message().map_or_else(|| raw(frame.as_bytes()), |message| named(&message));
    after(peer, &format!("{} {what}", painted(BAD, "undelivered")))
}

fn after(peer: Option<PeerId>, text: &str) -> Vec<u8> {
    match peer {
        Some(peer) => format!("{} {text}", painted(DIM, format_args!("#{peer}"))).into_bytes(),
        None => text.as_bytes().to_vec(),
    }
}

fn painted(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// A message, as `connect` would read it.
fn named(message: &Message) -> String {
    let name = message.name();
    let plain = !name.is_empty() && !name.contains([' ', '"', '\u{FFFD}']) && !name.contains(char::is_control);
    let mut text = painted(NAME, tame(if plain { name } else { message.name_token() }));
    if let Some(data) = message.data() {
        text.push(' ');
        text.push_str(&tame(data.to_compact().as_str()));
    }
    text
}

fn raw(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(SHOWN)];
    let more = if shown.len() < bytes.len() { "..." } else { "" };
    let unit = if bytes.len() == 1 { "byte" } else { "bytes" };
    format!("{} {unit} \"{}\"{more}", bytes.len(), shown.escape_ascii())
}

/// The text without anything that a terminal would obey.
pub(crate) fn tame(text: &str) -> String {
    let mut tamed = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            // Writing to a string cannot fail.
            let _ = write!(tamed, "{}", c.escape_unicode());
        } else {
            tamed.push(c);
        }
    }
    tamed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(bytes: Vec<u8>) -> String {
        anstream::adapter::strip_str(&String::from_utf8(bytes).expect("UTF-8")).to_string()
    }

    fn line(text: &'static str) -> String {
        let message = Message::parse(text.into()).expect("a message");
        plain(event(Some(PeerId::from(1)), &Event::Message(message)).expect("a line"))
    }

    #[test]
    fn messages_read_like_input() {
        assert_eq!(line(r#"{"type":"m","data":{"a": 1}}"#), r#"#1 m {"a":1}"#);
        assert_eq!(line(r#"{"type":"m"}"#), "#1 m");
        assert_eq!(line(r#"{"type":"a b","data":"x"}"#), r#"#1 "a b" "x""#);
        assert_eq!(line(r#"{"type":"\ud800","data":1}"#), r#"#1 "\ud800" 1"#);
    }

    #[test]
    fn a_peer_does_not_steer_the_terminal() {
        assert_eq!(line("{\"type\":\"\u{9b}2J\",\"data\":\"\u{7f}\"}"), r#"#1 "\u{9b}2J" "\u{7f}""#);
        assert_eq!(plain(after(None, &raw(b"\x1b[2J"))), r#"4 bytes "\x1b[2J""#);
        assert!(raw(&[b'a'; SHOWN + 1]).ends_with("a\"..."));
    }
}
