//! From names to typed handlers.

use alloc::{boxed::Box, collections::BTreeMap, format, string::String};
use core::fmt;

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    client::Client,
    connection::Connection,
    error::{DecodeError, EmitError},
    frame::Frame,
    message::Message,
    outbox::Pressure,
    peers::PeerId,
    request::{REPLY, Request},
};

/// Whatever takes frames for a peer.
pub trait Emit {
    /// Takes a frame.
    ///
    /// # Errors
    ///
    /// As [`Connection::send`].
    fn send_frame(&mut self, frame: Frame) -> Result<Pressure, EmitError>;

    /// Answers a message with its own name and data, byte for byte, without decoding it.
    ///
    /// # Errors
    ///
    /// As [`Connection::relay`].
    fn relay(&mut self, message: &Message) -> Result<Pressure, EmitError> {
        self.send_frame(message.to_frame())
    }
}

impl Emit for Connection {
    fn send_frame(&mut self, frame: Frame) -> Result<Pressure, EmitError> {
        self.send(frame)
    }

    fn relay(&mut self, message: &Message) -> Result<Pressure, EmitError> {
        Self::relay(self, message)
    }
}

impl Emit for Client {
    fn send_frame(&mut self, frame: Frame) -> Result<Pressure, EmitError> {
        self.send(frame)
    }
}

/// What a handler is given beside the data: its state, and a way to answer.
pub struct Cx<'a, S> {
    /// The state that [`Router::dispatch`] was given.
    pub state: &'a mut S,
    peer: Option<PeerId>,
    out: &'a mut dyn Emit,
}

impl<S> Cx<'_, S> {
    /// Who sent the message, where a server has several peers.
    #[must_use]
    pub const fn peer(&self) -> Option<PeerId> {
        self.peer
    }

    /// Emits an event to the sender of the message.
    ///
    /// # Errors
    ///
    /// As [`Connection::emit`].
    pub fn emit<T: Serialize + ?Sized>(&mut self, name: &str, data: &T) -> Result<Pressure, EmitError> {
        let frame = Frame::encode(name, data)?;
        self.out.send_frame(frame)
    }

    /// Sends a frame to the sender of the message.
    ///
    /// # Errors
    ///
    /// As [`Connection::send`].
    pub fn send(&mut self, frame: Frame) -> Result<Pressure, EmitError> {
        self.out.send_frame(frame)
    }
}

impl<S: fmt::Debug> fmt::Debug for Cx<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cx").field("state", &self.state).field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// What a route did with a message.
enum Routed {
    Done,
    Unmatched,
}

