//! The protocol as a `tokio_util` codec, for people with a loop of their own.

use std::{fmt, io, sync::Arc};

use bytes::{Buf, BytesMut};
use ipc_proto::{Config, Connection, ConnectionError, EmitError, Event, Frame, Message, Side, Timestamp};
use tokio_util::codec::{Decoder, Encoder};

/// Encodes and decodes for `tokio_util::codec::Framed`.
///
/// A bad frame that the dialect forgives is an item, `Err` inside `Ok`; one that ends the connection is the
/// stream's error. Sync mode, reconnecting and time limits belong to [`Client`](crate::Client): here there are
/// only frames.
///
/// ```
/// use futures_util::{SinkExt, StreamExt};
/// use ipc_tokio::{Codec, Config, Frame};
/// use tokio_util::codec::Framed;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (ours, theirs) = tokio::io::duplex(1024);
/// let mut ours = Framed::new(ours, Codec::new(Config::default())?);
/// let mut theirs = Framed::new(theirs, Codec::new(Config::default())?);
///
/// ours.send(Frame::encode("message", "hello")?).await?;
/// let message = theirs.next().await.ok_or("closed")???;
/// assert_eq!((message.name(), message.decode::<&str>()?), ("message", "hello"));
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Codec {
    conn: Connection,
}

impl Codec {
    /// A codec for one connection.
    ///
    /// # Errors
    ///
    /// [`ConfigError`](crate::ConfigError) for a config that cannot be.
    pub fn new(config: Config) -> Result<Self, ipc_proto::ConfigError> {
        config.validate()?;
        Ok(Self { conn: Connection::new(Arc::new(config), Side::Client) })
    }
}

impl Decoder for Codec {
    type Item = Result<Message, ConnectionError>;
    type Error = CodecError;

    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<Self::Item>, CodecError> {
        self.conn.handle_owned(Timestamp::ZERO, src.split());
        while let Some(event) = self.conn.poll_event() {
            match event {
                Event::Message(message) => return Ok(Some(Ok(message))),
                Event::Error(error) if self.conn.is_closed() => return Err(CodecError::Peer(error)),
                Event::Error(error) => return Ok(Some(Err(error))),
                _ => {}
            }
        }
        Ok(None)
    }
}

impl Encoder<Frame> for Codec {
    type Error = CodecError;

    fn encode(&mut self, frame: Frame, dst: &mut BytesMut) -> Result<(), CodecError> {
        let _ = self.conn.send(frame).map_err(CodecError::Emit)?;
        while self.conn.outbox().has_remaining() {
            let n = self.conn.outbox().chunk().len();
            dst.extend_from_slice(self.conn.outbox().chunk());
            self.conn.outbox().advance(n);
        }
        Ok(())
    }
}

/// What ends a framed stream.
#[derive(Debug)]
#[non_exhaustive]
pub enum CodecError {
    /// The peer broke a rule.
    Peer(ConnectionError),
    /// A frame was not taken.
    Emit(EmitError),
    /// The stream failed.
    Io(io::Error),
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peer(error) => error.fmt(f),
            Self::Emit(error) => error.fmt(f),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CodecError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Peer(error) => Some(error),
            Self::Emit(error) => Some(error),
            Self::Io(error) => Some(error),
        }
    }
}

impl From<io::Error> for CodecError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
