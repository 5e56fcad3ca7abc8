//! A client's handle.

use alloc::{string::String, sync::Arc, vec::Vec};
use core::{
    fmt,
    future::poll_fn,
    hash::{BuildHasher, Hasher},
    mem,
    ops::Deref,
    pin::Pin,
    task::{Context, Poll},
};
use std::hash::RandomState;

use futures_core::Stream;
use futures_sink::Sink;

use super::{
    Error, Runtime, Sender,
    events::{self, Events, Producer},
    line::Line,
    reload::reload_all,
    task::{ConnectionTask, Outlet},
    trace,
};
use crate::{
    client::Client as Machine,
    config::Config,
    drive::{ClientDriver, Dial, Drive, End, Reload},
    endpoint::Endpoint,
    error::EmitError,
    event::Event,
    frame::Frame,
};

/// A client that reconnects, keeps what is emitted meanwhile, and reports what it gives up.
///
/// Emits go through the [`Sender`] it derefs to, and work from the moment it exists. Its task runs in the
/// background; when events are not taken, reading stops after 256 KiB of them, and everything else goes on.
/// Dropping it disconnects as [`disconnect`](Self::disconnect) does.
pub struct Client<R: Runtime> {
    id: String,
    sender: Sender,
    events: Arc<Events<Event>>,
    reload: Option<Arc<dyn Reload>>,
    /// What closing has come upon so far.
    undelivered: Vec<Frame>,
    runtime: R,
}

impl<R: Runtime> Client<R> {
    pub(super) fn start(runtime: &R, id: String, endpoints: &[Endpoint], config: Arc<Config>) -> Result<Self, Error> {
        let config = seeded(config);
        let dial = runtime.dial(endpoints, &config)?;
        let reload = dial.reload();
        let line = Line::new(Arc::clone(&config));
        let events = Arc::new(Events::new());
        let driver = ClientDriver::new(Machine::new(config), dial, runtime.clock());
        let outlet = ClientOutlet::new(Arc::clone(&events), Arc::clone(&line));
        let task = ConnectionTask::new(driver, Arc::clone(&line), outlet);
        runtime.spawn(trace::client(&id, endpoints, task));
        let sender = Sender::new(line);
        Ok(Self { id, sender, events, reload, undelivered: Vec::new(), runtime: runtime.clone() })
    }

    /// The id it was connected by.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The next event; `None` after [`Event::Destroyed`].
    ///
    /// Cancel-safe: dropped before it is ready, no event is lost.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|cx| self.events.poll_next(cx)).await
    }

    /// Waits for the first connection, and leaves the events where they are.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    ///
    /// [`Error::Emit`] with [`EmitError::Closed`] when the client gives up before it is connected.
    pub async fn ready(&mut self) -> Result<(), Error> {
        let connects = poll_fn(|cx| self.sender.line().poll_connected(cx)).await;
        if connects { Ok(()) } else { Err(EmitError::Closed(Frame::raw(Vec::new())).into()) }
    }

    /// Whether to give up at the next disconnect instead of dialling again: node-ipc's `stopRetrying`, which counts
    /// whenever it is set. The config has the value to begin with.
    ///
    /// While the client waits to dial again, it gives up when it is to dial; in Classic after one more attempt.
    pub fn stop_retrying(&self, stop: bool) {
        self.sender.line().stop_retrying(stop);
    }

    /// Gives up for good. When connected, what waits is written first, for at most
    /// [`drain_timeout`](Config#structfield.drain_timeout); otherwise it is undelivered at once.
    /// [`next`](Self::next) then yields what is undelivered, `Disconnected`, `Destroyed`, and `None`.
    pub fn disconnect(&self) {
        self.sender.line().end(End::Disconnect);
    }

    /// Takes nothing more, and begins what [`close`](Self::close) waits for: the events go on, what could not be
    /// delivered among them, up to `Destroyed`.
    pub fn drain(&self) {
        self.sender.line().end(End::Drained);
    }

    /// Takes nothing more, and waits until all that was emitted is written, on the next connection if need be,
    /// or [`drain_timeout`](Config#structfield.drain_timeout) is over. Returns what could not be delivered.
    ///
    /// Cancel-safe: called again, it goes on. Other events that come meanwhile are dropped.
    pub async fn close(&mut self) -> Vec<Frame> {
        self.drain();
        while let Some(event) = self.next().await {
            if let Event::Undelivered(lost) = event {
                self.undelivered.push(lost.frame);
            }
        }
        mem::take(&mut self.undelivered)
    }

    /// Reads the certificates and keys anew, for the connections to come; the one that is there stays. It blocks
    /// while the files are read; without TLS it does nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the option and the file; then the certificates from before stay in use.
    pub fn reload_tls(&self) -> Result<(), Error> {
        reload_all(self.reloads())
    }

    pub(super) fn reloads(&self) -> &[Arc<dyn Reload>] {
        self.reload.as_slice()
    }

    pub(super) const fn runtime(&self) -> &R {
        &self.runtime
    }

    /// A handle to emit with from anywhere.
    #[must_use]
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }
}

