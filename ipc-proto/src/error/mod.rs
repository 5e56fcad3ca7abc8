//! What can go wrong, and whose fault it is.
//!
//! Bad configuration, bad peers, refused emits and failed IO are different types. Nothing here panics; a panic
//! anywhere in this crate is a defect.

use alloc::string::String;
use core::fmt;

use crate::frame::Frame;

mod io;

pub use io::IoError;

/// node-ipc's error codes, and those of this crate that node-ipc has no word for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// A frame is not JSON.
    InvalidJson,
    /// A frame is JSON but no object.
    InvalidMessage,
    /// The event's name is missing, no string, empty or unsafe.
    InvalidEvent,
    /// The event's name is longer than the limit.
    EventTooLarge,
    /// The event's name is reserved for local lifecycle.
    ReservedEvent,
    /// The event's name is not on the list of allowed ones.
    EventNotAllowed,
    /// A frame is larger than the limit.
    FrameTooLarge,
    /// A frame stayed incomplete for too long.
    MessageTimeout,
    /// More waits to be written, or is held, than the limits allow.
    Backpressure,
    /// The profile forbids this transport.
    AssuredTransport,
    /// The profile forbids TLS where one side does not prove who it is.
    AssuredTls,
    /// An option of TLS cannot be, or its file cannot be used.
    TlsConfiguration,
}

impl Code {
    /// The code as node-ipc writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidJson => "ERR_IPC_INVALID_JSON",
            Self::InvalidMessage => "ERR_IPC_INVALID_MESSAGE",
            Self::InvalidEvent => "ERR_IPC_INVALID_EVENT",
            Self::EventTooLarge => "ERR_IPC_EVENT_TOO_LARGE",
            Self::ReservedEvent => "ERR_IPC_RESERVED_EVENT",
            Self::EventNotAllowed => "ERR_IPC_EVENT_NOT_ALLOWED",
            Self::FrameTooLarge => "ERR_IPC_FRAME_TOO_LARGE",
            Self::MessageTimeout => "ERR_IPC_MESSAGE_TIMEOUT",
            Self::Backpressure => "ERR_IPC_BACKPRESSURE",
            Self::AssuredTransport => "ERR_IPC_ASSURED_TRANSPORT",
            Self::AssuredTls => "ERR_IPC_ASSURED_TLS",
            Self::TlsConfiguration => "ERR_IPC_TLS_CONFIGURATION",
        }
    }

    const fn explanation(self) -> &'static str {
        match self {
            Self::InvalidJson => "the frame is not valid JSON",
            Self::InvalidMessage => "the frame is not a JSON object",
            Self::InvalidEvent => "the event has no usable name",
            Self::EventTooLarge => "the event's name is longer than max_event_name_length",
            Self::ReservedEvent => "the event's name is reserved for lifecycle events",
            Self::EventNotAllowed => "the event's name is not in allowed_events",
            Self::FrameTooLarge => "the frame is larger than max_message_size",
            Self::MessageTimeout => "the frame was still incomplete after message_timeout",
            Self::Backpressure => "more bytes are waiting than the limits allow",
            Self::AssuredTransport => "the assured profile does not allow this transport",
            Self::AssuredTls => "the assured profile does not allow TLS without certificates on both sides",
            Self::TlsConfiguration => "the TLS options cannot be used",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A rule of the protocol or of the profile was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProtocolError {
    code: Code,
}

impl ProtocolError {
    /// The error of `code`.
    #[must_use]
    pub const fn new(code: Code) -> Self {
        Self { code }
    }

    /// Which rule it was.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.explanation())
    }
}

impl core::error::Error for ProtocolError {}

/// What an `Error` event carries.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The peer, or the application, broke a rule.
    Protocol(ProtocolError),
    /// The transport failed.
    Io(IoError),
}

impl ConnectionError {
    /// `ERR_IPC_…`, or the errno's name.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Protocol(error) => error.code().as_str(),
            Self::Io(error) => error.code(),
        }
    }
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(error) => error.fmt(f),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ConnectionError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Protocol(error) => Some(error),
            Self::Io(error) => Some(error),
        }
    }
}

impl From<ProtocolError> for ConnectionError {
    fn from(error: ProtocolError) -> Self {
        Self::Protocol(error)
    }
}

impl From<Code> for ConnectionError {
    fn from(code: Code) -> Self {
        Self::Protocol(ProtocolError::new(code))
    }
}

impl From<IoError> for ConnectionError {
    fn from(error: IoError) -> Self {
        Self::Io(error)
    }
}

/// An option that cannot be: which one, its value, and the way out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConfigError {
    option: &'static str,
    value: String,
    hint: String,
    code: Option<Code>,
}

impl ConfigError {
    /// `hint` says what to do instead.
    #[must_use]
    pub fn new(option: &'static str, value: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { option, value: value.into(), hint: hint.into(), code: None }
    }

    /// The same with node-ipc's code for it.
    #[must_use]
    pub const fn with_code(mut self, code: Code) -> Self {
        self.code = Some(code);
        self
    }

