//! tokio's named pipes, on Windows.
//!
//! A pipe cannot be shut by half: closing it is all that the peer sees. Here shutting down waits until what was written
//! is in the pipe, where the peer can read it even after the close, and then, as libuv does, for [`GRACE`] of silence.

use std::{
    future::Future,
    io, mem,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::BytesMut;
use ipc_proto::{BindError, Config, IoError, Outbox, drive::Transport, endpoint::Endpoint};
use tokio::{
    io::Interest,
    net::windows::named_pipe::{ClientOptions, NamedPipeClient, NamedPipeServer, PipeMode, ServerOptions},
    time::{Instant, Sleep},
};

/// The room of a pipe in each direction, and the most that one write takes: a write is copied while it is under way.
const ROOM: u32 = 64 << 10;

/// How many instances wait for clients, so that a few who come at once need not try again.
const WAITING: usize = 4;

/// How long a client looks again for an instance that is free.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it looks.
const PACE: Duration = Duration::from_millis(10);

/// How long a peer has after our end to send what it still has, from its latest byte.
const GRACE: Duration = Duration::from_millis(50);

#[derive(Debug)]
enum End {
    Server(NamedPipeServer),
    Client(NamedPipeClient),
    Closed,
}

/// Runs one expression on whichever end it is, and another one where it is closed.
macro_rules! on_end {
    ($end:expr, $pipe:ident => $what:expr, closed => $closed:expr) => {
        match $end {
            End::Server($pipe) => $what,
            End::Client($pipe) => $what,
            End::Closed => $closed,
        }
    };
}

/// One end of a named pipe.
///
/// Dropped while a write waits for the peer to read, a server's end takes the pipe from the peer; a client's cannot, and
/// keeps its handle until the peer reads or hangs up.
#[derive(Debug)]
pub struct PipeIo {
    end: End,
    /// Running since all was written.
    grace: Option<Pin<Box<Sleep>>>,
}

impl PipeIo {
    const fn new(end: End) -> Self {
        Self { end, grace: None }
    }

    /// Begins a write. mio finishes it by itself and then says once more that the pipe can be written to; so that this
    /// can be told from before, the write takes that away.
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let blocked = || io::Error::from(io::ErrorKind::WouldBlock);
        let mut result = Err(blocked());
        let begun: io::Result<()> = on_end!(&self.end, pipe => pipe.try_io(Interest::WRITABLE, || {
            result = pipe.try_write(bytes);
            Err(blocked())
        }), closed => return Err(io::ErrorKind::BrokenPipe.into()));
        drop(begun);
        result
    }

    /// Ready when no write is under way.
    fn poll_written(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_end!(&self.end, pipe => pipe.poll_write_ready(cx), closed => Poll::Ready(Ok(())))
    }

    fn is_writing(&self) -> bool {
        on_end!(&self.end, pipe => pipe.try_io(Interest::WRITABLE, || Ok(())).is_err(), closed => false)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        on_end!(&mut self.end,
            pipe => tokio_util::io::poll_read_buf(Pin::new(pipe), cx, buffer),
            closed => Poll::Ready(Ok(0)))
    }
}

impl Transport for PipeIo {
    fn poll_recv(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<Result<usize, IoError>> {
        let result = ready!(self.poll_read(cx, buffer));
        if let Some(grace) = &mut self.grace {
            grace.as_mut().reset(Instant::now() + GRACE);
        }
        Poll::Ready(match result {
            Err(error) if ipc_os::is_pipe_end(&error) => Ok(0),
            result => result.map_err(IoError::from),
        })
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, outbox: &mut Outbox) -> Poll<Result<(), IoError>> {
        let written = ipc_os::poll_send(outbox, |pieces| {
            let piece = pieces.first().map_or(&[][..], |piece| &piece[..piece.len().min(ROOM as usize)]);
            loop {
                ready!(self.poll_written(cx))?;
                match self.write(piece) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    result => return Poll::Ready(result),
                }
            }
        });
        written.map_err(IoError::from)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        ready!(self.poll_written(cx))?;
        let grace = self.grace.get_or_insert_with(|| Box::pin(tokio::time::sleep(GRACE)));
        ready!(grace.as_mut().poll(cx));
        self.end = End::Closed;
        // Whoever waits to read is to see the end.
        cx.waker().wake_by_ref();
        Poll::Ready(Ok(()))
    }
}

