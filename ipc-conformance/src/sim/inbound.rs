//! What one end of a connection is handed, against what the wire carried to it.

use ipc_proto::{Code, Config, ConnectionError, Dialect, Message, Profile, Reason, Timestamp};

use super::{
    ledger::{CLIENTS, Channel, server_channel},
    log::Meaning,
    net::{Link, Shared},
    pipe::Pipe,
    scene::Scene,
    text::{GREETING, RAW_END, number_of},
};

/// The receiving half of one end.
#[derive(Debug)]
pub(super) struct Inbound {
    name: String,
    number: usize,
    client: usize,
    channel: Channel,
    pipe: Shared<Pipe>,
    /// The other direction.
    out: Shared<Pipe>,
    /// The record that is not whole yet, in the raw profile.
    raw: Vec<u8>,
    /// How many messages, or bad frames, were handed out.
    pub(super) taken: usize,
    pub(super) taken_at: Option<Timestamp>,
    /// The application ended this connection, or an error did.
    pub(super) gave_up: bool,
    /// The application was refused in a profile that ends the connection for it, or held too much.
    pub(super) overloaded: bool,
}

impl Inbound {
    pub(super) fn of_client(number: usize, link: &Link) -> Self {
        Self::new(
            format!("client {} on connection {number}", link.client),
            number,
            link,
            server_channel(number),
            [&link.down, &link.up],
        )
    }

    pub(super) fn of_server(number: usize, link: &Link) -> Self {
        Self::new(
            format!("server {} on connection {number}", link.server),
            number,
            link,
            CLIENTS,
            [&link.up, &link.down],
        )
    }

    fn new(name: String, number: usize, link: &Link, channel: Channel, [pipe, out]: [&Shared<Pipe>; 2]) -> Self {
        Self {
            name,
            number,
            client: link.client,
            channel,
            pipe: Shared::clone(pipe),
            out: Shared::clone(out),
            raw: Vec::new(),
            taken: 0,
            taken_at: None,
            gave_up: false,
            overloaded: false,
        }
    }

    /// Lets the model see what the sender wrote.
    pub(super) fn absorb(&self, scene: &mut Scene) {
        let who = if self.channel == CLIENTS { self.client } else { 0 };
        let result = scene.ledger.absorb(self.channel, who, self.number, &mut self.pipe.borrow_mut().log);
        scene.require(result);
    }

    /// ... and what this side wrote.
    pub(super) fn absorb_own(&self, scene: &mut Scene) {
        let (channel, who) = match self.channel {
            CLIENTS => (server_channel(self.number), 0),
            _ => (CLIENTS, self.client),
        };
        let result = scene.ledger.absorb(channel, who, self.number, &mut self.out.borrow_mut().log);
        scene.require(result);
    }

