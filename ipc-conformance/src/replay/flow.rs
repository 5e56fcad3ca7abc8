//! Captures: what one endpoint of a recorded conversation was given.

use ipc_proto::{Config, Encoding, Profile};

use super::{
    Chunking, Conversation, Outcome, Ran, Role, Seen, compare,
    conversation::Bytes,
    datagrams, is_same,
    machine::{self, Input},
    model, recorded,
    recorded::Wanted,
    rules::Circumstances,
};
use crate::corpus::{Capture, Direction, EndpointConfig};

/// One direction of a recorded connection, or of a pair of UDP sockets.
#[derive(Clone, Copy, Debug)]
pub struct Flow<'a> {
    capture: &'a Capture,
    dir: Direction,
    conn: u32,
}

impl<'a> Flow<'a> {
    /// All of a capture: each direction of each connection that carried bytes; over UDP both directions.
    pub fn all(capture: &'a Capture) -> Vec<Self> {
        let flow = |(dir, conn)| Self { capture, dir, conn };
        if capture.is_datagrams() {
            return [(Direction::ToServer, 0), (Direction::ToClient, 0)].map(flow).into();
        }
        capture.streams().into_iter().map(flow).collect()
    }

    /// Who received it. Over UDP both are servers.
    pub fn role(&self) -> Role {
        let client = self.dir == Direction::ToClient && !self.capture.is_datagrams();
        if client { Role::Client } else { Role::Server }
    }

    /// Whether the chunks are datagrams.
    pub fn is_datagrams(&self) -> bool {
        self.capture.is_datagrams()
    }

    /// Which way it went, and on which connection.
    pub fn direction(&self) -> String {
        format!("{} {}", self.dir, self.conn)
    }

