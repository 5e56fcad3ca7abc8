//! What the tasks tell `tracing`; without the feature of that name it is nothing, and costs nothing.
//!
//! Each client and each server has a span at the level info, each connection of a server one within it. What
//! becomes of connections is an event at debug, what is sent and received one at trace. The names and the data of
//! messages are in there only by the config's `log_payloads`: otherwise it is their lengths.

#[cfg(not(feature = "tracing"))]
pub(super) use off::*;
#[cfg(feature = "tracing")]
pub(super) use on::*;

#[cfg(feature = "tracing")]
mod on {
    use alloc::{
        boxed::Box,
        string::{String, ToString},
        vec::Vec,
    };

    use tracing::{Instrument, debug, info_span, trace};

    use crate::{
        config::Config,
        endpoint::Endpoint,
        error::IoError,
        event::{Event, Undelivered},
        facade::Task,
        frame::Frame,
        message::Message,
        peers::PeerId,
    };

    /// Whatever module an event comes from, this is what to filter by.
    const TARGET: &str = "ipc_proto";

    pub(in crate::facade) fn client<F>(id: &str, endpoints: &[Endpoint], task: F) -> Task
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Box::pin(task.instrument(info_span!(target: TARGET, "client", id, endpoints = list(endpoints))))
    }

    pub(in crate::facade) fn server<F>(endpoints: &[Endpoint], task: F) -> Task
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Box::pin(task.instrument(info_span!(target: TARGET, "server", endpoints = list(endpoints))))
    }

    /// Within the span of its server, whose task this is called in.
    pub(in crate::facade) fn connection<F>(peer: PeerId, task: F) -> Task
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Box::pin(task.instrument(info_span!(target: TARGET, "connection", peer = peer.get())))
    }

    pub(in crate::facade) fn refused() {
        debug!(target: TARGET, "refused: max_connections are there");
    }

    pub(in crate::facade) fn accept_failed(error: &IoError) {
        debug!(target: TARGET, code = error.code(), %error, "accepting failed");
    }

    pub(in crate::facade) fn event(config: &Config, event: &Event) {
        match event {
            Event::Connected => debug!(target: TARGET, "connected"),
            Event::Message(message) => passing(config, message, "received"),
            Event::Raw(bytes) if config.log_payloads => trace!(target: TARGET, data = ?bytes, "received"),
            Event::Raw(bytes) => trace!(target: TARGET, bytes = bytes.len(), "received"),
            Event::Error(error) => debug!(target: TARGET, code = error.code(), %error, "error"),
            Event::Writable => trace!(target: TARGET, "writable"),
            Event::Undelivered(lost) => undelivered(config, lost),
            Event::Disconnected { reason, retry_in, .. } => debug!(target: TARGET, ?reason, ?retry_in, "disconnected"),
            Event::Destroyed => debug!(target: TARGET, "destroyed"),
        }
    }

    /// A frame on its way to the machine.
    pub(in crate::facade) fn emitted(config: &Config, frame: &Frame) {
        if config.log_payloads {
            trace!(target: TARGET, frame = text(frame), "emitted");
        } else {
            trace!(target: TARGET, bytes = frame.len(), "emitted");
        }
    }

    /// A message on its way back, as it came.
    pub(in crate::facade) fn relayed(config: &Config, message: &Message) {
        passing(config, message, "emitted");
    }

    fn passing(config: &Config, message: &Message, what: &str) {
        if config.log_payloads {
            trace!(target: TARGET, name = message.name(), data = message.data().map(|data| data.to_string()), "{what}");
        } else {
            trace!(target: TARGET, bytes = message.len(), "{what}");
        }
    }

    fn undelivered(config: &Config, lost: &Undelivered) {
        let Undelivered { frame, maybe_sent } = lost;
        if config.log_payloads {
            debug!(target: TARGET, frame = text(frame), maybe_sent, "undelivered");
        } else {
            debug!(target: TARGET, bytes = frame.len(), maybe_sent, "undelivered");
        }
    }

    fn text(frame: &Frame) -> String {
        String::from_utf8_lossy(frame.as_bytes()).into_owned()
    }

    fn list(endpoints: &[Endpoint]) -> String {
        endpoints.iter().map(Endpoint::to_string).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(not(feature = "tracing"))]
mod off {
    use alloc::boxed::Box;

    use crate::{
        config::Config, endpoint::Endpoint, error::IoError, event::Event, facade::Task, frame::Frame, message::Message,
        peers::PeerId,
    };

    pub(in crate::facade) fn client<F>(_id: &str, _endpoints: &[Endpoint], task: F) -> Task
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Box::pin(task)
    }

    pub(in crate::facade) fn server<F>(_endpoints: &[Endpoint], task: F) -> Task
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Box::pin(task)
    }

    pub(in crate::facade) fn connection<F>(_peer: PeerId, task: F) -> Task
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Box::pin(task)
    }

    pub(in crate::facade) const fn refused() {}

    pub(in crate::facade) const fn accept_failed(_error: &IoError) {}

    pub(in crate::facade) const fn event(_config: &Config, _event: &Event) {}

    pub(in crate::facade) const fn emitted(_config: &Config, _frame: &Frame) {}

    pub(in crate::facade) const fn relayed(_config: &Config, _message: &Message) {}
}
