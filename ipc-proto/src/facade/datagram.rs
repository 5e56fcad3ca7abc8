//! The task that owns a server's UDP socket.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use core::{
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use super::{
    Runtime,
    backlog::{Backlog, Deliveries},
    direct::Report,
    door::{Door, Knocks},
    events::Producer,
    line::{Line, Orders},
    outlet::ServerOutlet,
    server::Shared,
    task::Outlet,
    trace,
};
use crate::{
    datagram::{Datagrams, Standing, max_len},
    drive::{Clock, DatagramDriver, End, Reading},
    error::{Code, EmitError},
    event::{Event, Ticket},
    frame::Frame,
    outbox::Pressure,
    peers::PeerId,
    router::Emit,
    time::Timestamp,
};

/// How many events one turn hands on before it lets others run.
const BURST: usize = 256;

/// One socket, and the line and the outlet of everybody it hears from.
///
/// The machine numbers its peers, and so does the server, which may have several sockets; here a peer goes by the
/// machine's number, and its outlet knows the server's.
pub(super) struct DatagramTask<R: Runtime> {
    producer: Producer,
    driver: DatagramDriver<R::Datagram, R::Clock>,
    shared: Arc<Shared>,
    door: Arc<Door>,
    slots: BTreeMap<PeerId, Slot>,
    deliveries: Deliveries,
    /// Peers whose handles are to be told how things stand.
    stirred: BTreeSet<PeerId>,
    /// Until when a close waits, and the timer for it.
    deadline: Option<Timestamp>,
    clock: R::Clock,
}

struct Slot {
    line: Arc<Line>,
    bell: Waker,
    backlog: Backlog,
    end: Option<End>,
    outlet: ServerOutlet,
}

impl<R: Runtime> DatagramTask<R> {
    pub(super) fn new(
        runtime: &R,
        driver: DatagramDriver<R::Datagram, R::Clock>,
        door: Arc<Door>,
        shared: Arc<Shared>,
    ) -> Self {
        let producer = shared.events.add_producer();
        Self {
            producer,
            driver,
            shared,
            door,
            slots: BTreeMap::new(),
            deliveries: Deliveries::default(),
            stirred: BTreeSet::new(),
            deadline: None,
            clock: runtime.clock(),
        }
    }

    /// Takes what came through the door. Says whether the socket is to close.
    fn open_door(&mut self, cx: &Context<'_>) -> bool {
        let Knocks { rung, named, closed } = self.door.take(cx);
        for (address, asked) in named {
            let now = self.clock.now();
            let peer = self.driver.machine().peer_at(now, address);
            self.sync_peers();
            asked.give(self.slots.get(&peer).map(|slot| slot.outlet.peer()));
        }
        for peer in rung {
            self.take_posted(peer);
        }
        closed
    }

    /// Takes frames and commands from a peer's handles.
    fn take_posted(&mut self, peer: PeerId) {
        let Some(slot) = self.slots.get_mut(&peer) else { return };
        let Orders { posted, end, overloaded, .. } = slot.line.take(&Context::from_waker(&slot.bell));
        posted.iter().for_each(|posted| trace::emitted(slot.line.config(), &posted.frame));
        slot.backlog.add(posted);
        slot.end = slot.end.max(end).max(overloaded.then_some(End::Overloaded));
        self.stirred.insert(peer);
        self.hand_over(peer);
    }

    /// Gives the machine what was posted for a peer, as far as it takes it. Says whether it took anything.
    fn hand_over(&mut self, peer: PeerId) -> bool {
        let Self { driver, slots, deliveries, .. } = self;
        let Some(slot) = slots.get_mut(&peer) else { return false };
        let before = slot.backlog.len();
        let given_up =
            slot.backlog.hand_over(deliveries, |frame, tracked| send(driver.machine(), peer, frame, tracked));
        let moved = slot.backlog.len() < before;
        for event in given_up {
            slot.tell(event, driver.machine(), peer);
        }
        moved
    }

    /// Keeps a slot for each peer that the machine knows.
    fn sync_peers(&mut self) {
        while let Some((peer, standing)) = self.driver.machine().poll_standing() {
            if standing == Standing::Forgotten {
                self.remove(peer);
            } else if self.slots.contains_key(&peer) {
                self.stirred.insert(peer);
            } else {
                self.add(peer);
            }
        }
    }

    fn add(&mut self, peer: PeerId) {
        let Some(address) = self.driver.machine_ref().peer_addr(peer) else { return };
        let allowance = self.driver.machine_ref().allowance(peer);
        let line = Line::for_datagrams(Arc::clone(&self.shared.config), max_len(address), allowance);
        let outlet = self.shared.admit_datagrams(Arc::clone(&line), address);
        let slot = Slot { line, bell: self.door.bell(peer), backlog: Backlog::default(), end: None, outlet };
        self.slots.insert(peer, slot);
        self.take_posted(peer);
    }

    fn remove(&mut self, peer: PeerId) {
        let Some(mut slot) = self.slots.remove(&peer) else { return };
        self.stirred.remove(&peer);
        slot.backlog.add(slot.line.close());
        for event in slot.backlog.give_up() {
            slot.tell(event, self.driver.machine(), peer);
        }
        slot.line.lose_answers(true);
    }