impl Drop for PipeIo {
    fn drop(&mut self) {
        // Otherwise a peer that does not read would keep the handle, and not learn of the end.
        if self.is_writing() {
            if let End::Server(pipe) = &self.end {
                drop(pipe.disconnect());
            }
        }
    }
}

/// Connects to the pipe at `endpoint`.
pub(crate) async fn connect(endpoint: &Endpoint) -> Result<PipeIo, IoError> {
    let name = &ipc_os::pipe_to_dial(endpoint)?;
    let until = Instant::now() + PATIENCE;
    loop {
        match ClientOptions::new().open(name) {
            Ok(pipe) => return Ok(PipeIo::new(End::Client(pipe))),
            Err(error) if ipc_os::is_pipe_busy(&error) && Instant::now() < until => tokio::time::sleep(PACE).await,
            Err(error) => return Err(error.into()),
        }
    }
}

type Visit = Pin<Box<dyn Future<Output = (NamedPipeServer, io::Result<()>)> + Send>>;

/// An instance of a pipe.
enum Instance {
    /// Nobody is there.
    Free(Visit),
    /// A client is there, and waits until another instance stands in for this one.
    Taken(NamedPipeServer),
}

impl Instance {
    fn new(name: &str, first: bool) -> io::Result<Self> {
        let pipe = ServerOptions::new()
            .first_pipe_instance(first)
            .reject_remote_clients(true)
            .pipe_mode(PipeMode::Byte)
            .in_buffer_size(ROOM)
            .out_buffer_size(ROOM)
            .create(name)?;
        Ok(Self::free(pipe))
    }

    fn free(pipe: NamedPipeServer) -> Self {
        Self::Free(Box::pin(async move {
            let result = pipe.connect().await;
            (pipe, result)
        }))
    }

    /// The client that comes; a new instance is there before it is handed on, so that no other finds no pipe.
    fn poll(&mut self, cx: &mut Context<'_>, name: &str) -> Poll<io::Result<NamedPipeServer>> {
        while let Self::Free(visit) = self {
            let (pipe, result) = ready!(visit.as_mut().poll(cx));
            match result {
                Ok(()) => *self = Self::Taken(pipe),
                Err(error) => {
                    drop(pipe.disconnect());
                    *self = Self::free(pipe);
                    // Who has gone meanwhile is no failure.
                    if !ipc_os::is_pipe_end(&error) {
                        return Poll::Ready(Err(error));
                    }
                }
            }
        }
        match mem::replace(self, Self::new(name, false)?) {
            Self::Taken(pipe) => Poll::Ready(Ok(pipe)),
            Self::Free(_) => Poll::Pending,
        }
    }
}

/// A pipe that clients can connect to.
pub(crate) struct Listener {
    name: String,
    instances: Vec<Instance>,
}

impl Listener {
    /// The pipe called `name`, which is nobody else's.
    pub(crate) fn bind(name: &str, config: &Config) -> Result<Self, BindError> {
        let full = ipc_os::pipe_to_bind(name, config)?;
        let instances = (0..WAITING).map(|n| Instance::new(&full, n == 0)).collect::<io::Result<_>>();
        let instances = instances.map_err(|error| ipc_os::pipe_bind_error(name, &error))?;
        Ok(Self { name: full, instances })
    }

    pub(crate) fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<PipeIo>> {
        for n in 0..self.instances.len() {
            if let Poll::Ready(result) = self.instances[n].poll(cx, &self.name) {
                // The others come first the next time.
                self.instances.rotate_left(n + 1);
                return Poll::Ready(result.map(|pipe| PipeIo::new(End::Server(pipe))));
            }
        }
        Poll::Pending
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Listener").field(&self.name).finish()
    }
}
