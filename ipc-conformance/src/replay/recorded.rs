//! What node-ipc published, in terms that a machine's events can be compared with.

use core::fmt;

use super::{
    Seen, js,
    seen::{MESSAGE, write_message},
};
use crate::corpus::{Arg, Capture, Data, Decoded, Digest, Direction, Outcome, Published};

/// One recorded event.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A message, or raw bytes.
    Message {
        type_json: Option<String>,
        data: Data,
    },
    /// The dispatcher threw it: no handler ran, and without a process-wide one the process would have died.
    Thrown,
    /// Classic's `error` event for a frame that is no object; it has no code.
    BadFrame,
    /// An error by its code.
    Error(String),
    Ended,
    Destroyed,
    /// A lifecycle event that nothing here corresponds to.
    Lifecycle,
}

impl Wanted {
    pub(super) fn is(&self, seen: &Seen) -> bool {
        match (self, seen) {
            (Self::Message { type_json, data }, Seen::Message { type_json: name, data_json }) => {
                is_type(type_json.as_deref(), name.as_deref()) && is_data(data, data_json.as_deref())
            }
            (Self::Message { data, .. }, Seen::Raw(bytes)) => data.matches_bytes(bytes),
            (Self::BadFrame, Seen::Error(code)) => {
                matches!(&**code, "ERR_IPC_INVALID_JSON" | "ERR_IPC_INVALID_MESSAGE")
            }
            (Self::Error(wanted), Seen::Error(code)) => wanted == code,
            (Self::Ended, Seen::Ended) | (Self::Destroyed, Seen::Destroyed) | (Self::Thrown, Seen::Threw) => true,
            _ => false,
        }
    }

    /// Whether it is what node-ipc makes of a frame that is no object, or whose type is no string.
    pub(super) fn is_of_bad_frame(&self) -> bool {
        match self {
            Self::Message { type_json, .. } => !type_json.as_ref().is_some_and(|text| text.starts_with('"')),
            other => *other == Self::Thrown,
        }
    }

    /// What it is, without its content; in the words of [`Seen::kind`].
    pub(super) fn kind(&self) -> String {
        match self {
            Self::Message { data: Data::Bytes(_) | Data::BytesDigest(_), .. } => "bytes".to_owned(),
            Self::Message { .. } => MESSAGE.to_owned(),
            other => format!("{other:?}"),
        }
    }
}

/// As [`Seen`] has it.
impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message { data: Data::Bytes(bytes), .. } => write!(f, "{} raw bytes", bytes.len()),
            Self::Message { data: Data::BytesDigest(digest), .. } => write!(f, "{} raw bytes", digest.len),
            Self::Message { type_json, data: Data::Json(text) } => write_message(f, type_json.as_deref(), Some(text)),
            Self::Message { type_json, data: Data::Absent } => write_message(f, type_json.as_deref(), None),
            Self::Message { type_json, data: Data::JsonDigest(Digest { len, .. }) } => {
                write_message(f, type_json.as_deref(), Some(&format!("{len} UTF-16 units")))
            }
            Self::Thrown => f.write_str("threw"),
            Self::BadFrame => f.write_str("ERR_IPC_INVALID_JSON"),
            Self::Error(code) => f.write_str(code),
            Self::Ended => f.write_str("ended"),
            Self::Destroyed => f.write_str("destroyed"),
            Self::Lifecycle => f.write_str("an event of the socket's own"),
        }
    }
}

fn is_type(wanted: Option<&str>, received: Option<&str>) -> bool {
    match (wanted, received) {
        (Some(wanted), Some(received)) => is_text(wanted, received),
        (wanted, received) => wanted == received,
    }
}

/// Recorded texts went through JavaScript's values.
fn is_text(wanted: &str, received: &str) -> bool {
    wanted == received || wanted == js::restringified(received)
}

fn is_data(data: &Data, received: Option<&str>) -> bool {
    data.matches_json(received) || received.is_some_and(|text| data.matches_json(Some(&js::restringified(text))))
}

/// What the receiver of one direction of a connection published.
pub(super) fn of_capture(capture: &Capture, dir: Direction, conn: u32) -> Vec<Wanted> {
    let messages = capture.expected_stream_events(dir, conn).into_iter().map(of_decoded);
    messages.chain(protocol_errors(capture, dir, conn)).collect()
}

fn of_decoded(decoded: &Decoded) -> Wanted {
    match decoded {
        Decoded { threw: Some(_), .. } => Wanted::Thrown,
        Decoded { invalid_json: true, .. } => Wanted::BadFrame,
        Decoded { type_json, data, .. } => Wanted::Message { type_json: type_json.clone(), data: data.clone() },
    }
}

