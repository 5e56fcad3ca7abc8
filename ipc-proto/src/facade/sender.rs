//! Emitting from anywhere.

use alloc::sync::Arc;
use core::{
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll},
};

use futures_sink::Sink;
use serde::Serialize;

use super::{
    line::{Line, Posted},
    reply::Reply,
};
use crate::{
    config::Config,
    error::EmitError,
    event::{Outcome, Stats},
    frame::Frame,
    outbox::Pressure,
};

/// Emits to one peer from any task or thread. Cheap to clone; holding one does not keep the connection alive.
#[derive(Clone, Debug)]
pub struct Sender {
    line: Arc<Line>,
    /// For `Sink`: the frame that waits for room.
    waiting: Option<Frame>,
}

impl Sender {
    pub(super) const fn new(line: Arc<Line>) -> Self {
        Self { line, waiting: None }
    }

    /// Emits an event, and waits while there is no room for it.
    ///
    /// Cancel-safe: dropped before it is ready, nothing was queued; once it is ready, all of it is.
    ///
    /// # Errors
    ///
    /// [`EmitError::Closed`] when the connection is over, [`EmitError::Stalled`] when waiting would be for
    /// ever because nobody takes events and the peer does not read, [`EmitError::Full`] in Guarded and Assured
    /// (the connection ends then), [`EmitError::Encode`] as [`crate::Connection::emit`].
    pub fn emit<'s, T: Serialize + ?Sized>(
        &'s self,
        name: &str,
        data: &T,
    ) -> impl Future<Output = Result<Pressure, EmitError>> + use<'s, T> {
        // Encoded right here: `data` need not live, nor be Sync, any longer.
        let frame = Frame::encode(name, data);
        async move { self.send(frame?).await }
    }

    /// Emits an event without data: `"data":{}`.
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit).
    pub async fn emit_type(&self, name: &str) -> Result<Pressure, EmitError> {
        self.send(Frame::event(name)).await
    }

    /// Sends a frame that was encoded before, and waits while there is no room for it. Cancel-safe as
    /// [`emit`](Self::emit).
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit).
    pub async fn send(&self, frame: Frame) -> Result<Pressure, EmitError> {
        let mut frame = Some(frame);
        poll_fn(|cx| self.line.poll_post(cx, &mut frame, None, None)).await
    }

    /// Emits an event, and gives something to wait on for what becomes of it.
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit).
    pub fn emit_tracked<'s, T: Serialize + ?Sized>(
        &'s self,
        name: &str,
        data: &T,
    ) -> impl Future<Output = Result<Delivery, EmitError>> + use<'s, T> {
        let frame = Frame::encode(name, data);
        async move { self.send_tracked(frame?).await }
    }

    /// As [`emit_tracked`](Self::emit_tracked), for a frame that was encoded before.
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit).
    pub async fn send_tracked(&self, frame: Frame) -> Result<Delivery, EmitError> {
        let mut frame = Some(frame);
        let delivery = Delivery::default();
        poll_fn(|cx| self.line.poll_post(cx, &mut frame, Some(&delivery), None)).await?;
        Ok(delivery)
    }

    /// Emits an event if there is room for it now.
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit), and [`EmitError::Full`] when there is no room.
    pub fn try_emit<T: Serialize + ?Sized>(&self, name: &str, data: &T) -> Result<Pressure, EmitError> {
        self.try_send(Frame::encode(name, data)?)
    }

    /// Sends a frame if there is room for it now.
    ///
    /// # Errors
    ///
    /// As [`try_emit`](Self::try_emit).
    pub fn try_send(&self, frame: Frame) -> Result<Pressure, EmitError> {
        self.line.post(frame.into())
    }

    /// Sends a frame if there is room for it now, and gives something to wait on for what becomes of it.
    ///
    /// # Errors
    ///
    /// As [`try_emit`](Self::try_emit).
    pub fn try_send_tracked(&self, frame: Frame) -> Result<Delivery, EmitError> {
        let delivery = Delivery::default();
        self.line.post(Posted { delivery: Some(delivery.clone()), ..frame.into() })?;
        Ok(delivery)
    }

    /// How many bytes wait to be written.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        self.line.pending()
    }

    /// Whether the connection is over for good.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.line.is_closed()
    }

    /// What the connection has done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.line.stats()
    }

    /// What the connection was configured with.
    #[must_use]
    pub fn config(&self) -> &Config {
        self.line.config()
    }

    pub(super) const fn line(&self) -> &Arc<Line> {
        &self.line
    }

    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), EmitError>> {
        if self.waiting.is_none() {
            return Poll::Ready(Ok(()));
        }
        self.line.poll_post(cx, &mut self.waiting, None, None).map_ok(drop)
    }
}

impl Sink<Frame> for Sender {
    type Error = EmitError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), EmitError>> {
        self.poll_room(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Frame) -> Result<(), EmitError> {
        match self.line.post(frame.into()) {
            Err(EmitError::Full(frame)) => self.waiting = Some(frame),
            result => drop(result?),
        }
        Ok(())
    }

    /// Waits until the frame is queued, not until it is written.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), EmitError>> {
        self.poll_room(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), EmitError>> {
        self.poll_room(cx)
    }
}

/// Resolves to what became of one message: written, given up, or given up after some of it left.
///
/// A future; polling it again after it is ready gives the same answer.
#[derive(Clone, Debug, Default)]
pub struct Delivery {
    reply: Reply<Outcome>,
}

impl Delivery {
    pub(super) fn settle(&self, outcome: Outcome) {
        self.reply.give(outcome);
    }

    /// The answer, if it is known.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.reply.get()
    }
}

impl Future for Delivery {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        self.reply.poll(cx)
    }
}
