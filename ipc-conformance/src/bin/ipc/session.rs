//! A link whose events are printed while the command does something else.

use std::{future::Future, pin::pin, time::Duration};

use futures_util::future::{Either, select};
use ipc_conformance::host::Host;
use ipc_proto::{Config, Event, Json, Reason, endpoint::Endpoint, facade::RequestError, facade::Sender};

use crate::{
    failure::{Exit, Failure},
    link::Link,
    output::Output,
    place,
    signals::{Asked, Signals},
};

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

impl From<Asked> for Stop {
    fn from(_: Asked) -> Self {
        Self::Signal
    }
}

pub(crate) struct Session<H: Host> {
    pub(crate) host: H,
    link: Link<H>,
    output: Output,
    signals: Signals,
    /// There is a connection now, or none is needed.
    connected: bool,
    /// Something could not be delivered.
    pub(crate) lost: bool,
    /// The client's last connection, or attempt, ended because it was told to.
    told: bool,
}

impl<H: Host> Session<H> {
    /// Connects, and prints the start line.
    pub(crate) async fn open(
        host: H,
        endpoint: Endpoint,
        config: Config,
        output: Output,
        signals: Signals,
    ) -> Result<Self, Failure> {
        let start = place::to_show(&endpoint, &config);
        let drain = config.drain_timeout.min(LEAVE);
        let link = Link::open(&host, endpoint, config.drain_timeout(drain)).await?;
        let (verb, connected) = match link {
            Link::Client(_) => ("connecting to", false),
            Link::Peer(..) => ("speaking to", true),
        };
        output.start(&start, verb)?;
        Ok(Self { host, link, output, signals, connected, lost: false, told: false })
    }

    pub(crate) fn sender(&self) -> Result<Sender, Failure> {
        self.link.sender().ok_or_else(|| Failure::new(Exit::Failed, "the peer is gone"))
    }

    /// Prints events until `done` is.
    pub(crate) async fn until<T>(&mut self, done: impl Future<Output = T>) -> Result<T, Stop> {
        let mut done = pin!(done);
        loop {
            let next = first(done.as_mut(), self.link.next());
            match self.signals.unless(next).await? {
                Either::Left(value) => return Ok(value),
                Either::Right(event) => self.note(event)?,
            };
        }
    }

    /// Asks, and prints what else comes before the answer.
    pub(crate) async fn ask(
        &mut self,
        within: Duration,
        name: &str,
        data: &Json,
    ) -> Result<Result<Json, RequestError>, Stop> {
        match self.link.ask(within, name, data) {
            Ok(asking) => self.until(asking).await,
            Err(error) => Ok(Err(error)),
        }
    }

    /// Prints events until there is a connection.
    pub(crate) async fn connected(&mut self) -> Result<(), Stop> {
        while !self.connected {
            self.step().await?;
        }
        Ok(())
    }

    /// Prints events until no message has come for `span`.
    pub(crate) async fn linger(&mut self, span: Duration) -> Result<(), Stop> {
        let host = self.host.clone();
        while let Some(came) = host.timeout(span, self.message()).await {
            came?;
        }
        Ok(())
    }

    /// Disconnects, and prints what that brings. That the client is then destroyed, and an attempt to connect cut
    /// short, goes without saying.
    pub(crate) async fn leave(&mut self) -> Result<(), Failure> {
        self.link.end().await;
        loop {
            match self.link.next().await {
                None => return Ok(()),
                Some(Event::Disconnected { reason: Reason::Local, .. }) if !self.connected => self.told = true,
                Some(Event::Destroyed) if self.told => {}
                Some(event) => self.print(&event)?,
            }
        }
    }

    async fn message(&mut self) -> Result<(), Stop> {
        while !self.step().await? {}
        Ok(())
    }

    /// Prints an event; says whether it was a message.
    async fn step(&mut self) -> Result<bool, Stop> {
        let event = self.signals.unless(self.link.next()).await?;
        self.note(event)
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

/// The output of whichever is ready first; `a`, when both are.
pub(crate) async fn first<A: Future, B: Future>(a: A, b: B) -> Either<A::Output, B::Output> {
    match select(pin!(a), pin!(b)).await {
        Either::Left((output, _)) => Either::Left(output),
        Either::Right((output, _)) => Either::Right(output),
    }
}