fn side(capture: &Capture, dir: Direction) -> &[Published] {
    match dir {
        Direction::ToServer => &capture.expect.server,
        _ => &capture.expect.client,
    }
}

/// Modern's errors for bad frames are events without a connection, and the last ones of theirs. Every capture that has
/// one has one connection.
fn protocol_errors(capture: &Capture, dir: Direction, conn: u32) -> Vec<Wanted> {
    let codes = side(capture, dir).iter().flat_map(|event| &event.args).filter_map(|arg| arg.failure()?.code.clone());
    let errors = codes.filter(|code| conn == 0 && code.starts_with("ERR_IPC_"));
    errors.map(Wanted::Error).collect()
}

/// What the endpoint that a direction of a UDP capture goes to published, lifecycle only where nothing was sent at all.
pub(super) fn of_datagrams(capture: &Capture, dir: Direction) -> Vec<Wanted> {
    let silent = capture.chunks.is_empty();
    side(capture, dir)
        .iter()
        .filter_map(|event| of_datagram(event).or_else(|| lifecycle(event).filter(|_| silent)))
        .collect()
}

fn of_datagram(event: &Published) -> Option<Wanted> {
    match event.args.as_slice() {
        [_, Arg::Peer { .. }] if event.threw.is_some() => Some(Wanted::Thrown),
        [data, Arg::Peer { .. }] => Some(match data {
            Arg::Json { parse_error: Some(_), .. } => Wanted::BadFrame,
            Arg::Bytes { bytes } => Wanted::Message { type_json: None, data: Data::Bytes(bytes.clone()) },
            data => Wanted::Message { type_json: event.type_json.clone(), data: of_arg(data) },
        }),
        [Arg::Error { failure }] => Some(Wanted::Error(failure.code.clone().unwrap_or_default())),
        _ => None,
    }
}

/// `start` is the answer to a call.
fn lifecycle(event: &Published) -> Option<Wanted> {
    (!event.is("start")).then_some(Wanted::Lifecycle)
}

/// All bytes of a raw stream, as they were published; `None` where only digests were kept, as for bytes that nothing changed.
pub(super) fn raw_bytes(wanted: &[Wanted]) -> Option<Vec<u8>> {
    let reads = wanted.iter().map(|event| match event {
        Wanted::Message { data: Data::Bytes(bytes), .. } => Some(&**bytes),
        _ => None,
    });
    reads.collect::<Option<Vec<_>>>().map(|reads| reads.concat())
}

/// What an endpoint published in a receive case.
pub(super) fn of_outcome(outcome: &Outcome) -> Vec<Wanted> {
    outcome.published.iter().filter_map(of_published).collect()
}

fn of_published(event: &Published) -> Option<Wanted> {
    match event.args.as_slice() {
        _ if event.threw.is_some() => Some(Wanted::Thrown),
        [] if event.is("disconnect") => Some(Wanted::Ended),
        [] if event.is("destroy") => Some(Wanted::Destroyed),
        [Arg::Error { failure }] => Some(Wanted::Error(failure.code.clone().unwrap_or_default())),
        [Arg::Socket { .. }, _] if event.is("socket.disconnected") => Some(Wanted::Ended),
        // A server's `close`, which comes with `socket.disconnected`.
        [Arg::Socket { .. }] => None,
        [Arg::Json { text, .. }] if event.is("close") && text == "false" => None,
        [Arg::Json { parse_error: Some(_), .. }, ..] => Some(Wanted::BadFrame),
        [data, ..] => Some(Wanted::Message { type_json: event.type_json.clone(), data: of_arg(data) }),
        [] => Some(Wanted::Message { type_json: event.type_json.clone(), data: Data::Absent }),
    }
}

fn of_arg(arg: &Arg) -> Data {
    match arg {
        Arg::Json { text, .. } => Data::Json(text.clone()),
        Arg::JsonDigest { json_sha256, json_len } => {
            Data::JsonDigest(Digest { sha256: json_sha256.clone(), len: *json_len })
        }
        _ => Data::Absent,
    }
}

/// The name that the peer had at its last message, as JSON text.
pub(super) fn last_peer_id(outcome: &Outcome) -> Option<String> {
    let mut ids = outcome.published.iter().flat_map(|event| &event.args).filter_map(|arg| match arg {
        Arg::Socket { id, .. } => id.as_ref().map(ToString::to_string),
        _ => None,
    });
    ids.next_back()
}