type Handler<S> = Box<dyn Fn(&mut Cx<'_, S>, &Message) -> Result<Routed, DecodeError> + Send + Sync>;

/// Handlers by the name of the event: node-ipc's `on`, without shared state behind the scenes.
///
/// A handler runs where [`dispatch`](Self::dispatch) is called and must not block. Only messages are routed;
/// lifecycle never is, whatever name a peer uses.
///
/// ```
/// use std::sync::Arc;
/// use ipc_proto::{Config, Connection, Event, Router, Side, Timestamp};
///
/// let router = Router::new().on("add", |cx, (a, b): (u32, u32)| {
///     *cx.state += 1;
///     let _ = cx.emit("sum", &(a + b));
/// });
///
/// let mut calls = 0;
/// let mut conn = Connection::new(Arc::new(Config::default()), Side::Server);
/// conn.handle_input(Timestamp::ZERO, b"{\"type\":\"add\",\"data\":[1,2]}\x0c");
/// while let Some(event) = conn.poll_event() {
///     if let Event::Message(message) = event {
///         assert!(router.dispatch(&mut calls, None, &mut conn, message)?.is_none());
///     }
/// }
/// assert_eq!(calls, 1);
/// # Ok::<(), ipc_proto::DecodeError>(())
/// ```
pub struct Router<S> {
    routes: BTreeMap<String, Handler<S>>,
}

impl<S> Router<S> {
    /// A router without routes.
    #[must_use]
    pub const fn new() -> Self {
        Self { routes: BTreeMap::new() }
    }

    /// Calls `handler` with the decoded data of every event called `name`. A second handler for a name takes
    /// the place of the first.
    #[must_use]
    pub fn on<T, F>(mut self, name: impl Into<String>, handler: F) -> Self
    where
        T: DeserializeOwned,
        F: Fn(&mut Cx<'_, S>, T) + Send + Sync + 'static,
    {
        let handler = move |cx: &mut Cx<'_, S>, message: &Message| {
            handler(cx, message.decode()?);
            Ok(Routed::Done)
        };
        self.routes.insert(name.into(), Box::new(handler));
        self
    }

    /// Answers the requests called `name` with what `handler` returns, or with its error's text.
    ///
    /// A message of that name that asks nothing (its data has no `req`) counts as one without a route. See
    /// [`crate::request`] for what a request is on the wire; the answer is called
    /// [`reply`](crate::request::REPLY).
    ///
    /// ```
    /// use ipc_proto::Router;
    ///
    /// let router = Router::<()>::new().on_request("half", |_, n: u32| {
    ///     if n % 2 == 0 { Ok(n / 2) } else { Err("odd") }
    /// });
    /// ```
    #[must_use]
    pub fn on_request<T, A, E, F>(mut self, name: impl Into<String>, handler: F) -> Self
    where
        T: DeserializeOwned,
        A: Serialize,
        E: fmt::Display,
        F: Fn(&mut Cx<'_, S>, T) -> Result<A, E> + Send + Sync + 'static,
    {
        let handler = move |cx: &mut Cx<'_, S>, message: &Message| {
            let Some(request) = Request::of(message) else { return Ok(Routed::Unmatched) };
            let answer = match handler(cx, request.body.decode()?) {
                Ok(answer) => request.answer(REPLY, &answer),
                Err(error) => request.refuse(REPLY, &format!("{error}")),
            };
            let answer = answer.or_else(|error| request.refuse(REPLY, &format!("{error}")));
            // A peer that is gone, or does not take its answers, is not worth a word here.
            drop(answer.map(|frame| cx.send(frame)));
            Ok(Routed::Done)
        };
        self.routes.insert(name.into(), Box::new(handler));
        self
    }

    /// Calls `handler` with every event called `name`, as it came.
    #[must_use]
    pub fn on_message<F>(mut self, name: impl Into<String>, handler: F) -> Self
    where
        F: Fn(&mut Cx<'_, S>, &Message) + Send + Sync + 'static,
    {
        let handler = move |cx: &mut Cx<'_, S>, message: &Message| {
            handler(cx, message);
            Ok(Routed::Done)
        };
        self.routes.insert(name.into(), Box::new(handler));
        self
    }

    /// Runs the handler of `message`; a message without one is returned, never swallowed.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when the data is not what the handler takes; the handler was not called then.
    pub fn dispatch(
        &self,
        state: &mut S,
        peer: Option<PeerId>,
        out: &mut dyn Emit,
        message: Message,
    ) -> Result<Option<Message>, DecodeError> {
        let routed = self.route(state, peer, out, &message)?;
        Ok(Some(message).filter(|_| !routed))
    }

    /// As [`dispatch`](Self::dispatch), by reference; says whether the message had a handler.
    ///
    /// # Errors
    ///
    /// As [`dispatch`](Self::dispatch).
    pub fn route(
        &self,
        state: &mut S,
        peer: Option<PeerId>,
        out: &mut dyn Emit,
        message: &Message,
    ) -> Result<bool, DecodeError> {
        let Some(handler) = self.routes.get(message.name()) else { return Ok(false) };
        Ok(matches!(handler(&mut Cx { state, peer, out }, message)?, Routed::Done))
    }
}

impl<S> Default for Router<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> fmt::Debug for Router<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.routes.keys()).finish()
    }
}

#[cfg(test)]
mod properties {
    use alloc::{string::ToString, sync::Arc, vec::Vec};

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::{config::Config, connection::Side};

    /// Keeps what it is sent.
    #[derive(Default)]
    struct Sent(Vec<Frame>);

    impl Emit for Sent {
        fn send_frame(&mut self, frame: Frame) -> Result<Pressure, EmitError> {
            self.0.push(frame);
            Ok(Pressure::Low)
        }
    }

