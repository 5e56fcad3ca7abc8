//! Asking and waiting for the answer.

use alloc::sync::Arc;
use core::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};
use std::sync::Mutex;

use serde::Serialize;

use super::{Client, Delivery, Runtime, Server, line::Line, lock};
use crate::{
    drive::Clock,
    error::{EmitError, EncodeError},
    event::Outcome,
    frame::Frame,
    message::{Json, Message},
    peers::PeerId,
    request::{self, Answer},
    time::Timestamp,
};

/// A question without an answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum RequestError {
    /// The answer did not come in time. One that comes later is ignored.
    Timeout,
    /// The connection ended before the answer came; the peer may have had the question.
    Lost,
    /// The peer answered with an error.
    Refused(Json),
    /// The question was not taken.
    Emit(EmitError),
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("the answer did not come in time"),
            Self::Lost => f.write_str("the connection ended before the answer came"),
            Self::Refused(error) => write!(f, "the peer answered with an error: {error}"),
            Self::Emit(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for RequestError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Emit(error) => Some(error),
            Self::Timeout | Self::Lost | Self::Refused(_) => None,
        }
    }
}

impl From<EmitError> for RequestError {
    fn from(error: EmitError) -> Self {
        Self::Emit(error)
    }
}

impl From<EncodeError> for RequestError {
    fn from(error: EncodeError) -> Self {
        Self::Emit(error.into())
    }
}

#[derive(Debug, Default)]
struct Slot {
    result: Option<Result<Json, RequestError>>,
    waker: Option<Waker>,
}

/// A question on its way: where its answer goes, and what became of its frame.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    slot: Arc<Mutex<Slot>>,
    pub(super) delivery: Delivery,
}

impl Asked {
    pub(super) fn settle(&self, result: Result<Json, RequestError>) {
        let mut slot = lock(&self.slot);
        slot.result.get_or_insert(result);
        if let Some(waker) = slot.waker.take() {
            waker.wake();
        }
    }

    /// Takes a message as the answer: in sync mode any is.
    pub(super) fn settle_with(&self, message: &Message) {
        self.settle(Ok(message.data().unwrap_or_else(Json::empty_object)));
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<Result<Json, RequestError>> {
        let mut slot = lock(&self.slot);
        match slot.result.take() {
            Some(result) => Poll::Ready(result),
            None => {
                slot.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// A question that waits; dropping it gives it up.
struct Waiting {
    line: Arc<Line>,
    asked: Asked,
    number: Option<u64>,
    answered: bool,
}

impl Waiting {
    /// Prepares a question and its frame. In sync mode the next message is the answer, so no number is needed
    /// and any stock server will do.
    fn begin<T: Serialize + ?Sized>(line: Arc<Line>, name: &str, data: &T) -> Result<(Self, Frame), EncodeError> {
        let asked = Asked::default();
        if line.config().sync {
            let frame = Frame::encode(name, data)?;
            return Ok((Self { line, asked, number: None, answered: false }, frame));
        }
        let number = line.begin_request(asked.clone());
        let waiting = Self { line, asked, number: Some(number), answered: false };
        let frame = request::question(name, number, data)?;
        Ok((waiting, frame))
    }

    fn poll_post(&self, cx: &mut Context<'_>, frame: &mut Option<Frame>) -> Poll<Result<(), RequestError>> {
        if frame.is_none() {
            return Poll::Ready(Ok(()));
        }
        self.line.poll_ask(cx, frame, &self.asked, self.number.is_none()).map_ok(drop).map_err(RequestError::from)
    }

    fn poll<C: Clock>(
        &self,
        cx: &mut Context<'_>,
        frame: &mut Option<Frame>,
        clock: &mut C,
        deadline: Timestamp,
    ) -> Poll<Result<Json, RequestError>> {
        if let Poll::Ready(Err(error)) = self.poll_post(cx, frame) {
            return Poll::Ready(Err(error));
        }
        if let Poll::Ready(result) = self.asked.poll(cx) {
            return Poll::Ready(result);
        }
        clock.poll_until(cx, deadline).map(|()| Err(RequestError::Timeout))
    }
}

/// A question on its way: a future of its answer that borrows nothing. It is asked when it is first polled, and from
/// then on its time runs.
///
/// Dropping it gives the question up. Polled again after it is ready, it answers [`RequestError::Lost`].
pub struct Asking<R: Runtime> {
    waiting: Option<Waiting>,
    frame: Option<Frame>,
    clock: R::Clock,
    timeout: Duration,
    deadline: Option<Timestamp>,
}

impl<R: Runtime> Asking<R> {
    fn begin<T: Serialize + ?Sized>(
        line: &Arc<Line>,
        runtime: &R,
        timeout: Duration,
        name: &str,
        data: &T,
    ) -> Result<Self, EncodeError> {
        let (waiting, frame) = Waiting::begin(Arc::clone(line), name, data)?;
        let (waiting, frame) = (Some(waiting), Some(frame));
        Ok(Self { waiting, frame, clock: runtime.clock(), timeout, deadline: None })
    }
}

impl<R: Runtime> Future for Asking<R> {
    type Output = Result<Json, RequestError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { waiting, frame, clock, timeout, deadline } = &mut *self;
        let Some(question) = waiting else { return Poll::Ready(Err(RequestError::Lost)) };
        let deadline = *deadline.get_or_insert_with(|| clock.now().saturating_add(*timeout));
        let result = ready!(question.poll(cx, frame, clock, deadline));
        question.answered = !matches!(result, Err(RequestError::Timeout));
        *waiting = None;
        Poll::Ready(result)
    }
}

impl<R: Runtime> fmt::Debug for Asking<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asking").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            drop(lock(self.line.requests()).cancel(number));
        } else if !self.answered && self.asked.delivery.outcome() == Some(Outcome::Flushed) {
            // Its answer would be taken for the next one's.
            self.line.renew();
        }
    }
}

impl Line {
    /// Takes a message that answers a question; gives back one that does not.
    pub(super) fn take_answer(&self, message: &Message) -> bool {
        if !self.has_asked() || message.name() != self.config().reply_type {
            return false;
        }
        match lock(self.requests()).answer(&self.config().reply_type, message) {
            Answer::None => return false,
            Answer::Late => {}
            Answer::Reply(asked, result) => asked.settle(result.map_err(RequestError::Refused)),
        }
        true
    }