    /// node-ipc's code, where it has one.
    #[must_use]
    pub const fn code(&self) -> Option<Code> {
        self.code
    }

    /// The same about an option that goes by another name where it was set.
    pub(crate) const fn of(mut self, option: &'static str) -> Self {
        self.option = option;
        self
    }

    /// The option's name.
    #[must_use]
    pub const fn option(&self) -> &'static str {
        self.option
    }

    /// The value it was given.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot be {:?}: {}", self.option, self.value, self.hint)
    }
}

impl core::error::Error for ConfigError {}

/// A value that cannot become a frame.
#[derive(Debug)]
#[non_exhaustive]
pub enum EncodeError {
    /// The value has no JSON form: its `Serialize` failed, or a map has keys that are no strings.
    Json(serde_json::Error),
    /// The delimiter occurs inside the JSON text, where the peer would cut the frame in two.
    DelimiterInData,
    /// The profile refuses the event's name or the frame's size.
    Refused(ProtocolError),
    /// The frame with its delimiter does not fit into one UDP datagram.
    TooLargeForDatagram {
        /// The most that fits: 65,507 bytes over IPv4, 65,527 over IPv6.
        limit: u32,
        /// How many bytes it has.
        len: u32,
    },
}

impl EncodeError {
    /// `ERR_IPC_…`, or `EMSGSIZE` for what no datagram carries; `None` where neither Node nor node-ipc has a code.
    #[must_use]
    pub const fn code(&self) -> Option<&'static str> {
        match self {
            Self::Refused(error) => Some(error.code().as_str()),
            Self::TooLargeForDatagram { .. } => Some("EMSGSIZE"),
            Self::Json(_) | Self::DelimiterInData => None,
        }
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "the value has no JSON form: {error}"),
            Self::DelimiterInData => {
                f.write_str("the delimiter occurs inside the message; a control character such as \"\\f\" never does")
            }
            Self::Refused(error) => error.fmt(f),
            Self::TooLargeForDatagram { limit, len } => {
                write!(
                    f,
                    "the frame has {len} bytes and a datagram carries at most {limit}; send it in parts, or over TCP"
                )
            }
        }
    }
}

impl core::error::Error for EncodeError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Json(error) => Some(error),
            Self::Refused(error) => Some(error),
            Self::DelimiterInData | Self::TooLargeForDatagram { .. } => None,
        }
    }
}

impl From<serde_json::Error> for EncodeError {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

impl From<Code> for EncodeError {
    fn from(code: Code) -> Self {
        Self::Refused(ProtocolError::new(code))
    }
}

/// A message that was not taken. Whenever there is a frame, its owner gets it back.
#[derive(Debug)]
#[non_exhaustive]
pub enum EmitError {
    /// As much waits to be written as the limits allow.
    Full(Frame),
    /// The connection is closed, or the client was told to disconnect.
    Closed(Frame),
    /// Both directions are full and nobody reads: waiting any longer would be for ever.
    Stalled(Frame),
    /// The UDP peer was heard from only once, and its address may be forged: it is sent at most three times the
    /// bytes that came from it.
    Unconfirmed(Frame),
    /// The value cannot become a frame.
    Encode(EncodeError),
}

impl EmitError {
    /// `ERR_IPC_…`, or an errno's name, where there is one.
    #[must_use]
    pub const fn code(&self) -> Option<&'static str> {
        match self {
            Self::Full(_) => Some(Code::Backpressure.as_str()),
            Self::Encode(error) => error.code(),
            Self::Closed(_) | Self::Stalled(_) | Self::Unconfirmed(_) => None,
        }
    }

    /// The frame that was not taken.
    #[must_use]
    pub fn into_frame(self) -> Option<Frame> {
        match self {
            Self::Full(frame) | Self::Closed(frame) | Self::Stalled(frame) | Self::Unconfirmed(frame) => Some(frame),
            Self::Encode(_) => None,
        }
    }
}

impl fmt::Display for EmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("more would wait to be written than max_pending_bytes allows"),
            Self::Closed(_) => f.write_str("the connection is closed"),
            Self::Stalled(_) => f.write_str("both directions are full and nobody reads"),
            Self::Unconfirmed(_) => {
                f.write_str("the peer was heard from only once; wait for its next datagram before sending it more")
            }
            Self::Encode(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for EmitError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Encode(error) => Some(error),
            Self::Full(_) | Self::Closed(_) | Self::Stalled(_) | Self::Unconfirmed(_) => None,
        }
    }
}

impl From<EncodeError> for EmitError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

/// A message's data is not what was asked for.
#[derive(Debug)]
pub struct DecodeError {
    pub(crate) source: serde_json::Error,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the message's data does not fit: {}", self.source)
    }
}

impl core::error::Error for DecodeError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl From<serde_json::Error> for DecodeError {
    fn from(source: serde_json::Error) -> Self {
        Self { source }
    }
}

#[cfg(test)]
mod tests;
