//! One end of a named pipe as a transport.
//!
//! A pipe cannot be shut by half: closing it is all that the peer sees. Here shutting down waits until what was written
//! is in the pipe, where the peer can read it even after the close, and then, as libuv does, for [`GRACE`] of silence.

use std::{
    io,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::BytesMut;
use ipc_proto::{
    IoError, Outbox, Timestamp,
    drive::{Clock, Transport},
};

use super::{PIPE_ROOM, is_pipe_end};

/// How long a peer has after our end to send what it still has, from its latest byte.
const GRACE: Duration = Duration::from_millis(50);

/// What a runtime can do with its end of a named pipe.
pub trait Pipe {
    /// Reads into the spare room of `buffer`, and says how much; nothing is the peer's end.
    ///
    /// # Errors
    ///
    /// What the system says. What means the peer's end is known by [`is_pipe_end`].
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>>;

    /// Begins to write some of `bytes`, once the write before is done.
    ///
    /// # Errors
    ///
    /// What the system says, of this write or of the one before.
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;

    /// Ready once what was written is in the pipe.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Whether a write is under way.
    fn is_writing(&self) -> bool;

    /// Takes the pipe from the peer, with all that the peer has not read. A client's end cannot, and does nothing.
    fn disconnect(&self);
}

/// One end of a named pipe.
///
/// Dropped while a write waits for the peer to read, a server's end takes the pipe from the peer, with what is in it; a
/// client's cannot, and keeps its handle until the peer reads or hangs up.
#[derive(Debug)]
pub struct PipeIo<P: Pipe, C> {
    /// `None` once it is closed.
    pipe: Option<P>,
    clock: C,
    /// When it closes; known since all was written.
    close_at: Option<Timestamp>,
}

impl<P: Pipe, C: Clock> PipeIo<P, C> {
    /// A connected pipe. `clock` is its own.
    pub const fn new(pipe: P, clock: C) -> Self {
        Self { pipe: Some(pipe), clock, close_at: None }
    }

    /// The runtime's end; `None` once it was shut down.
    pub const fn pipe(&self) -> Option<&P> {
        self.pipe.as_ref()
    }
}

impl<P: Pipe, C: Clock> Transport for PipeIo<P, C> {
    fn poll_recv(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<Result<usize, IoError>> {
        let Some(pipe) = &mut self.pipe else { return Poll::Ready(Ok(0)) };
        let result = ready!(pipe.poll_read(cx, buffer));
        if let Some(at) = &mut self.close_at {
            *at = self.clock.now().saturating_add(GRACE);
        }
        Poll::Ready(match result {
            Err(error) if is_pipe_end(&error) => Ok(0),
            result => result.map_err(IoError::from),
        })
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, outbox: &mut Outbox) -> Poll<Result<(), IoError>> {
        let Some(pipe) = &mut self.pipe else { return Poll::Ready(Err(closed())) };
        let written = crate::poll_send(outbox, |pieces| {
            let piece = pieces.first().map_or(&[][..], |piece| &piece[..piece.len().min(PIPE_ROOM as usize)]);
            pipe.poll_write(cx, piece)
        });
        written.map_err(IoError::from)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        let Some(pipe) = &mut self.pipe else { return Poll::Ready(Ok(())) };
        ready!(pipe.poll_written(cx))?;
        let at = *self.close_at.get_or_insert_with(|| self.clock.now().saturating_add(GRACE));
        ready!(self.clock.poll_until(cx, at));
        self.pipe = None;
        // Whoever waits to read is to see the end.
        cx.waker().wake_by_ref();
        Poll::Ready(Ok(()))
    }
}

fn closed() -> IoError {
    io::Error::from(io::ErrorKind::BrokenPipe).into()
}

impl<P: Pipe, C> Drop for PipeIo<P, C> {
    fn drop(&mut self) {
        // Otherwise a peer that does not read would keep the handle, and not learn of the end.
        if let Some(pipe) = self.pipe.as_ref().filter(|pipe| pipe.is_writing()) {
            pipe.disconnect();
        }
    }
}
