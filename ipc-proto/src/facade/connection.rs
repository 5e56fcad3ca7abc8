//! One connection that its owner polls.

use alloc::{sync::Arc, vec::Vec};
use core::{
    fmt,
    future::poll_fn,
    mem,
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;
use futures_sink::Sink;
use serde::Serialize;

use super::Runtime;
use crate::{
    config::Config,
    connection::{Connection as Machine, Side},
    drive::{Drive, Driver, End, Reading, Transport},
    error::EmitError,
    event::{Event, Stats},
    frame::Frame,
    message::{Json, Message},
    outbox::Pressure,
    peer_info::PeerInfo,
};

/// One established connection, as a listener gives it: no task, no queue, no lock.
///
/// It moves only while [`next`](Self::next), [`flush_to`](Self::flush_to), [`close`](Self::close) or a waiting
/// [`emit`](Self::emit) is polled: emits are collected, and leave together when the next event is asked for.
/// Dropping it closes the socket; what waits is lost, so [`close`](Self::close) it.
pub struct Connection<R: Runtime> {
    driver: Driver<R::Io, R::Clock>,
    /// For `Sink`: the frame that waits for room.
    waiting: Option<Frame>,
    /// What closing has come upon so far.
    undelivered: Vec<Frame>,
}

impl<R: Runtime> Connection<R> {
    /// Speaks the protocol over `io`, which is connected: for sockets that were made in another way.
    pub fn new(runtime: &R, io: R::Io, config: Arc<Config>, side: Side) -> Self {
        Self {
            driver: Driver::new(Machine::new(config, side), io, runtime.clock()),
            waiting: None,
            undelivered: Vec::new(),
        }
    }

    /// The next event; `None` after [`Event::Disconnected`].
    ///
    /// Cancel-safe: dropped before it is ready, nothing is lost.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|cx| self.driver.poll_event(cx)).await
    }

    /// Emits an event, and waits while there is no room for it, reading meanwhile.
    ///
    /// Cancel-safe: dropped before it is ready, nothing was queued.
    ///
    /// # Errors
    ///
    /// As [`crate::Connection::emit`], and [`EmitError::Stalled`] instead of [`EmitError::Full`]: the peer
    /// does not read, and as much unread input is held as the limits allow, so that waiting would be for ever.
    pub async fn emit<T: Serialize + ?Sized>(&mut self, name: &str, data: &T) -> Result<Pressure, EmitError> {
        match self.driver.conn().emit(name, data) {
            Err(EmitError::Full(frame)) => self.send(frame).await,
            result => result,
        }
    }

    /// Sends a frame that was encoded before, and waits as [`emit`](Self::emit) does.
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit).
    pub async fn send(&mut self, frame: Frame) -> Result<Pressure, EmitError> {
        let mut frame = Some(frame);
        poll_fn(|cx| self.poll_send(cx, &mut frame)).await
    }

    /// Emits an event if there is room for it now.
    ///
    /// # Errors
    ///
    /// As [`crate::Connection::emit`].
    pub fn try_emit<T: Serialize + ?Sized>(&mut self, name: &str, data: &T) -> Result<Pressure, EmitError> {
        self.driver.conn().emit(name, data)
    }

    /// Sends a frame if there is room for it now.
    ///
    /// # Errors
    ///
    /// As [`crate::Connection::send`].
    pub fn try_send(&mut self, frame: Frame) -> Result<Pressure, EmitError> {
        self.driver.conn().send(frame)
    }

    /// Answers a message with its own name and data, byte for byte, without decoding it.
    ///
    /// # Errors
    ///
    /// As [`crate::Connection::send`].
    pub fn relay(&mut self, message: &Message) -> Result<Pressure, EmitError> {
        self.driver.conn().relay(message)
    }

    /// Waits until at most `bytes` wait to be written: 0 for all of them. Returns early when the connection
    /// is over. Nothing is read meanwhile, so a peer that waits for us to read keeps us waiting.
    ///
    /// Cancel-safe.
    pub async fn flush_to(&mut self, bytes: usize) {
        poll_fn(|cx| self.poll_flush_to(cx, bytes)).await;
    }

    /// Writes what waits, ends the connection, and hands `rest` whatever still came. It takes at most
    /// [`drain_timeout`](Config#structfield.drain_timeout).
    ///
    /// Cancel-safe: called again, it goes on.
    pub async fn close_with(&mut self, mut rest: impl FnMut(Event)) {
        self.driver.end(End::Drained);
        while let Some(event) = self.next().await {
            rest(event);
        }
    }

    /// As [`close_with`](Self::close_with); returns what could not be delivered.
    pub async fn close(&mut self) -> Vec<Frame> {
        self.driver.end(End::Drained);
        while let Some(event) = self.next().await {
            if let Event::Undelivered(lost) = event {
                self.undelivered.push(lost.frame);
            }
        }
        mem::take(&mut self.undelivered)
    }

    /// How many bytes wait to be written.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        self.driver.conn_ref().pending_bytes()
    }

    /// How the peer named itself. Never an identity.
    #[must_use]
    pub fn peer_id(&self) -> Option<&Json> {
        self.driver.conn_ref().peer_id()
    }

    /// Who the peer is, as the system says.
    #[must_use]
    pub fn peer_info(&self) -> PeerInfo {
        self.io().peer_info()
    }

    /// What the connection has done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.driver.conn_ref().stats()
    }

    /// The transport underneath.
    #[must_use]
    pub const fn io(&self) -> &R::Io {
        self.driver.io()
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, frame: &mut Option<Frame>) -> Poll<Result<Pressure, EmitError>> {
        while let Some(taken) = frame.take() {
            match self.driver.conn().send(taken) {
                Err(EmitError::Full(full)) if self.driver.is_stalled() => {
                    return Poll::Ready(Err(EmitError::Stalled(full)));
                }
                Err(EmitError::Full(full)) => *frame = Some(full),
                result => return Poll::Ready(result),
            }
            if !self.driver.turn(cx, Reading::WhenStuck) {
                return Poll::Pending;
            }
        }
        Poll::Pending
    }

    fn poll_flush_to(&mut self, cx: &mut Context<'_>, bytes: usize) -> Poll<()> {
        loop {
            let conn = self.driver.conn_ref();
            if conn.pending_bytes() <= bytes || conn.is_closed() {
                return Poll::Ready(());
            }
            if !self.driver.turn(cx, Reading::Never) {
                return Poll::Pending;
            }
        }
    }

    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), EmitError>> {
        if self.waiting.is_none() {
            return Poll::Ready(Ok(()));
        }
        let mut frame = self.waiting.take();
        let result = self.poll_send(cx, &mut frame);
        self.waiting = frame;
        result.map_ok(drop)
    }
}

impl<R: Runtime> Stream for Connection<R> {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.driver.poll_event(cx)
    }
}

impl<R: Runtime> Sink<Frame> for Connection<R> {
    type Error = EmitError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), EmitError>> {
        self.poll_room(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Frame) -> Result<(), EmitError> {
        match self.driver.conn().send(frame) {
            Err(EmitError::Full(frame)) => self.waiting = Some(frame),
            result => drop(result?),
        }
        Ok(())
    }

    /// Ready when everything is written.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), EmitError>> {
        core::task::ready!(self.poll_room(cx))?;
        self.poll_flush_to(cx, 0).map(Ok)
    }

    /// Ready when the writing half is shut; what still comes is there for `Stream`.
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), EmitError>> {
        core::task::ready!(self.poll_room(cx))?;
        self.driver.poll_shutdown(cx).map(Ok)
    }
}

impl<R: Runtime> fmt::Debug for Connection<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.driver.conn_ref().fmt(f)
    }
}
