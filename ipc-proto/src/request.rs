//! Requests over plain events: a number goes with the question and comes back with the answer.
//!
//! A question is `{"type":NAME,"data":{"req":N,"body":…}}`; its answer is
//! `{"type":"reply","data":{"req":N,"body":…}}`, or `{"req":N,"error":…}` where it failed. Nothing of this is
//! node-ipc's own, but a stock peer can ask and answer in three lines. The key `id` is never used, because
//! servers of node-ipc 9 to 12 take it as the socket's name. PROTOCOL.md, rules Q1–Q4.

use alloc::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    error::EncodeError,
    frame::Frame,
    message::{Json, Message},
};

/// The event name of an answer, unless [`Config::reply_type`](crate::Config#structfield.reply_type) says
/// otherwise.
pub const REPLY: &str = "reply";

/// The questions of one side of a connection that wait for their answers.
///
/// Numbers begin at 1, grow, and are never used again, over reconnects too: a late answer finds nobody.
#[derive(Debug)]
pub struct Requests<T> {
    last: u64,
    waiting: BTreeMap<u64, T>,
}

/// What a message is to a table of requests.
#[derive(Debug, PartialEq)]
#[non_exhaustive]
pub enum Answer<T> {
    /// No answer at all: an ordinary message.
    None,
    /// An answer to a question that was given up, or never asked.
    Late,
    /// The answer to a question, or the error it failed with.
    Reply(T, Result<Json, Json>),
}

#[derive(Serialize)]
struct Question<'a, T: ?Sized> {
    req: u64,
    body: &'a T,
}

#[derive(Deserialize)]
struct Reply {
    req: u64,
    #[serde(default, deserialize_with = "present")]
    body: Option<Json>,
    #[serde(default, deserialize_with = "present")]
    error: Option<Json>,
}

/// A member that is there, `null` included.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(deserializer).map(Some)
}

impl<T> Requests<T> {
    /// A table without questions.
    #[must_use]
    pub const fn new() -> Self {
        Self { last: 0, waiting: BTreeMap::new() }
    }

    /// A new question's number; `entry` is kept until the answer comes or the question is given up.
    pub fn begin(&mut self, entry: T) -> u64 {
        self.last += 1;
        self.waiting.insert(self.last, entry);
        self.last
    }

    /// Gives a question up: its answer will be [`Late`](Answer::Late).
    pub fn cancel(&mut self, number: u64) -> Option<T> {
        self.waiting.remove(&number)
    }

    /// Gives up every question for which `lost` says so.
    pub fn cancel_where(&mut self, mut lost: impl FnMut(&T) -> bool) -> alloc::vec::Vec<T> {
        let numbers: alloc::vec::Vec<u64> =
            self.waiting.iter().filter(|(_, entry)| lost(entry)).map(|(number, _)| *number).collect();
        numbers.into_iter().filter_map(|number| self.cancel(number)).collect()
    }

    /// How many questions wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether no question waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// What `message` is to these questions, where answers are called `reply_type`.
    pub fn answer(&mut self, reply_type: &str, message: &Message) -> Answer<T> {
        // Nothing was ever asked: a peer's own events of that name stay events.
        if self.last == 0 || message.name() != reply_type {
            return Answer::None;
        }
        let Ok(reply) = message.decode::<Reply>() else { return Answer::None };
        let Some(entry) = self.cancel(reply.req) else { return Answer::Late };
        Answer::Reply(
            entry,
            match reply.error {
                Some(error) => Err(error),
                None => Ok(reply.body.unwrap_or_else(Json::empty_object)),
            },
        )
    }
}

impl<T> Default for Requests<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// The frame of a question.
///
/// # Errors
///
/// [`EncodeError::Json`] when `body` has no JSON form.
pub fn question<T: Serialize + ?Sized>(name: &str, number: u64, body: &T) -> Result<Frame, EncodeError> {
    Frame::encode(name, &Question { req: number, body })
}

/// A question that came in.
///
/// ```
/// use ipc_proto::{Message, request::Request};
///
/// let message = Message::parse(r#"{"type":"add","data":{"req":7,"body":[1,2]}}"#.into())?;
/// let request = Request::of(&message).expect("it asks");
/// let (a, b): (i32, i32) = request.body.decode()?;
/// assert_eq!(request.answer("reply", &(a + b))?.as_bytes(), r#"{"type":"reply","data":{"req":7,"body":3}}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The number, as the peer wrote it: any JSON value, given back verbatim.
    pub number: Json,
    /// What is asked. `{}` where the peer sent none.
    pub body: Json,
}

