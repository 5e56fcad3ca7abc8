//! What an endpoint made of its input.

use core::fmt;

use ipc_proto::{Event, Message};

/// One thing an endpoint published, reduced to what the recordings can be asked for.
#[derive(Clone, PartialEq, Eq)]
pub enum Seen {
    /// A message: its type and data as JSON texts, the data as it was received.
    Message {
        /// With quotes and escapes; `None` when the frame had no type. Only other implementations publish such a message.
        type_json: Option<String>,
        /// `None` when the frame had no data.
        data_json: Option<String>,
    },
    /// Bytes, in raw mode.
    Raw(Vec<u8>),
    /// An error by its code.
    Error(String),
    /// The connection is over.
    Ended,
    /// The client has given up.
    Destroyed,
    /// Instead of publishing something it threw where nobody catches. Only other implementations do.
    Threw,
}

/// The kind of every message.
pub(super) const MESSAGE: &str = "a message";

impl Seen {
    /// `None` for events that node-ipc has no word for, or that the recordings begin after.
    pub fn of(event: Event) -> Option<Self> {
        match event {
            Event::Message(message) => Some(Self::message(&message)),
            Event::Raw(bytes) => Some(Self::Raw(bytes.to_vec())),
            Event::Error(error) => Some(Self::Error(error.code().to_owned())),
            Event::Disconnected { .. } => Some(Self::Ended),
            Event::Destroyed => Some(Self::Destroyed),
            _ => None,
        }
    }

    fn message(message: &Message) -> Self {
        let data_json = message.data().map(|data| data.as_str().to_owned());
        Self::Message { type_json: Some(message.name_token().to_owned()), data_json }
    }

    /// What it is, without its content.
    pub(super) fn kind(&self) -> String {
        match self {
            Self::Message { .. } => MESSAGE.to_owned(),
            Self::Raw(_) => "bytes".to_owned(),
            other => format!("{other:?}"),
        }
    }

    pub(super) fn is_lifecycle(&self) -> bool {
        matches!(self, Self::Ended | Self::Destroyed)
    }

    pub(super) fn raw_bytes(&self) -> &[u8] {
        if let Self::Raw(bytes) = self { bytes } else { &[] }
    }
}

/// Long data would drown the difference that a failed replay prints.
impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message { type_json, data_json } => write_message(f, type_json.as_deref(), data_json.as_deref()),
            Self::Raw(bytes) => write!(f, "{} raw bytes", bytes.len()),
            Self::Error(code) => f.write_str(code),
            Self::Ended => f.write_str("ended"),
            Self::Destroyed => f.write_str("destroyed"),
            Self::Threw => f.write_str("threw"),
        }
    }
}

/// `"type"(data)`.
pub(super) fn write_message(f: &mut fmt::Formatter<'_>, name: Option<&str>, data: Option<&str>) -> fmt::Result {
    let text = |text: Option<&str>, none: &str| text.map_or_else(|| none.to_owned(), shortened);
    write!(f, "{}({})", text(name, "undefined"), text(data, "no data"))
}

/// The beginning of a long text, and how long it is.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((at, _)) => format!("{}… {} bytes", &text[..at], text.len()),
        None => text.to_owned(),
    }
}
