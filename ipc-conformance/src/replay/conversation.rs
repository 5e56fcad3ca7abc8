//! What passed at one endpoint, for people: bytes and events in their order, and what was expected beside what came.

use super::{Ran, Seen, recorded::Wanted};

/// Bytes and events at one endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Conversation {
    /// In the order in which they came; events whose place is not known stand at the end.
    pub steps: Vec<Step>,
    /// What was recorded.
    pub expected: Vec<Said>,
    /// What came.
    pub got: Vec<Said>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Bytes that one end wrote.
    Bytes {
        /// Whom to.
        to: String,
        /// How many.
        len: usize,
        /// The first of them.
        head: Vec<u8>,
        /// The last, where those are not all.
        tail: Vec<u8>,
    },
    /// Something else that was done.
    Note(String),
    /// An event that the endpoint published.
    Event(String),
}

/// One event in words.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Said {
    /// What kind it is of: the code of an error, `a message`, `the end` …
    pub kind: String,
    /// With its content, shortened where it is long.
    pub text: String,
}

/// The most of a chunk that is kept: so much of its beginning, and of its end.
const HEAD: usize = 256;
const TAIL: usize = 64;
/// The most steps that are kept of a conversation's beginning, and of its end.
const FIRST: usize = 150;
const LAST: usize = 50;

impl Step {
    /// Bytes, of which the beginning and the end are kept.
    pub fn bytes(to: &str, bytes: &[u8]) -> Self {
        let (head, tail) = match bytes.len() {
            len if len <= HEAD + TAIL => (bytes, &[][..]),
            len => (&bytes[..HEAD], &bytes[len - TAIL..]),
        };
        Self::Bytes { to: to.to_owned(), len: bytes.len(), head: head.to_vec(), tail: tail.to_vec() }
    }
}

impl Said {
    /// One whose text says all.
    pub fn plain(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { kind: text.clone(), text }
    }
}

/// What an endpoint was given.
pub(super) struct Bytes<'a> {
    pub(super) to: &'a str,
    pub(super) chunks: &'a [Vec<u8>],
    pub(super) eof: bool,
}

impl Conversation {
    pub(super) fn new(given: &Bytes<'_>, wanted: &[Wanted], ran: &Ran) -> Self {
        let got: Vec<Said> = ran.seen.iter().map(said).collect();
        let expected = wanted.iter().enumerate().map(|(at, wanted)| match ran.seen.get(at) {
            // Texts of one value may be written in several ways.
            Some(seen) if wanted.is(seen) => said(seen),
            _ => Said { kind: wanted.kind(), text: format!("{wanted:?}") },
        });
        Self { expected: expected.collect(), steps: shortened(steps(given, ran)), got }
    }

    /// One of which no bytes are known.
    pub fn of_events(steps: Vec<Step>, expected: Vec<Said>, got: Vec<Said>) -> Self {
        Self { steps: shortened(steps), expected, got }
    }

    /// Something that is no event and was expected otherwise.
    pub(super) fn also(&mut self, expected: &str, got: &str) {
        self.expected.push(Said::plain(expected));
        self.got.push(Said::plain(got));
    }

    /// The pairs of what was expected and what came, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (Option<&Said>, Option<&Said>)> {
        let len = self.expected.len().max(self.got.len());
        (0..len).map(|at| (self.expected.get(at), self.got.get(at)))
    }

    /// The first difference, by the kinds of the two events.
    pub fn kind(&self) -> String {
        let other = self.pairs().find(|(expected, got)| expected != got);
        let Some((expected, got)) = other else { return "other content".to_owned() };
        let [expected, got] = [expected, got].map(|said| said.map_or("nothing", |said| &said.kind));
        if expected == got { format!("{expected} with other content") } else { format!("{got} instead of {expected}") }
    }
}

fn said(seen: &Seen) -> Said {
    Said { kind: seen.kind(), text: format!("{seen:?}") }
}

/// Without the middle of a long one.
fn shortened(mut steps: Vec<Step>) -> Vec<Step> {
    if let Some(end) = steps.len().checked_sub(LAST).filter(|end| *end > FIRST) {
        let left_out = Step::Note(format!("{} more steps", end - FIRST));
        steps.splice(FIRST..end, [left_out]);
    }
    steps
}

fn steps(given: &Bytes<'_>, ran: &Ran) -> Vec<Step> {
    let placed = ran.after.len() == ran.seen.len();
    let event = |seen: &Seen| Step::Event(format!("{seen:?}"));
    let after = |at: usize| {
        let seen = ran.seen.iter().zip(&ran.after).filter(move |(_, after)| placed && **after == at);
        seen.map(move |(seen, _)| event(seen))
    };
    let mut steps: Vec<Step> = after(0).collect();
    for (at, chunk) in given.chunks.iter().enumerate() {
        steps.push(Step::bytes(given.to, chunk));
        steps.extend(after(at + 1));
    }
    steps.extend(given.eof.then(|| Step::Note("the peer ends its side".to_owned())));
    let rest = ran.seen.iter().zip((0..).map(|at| ran.after.get(at).copied()));
    let rest = rest.filter(|(_, after)| !placed || after.is_some_and(|after| after > given.chunks.len()));
    steps.extend(rest.map(|(seen, _)| event(seen)));
    steps
}