    /// The version of the receiver.
    pub fn version(&self) -> &'a str {
        self.capture.receiver_version(self.dir)
    }

    /// The receiver's encoding, as Node calls it.
    pub fn encoding(&self) -> &'a str {
        self.capture.receiver_config(self.dir).encoding()
    }

    /// The receiver, but for the delimiter: that is what stood on the wire.
    pub fn config(&self) -> Config {
        let Self { capture, dir, .. } = self;
        let options: &EndpointConfig = capture.receiver_config(*dir);
        let profile = match options.parser.as_deref() {
            Some("guarded") => Profile::Guarded,
            Some("assured") => Profile::Assured,
            _ if options.raw_buffer || capture.is_raw_stream() => Profile::Raw,
            _ => Profile::Fast,
        };
        let config = Config::default()
            .dialect(capture.receiver_dialect(*dir))
            .delimiter(capture.wire_delimiter(*dir))
            .encoding(Encoding::from_name(options.encoding()).unwrap_or_default())
            .identify_peer(options.identify_peer.then_some(true))
            .profile(profile);
        options.allowed_events.iter().fold(config, Config::allow)
    }

    /// What it is given. Datagrams are never cut.
    pub fn chunks(&self, chunking: Chunking) -> Vec<Vec<u8>> {
        let recorded = self.recorded();
        if self.is_datagrams() { Chunking::Recorded.cut(&recorded) } else { chunking.cut(&recorded) }
    }

    /// What this project's machine makes of it.
    pub fn by_machine(&self, chunking: Chunking) -> Ran {
        let (config, chunks) = (self.config(), self.chunks(chunking));
        if self.is_datagrams() {
            return datagrams::received(config, &chunks);
        }
        machine::server(config, &Input { chunks: &chunks, eof: true, wait: false })
    }

    /// What happened, for people.
    pub fn conversation(&self, ran: &Ran, chunking: Chunking) -> Conversation {
        let chunks = self.chunks(chunking);
        let bytes = Bytes { to: &self.receiver(), chunks: &chunks, eof: !self.is_datagrams() };
        Conversation::new(&bytes, &self.wanted(), &Ran { seen: self.messages(ran), ..ran.clone() })
    }

    /// Whether it came to what was recorded; reads of bytes count together.
    pub fn is_as_recorded(&self, ran: &Ran) -> bool {
        let bytes = || raw_bytes(&ran.seen) == self.raw_bytes(&self.wanted());
        is_same(&self.messages(ran), &self.wanted()) || self.capture.is_raw_stream() && bytes()
    }

    pub(super) fn outcome(&self, ran: &Ran, chunking: Chunking) -> Outcome {
        let (config, wanted, recorded) = (self.config(), self.wanted(), self.recorded());
        if self.capture.is_raw_stream() && chunking != Chunking::Recorded {
            let same = raw_bytes(&ran.seen) == self.raw_bytes(&wanted);
            let wrong = || Outcome::Wrong(format!("{}: other bytes than were recorded", self.place()));
            return if same { Outcome::Same } else { wrong() };
        }
        let (model, seen) = (self.model(&config), self.messages(ran));
        let none = self.is_datagrams() && self.capture.chunks.is_empty();
        let of_direction: Vec<&[u8]> = self.capture.chunks_of(self.dir, self.conn).collect();
        let chunks = if none { &of_direction } else { &recorded };
        compare(&seen, &wanted, model.as_deref(), &self.circumstances(&config, chunks), &self.place())
    }

    fn model(&self, config: &Config) -> Option<Vec<Seen>> {
        match () {
            () if self.is_datagrams() => Some(datagrams::messages(&self.recorded(), config)),
            () if self.capture.is_raw_stream() => None,
            () => Some(model::messages_and_errors(&self.recorded().concat(), config)),
        }
    }

    fn circumstances<'b>(&'b self, config: &'b Config, chunks: &'b [&'b [u8]]) -> Circumstances<'b> {
        let Self { capture, dir, .. } = self;
        Circumstances {
            version: capture.receiver_version(*dir),
            options: "",
            config,
            configured: [capture.receiver_config(*dir).delimiter(), capture.sender_config(*dir).delimiter()],
            chunks,
            datagrams: self.is_datagrams(),
        }
    }

    fn recorded(&self) -> Vec<&'a [u8]> {
        let beside = if self.is_datagrams() { datagrams::beside(self.capture, self.dir) } else { None };
        self.capture.chunks_of(self.dir, self.conn).chain(beside).collect()
    }

    fn wanted(&self) -> Vec<Wanted> {
        if self.is_datagrams() {
            return recorded::of_datagrams(self.capture, self.dir);
        }
        recorded::of_capture(self.capture, self.dir, self.conn)
    }

    /// Without the ends of the connection, which are not the bytes'.
    fn messages(&self, ran: &Ran) -> Vec<Seen> {
        ran.seen.iter().filter(|seen| !seen.is_lifecycle()).cloned().collect()
    }

    /// Reads depend on how the bytes come; what all of them amount to does not.
    fn raw_bytes(&self, wanted: &[Wanted]) -> Vec<u8> {
        recorded::raw_bytes(wanted).unwrap_or_else(|| self.recorded().concat())
    }

    fn receiver(&self) -> String {
        match (self.is_datagrams(), self.role()) {
            (true, _) => format!("to socket {}", if self.dir == Direction::ToServer { 1 } else { 2 }),
            (false, role) => format!("to the {role}, connection {}", self.conn),
        }
    }

    fn place(&self) -> String {
        let Self { capture, dir, conn } = self;
        if self.is_datagrams() { format!("{} {dir}", capture.name) } else { format!("{} {dir} {conn}", capture.name) }
    }
}

fn raw_bytes(seen: &[Seen]) -> Vec<u8> {
    seen.iter().flat_map(Seen::raw_bytes).copied().collect()
}

/// Why nothing can be set up as the receivers were.
pub(super) fn refused(capture: &Capture) -> Option<String> {
    if !capture.is_datagrams() && !capture.is_framed_stream() && !capture.is_raw_stream() {
        return Some("no byte streams to replay, and not listed as skipped".to_owned());
    }
    [Direction::ToServer, Direction::ToClient].into_iter().find_map(|dir| {
        let config = Flow { capture, dir, conn: 0 }.config();
        let assured = config.profile == Profile::Assured && capture.is_datagrams();
        let error = config.validate().err().map(|error| error.to_string());
        error.or_else(|| assured.then(|| "the assured profile has no datagrams".to_owned()))
    })
}