impl<R: Runtime> Deref for Client<R> {
    type Target = Sender;

    fn deref(&self) -> &Sender {
        &self.sender
    }
}

impl<R: Runtime> Stream for Client<R> {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.events.poll_next(cx)
    }
}

impl<R: Runtime> Sink<Frame> for Client<R> {
    type Error = EmitError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), EmitError>> {
        Pin::new(&mut self.sender).poll_ready(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Frame) -> Result<(), EmitError> {
        Pin::new(&mut self.sender).start_send(frame)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), EmitError>> {
        Pin::new(&mut self.sender).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), EmitError>> {
        Pin::new(&mut self.sender).poll_close(cx)
    }
}

impl<R: Runtime> Drop for Client<R> {
    fn drop(&mut self) {
        self.events.abandon();
        self.disconnect();
    }
}

impl<R: Runtime> fmt::Debug for Client<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("id", &self.id).field("sender", &self.sender).finish_non_exhaustive()
    }
}

/// A back-off without a seed gets one of this client's own, so that many clients do not come back together.
fn seeded(mut config: Arc<Config>) -> Arc<Config> {
    if config.retry.backoff.as_ref().is_some_and(|backoff| backoff.seed.is_none()) {
        if let Some(backoff) = &mut Arc::make_mut(&mut config).retry.backoff {
            // The standard library asks the system for the keys of its hash maps.
            backoff.seed = Some(RandomState::new().build_hasher().finish());
        }
    }
    config
}

/// A client's events go to its handle.
struct ClientOutlet {
    producer: Producer,
    events: Arc<Events<Event>>,
    line: Arc<Line>,
}

impl ClientOutlet {
    fn new(events: Arc<Events<Event>>, line: Arc<Line>) -> Self {
        Self { producer: events.add_producer(), events, line }
    }
}

impl Outlet for ClientOutlet {
    fn poll_room(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.events.poll_room(&self.producer, cx)
    }

    fn take<D: Drive>(&mut self, event: &mut Option<Event>, _driver: &mut D) {
        events::take_answers(&self.line, event);
        if let Some(event) = event.take() {
            let bytes = events::weight(&event);
            self.events.push(events::kept(event), bytes);
        }
    }
}

impl Drop for ClientOutlet {
    fn drop(&mut self) {
        self.events.remove_producer(&self.producer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Backoff, Retry};

    fn seed(config: Config) -> Option<u64> {
        seeded(Arc::new(config)).retry.backoff.as_ref().and_then(|backoff| backoff.seed)
    }

    #[test]
    fn clients_without_a_seed_get_different_ones() {
        let config = Config::default().retry(Retry::default().backoff(Backoff::default()));
        assert_ne!(seed(config.clone()), seed(config));
        let given = Config::default().retry(Retry::default().backoff(Backoff::default().seed(5)));
        assert_eq!(seed(given), Some(5));
        assert_eq!(seed(Config::default()), None);
    }
}
