//! `ipc record`: passes every byte on, and writes it down.

use std::{future::poll_fn, sync::Arc, time::Duration};

use async_channel::{Receiver, Sender, bounded};
use futures_util::future::Either;
use ipc_conformance::host::Host;
use ipc_proto::{
    Config, IoError,
    drive::{DatagramSocket as _, Dial as _},
    endpoint::{Endpoint, check_id, client_paths},
    facade::Accept as _,
};

mod log;
mod relay;
mod tap;

use log::Log;
use relay::Relay;
use tap::Tap;

use crate::{
    args::RecordArgs,
    failure::{Exit, Failure},
    output::Output,
    place,
    session::first,
    signals::Signals,
    warn,
};

/// How long to wait when the system has no room for a connection.
const PAUSE: Duration = Duration::from_millis(100);

pub(crate) async fn run<H: Host>(host: H, args: RecordArgs, signals: Signals) -> Result<Exit, Failure> {
    let output = Output::new(&args.common);
    let mut config = args.common.config()?;
    let recorded = match args.listen {
        listen @ (Endpoint::Udp4 { .. } | Endpoint::Udp6 { .. }) => {
            let server = relay::target(&args.to)?;
            let config = Arc::new(config);
            let front = host.bind_datagram(&listen, &config).await?;
            let log = Log::create(&args.file)?;
            start(output, &listen.with_port(front.local_addr().port()))?;
            signals.unless(Relay::new(host, config, log, front, server).run()).await
        }
        listen => {
            let to = targets(args.to, &config)?;
            let here = place::to_serve(listen, &mut config, false)?.swap_remove(0);
            let config = Arc::new(config);
            // Known to be possible before anybody connects.
            host.dial(&to, &config)?;
            let accept = host.listen(&here, &config).await?;
            let log = Log::create(&args.file)?;
            start(output, accept.endpoint())?;
            signals.unless(Proxy::new(host, accept, to, config, log).run()).await
        }
    };
    // Recording ends by a signal, or it has failed.
    recorded.map_or(Ok(Exit::Done), Err)
}

fn start(output: Output, endpoint: &Endpoint) -> Result<(), Failure> {
    output.start(&place::show(endpoint), "recording at")
}

fn targets(to: Endpoint, config: &Config) -> Result<Vec<Endpoint>, Failure> {
    let Endpoint::Id(id) = to else { return Ok(vec![place::located(to)?]) };
    check_id(&id)?;
    place::at(client_paths(config, &ipc_os::environment(), &id))
}

struct Proxy<H: Host> {
    host: H,
    accept: H::Accept,
    to: Vec<Endpoint>,
    config: Arc<Config>,
    log: Log,
    failed: (Sender<Failure>, Receiver<Failure>),
    /// How many connections there were.
    opened: u32,
}

impl<H: Host> Proxy<H> {
    fn new(host: H, accept: H::Accept, to: Vec<Endpoint>, config: Arc<Config>, log: Log) -> Self {
        Self { host, accept, to, config, log, failed: bounded(1), opened: 0 }
    }

    /// Goes on until a line cannot be written.
    async fn run(&mut self) -> Failure {
        loop {
            let next = first(self.failed.1.recv(), poll_fn(|cx| self.accept.poll_accept(cx)));
            let step = match next.await {
                Either::Left(failure) => failure.map_or_else(|error| Err(Failure::new(Exit::Failed, error)), Err),
                Either::Right(client) => self.open(client).await,
            };
            if let Err(failure) = step {
                return failure;
            }
        }
    }

    async fn open(&mut self, client: Result<H::Io, IoError>) -> Result<(), Failure> {
        match client {
            Ok(client) => self.tap(client),
            Err(error) => {
                warn(format_args!("cannot accept: {error}"));
                self.host.sleep(PAUSE).await;
                Ok(())
            }
        }
    }

    /// Passes a connection on in the background.
    fn tap(&mut self, client: H::Io) -> Result<(), Failure> {
        let mut dial = self.host.dial(&self.to, &self.config)?;
        let tap = Tap::new(self.log.clone(), self.opened);
        self.opened += 1;
        let failed = self.failed.0.clone();
        self.host.spawn(Box::pin(async move {
            dial.start();
            if let Err(failure) = tap.run(client, poll_fn(|cx| dial.poll_dial(cx))).await {
                // One failure is enough to end the command.
                failed.try_send(failure).ok();
            }
        }));
        Ok(())
    }
}