impl Request {
    /// The question in `message`: its data is an object with a member `req`.
    #[must_use]
    pub fn of(message: &Message) -> Option<Self> {
        #[derive(Deserialize)]
        struct Asked {
            req: Json,
            #[serde(default, deserialize_with = "present")]
            body: Option<Json>,
        }
        let Asked { req, body } = message.decode().ok()?;
        Some(Self { number: req, body: body.unwrap_or_else(Json::empty_object) })
    }

    /// The frame that answers it.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Json`] when `body` has no JSON form.
    pub fn answer<T: Serialize + ?Sized>(&self, reply_type: &str, body: &T) -> Result<Frame, EncodeError> {
        #[derive(Serialize)]
        struct Answered<'a, T: ?Sized> {
            req: &'a Json,
            body: &'a T,
        }
        Frame::encode(reply_type, &Answered { req: &self.number, body })
    }

    /// The frame that says it failed.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Json`] when `error` has no JSON form.
    pub fn refuse<T: Serialize + ?Sized>(&self, reply_type: &str, error: &T) -> Result<Frame, EncodeError> {
        #[derive(Serialize)]
        struct Refused<'a, T: ?Sized> {
            req: &'a Json,
            error: &'a T,
        }
        Frame::encode(reply_type, &Refused { req: &self.number, error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &'static str) -> Message {
        Message::parse(text.into()).unwrap()
    }

    fn json(text: &'static str) -> Json {
        Json::parse(text).unwrap()
    }

    #[test]
    fn answers_find_their_questions_once() {
        let mut requests = Requests::new();
        let early = message(r#"{"type":"reply","data":{"req":1,"body":2}}"#);
        assert_eq!(requests.answer(REPLY, &early), Answer::None, "nothing was asked");
        assert_eq!((requests.begin("a"), requests.begin("b"), requests.begin("c")), (1, 2, 3));
        let cases = [
            (r#"{"type":"reply","data":{"req":2,"body":[1]}}"#, Answer::Reply("b", Ok(json("[1]")))),
            (r#"{"type":"reply","data":{"req":2,"body":[1]}}"#, Answer::Late),
            (r#"{"type":"reply","data":{"req":1,"error":"no"}}"#, Answer::Reply("a", Err(json("\"no\"")))),
            (r#"{"type":"reply","data":{"req":9}}"#, Answer::Late),
            (r#"{"type":"reply","data":{"body":1}}"#, Answer::None),
            (r#"{"type":"reply","data":5}"#, Answer::None),
            (r#"{"type":"reply"}"#, Answer::None),
            (r#"{"type":"other","data":{"req":3}}"#, Answer::None),
            (r#"{"type":"reply","data":{"req":3}}"#, Answer::Reply("c", Ok(json("{}")))),
        ];
        for (text, expected) in cases {
            assert_eq!(requests.answer(REPLY, &message(text)), expected, "{text}");
        }
        assert!(requests.is_empty());
    }

    #[test]
    fn a_null_answer_is_null() {
        let mut requests = Requests::new();
        requests.begin(());
        let null = message(r#"{"type":"reply","data":{"req":1,"body":null}}"#);
        let Answer::Reply((), Ok(body)) = requests.answer(REPLY, &null) else { panic!("no reply") };
        assert_eq!(body.decode::<()>().unwrap(), ());
    }

    #[test]
    fn numbers_are_never_used_again() {
        let mut requests = Requests::new();
        for expected in 1..4 {
            assert_eq!(requests.begin(expected), expected);
            requests.cancel(expected);
        }
        requests.begin(4);
        requests.begin(5);
        assert_eq!(requests.cancel_where(|entry| *entry == 4), [4]);
        assert_eq!(requests.len(), 1);
    }

    #[test]
    fn any_peer_can_ask() {
        assert_eq!(Request::of(&message(r#"{"type":"a","data":{"id":1}}"#)), None);
        assert_eq!(Request::of(&message(r#"{"type":"a"}"#)), None);
        let asked = Request::of(&message(r#"{"type":"a","data":{"req":"x-1"}}"#)).unwrap();
        assert_eq!((asked.number.as_str(), asked.body.as_str()), ("\"x-1\"", "{}"));
        let refused = asked.refuse("answer", "why").unwrap();
        assert_eq!(refused.as_bytes(), r#"{"type":"answer","data":{"req":"x-1","error":"why"}}"#);
    }

    #[test]
    fn a_question_carries_its_number_first() {
        let frame = question("add", 3, &(1, 2)).unwrap();
        assert_eq!(frame.as_bytes(), r#"{"type":"add","data":{"req":3,"body":[1,2]}}"#);
    }
}

#[cfg(test)]
mod properties {
    use alloc::{format, vec::Vec};

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Op {
        Begin,
        Cancel(u64),
        CancelEven,
        Answer { number: u64, fails: bool, named: bool },
    }

    fn op() -> impl Strategy<Value = Op> {
        let answer = (1..30_u64, any::<bool>(), prop::bool::weighted(0.9));
        prop_oneof![
            4 => Just(Op::Begin),
            1 => (1..30_u64).prop_map(Op::Cancel),
            1 => Just(Op::CancelEven),
            5 => answer.prop_map(|(number, fails, named)| Op::Answer { number, fails, named }),
        ]
    }

    fn answer(number: u64, fails: bool, named: bool) -> (Message, Json) {
        let (name, member) = (if named { REPLY } else { "other" }, if fails { "error" } else { "body" });
        let text = format!("{{\"type\":\"{name}\",\"data\":{{\"{member}\":[{number}],\"req\":{number}}}}}");
        let json = Json::parse(format!("[{number}]")).expect("an array");
        (Message::parse(text.into()).expect("an event"), json)
    }

    proptest! {
        /// Against a list of the numbers that wait.
        #[test]
        fn each_question_gets_its_own_answer_at_most_once(ops in prop::collection::vec(op(), 0..80)) {
            let (mut requests, mut waiting, mut last) = (Requests::new(), Vec::new(), 0);
            for op in ops {
                match op {
                    Op::Begin => {
                        last += 1;
                        waiting.push(last);
                        prop_assert_eq!(requests.begin(last), last);
                    }
                    Op::Cancel(number) => {
                        let found = waiting.iter().position(|waits| *waits == number).map(|at| waiting.remove(at));
                        prop_assert_eq!(requests.cancel(number), found);
                    }
                    Op::CancelEven => {
                        let (even, odd): (Vec<u64>, _) = waiting.iter().partition(|number| **number % 2 == 0);
                        waiting = odd;
                        prop_assert_eq!(requests.cancel_where(|number| number % 2 == 0), even);
                    }
                    Op::Answer { number, fails, named } => {
                        let (message, json) = answer(number, fails, named);
                        let found = waiting.iter().position(|waits| named && *waits == number);
                        let expected = match found.map(|at| waiting.remove(at)) {
                            Some(number) => Answer::Reply(number, if fails { Err(json) } else { Ok(json) }),
                            None if named && last > 0 => Answer::Late,
                            None => Answer::None,
                        };
                        prop_assert_eq!(requests.answer(REPLY, &message), expected);
                    }
                }
                prop_assert_eq!((requests.len(), requests.is_empty()), (waiting.len(), waiting.is_empty()));
            }
        }

        /// What one side writes, the other reads: a question, and its answer.
        #[test]
        fn questions_and_answers_survive_the_wire(name in ".{0,9}", body in ".{0,9}", numbers in 1..9_u64) {
            let mut requests = Requests::new();
            let number = (0..numbers).map(|_| requests.begin(())).last().expect("one at least");
            let asked = question(&name, number, &body).unwrap().message().expect("an event");
            let request = Request::of(&asked).expect("it asks");
            prop_assert_eq!((asked.name(), request.body.decode::<&str>().ok().is_some()), (&*name, !body.contains(is_escaped)));
            prop_assert_eq!(request.body.decode::<alloc::string::String>().unwrap(), &*body);
            let reply = request.answer(REPLY, &body).unwrap().message().expect("an event");
            let expected = Answer::Reply((), Ok(Json::encode(&body).unwrap()));
            prop_assert_eq!(requests.answer(REPLY, &reply), expected);
            let refusal = request.refuse(REPLY, &body).unwrap().message().expect("an event");
            prop_assert_eq!(requests.answer(REPLY, &refusal), Answer::Late);
        }
    }

    /// Whether JSON writes the character in another way, so that it cannot be borrowed.
    fn is_escaped(c: char) -> bool {
        matches!(c, '"' | '\\') || c < ' '
    }
}
