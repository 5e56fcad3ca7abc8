//! Steps 2 to 5 for either machine, over operations that own their buffers while they run.

use std::{future::pending, io, io::Error, time::Duration};

use bytes::BytesMut;
use compio::buf::BufResult;
use compio::io::{AsyncRead as _, AsyncWrite as _};
use compio::net::UnixStream;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use ipc_proto::{Timestamp, drive::Machine};

/// How long a broken connection is still read from: what the peer said before it went comes first.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// What an operation came to.
pub(crate) enum Done {
    Read(io::Result<usize>, BytesMut),
    Wrote(io::Result<usize>),
    Shut,
}

/// The operations on one socket, at most one of each kind.
pub(crate) struct Ring {
    socket: UnixStream,
    operations: FuturesUnordered<LocalBoxFuture<'static, Done>>,
    reading: bool,
    writing: bool,
    shut: bool,
    broken: Option<Error>,
}

impl Ring {
    pub(crate) fn new(socket: UnixStream) -> Self {
        let operations = FuturesUnordered::new();
        Self { socket, operations, reading: false, writing: false, shut: false, broken: None }
    }

    /// Begins what is wanted and not under way.
    pub(crate) fn submit<M: Machine>(&mut self, machine: &mut M) {
        if !self.writing && self.broken.is_none() {
            // The chunk is owned by the kernel from here on, and by the outbox still.
            if let Some(chunk) = machine.outbox().take_chunk() {
                self.writing = true;
                let mut socket = self.socket.clone();
                self.operations.push(Box::pin(async move { Done::Wrote(socket.write(chunk).await.0) }));
            } else if machine.wants_shutdown() && !self.shut {
                self.shut = true;
                let mut socket = self.socket.clone();
                // A peer that is gone already is no failure; reading will tell.
                self.operations
                    .push(Box::pin(async move { socket.shutdown().await.map_or(Done::Shut, |()| Done::Shut) }));
            }
        }
        if !self.reading && machine.wants_read() {
            self.reading = true;
            let mut socket = self.socket.clone();
            let buffer = BytesMut::with_capacity(64 << 10);
            self.operations.push(Box::pin(async move {
                let BufResult(result, buffer) = socket.read(buffer).await;
                Done::Read(result, buffer)
            }));
        }
    }

    /// The next operation that is done; none when `left` has passed before. Without a limit it waits for ever.
    pub(crate) async fn wait(&mut self, left: Option<Duration>) -> Option<Done> {
        let limit = [left, self.broken.as_ref().map(|_| LAST_WORDS)].into_iter().flatten().min();
        if self.operations.is_empty() {
            // An empty set is done at once.
            self.operations.push(Box::pin(pending()));
        }
        match limit {
            Some(limit) => compio::time::timeout(limit, self.operations.next()).await.unwrap_or_default(),
            None => self.operations.next().await,
        }
    }

    /// Tells the machine what is done.
    pub(crate) fn complete<M: Machine>(&mut self, done: Option<Done>, machine: &mut M, now: Timestamp) {
        match done {
            Some(Done::Read(result, buffer)) => {
                self.reading = false;
                match result {
                    Ok(0) => machine.handle_eof(now),
                    Ok(_) => machine.handle_owned(now, buffer),
                    Err(error) => machine.handle_error(now, self.broken.take().unwrap_or(error)),
                }
            }
            Some(Done::Wrote(result)) => {
                self.writing = false;
                match result {
                    Ok(n) => machine.outbox().ack(n),
                    Err(error) => self.broken = Some(error),
                }
            }
            Some(Done::Shut) => {}
            None => {
                if let Some(error) = self.broken.take() {
                    machine.handle_error(now, error);
                }
            }
        }
        machine.handle_timeout(now);
    }
}
