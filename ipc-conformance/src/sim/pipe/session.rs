//! The part of a connection's direction that a session (as of TLS) has: the reader's half of a handshake, and its end.

use std::task::{Context, Poll};

use ipc_proto::Timestamp;

use super::{End, IoResult, Pipe, error};

/// What the reader's side of a session comes to.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Opening {
    pub(in super::super) at: Timestamp,
    pub(in super::super) refuses: bool,
}

impl Pipe {
    /// Begins the reader's half of a handshake.
    pub(in super::super) const fn open_later(&mut self, opening: Opening) {
        self.opening = Some(opening);
    }

    pub(in super::super) const fn is_opening(&self) -> bool {
        self.opening.is_some()
    }

    pub(in super::super) const fn refused(&self) -> bool {
        self.refused
    }

    /// Whether the reader's session is there. Without one it always is.
    pub(in super::super) fn poll_ready(&mut self, cx: &Context<'_>) -> IoResult<()> {
        let Some(opening) = self.opening else { return Poll::Ready(Ok(())) };
        if !self.is_readable() {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        self.opening = None;
        // What comes before the time is the end.
        let fails = opening.at.max(self.held_until) > self.time.now();
        self.refused = opening.refuses && !fails;
        if fails || self.refused {
            self.gave_up = true;
            return Poll::Ready(Err(error(if fails { "ECONNRESET" } else { "EPROTO" })));
        }
        Poll::Ready(Ok(()))
    }

    /// Ends as a session that this side refuses: the reader is told so.
    pub(in super::super) fn alert(&mut self) {
        self.end_with(End::Alert(self.arrival()));
    }

    /// Some of `bytes`, which a session holds at its end, leave nevertheless.
    pub(in super::super) fn leak(&mut self, bytes: &[u8]) {
        if !self.is_over() && self.end == End::None {
            let n = self.random.below(bytes.len() as u64 + 1) as usize;
            self.take(&bytes[..n]);
        }
    }
}
