//! tokio's named pipes, on Windows.

use std::{
    fmt,
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::BytesMut;
use ipc_os::{PIPE_ROOM, PipeInstance, PipeListener, dial_pipe};
use ipc_proto::{BindError, Config, IoError, endpoint::Endpoint};
use tokio::{
    io::Interest,
    net::windows::named_pipe::{ClientOptions, NamedPipeClient, NamedPipeServer, PipeMode, ServerOptions},
};

use crate::runtime::Clock;

/// One end of a named pipe.
///
/// Dropped while a write waits for the peer to read, a server's end takes the pipe from the peer, with what is in it; a
/// client's cannot, and keeps its handle until the peer reads or hangs up.
pub type PipeIo = ipc_os::PipeIo<Pipe, Clock>;

/// tokio's end of a named pipe.
#[derive(Debug)]
#[non_exhaustive]
pub enum Pipe {
    /// The one that was served.
    Server(NamedPipeServer),
    /// The one that connected.
    Client(NamedPipeClient),
}

/// Runs one expression on whichever end it is.
macro_rules! on_end {
    ($end:expr, $pipe:ident => $what:expr) => {
        match $end {
            Pipe::Server($pipe) => $what,
            Pipe::Client($pipe) => $what,
        }
    };
}

fn blocked() -> io::Error {
    io::ErrorKind::WouldBlock.into()
}

impl Pipe {
    /// Begins a write. mio finishes it by itself and then says once more that the pipe can be written to; so that this
    /// can be told from before, the write takes that away.
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut result = Err(blocked());
        let begun: io::Result<()> = on_end!(self, pipe => pipe.try_io(Interest::WRITABLE, || {
            result = pipe.try_write(bytes);
            Err(blocked())
        }));
        drop(begun);
        result
    }
}

impl ipc_os::Pipe for Pipe {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        on_end!(self, pipe => tokio_util::io::poll_read_buf(Pin::new(pipe), cx, buffer))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.poll_written(cx))?;
            match self.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }

    fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_end!(self, pipe => pipe.poll_write_ready(cx))
    }

    fn is_writing(&self) -> bool {
        on_end!(self, pipe => pipe.try_io(Interest::WRITABLE, || Ok(())).is_err())
    }

    fn disconnect(&self) {
        if let Self::Server(pipe) = self {
            // It fails where the peer has gone, and then there is nobody to take it from.
            drop(pipe.disconnect());
        }
    }
}

/// Connects to the pipe at `endpoint`.
pub(crate) async fn connect(endpoint: &Endpoint) -> Result<PipeIo, IoError> {
    let pipe = dial_pipe(endpoint, Clock::start(), |name| ClientOptions::new().open(name)).await?;
    Ok(PipeIo::new(Pipe::Client(pipe), Clock::start()))
}

type Visit = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// An instance of a pipe.
struct Instance {
    /// Waits for a client; `None` once one is there.
    visit: Option<Visit>,
    /// The visit's as well.
    pipe: Arc<NamedPipeServer>,
}

impl Instance {
    fn new(name: &str, first: bool) -> io::Result<Self> {
        let pipe = ServerOptions::new()
            .first_pipe_instance(first)
            .reject_remote_clients(true)
            .pipe_mode(PipeMode::Byte)
            .in_buffer_size(PIPE_ROOM)
            .out_buffer_size(PIPE_ROOM)
            .create(name)?;
        let pipe = Arc::new(pipe);
        Ok(Self { visit: Some(visit(&pipe)), pipe })
    }
}

fn visit(pipe: &Arc<NamedPipeServer>) -> Visit {
    let pipe = Arc::clone(pipe);
    Box::pin(async move { pipe.connect().await })
}

impl PipeInstance for Instance {
    fn poll_connect(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(visiting) = &mut self.visit else { return Poll::Ready(Ok(())) };
        let result = ready!(visiting.as_mut().poll(cx));
        self.visit = None;
        if result.is_err() {
            self.disconnect();
            self.visit = Some(visit(&self.pipe));
        }
        Poll::Ready(result)
    }

    fn disconnect(&self) {
        // It fails where nobody is there.
        drop(self.pipe.disconnect());
    }
}

/// A pipe that clients can connect to.
pub(crate) struct Listener(PipeListener<Instance>);

impl Listener {
    /// The pipe called `name`, which is nobody else's.
    pub(crate) fn bind(name: &str, config: &Config) -> Result<Self, BindError> {
        PipeListener::bind(name, config, Instance::new).map(Self)
    }

    pub(crate) fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<PipeIo>> {
        let Instance { pipe, .. } = ready!(self.0.poll_accept(cx, |name| Instance::new(name, false)))?;
        let pipe = Arc::into_inner(pipe).expect("the visit is over");
        Poll::Ready(Ok(PipeIo::new(Pipe::Server(pipe), Clock::start())))
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
