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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "these are tests")]
    use std::error::Error;

    use ipc_proto::{Code, Dialect, EncodeError};

    use super::*;

    fn codec(dialect: Dialect) -> Codec {
        Codec::new(Config::default().dialect(dialect)).unwrap()
    }

    #[test]
    fn what_is_encoded_is_decoded_in_any_chunks() {
        let mut wire = BytesMut::new();
        for number in 0..3 {
            codec(Dialect::Modern).encode(Frame::encode("n", &number).unwrap(), &mut wire).unwrap();
        }
        for chunk in 1..=wire.len() {
            let (mut reader, mut numbers) = (codec(Dialect::Modern), Vec::new());
            for bytes in wire.chunks(chunk) {
                let mut src = BytesMut::from(bytes);
                while let Some(message) = reader.decode(&mut src).unwrap() {
                    numbers.push(message.unwrap().decode::<u8>().unwrap());
                }
                assert!(src.is_empty(), "the codec keeps the rest");
            }
            assert_eq!(numbers, [0, 1, 2]);
        }
    }

    #[test]
    fn a_bad_frame_is_an_item_where_the_dialect_forgives_it() {
        let mut src = BytesMut::from(&b"bad\x0c{\"type\":\"ok\"}\x0c"[..]);
        let mut classic = codec(Dialect::Classic);
        let bad = classic.decode(&mut src).unwrap().unwrap().unwrap_err();
        assert_eq!(bad.code(), Code::InvalidJson.as_str());
        assert_eq!(classic.decode(&mut src).unwrap().unwrap().unwrap().name(), "ok");
        assert!(classic.decode(&mut src).unwrap().is_none());

        let error = codec(Dialect::Modern).decode(&mut BytesMut::from(&b"bad\x0c"[..])).unwrap_err();
        assert_eq!((error.to_string(), error.source().unwrap().to_string()), (bad.to_string(), bad.to_string()));
    }

    #[test]
    fn what_cannot_be_sent_is_an_error() {
        let mut codec = Codec::new(Config::default().delimiter("|")).unwrap();
        let mut wire = BytesMut::new();
        let error = codec.encode(Frame::encode("a|b", &1).unwrap(), &mut wire).unwrap_err();
        assert!(matches!(error, CodecError::Emit(EmitError::Encode(EncodeError::DelimiterInData))));
        assert!(wire.is_empty() && error.source().is_some() && error.to_string().contains("delimiter"));
        let broken = CodecError::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(broken.to_string(), broken.source().unwrap().to_string());
        assert!(Codec::new(Config::default().delimiter("")).is_err());
    }
}
