//! Where the events of a server's connection go: to its handler, and from there to the server's stream.

use alloc::{boxed::Box, sync::Arc};
use core::{
    mem,
    task::{Context, Poll},
};

use super::{
    events::{self, Events, Producer},
    line::Line,
    lock,
    server::Shared,
    task::Outlet,
    trace,
};
use crate::{
    drive::Drive,
    error::EmitError,
    event::Event,
    frame::Frame,
    message::{Json, Message},
    outbox::Pressure,
    peers::{PeerId, Share},
    router::{Emit, Router},
};

/// A server's merged events.
pub(super) type PeerEvents = Events<(PeerId, Event)>;

/// Handles a connection's events inside its task; says whether the event goes on to the server's stream.
pub type Handler = Box<dyn FnMut(&Event, &mut dyn Emit) -> bool + Send>;

/// Makes the handler of a new connection.
pub(super) type HandlerFactory = Box<dyn Fn(PeerId) -> Handler + Send + Sync>;

/// Runs `router` in each connection's task, on a state of the connection's own.
///
/// A message without a route, or whose data does not fit the handler, goes on to the server's stream.
pub(super) fn routed<S: Send + 'static>(
    router: Router<S>,
    state: impl Fn(PeerId) -> S + Send + Sync + 'static,
) -> HandlerFactory {
    let router = Arc::new(router);
    Box::new(move |peer| {
        let (router, mut state) = (Arc::clone(&router), state(peer));
        Box::new(move |event, out| match event {
            Event::Message(message) => !router.route(&mut state, Some(peer), out, message).unwrap_or(false),
            _ => true,
        })
    })
}

/// The server's end of one connection.
pub(super) struct ServerOutlet {
    producer: Producer,
    shared: Arc<Shared>,
    peer: PeerId,
    share: Arc<Share>,
    line: Arc<Line>,
    handler: Option<Handler>,
    identifies: bool,
    /// Something was added to the stream since its room was looked at.
    pushed: bool,
}

impl ServerOutlet {
    pub(super) fn new(shared: Arc<Shared>, peer: PeerId, share: Arc<Share>, line: Arc<Line>) -> Self {
        let producer = shared.events.add_producer();
        let handler = shared.handlers.as_ref().map(|make| make(peer));
        let identifies = shared.config.identifies_peers();
        Self { producer, shared, peer, share, line, handler, identifies, pushed: true }
    }

    /// The peer's number.
    pub(super) const fn peer(&self) -> PeerId {
        self.peer
    }

    /// Keeps the peer's name where the server can be asked for it.
    pub(super) fn note_name(&self, name: &Json) {
        if let Some(entry) = lock(&self.shared.peers).get_mut(self.peer) {
            entry.name = Some(name.clone());
        }
    }

    /// Gives an event to the handler, which may answer by `out`, and what it leaves to the stream.
    pub(super) fn deliver(&mut self, slot: &mut Option<Event>, out: &mut dyn Emit) {
        events::take_answers(&self.line, slot);
        let Some(event) = &*slot else { return };
        if let Event::Disconnected { .. } = event {
            // Whoever hears of it finds the peer gone, and its place free.
            self.leave();
        }
        if self.handler.as_mut().is_none_or(|handler| handler(event, out)) {
            self.push(slot);
        }
    }

    /// Takes the peer off the server's list. What it held is given back first: counted, but on no list, it would make
    /// another one go for holding most.
    fn leave(&self) {
        self.share.set(0);
        lock(&self.shared.peers).remove(self.peer);
    }

    fn push(&mut self, slot: &mut Option<Event>) {
        if let Some(event) = slot.take() {
            let bytes = events::weight(&event);
            self.shared.events.push((self.peer, events::kept(event)), bytes);
            self.pushed = true;
        }
    }
}

impl Outlet for ServerOutlet {
    fn poll_room(&mut self, cx: &Context<'_>) -> Poll<()> {
        // Where the handler keeps all events to itself, the stream is as it was.
        if !mem::take(&mut self.pushed) {
            return Poll::Ready(());
        }
        let room = self.shared.events.poll_room(&self.producer, cx);
        self.pushed = room.is_pending();
        room
    }

    fn pauses_at(&self) -> usize {
        // A handler answers what it reads: a peer that does not take the answers is not read from.
        if self.handler.is_some() { Pressure::HIGH_MARK } else { usize::MAX }
    }

    fn take<D: Drive>(&mut self, event: &mut Option<Event>, driver: &mut D) {
        if self.identifies {
            driver.peer_id().into_iter().for_each(|name| self.note_name(name));
        }
        self.deliver(event, &mut Answers { driver });
    }

    fn note_held(&mut self, bytes: usize) {
        self.shared.note_held(&self.share, bytes);
    }
}

impl Drop for ServerOutlet {
    fn drop(&mut self) {
        self.leave();
        self.shared.events.remove_producer(&self.producer);
    }
}

/// A handler's answers go straight to its connection.
struct Answers<'d, D> {
    driver: &'d mut D,
}

impl<D: Drive> Emit for Answers<'_, D> {
    fn send_frame(&mut self, frame: Frame) -> Result<Pressure, EmitError> {
        trace::emitted(self.driver.config(), &frame);
        self.driver.send(frame, false)?;
        Ok(Pressure::of(self.driver.pending_bytes()))
    }

    fn relay(&mut self, message: &Message) -> Result<Pressure, EmitError> {
        trace::relayed(self.driver.config(), message);
        self.driver.relay(message)?;
        Ok(Pressure::of(self.driver.pending_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::config::Config;

    #[test]
    fn a_peer_that_has_gone_makes_no_other_one_go() {
        let mut config = Config::default();
        config.limits.memory_budget = 100;
        let config = Arc::new(config);
        let shared = Arc::new(Shared::new(Arc::clone(&config), None, Vec::new()));
        let peer = |port| {
            let line = Line::for_peer(Arc::clone(&config));
            let outlet = shared.admit_datagrams(Arc::clone(&line), ([127, 0, 0, 1], port).into());
            (line, outlet)
        };
        let ((largest, mut hog), (other, mut modest)) = (peer(1), peer(2));
        modest.note_held(40);
        hog.note_held(70);
        assert!(largest.is_ending() && !other.is_ending());
        hog.leave();
        modest.note_held(41);
        assert!(!other.is_ending());
        assert_eq!((shared.budget.held(), shared.budget.evicted()), (41, 1));
    }
}