    type Log = Vec<(&'static str, String)>;

    fn router() -> Router<Log> {
        Router::new()
            .on("number", |cx: &mut Cx<'_, Log>, n: i64| cx.state.push(("number", n.to_string())))
            .on("again", |_, (): ()| unreachable!("the later handler takes its place"))
            .on("again", |cx: &mut Cx<'_, Log>, n: Value| cx.state.push(("again", n.to_string())))
            .on_message("any", |cx, message| {
                let _ = cx.emit("seen", message.name());
                cx.state.push(("any", String::new()));
            })
            .on_request("half", |cx, n: i64| {
                cx.state.push(("half", n.to_string()));
                if n % 2 == 0 { Ok(n / 2) } else { Err("odd") }
            })
    }

    /// The entry that the handler of `name` makes, or `Err` where the data is not its.
    fn expected(name: &str, data: &Value) -> Result<Option<(&'static str, String)>, ()> {
        let number = |data: &Value| data.as_i64().map(|n| n.to_string()).ok_or(());
        Ok(match name {
            "number" => Some(("number", number(data)?)),
            "again" => Some(("again", data.to_string())),
            "any" => Some(("any", String::new())),
            "half" if data.get("req").is_some() => {
                Some(("half", number(data.get("body").unwrap_or(&Value::Object(Default::default())))?))
            }
            _ => None,
        })
    }

    #[test]
    fn a_router_shows_its_names() {
        assert_eq!(format!("{:?}", router()), r#"{"again", "any", "half", "number"}"#);
        assert_eq!(format!("{:?}", Router::<()>::default()), "{}");
    }

    #[test]
    fn a_handler_knows_its_peer_and_its_state() {
        let router = Router::new().on("who", |cx: &mut Cx<'_, Log>, (): ()| {
            let shown = format!("{cx:?}");
            cx.state.push(("who", format!("{:?} {shown}", cx.peer())));
        });
        let (mut log, message) = (Log::new(), Frame::event("who").message().expect("an event"));
        assert!(router.route(&mut log, Some(PeerId::from(7)), &mut Sent::default(), &message).unwrap());
        assert_eq!(log[0].1, "Some(PeerId(7)) Cx { state: [], peer: Some(PeerId(7)), .. }");
    }

    /// A connection and a client take what a handler emits, and what it relays.
    #[test]
    fn whatever_takes_frames_takes_answers() {
        let config = Arc::new(Config::default());
        let mut conn = Connection::new(Arc::clone(&config), Side::Server);
        let (mut client, mut sent) = (Client::new(config), Sent::default());
        let message = Frame::event("m").message().expect("an event");
        let outs: [&mut dyn Emit; 3] = [&mut conn, &mut client, &mut sent];
        for out in outs {
            assert_eq!(out.send_frame(Frame::event("m")).unwrap(), Pressure::Low);
            assert_eq!(out.relay(&message).unwrap(), Pressure::Low);
        }
        assert_eq!(conn.pending_bytes(), 2 * (message.len() + 1));
        assert_eq!(client.pending_bytes(), 2 * message.len());
        assert_eq!(sent.0, [Frame::event("m"), Frame::event("m")]);
    }

    fn data() -> impl Strategy<Value = Value> {
        let number = any::<i8>().prop_map(Value::from);
        let leaf = prop_oneof![3 => number, 1 => Just(Value::Null), 1 => "[a-z]{0,3}".prop_map(Value::from)];
        prop_oneof![
            2 => leaf.clone(),
            3 => (leaf.clone(), leaf.clone()).prop_map(|(req, body)| json!({ "req": req, "body": body })),
            1 => leaf.clone().prop_map(|req| json!({ "req": req })),
            1 => leaf.prop_map(|body| json!({ "body": body })),
        ]
    }

    proptest! {
        /// Each message goes to its own handler, with its data, once; any other comes back.
        #[test]
        fn messages_find_their_handlers(name in "number|again|any|half|half|half|other|ANY|", data in data()) {
            let (mut log, mut out) = (Log::new(), Sent::default());
            let message = Frame::encode(&name, &data).unwrap().message().expect("an event");
            let frame = message.to_frame();
            let result = router().dispatch(&mut log, None, &mut out, message);
            let expected = expected(&name, &data);
            prop_assert_eq!(result.is_err(), expected.is_err());
            let back = result.ok().flatten().map(|message| message.to_frame());
            prop_assert_eq!(back, Some(frame).filter(|_| expected == Ok(None)));
            let handled = expected.ok().flatten();
            prop_assert_eq!(log, handled.clone().into_iter().collect::<Log>());
            let answers = usize::from(handled.is_some_and(|(name, _)| matches!(name, "any" | "half")));
            prop_assert_eq!(out.0.len(), answers);
            if name == "half" && answers == 1 {
                let n = data["body"].as_i64().expect("it was handled");
                let answer = if n % 2 == 0 { ("body", Value::from(n / 2)) } else { ("error", "odd".into()) };
                let reply = json!({ "req": data["req"], answer.0: answer.1 });
                prop_assert_eq!(&out.0[0], &Frame::encode(REPLY, &reply).unwrap());
            }
        }
    }
}