    /// Hands events on as long as there is room for them.
    fn take_events(&mut self, cx: &mut Context<'_>) {
        for _ in 0..BURST {
            if self.shared.events.poll_room(&self.producer, cx).is_pending() {
                while self.driver.turn(cx, Reading::Never) {}
                return;
            }
            let Poll::Ready((peer, event)) = self.driver.poll_event(cx) else { return self.sync_peers() };
            self.deliver(peer, event);
        }
        self.driver.yield_now(cx);
    }

    fn deliver(&mut self, peer: PeerId, event: Event) {
        self.sync_peers();
        self.settle();
        let Some(slot) = self.slots.get_mut(&peer) else { return };
        if let Event::Undelivered(_) = event {
            slot.line.lose_answers(false);
        }
        if let Some(name) = self.driver.machine_ref().peer_id(peer) {
            slot.outlet.note_name(name);
        }
        slot.tell(event, self.driver.machine(), peer);
        self.stirred.insert(peer);
    }

    /// Sends what waits, and hands on what was received. Says whether that is all, or took too long.
    fn drain(&mut self, cx: &mut Context<'_>) -> bool {
        while self.driver.turn(cx, Reading::Never) {}
        let patience = self.shared.config.drain_timeout;
        let deadline = *self.deadline.get_or_insert_with(|| self.clock.now().saturating_add(patience));
        let drained = self.driver.is_flushed() && !self.slots.values().any(|slot| slot.backlog.waits());
        let done = drained || self.clock.poll_until(cx, deadline).is_ready();
        if done {
            self.driver.abort();
        }
        while let Some((peer, event)) = self.driver.machine().poll_event() {
            self.deliver(peer, event);
        }
        done
    }

    /// Gives the machine what it had no room for before. Says whether it took anything.
    fn hand_over_rest(&mut self) -> bool {
        let waiting = |peer: &PeerId| self.slots.get(peer).is_some_and(|slot| slot.backlog.waits());
        let peers: BTreeSet<PeerId> = self.stirred.iter().copied().filter(waiting).collect();
        peers.into_iter().filter(|peer| self.hand_over(*peer)).count() > 0
    }

    fn settle(&mut self) {
        while let Some((ticket, outcome)) = self.driver.machine().poll_outcome() {
            self.deliveries.settle(ticket, outcome);
        }
    }

    /// Tells the handles how things stand.
    fn report(&mut self) {
        self.settle();
        for peer in mem::take(&mut self.stirred) {
            self.report_peer(peer);
            self.end_if_due(peer);
        }
        self.sync_peers();
    }

    fn report_peer(&mut self, peer: PeerId) {
        let machine = self.driver.machine_ref();
        let Some(slot) = self.slots.get_mut(&peer) else { return };
        let behind = slot.backlog.bytes();
        let pending = machine.pending_to(peer) + behind;
        let posted =
            slot.line.update(Report { pending, stalled: false, stats: machine.stats(peer).unwrap_or_default() });
        slot.line.allow(machine.allowance(peer).map(|left| left.saturating_sub(behind)));
        slot.outlet.note_held(pending + posted);
        if pending > 0 {
            self.stirred.insert(peer);
        }
    }

    /// Forgets a peer that was told to go, once nothing waits for it, or at once where it has to.
    fn end_if_due(&mut self, peer: PeerId) {
        let Some(slot) = self.slots.get_mut(&peer) else { return };
        let Some(how) = slot.end else { return };
        let machine = self.driver.machine();
        let drained = !slot.backlog.waits() && machine.pending_to(peer) == 0;
        if how == End::Overloaded {
            slot.tell(Event::Error(Code::Backpressure.into()), machine, peer);
        }
        if drained || how > End::Disconnect {
            self.driver.machine().forget(peer);
        }
    }
}

impl Slot {
    /// Gives an event to the peer's outlet, whose handler may answer.
    fn tell(&mut self, event: Event, machine: &mut Datagrams, peer: PeerId) {
        trace::event(self.line.config(), &event);
        self.outlet.deliver(&mut Some(event), &mut Answers { machine, peer });
    }
}

fn send(machine: &mut Datagrams, peer: PeerId, frame: Frame, tracked: bool) -> Result<Option<Ticket>, EmitError> {
    if tracked { machine.send_tracked(peer, frame).map(Some) } else { machine.send(peer, frame).map(|_| None) }
}

/// A handler's answers go straight to the machine.
struct Answers<'m> {
    machine: &'m mut Datagrams,
    peer: PeerId,
}

impl Emit for Answers<'_> {
    fn send_frame(&mut self, frame: Frame) -> Result<Pressure, EmitError> {
        trace::emitted(self.machine.config(), &frame);
        self.machine.send(self.peer, frame)
    }
}

impl<R: Runtime> Future for DatagramTask<R> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let task = &mut *self;
        let closing = task.open_door(cx);
        if !closing {
            task.take_events(cx);
        }
        if task.hand_over_rest() {
            cx.waker().wake_by_ref();
        }
        let done = closing && task.drain(cx);
        task.report();
        if done { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl<R: Runtime> Drop for DatagramTask<R> {
    fn drop(&mut self) {
        self.door.shut();
        self.deliveries.clear();
        while let Some(peer) = self.slots.keys().next().copied() {
            self.remove(peer);
        }
        self.shared.events.remove_producer(&self.producer);
    }
}
