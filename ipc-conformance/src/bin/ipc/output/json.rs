//! Events as JSON objects, members in a fixed order.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ipc_proto::{ConnectionError, Event, Frame, Json, Message, PeerId};

use super::{At, Recorded, mark};

/// An object that is being written.
struct Object(Vec<u8>);

impl Object {
    fn new(event: &str) -> Self {
        Self(b"{".to_vec()).text("event", event)
    }

    fn of(event: &str, peer: Option<PeerId>) -> Self {
        let object = Self::new(event);
        match peer {
            Some(peer) => object.token("peer", peer.to_string().as_bytes()),
            None => object,
        }
    }

    fn at(event: &str, at: &At) -> Self {
        let object = Self::new(event);
        let object = match at.dir {
            Some(dir) => object.text("dir", &dir.to_string()),
            None => object,
        };
        object.token("conn", at.conn.to_string().as_bytes()).token("t_ms", at.t_ms.to_string().as_bytes())
    }

    /// A member whose value is JSON text.
    fn token(mut self, key: &str, value: &[u8]) -> Self {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
        self.0.extend([b"\"", key.as_bytes(), b"\":", value].concat());
        self
    }

    fn text(self, key: &str, value: &str) -> Self {
        let token = serde_json::Value::from(value).to_string();
        self.token(key, token.as_bytes())
    }

    fn maybe(self, key: &str, value: Option<&Json>) -> Self {
        match value {
            Some(value) => self.token(key, value.to_compact().as_bytes()),
            None => self,
        }
    }

    fn message(self, message: &Message) -> Self {
        self.token("type", message.name_token().as_bytes()).maybe("data", message.data().as_ref())
    }

    fn bytes(self, bytes: &[u8]) -> Self {
        self.text("b64", &STANDARD.encode(bytes))
    }

    fn error(self, error: &ConnectionError) -> Self {
        self.text("code", error.code()).text("message", &error.to_string())
    }

    fn end(mut self) -> Vec<u8> {
        self.0.push(b'}');
        self.0
    }
}

pub(super) fn start(endpoint: &str) -> Vec<u8> {
    Object::new("start").text("endpoint", endpoint).end()
}

pub(super) fn reply(answer: &Json) -> Vec<u8> {
    Object::new("reply").maybe("data", Some(answer)).end()
}

pub(super) fn undelivered(frame: &Frame) -> Vec<u8> {
    let object = Object::new("undelivered");
    match frame.message() {
        Some(message) => object.message(&message).end(),
        None => object.bytes(frame.as_bytes()).end(),
    }
}

pub(super) fn event(peer: Option<PeerId>, event: &Event) -> Option<Vec<u8>> {
    members(event, |name| Object::of(name, peer))
}

/// An object for the event, begun by `of`.
fn members(event: &Event, of: impl Fn(&str) -> Object) -> Option<Vec<u8>> {
    Some(match event {
        Event::Connected => of("connect").end(),
        Event::Message(message) => of("message").message(message).end(),
        Event::Raw(bytes) => of("data").bytes(bytes).end(),
        Event::Error(error) => of("error").error(error).end(),
        Event::Disconnected { id, .. } => of("disconnect").maybe("id", id.as_ref()).end(),
        Event::Destroyed => of("destroy").end(),
        Event::Undelivered(lost) => undelivered(&lost.frame),
        _ => return None,
    })
}

pub(super) fn recorded(at: &At, what: &Recorded) -> Option<Vec<u8>> {
    match what {
        Recorded::Event(event) => members(event, |name| Object::at(name, at)),
        Recorded::Mark(kind) => Some(Object::at(mark(*kind)?, at).end()),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use ipc_proto::{Code, ProtocolError, Reason};

    use super::*;

    fn line(peer: Option<u64>, what: &Event) -> String {
        String::from_utf8(event(peer.map(PeerId::from), what).expect("a line")).expect("UTF-8")
    }

    fn message(text: &'static str) -> Event {
        Event::Message(Message::parse(Bytes::from_static(text.as_bytes())).expect("a message"))
    }

    fn gone(id: Option<&'static str>) -> Event {
        let id = id.map(|id| Json::parse(id).expect("JSON"));
        Event::Disconnected { reason: Reason::Peer, retry_in: None, id }
    }

    #[test]
    fn lines_to_the_letter() {
        let invalid = Event::Error(ProtocolError::new(Code::InvalidJson).into());
        let cases = [
            (Some(1), Event::Connected, r#"{"event":"connect","peer":1}"#),
            (None, Event::Connected, r#"{"event":"connect"}"#),
            (
                Some(2),
                message(r#"{ "data" : {"a": 1.0, "b":"\u0041"}, "type":"\ud800x" }"#),
                r#"{"event":"message","peer":2,"type":"\ud800x","data":{"a":1.0,"b":"\u0041"}}"#,
            ),
            (None, message(r#"{"type":""}"#), r#"{"event":"message","type":""}"#),
            (None, message(r#"{"type":"m","data":null}"#), r#"{"event":"message","type":"m","data":null}"#),
            (Some(1), Event::Raw(Bytes::from_static(b"\0\xff")), r#"{"event":"data","peer":1,"b64":"AP8="}"#),
            (
                Some(1),
                invalid,
                r#"{"event":"error","peer":1,"code":"ERR_IPC_INVALID_JSON","message":"the frame is not valid JSON"}"#,
            ),
            (Some(1), gone(None), r#"{"event":"disconnect","peer":1}"#),
            (Some(1), gone(Some("{\"a\": 1}")), r#"{"event":"disconnect","peer":1,"id":{"a":1}}"#),
            (None, gone(None), r#"{"event":"disconnect"}"#),
            (None, Event::Destroyed, r#"{"event":"destroy"}"#),
        ];
        for (peer, what, expected) in cases {
            assert_eq!(line(peer, &what), expected);
        }
        assert_eq!(start("tcp:127.0.0.1:5"), br#"{"event":"start","endpoint":"tcp:127.0.0.1:5"}"#);
        assert_eq!(event(None, &Event::Writable), None);
        let list = Frame::encode("m", &[1, 2]).expect("JSON");
        assert_eq!(undelivered(&list), br#"{"event":"undelivered","type":"m","data":[1,2]}"#);
        assert_eq!(undelivered(&Frame::raw("hi")), br#"{"event":"undelivered","b64":"aGk="}"#);
    }
}
