//! `ipc record`: passes every byte on, and writes it down.

use std::{future::poll_fn, sync::Arc, time::Duration};

use ipc_tokio::{
    Accept, Config, Dial, Endpoint, Io, IoError, Tokio,
    proto::{
        drive::Dial as _,
        endpoint::{check_id, client_paths},
        facade::{Accept as _, Runtime as _},
    },
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split},
    task::JoinSet,
    time::sleep,
};

mod log;

use log::{Line, Log};

use crate::{
    args::RecordArgs,
    failure::{Exit, Failure},
    output::Output,
    place,
    signals::Signals,
    warn,
};

/// How much is read at once; no more than this waits in either direction.
const CHUNK: usize = 64 << 10;

/// How long to wait when the system has no room for a connection.
const PAUSE: Duration = Duration::from_millis(100);

pub(crate) async fn run(args: RecordArgs, mut signals: Signals) -> Result<Exit, Failure> {
    let mut config = Config::default().dialect(args.dialect);
    let to = targets(args.to, &config)?;
    let here = place::to_serve(args.listen, &mut config, false)?.swap_remove(0);
    let config = Arc::new(config);
    let mut proxy = Proxy { runtime: Tokio::default(), to, config, taps: JoinSet::new(), opened: 0 };
    // Known to be possible before anybody connects.
    proxy.dial()?;
    let mut accept = proxy.runtime.listen(&here, &proxy.config).await?;
    let log = Log::create(&args.file)?;
    Output::plain(args.json).start(&place::show(accept.endpoint()), "recording at")?;
    tokio::select! {
        () = signals.stop() => Ok(Exit::Done),
        failure = proxy.run(&mut accept, &log) => Err(failure),
    }
}

fn targets(to: Endpoint, config: &Config) -> Result<Vec<Endpoint>, Failure> {
    let Endpoint::Id(id) = to else { return Ok(vec![to]) };
    check_id(&id)?;
    Ok(client_paths(config, &ipc_os::environment(), &id).into_iter().map(Endpoint::Path).collect())
}

struct Proxy {
    runtime: Tokio,
    to: Vec<Endpoint>,
    config: Arc<Config>,
    taps: JoinSet<Result<(), Failure>>,
    /// How many connections there were.
    opened: u32,
}

impl Proxy {
    fn dial(&self) -> Result<Dial, Failure> {
        Ok(self.runtime.dial(&self.to, &self.config)?)
    }

    /// Goes on until a line cannot be written.
    async fn run(&mut self, accept: &mut Accept, log: &Log) -> Failure {
        loop {
            let step = tokio::select! {
                Some(ended) = self.taps.join_next() => ended.unwrap_or_else(|error| Err(Failure::new(Exit::Failed, error))),
                client = poll_fn(|cx| accept.poll_accept(cx)) => self.open(client, log).await,
            };
            if let Err(failure) = step {
                return failure;
            }
        }
    }

    async fn open(&mut self, client: Result<Io, IoError>, log: &Log) -> Result<(), Failure> {
        match client {
            Ok(client) => {
                let tap = Tap { log: log.clone(), conn: self.opened };
                self.opened += 1;
                self.taps.spawn(tap.run(client, self.dial()?));
            }
            Err(error) => {
                warn(format_args!("cannot accept: {error}"));
                sleep(PAUSE).await;
            }
        }
        Ok(())
    }
}

/// One recorded connection.
struct Tap {
    log: Log,
    conn: u32,
}

/// Why a direction ends before its end.
enum Broken {
    /// A socket failed, which ends the connection.
    Read,
    Log(Failure),
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        Self::Log(failure)
    }
}

impl Tap {
    async fn run(self, client: Io, mut dial: Dial) -> Result<(), Failure> {
        self.note(None, "open")?;
        dial.start();
        match poll_fn(|cx| dial.poll_dial(cx)).await {
            Ok(server) => {
                if let Err(Broken::Log(failure)) = self.join(client, server).await {
                    return Err(failure);
                }
            }
            Err(error) => {
                warn(format_args!("connection {}: {error}", self.conn));
                self.note(Some("s2c"), "error")?;
            }
        }
        self.note(Some("s2c"), "close")?;
        self.note(Some("c2s"), "close")
    }

    async fn join(&self, client: Io, server: Io) -> Result<(), Broken> {
        match (client, server) {
            #[cfg(unix)]
            (Io::Unix(client), Io::Unix(server)) => self.both(client, server).await,
            #[cfg(unix)]
            (Io::Unix(client), Io::Tcp(server)) => self.both(client, server).await,
            #[cfg(unix)]
            (Io::Tcp(client), Io::Unix(server)) => self.both(client, server).await,
            (Io::Tcp(client), Io::Tcp(server)) => self.both(client, server).await,
            _ => Err(Failure::usage("record passes on Unix sockets and TCP").into()),
        }
    }

    async fn both<C, S>(&self, client: C, server: S) -> Result<(), Broken>
    where
        C: AsyncRead + AsyncWrite + Unpin,
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let (client_out, client_in) = split(client);
        let (server_out, server_in) = split(server);
        tokio::try_join!(self.pass("c2s", client_out, server_in), self.pass("s2c", server_out, client_in)).map(drop)
    }

    /// Passes one direction on, until it ends or nobody takes it.
    async fn pass(
        &self,
        dir: &'static str,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
    ) -> Result<(), Broken> {
        let mut buffer = vec![0; CHUNK];
        loop {
            let read = self.read(dir, &mut from, &mut buffer).await?;
            if read == 0 {
                self.note(Some(dir), "eof")?;
                // One that is gone needs not be told.
                to.shutdown().await.ok();
                return Ok(());
            }
            self.log.write(&Line::bytes(self.conn, dir, &buffer[..read]))?;
            if to.write_all(&buffer[..read]).await.is_err() {
                // The receiver has closed; what it wrote before that still comes, in the other direction.
                return Ok(());
            }
        }
    }

    async fn read(
        &self,
        dir: &'static str,
        from: &mut (impl AsyncRead + Unpin),
        buffer: &mut [u8],
    ) -> Result<usize, Broken> {
        match from.read(buffer).await {
            Ok(read) => Ok(read),
            Err(_) => {
                self.note(Some(dir), "error")?;
                Err(Broken::Read)
            }
        }
    }

    fn note(&self, dir: Option<&'static str>, what: &'static str) -> Result<(), Failure> {
        self.log.write(&Line::mark(self.conn, dir, what))
    }
}