    /// Fails the questions whose answers cannot come: on a disconnect those that had left, and always those
    /// that were given up.
    pub(super) fn lose_answers(&self, disconnected: bool) {
        let lost = |asked: &Asked| match asked.delivery.outcome() {
            Some(Outcome::Flushed) => disconnected,
            Some(Outcome::Undelivered | Outcome::Maybe) => true,
            None => false,
        };
        for asked in lock(self.requests()).cancel_where(lost) {
            asked.settle(Err(RequestError::Lost));
        }
    }
}

impl<R: Runtime> Client<R> {
    /// Asks, and waits for the answer for [`request_timeout`](crate::Config#structfield.request_timeout).
    ///
    /// Many may wait at once. Dropping it gives the question up: an answer that comes later is ignored. Where
    /// the connection ends after the question left, it fails; one that had not left is asked on the next
    /// connection. In sync mode the next message is the answer, whatever its name, and after a timeout the
    /// connection is renewed so that a late answer is not taken for the next one's.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    pub fn request<'s, T: Serialize + ?Sized>(
        &'s self,
        name: &str,
        data: &T,
    ) -> impl Future<Output = Result<Json, RequestError>> + use<'s, R, T> {
        self.request_within(self.config().request_timeout, name, data)
    }

    /// As [`request`](Self::request), with a timeout of its own.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    pub fn request_within<'s, T: Serialize + ?Sized>(
        &'s self,
        timeout: Duration,
        name: &str,
        data: &T,
    ) -> impl Future<Output = Result<Json, RequestError>> + use<'s, R, T> {
        let begun = self.asking(timeout, name, data);
        async move { begun?.await }
    }

    /// As [`request_within`](Self::request_within), as a future that can be kept beside the client, or given to a task.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] for data that cannot be encoded; then nothing is asked.
    pub fn asking<T: Serialize + ?Sized>(
        &self,
        timeout: Duration,
        name: &str,
        data: &T,
    ) -> Result<Asking<R>, EncodeError> {
        Asking::begin(self.line(), self.runtime(), timeout, name, data)
    }
}

impl<R: Runtime> Server<R> {
    /// Asks one peer, as [`Client::request`] asks a server.
    ///
    /// # Errors
    ///
    /// [`RequestError`]; [`RequestError::Lost`] for a peer that is gone.
    pub fn request<'s, T: Serialize + ?Sized>(
        &'s self,
        peer: PeerId,
        name: &str,
        data: &T,
    ) -> impl Future<Output = Result<Json, RequestError>> + use<'s, R, T> {
        let begun = self.asking(self.shared().config.request_timeout, peer, name, data);
        async move { begun?.await }
    }

    /// As [`Client::asking`].
    ///
    /// # Errors
    ///
    /// [`RequestError::Lost`] for a peer that is gone, [`RequestError::Emit`] for data that cannot be encoded.
    pub fn asking<T: Serialize + ?Sized>(
        &self,
        timeout: Duration,
        peer: PeerId,
        name: &str,
        data: &T,
    ) -> Result<Asking<R>, RequestError> {
        let sender = self.sender(peer).ok_or(RequestError::Lost)?;
        Ok(Asking::begin(sender.line(), self.runtime(), timeout, name, data)?)
    }
}
