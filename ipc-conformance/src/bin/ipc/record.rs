//! `ipc record`: passes every byte on, and writes it down.

use std::{future::poll_fn, sync::Arc, time::Duration};

use async_channel::{Receiver, Sender, bounded};
use futures_util::future::Either;
use ipc_conformance::host::Host;
use ipc_proto::{
    Config, IoError,
    drive::Dial as _,
    endpoint::{Endpoint, check_id, client_paths},
    facade::Accept as _,
};

mod log;
mod tap;

use log::Log;
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
    [&args.listen, &args.to].into_iter().try_for_each(check_stream)?;
    let mut config = args.common.config()?;
    let to = targets(args.to, &config)?;
    let here = place::to_serve(args.listen, &mut config, false)?.swap_remove(0);
    let config = Arc::new(config);
    // Known to be possible before anybody connects.
    host.dial(&to, &config)?;
    let accept = host.listen(&here, &config).await?;
    let log = Log::create(&args.file)?;
    Output::new(&args.common).start(&place::show(accept.endpoint()), "recording at")?;
    let (failed, failures) = bounded(1);
    let mut proxy = Proxy { host, accept, to, config, log, failed, opened: 0 };
    match signals.unless(proxy.run(&failures)).await {
        Ok(failure) => Err(failure),
        Err(_) => Ok(Exit::Done),
    }
}

/// Bytes in order are what is recorded, as they are on the wire.
fn check_stream(endpoint: &Endpoint) -> Result<(), Failure> {
    match endpoint {
        Endpoint::Udp4 { .. } | Endpoint::Udp6 { .. } => {
            Err(Failure::usage(format_args!("{endpoint}: record passes on local sockets, TCP and TLS")))
        }
        _ => Ok(()),
    }
}

fn targets(to: Endpoint, config: &Config) -> Result<Vec<Endpoint>, Failure> {
    let Endpoint::Id(id) = to else { return Ok(vec![to]) };
    check_id(&id)?;
    Ok(client_paths(config, &ipc_os::environment(), &id).into_iter().map(Endpoint::Path).collect())
}

struct Proxy<H: Host> {
    host: H,
    accept: H::Accept,
    to: Vec<Endpoint>,
    config: Arc<Config>,
    log: Log,
    failed: Sender<Failure>,
    /// How many connections there were.
    opened: u32,
}

impl<H: Host> Proxy<H> {
    /// Goes on until a line cannot be written.
    async fn run(&mut self, failures: &Receiver<Failure>) -> Failure {
        loop {
            let next = first(failures.recv(), poll_fn(|cx| self.accept.poll_accept(cx)));
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
        let failed = self.failed.clone();
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
