//! The driver of one connection.

use super::*;

#[cfg(feature = "facade")]
mod laid;

/// One connection on a runtime. It moves only while it is polled.
#[derive(Debug)]
pub struct Driver<T, C> {
    conn: Connection,
    pipe: Pipe<T>,
    clock: C,
    /// The transport is not ready yet.
    opening: bool,
}

impl<T: Transport, C: Clock> Driver<T, C> {
    /// Connects `conn` to `io`. Where that has a [session](Transport::is_session), events begin when it is
    /// established; if it cannot be, they are an error and a disconnect, without a connect.
    pub fn new(mut conn: Connection, io: T, clock: C) -> Self {
        let pipe = Pipe::new(io);
        if pipe.is_session {
            conn.outbox().hold_until_confirmed();
        }
        Self { conn, opening: pipe.is_session, pipe, clock }
    }

    /// The machine.
    pub const fn conn(&mut self) -> &mut Connection {
        &mut self.conn
    }

    /// The machine, to look at.
    pub const fn conn_ref(&self) -> &Connection {
        &self.conn
    }

    /// The transport.
    pub const fn io(&self) -> &T {
        &self.pipe.io
    }

    /// Closes the connection, and is ready once the writing half is shut. Events are not taken.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.end(End::Drained);
        while self.advance(cx, Reading::WhenStuck) {}
        if self.pipe.shut || self.pipe.broken.is_some() || self.conn.is_closed() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    fn advance(&mut self, cx: &mut Context<'_>, reading: Reading) -> bool {
        if self.opening {
            return self.open(cx);
        }
        let now = self.clock.now();
        let moved = self.pipe.turn(cx, now, &mut self.conn, reading);
        poll_timer(cx, &mut self.clock, &mut self.conn) || moved
    }

    fn open(&mut self, cx: &mut Context<'_>) -> bool {
        let Poll::Ready(result) = self.pipe.io.poll_ready(cx) else { return false };
        if let Err(error) = result {
            self.conn.refuse(self.clock.now(), Some(error));
        }
        self.opening = false;
        true
    }
}

impl<T: Transport, C: Clock> Drive for Driver<T, C> {
    #[inline]
    fn poll_event_into(&mut self, cx: &mut Context<'_>, slot: &mut Option<Event>) -> Poll<()> {
        if !self.opening && self.conn.poll_event_into(slot) {
            return Poll::Ready(());
        }
        let polled = poll_turns(|| {
            if self.opening && !self.open(cx) {
                return Turn::Stuck;
            }
            if self.conn.poll_event_into(slot) || self.conn.is_closed() {
                Turn::Done
            } else if self.advance(cx, Reading::Always) {
                Turn::Moved
            } else {
                Turn::Stuck
            }
        });
        polled.unwrap_or_else(|| {
            self.yield_now(cx);
            Poll::Pending
        })
    }

    fn turn(&mut self, cx: &mut Context<'_>, reading: Reading) -> bool {
        self.advance(cx, reading)
    }

    fn yield_now(&mut self, cx: &mut Context<'_>) {
        self.clock.yield_now(cx);
    }

    fn config(&self) -> &Config {
        self.conn.config()
    }

    fn send(&mut self, frame: Frame, tracked: bool) -> Result<Option<Ticket>, EmitError> {
        if tracked { self.conn.send_tracked(frame).map(Some) } else { self.conn.send(frame).map(|_| None) }
    }

    fn relay(&mut self, message: &Message) -> Result<(), EmitError> {
        self.conn.relay(message).map(drop)
    }

    fn poll_outcome(&mut self) -> Option<(Ticket, Outcome)> {
        self.conn.poll_outcome()
    }

    fn end(&mut self, how: End) {
        let now = self.clock.now();
        if self.opening {
            self.opening = false;
            return self.conn.refuse(now, None);
        }
        match how {
            End::Drained | End::Disconnect => self.conn.close(now),
            End::Overloaded => self.conn.abort_overloaded(now),
            End::Abort => self.conn.abort(now),
        }
    }

    fn pending_bytes(&self) -> usize {
        self.conn.pending_bytes()
    }

    fn is_ending(&self) -> bool {
        self.conn.is_ending()
    }

    fn held_bytes(&self) -> usize {
        self.conn.held_bytes()
    }

    fn stats(&self) -> Stats {
        self.conn.stats()
    }

    fn peer_id(&self) -> Option<&Json> {
        self.conn.peer_id()
    }

    fn is_stalled(&self) -> bool {
        self.conn.pending_bytes() > 0 && self.conn.is_clogged()
    }
}
