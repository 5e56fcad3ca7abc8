//! Messages that say who they are, written down without the code under test.

use serde::Serialize;

/// What the data of every message is.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Body {
    /// The message's number, which no other message of the simulation has.
    pub(super) n: u64,
    /// The number of the question that this answers; 0 for none.
    pub(super) to: u64,
    p: String,
}

/// What a message is to its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    /// A question with the number that its client gave it.
    Ask(u64),
    /// The answer to the question with that number.
    Reply(u64),
    Raw,
}

/// Each as it is and as JSON writes it. One of them is part of a delimiter.
const UNITS: [(&str, &str); 4] = [("x", "x"), ("|", "|"), ("\u{e9}\u{1f600}", "\u{e9}\u{1f600}"), ("\"\n", "\\\"\\n")];

/// How long a message is made; the longest is beyond the high mark.
const SIZES: [usize; 16] = [0, 1, 1, 2, 3, 5, 10, 20, 40, 90, 200, 300, 700, 1500, 5000, 70_000];

/// Picks the longest.
pub(super) const LONG: u16 = SIZES.len() as u16 - 1;

/// What is sent first where a config says so.
pub(super) const GREETING: &str = r#"{"type":"hello","data":1}"#;
/// Ends a raw record, so that the receiver finds it again.
pub(super) const RAW_END: u8 = b'>';

/// A message before it is encoded, by whomever.
#[derive(Clone, Debug)]
pub(super) struct Note {
    pub(super) n: u64,
    pub(super) to: u64,
    unit: usize,
    count: usize,
}

impl Note {
    /// `choice` picks what fills it.
    pub(super) fn new(n: u64, to: u64, choice: u16) -> Self {
        let count = SIZES[usize::from(choice) % SIZES.len()];
        // Long ones are of letters: a message with a delimiter in it is refused, and few should be.
        let unit = usize::from(choice / 64) % UNITS.len();
        let unit = if count > 3 { unit & 2 } else { unit };
        Self { n, to, unit, count: count.div_ceil(UNITS[unit].0.len()) }
    }

    pub(super) fn body(&self) -> Body {
        Body { n: self.n, to: self.to, p: UNITS[self.unit].0.repeat(self.count) }
    }

    /// The whole text, without what ends it.
    pub(super) fn text(&self, kind: Kind) -> String {
        let body = || format!(r#"{{"n":{},"to":{},"p":"{}"}}"#, self.n, self.to, UNITS[self.unit].1.repeat(self.count));
        match kind {
            Kind::Plain => format!(r#"{{"type":"m","data":{}}}"#, body()),
            Kind::Ask(number) => format!(r#"{{"type":"ask","data":{{"req":{number},"body":{}}}}}"#, body()),
            Kind::Reply(number) => format!(r#"{{"type":"reply","data":{{"req":{number},"body":{}}}}}"#, body()),
            Kind::Raw => format!("<{}:{}", self.n, "x".repeat(self.count)),
        }
    }
}

/// The number of the message that `text` is, or begins as; `None` where that cannot be told.
pub(super) fn number_of(text: &[u8]) -> Option<u64> {
    let digits = match text.first()? {
        b'<' => &text[1..],
        _ => &text[find(text, b"\"n\":")? + 4..],
    };
    let len = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(&digits[..len]).ok()?.parse().ok()
}

/// Where `part` first stands in `text`, the slow way.
pub(super) fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    let first = part.first()?;
    text.windows(part.len()).position(|window| window[0] == *first && window == part)
}