    /// A message; its number, unless it is one that nobody sent, or a greeting.
    pub(super) fn message(&mut self, scene: &mut Scene, message: &Message) -> Option<u64> {
        let data = message.data().map_or_else(String::new, |data| data.to_string());
        scene.say(|| format!("{} gets {} {:.60}", self.name, message.name(), data));
        let found = self.next(scene, || format!("message {} {data:.60}", message.name()))?;
        let whole = match &found {
            Next::Forged(Ok((name, expected))) => (*name, *expected) == (message.name(), &*data),
            Next::Forged(Err(_)) => false,
            Next::Text(text) => *text == format!(r#"{{"type":"{}","data":{data}}}"#, message.name()).into_bytes(),
        };
        scene.check(whole, || format!("{} got {} {data:.60} instead of {found:?}", self.name, message.name()));
        self.deliver(scene, found)
    }

    /// Raw bytes; the numbers of the records that are whole now.
    pub(super) fn raw(&mut self, scene: &mut Scene, bytes: &[u8]) -> Vec<u64> {
        self.note_taken(scene);
        let mut numbers = Vec::new();
        for part in bytes.split_inclusive(|byte| *byte == RAW_END) {
            self.raw.extend_from_slice(part);
            let Some(record) = self.raw.strip_suffix(&[RAW_END]).map(<[u8]>::to_vec) else { break };
            self.raw.clear();
            let Some(found) = self.next(scene, || "a record".to_owned()) else { break };
            let same = matches!(&found, Next::Text(text) if *text == record);
            scene.check(same, || format!("{} got {record:?} instead of {found:?}", self.name));
            numbers.extend(self.deliver(scene, found));
        }
        numbers
    }

    fn deliver(&self, scene: &mut Scene, found: Next) -> Option<u64> {
        match found {
            Next::Text(text) if text != GREETING.as_bytes() => {
                let result = scene.ledger.deliver(self.channel, self.number, &text);
                scene.require(result)
            }
            Next::Text(_) | Next::Forged(_) => None,
        }
    }

    /// An error: whether the model expects it.
    pub(super) fn error(&mut self, scene: &mut Scene, config: &Config, error: &ConnectionError) {
        scene.say(|| format!("{}: {}", self.name, error.code()));
        let ConnectionError::Protocol(broken) = error else { return };
        match broken.code() {
            Code::MessageTimeout => self.message_timeout(scene, config),
            Code::Backpressure => scene.check(self.overloaded, || format!("{} is overloaded, and was not", self.name)),
            Code::FrameTooLarge => self.too_large(scene, config),
            code => self.bad_frame(scene, config, code.as_str()),
        }
    }

    fn bad_frame(&mut self, scene: &mut Scene, config: &Config, code: &str) {
        let found = self.next(scene, || code.to_owned());
        let expected = matches!(&found, Some(Next::Forged(Err(expected))) if *expected == code);
        scene.check(expected, || format!("{} found {code} in {found:?}", self.name));
        self.gave_up |= config.dialect == Dialect::Modern;
    }

    fn too_large(&mut self, scene: &mut Scene, config: &Config) {
        let pipe = self.pipe.borrow();
        let next = pipe.log.whole.get(pipe.log.delivered).map_or(&pipe.log.tail, |whole| &whole.text);
        let len = next.len();
        drop(pipe);
        scene.check(len > config.frame_limit(), || format!("{} calls {len} bytes too large", self.name));
        self.gave_up = true;
    }

    fn message_timeout(&mut self, scene: &mut Scene, config: &Config) {
        let late = self.partial_is_late(scene, config);
        scene.check(late, || format!("{} gave up a frame too early", self.name));
        self.gave_up = true;
    }

    /// Whether the frame that the reader has a part of is too old.
    pub(super) fn partial_is_late(&self, scene: &Scene, config: &Config) -> bool {
        let raw = config.profile == Profile::Raw;
        let since = self.pipe.borrow().log.partial_since.filter(|_| !raw);
        let deadline = since.zip(config.partial_frame_timeout()).map(|(since, span)| since.saturating_add(span));
        deadline.is_some_and(|deadline| deadline <= scene.time.now())
    }

    /// The end: everything that was read must have been handed out, unless this side ended it.
    pub(super) fn ended(&self, scene: &mut Scene, reason: Reason) {
        scene.say(|| format!("{} ends: {reason:?}", self.name));
        self.absorb_own(scene);
        let mut pipe = self.pipe.borrow_mut();
        let gave_up = self.gave_up || matches!(reason, Reason::Local | Reason::Protocol);
        pipe.gave_up |= gave_up;
        let (read, delivered) = (pipe.log.read_whole, pipe.log.delivered);
        drop(pipe);
        scene.check(gave_up || read == delivered, || {
            format!("{} has read {read} frames and handed out {delivered}", self.name)
        });
    }

    /// Who rests, with `waiting` bytes to write, is woken by what it rests for: room, or input if it takes some.
    pub(super) fn check_rest(&self, scene: &mut Scene, waiting: usize, wants_read: bool) {
        let opening = self.pipe.borrow().is_opening();
        let stuck = waiting == 0 || opening || self.out.borrow().wakes_writer();
        scene.check(stuck, || format!("{} rests with {waiting} bytes to write", self.name));
        let idle = !wants_read || self.pipe.borrow().wakes_reader();
        scene.check(idle, || format!("{} rests and waits for no input", self.name));
    }

    /// Whether there is a session, or never will be one.
    pub(super) fn has_session(&self) -> bool {
        let pipe = self.pipe.borrow();
        !pipe.is_opening() && !pipe.refused()
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.pipe.borrow().log.read
    }

    /// How many whole frames this side has sent.
    pub(super) fn frames_sent(&self) -> usize {
        self.out.borrow().log.whole.iter().filter(|whole| whole.forged.is_none()).count()
    }

    /// The message that this side sent last and when, if nothing has come since
    /// and no further one is being sent.
    pub(super) fn unanswered(&self) -> Option<(u64, Timestamp)> {
        let out = self.out.borrow();
        let last = out.log.whole.iter().rfind(|whole| whole.forged.is_none())?;
        let silent = self.taken_at.is_none_or(|at| at < last.at);
        number_of(&last.text).filter(|_| silent && out.log.tail.is_empty()).map(|n| (n, last.at))
    }

    fn note_taken(&mut self, scene: &Scene) {
        self.taken += 1;
        self.taken_at = Some(scene.time.now());
    }

    /// What the receiver must be handed next.
    fn next(&mut self, scene: &mut Scene, what: impl FnOnce() -> String) -> Option<Next> {
        self.absorb(scene);
        self.note_taken(scene);
        let mut pipe = self.pipe.borrow_mut();
        let log = &mut pipe.log;
        let found = (log.delivered < log.read_whole).then(|| {
            let whole = &log.whole[log.delivered];
            whole.forged.as_ref().map_or_else(|| Next::Text(whole.text.clone()), |forged| Next::Forged(forged.meaning))
        });
        log.delivered += 1;
        drop(pipe);
        scene.check(found.is_some(), || format!("{} got more than was sent: {}", self.name, what()));
        found
    }
}

/// What the wire carried.
#[derive(Debug)]
enum Next {
    Text(Vec<u8>),
    Forged(Meaning),
}
