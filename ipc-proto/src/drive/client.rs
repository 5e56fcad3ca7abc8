//! The driver of a client.

use super::*;

/// A client on a runtime: it dials when the machine asks. It moves only while it is polled.
#[derive(Debug)]
pub struct ClientDriver<D: Dial, C> {
    client: Client,
    dial: D,
    dialling: bool,
    pipe: Option<Pipe<D::Io>>,
    clock: C,
}

impl<D: Dial, C: Clock> ClientDriver<D, C> {
    /// Lets `client` dial with `dial`, from now on.
    pub fn new(mut client: Client, dial: D, clock: C) -> Self {
        client.connect(clock.now());
        Self { client, dial, dialling: false, pipe: None, clock }
    }

    /// The machine.
    pub const fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// The machine, to look at.
    pub const fn client_ref(&self) -> &Client {
        &self.client
    }

    fn advance(&mut self, cx: &mut Context<'_>, reading: Reading) -> bool {
        self.act();
        let now = self.clock.now();
        let moved = match &mut self.pipe {
            Some(pipe) => pipe.turn(cx, now, &mut self.client, reading),
            None => self.poll_dial(cx, now),
        };
        poll_timer(cx, &mut self.clock, &mut self.client) || moved
    }

    fn poll_dial(&mut self, cx: &mut Context<'_>, now: Timestamp) -> bool {
        if !self.dialling {
            return false;
        }
        let Poll::Ready(result) = self.dial.poll_dial(cx) else { return false };
        self.dialling = false;
        match result {
            Ok(io) => {
                let pipe = Pipe::new(io);
                if pipe.is_session {
                    self.client.handle_session(now);
                } else {
                    self.client.handle_connected(now);
                }
                self.pipe = Some(pipe);
            }
            Err(error) => self.client.handle_failed(now, error),
        }
        true
    }

    fn act(&mut self) {
        while let Some(action) = self.client.poll_action() {
            self.pipe = None;
            self.dialling = action == Action::Open;
            if self.dialling {
                self.dial.start();
            } else {
                self.dial.cancel();
            }
        }
    }
}

impl<D: Dial, C: Clock> Drive for ClientDriver<D, C> {
    fn poll_event_into(&mut self, cx: &mut Context<'_>, slot: &mut Option<Event>) -> Poll<()> {
        let polled = poll_turns(|| {
            *slot = self.client.poll_event();
            self.act();
            if slot.is_some() || self.client.state() == ClientState::Stopped {
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

    fn is_connected(&self) -> bool {
        self.pipe.is_some()
    }

    fn yield_now(&mut self, cx: &mut Context<'_>) {
        self.clock.yield_now(cx);
    }

    fn config(&self) -> &Config {
        self.client.config()
    }

    fn send(&mut self, frame: Frame, tracked: bool) -> Result<Option<Ticket>, EmitError> {
        if tracked { self.client.send_tracked(frame).map(Some) } else { self.client.send(frame).map(|_| None) }
    }

    fn poll_outcome(&mut self) -> Option<(Ticket, Outcome)> {
        self.client.poll_outcome()
    }

    fn end(&mut self, how: End) {
        let now = self.clock.now();
        match how {
            End::Drained => self.client.close(now),
            End::Disconnect => self.client.disconnect(now),
            End::Overloaded => self.client.abort_overloaded(now),
            End::Abort => self.client.abort(now),
        }
    }

    fn answered(&self) -> Option<Ticket> {
        self.client.answered()
    }

    fn renew(&mut self) {
        self.client.renew(self.clock.now());
    }

    fn stop_retrying(&mut self, stop: bool) {
        self.client.stop_retrying(stop);
    }

    fn pending_bytes(&self) -> usize {
        self.client.pending_bytes()
    }

    fn held_bytes(&self) -> usize {
        self.client.held_bytes()
    }

    fn stats(&self) -> Stats {
        self.client.stats()
    }

    fn is_stalled(&self) -> bool {
        self.client.pending_bytes() > 0 && self.client.is_clogged()
    }
}
