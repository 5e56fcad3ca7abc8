//! A client whose events are printed while the command does something else.

use std::{future::Future, pin::pin, time::Duration};

use ipc_tokio::{Client, Config, Endpoint, Event, Ipc, Json, Reason, RequestError, Sender};
use tokio::time::{Instant, sleep};

use crate::{failure::Failure, output::Output, place, signals::Signals};

/// How long leaving may take: the peer is given so long to close its end.
const LEAVE: Duration = Duration::from_secs(1);

/// Why the command stops before it is done.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The client has given up.
    Destroyed,
    /// Somebody asked for it.
    Signal,
    /// It cannot go on.
    Failed(Failure),
}

pub(crate) struct Session {
    client: Client,
    output: Output,
    signals: Signals,
    /// There is a connection now.
    connected: bool,
    /// Something could not be delivered.
    pub(crate) lost: bool,
    /// The client's last connection, or attempt, ended because it was told to.
    told: bool,
}

impl Session {
    /// Connects, and prints the start line. The runtime has one thread, so no attempt is made before the caller
    /// waits for something.
    pub(crate) fn open(endpoint: Endpoint, config: Config, output: Output, signals: Signals) -> Result<Self, Failure> {
        let start = place::to_show(&endpoint, &config);
        let drain = config.drain_timeout.min(LEAVE);
        let client = Ipc::new(config.drain_timeout(drain)).connect_to_endpoint("peer", endpoint)?;
        output.start(&start, "connecting to")?;
        Ok(Self { client, output, signals, connected: false, lost: false, told: false })
    }

    pub(crate) fn sender(&self) -> Sender {
        self.client.sender()
    }

    /// Prints events until `done` is.
    pub(crate) async fn until<T>(&mut self, done: impl Future<Output = T>) -> Result<T, Stop> {
        let mut done = pin!(done);
        loop {
            tokio::select! {
                value = &mut done => return Ok(value),
                () = self.signals.stop() => return Err(Stop::Signal),
                event = self.client.next() => self.note(event)?,
            };
        }
    }

    /// Asks, and waits for the answer. What else comes meanwhile is printed by [`leave`](Self::leave).
    pub(crate) async fn ask(
        &mut self,
        within: Duration,
        name: &str,
        data: &Json,
    ) -> Result<Result<Json, RequestError>, Stop> {
        tokio::select! {
            answer = self.client.request_within(within, name, data) => Ok(answer),
            () = self.signals.stop() => Err(Stop::Signal),
        }
    }

    /// Prints events until there is a connection.
    pub(crate) async fn connected(&mut self) -> Result<(), Stop> {
        while !self.connected {
            tokio::select! {
                () = self.signals.stop() => return Err(Stop::Signal),
                event = self.client.next() => self.note(event)?,
            };
        }
        Ok(())
    }

    /// Prints events until no message has come for `span`.
    pub(crate) async fn linger(&mut self, span: Duration) -> Result<(), Stop> {
        let mut quiet = pin!(sleep(span));
        loop {
            tokio::select! {
                biased;
                () = self.signals.stop() => return Err(Stop::Signal),
                event = self.client.next() => {
                    if self.note(event)? {
                        quiet.as_mut().reset(Instant::now() + span);
                    }
                }
                () = &mut quiet => return Ok(()),
            }
        }
    }

    /// Disconnects, and prints what that brings. That the client is then destroyed, and an attempt to connect cut
    /// short, goes without saying.
    pub(crate) async fn leave(&mut self) -> Result<(), Failure> {
        self.client.disconnect();
        loop {
            match self.client.next().await {
                None => return Ok(()),
                Some(Event::Disconnected { reason: Reason::Local, .. }) if !self.connected => self.told = true,
                Some(Event::Destroyed) if self.told => {}
                Some(event) => self.print(&event)?,
            }
        }
    }

    /// Takes an event; says whether it was a message.
    fn note(&mut self, event: Option<Event>) -> Result<bool, Stop> {
        let Some(event) = event else { return Err(Stop::Destroyed) };
        self.print(&event).map_err(Stop::Failed)?;
        match event {
            Event::Destroyed => Err(Stop::Destroyed),
            Event::Message(_) | Event::Raw(_) => Ok(true),
            _ => Ok(false),
        }
    }

    fn print(&mut self, event: &Event) -> Result<(), Failure> {
        match event {
            Event::Connected => self.connected = true,
            Event::Undelivered(_) => self.lost = true,
            Event::Disconnected { reason, .. } => {
                self.connected = false;
                self.told = *reason == Reason::Local;
            }
            _ => {}
        }
        self.output.event(None, event)
    }
}
