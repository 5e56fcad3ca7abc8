//! mio's named pipes, on Windows.

use std::{
    fmt,
    io::{self, Read as _, Write as _},
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::BytesMut;
use ipc_os::{Intake, PipeInstance, PipeListener, WAITING_PIPES, dial_pipe};
use ipc_proto::{Config, IoError, endpoint::Endpoint, facade::Error};
use mio::windows::NamedPipe;

use crate::{
    reactor::{Place, Reactor},
    source::{Done, Source, blocking},
    time::Clock,
    windows,
};

/// One end of a named pipe.
///
/// Dropped while a write waits for the peer to read, a server's end takes the pipe from the peer, with what is in it; a
/// client's cannot, and keeps its handle until the peer reads or hangs up.
pub type PipeIo = ipc_os::PipeIo<Pipe, Clock>;

/// mio's end of a named pipe.
#[derive(Debug)]
pub struct Pipe {
    source: Source<NamedPipe>,
    intake: Intake,
    serves: bool,
}

impl Pipe {
    fn io(source: Source<NamedPipe>, serves: bool, reactor: &Arc<Reactor>) -> PipeIo {
        PipeIo::new(Self { source, intake: Intake::default(), serves }, Clock::new(reactor))
    }

    /// mio's pipe.
    #[must_use]
    pub const fn socket(&self) -> &NamedPipe {
        self.source.socket()
    }
}

impl ipc_os::Pipe for Pipe {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        let Self { source, intake, .. } = self;
        source.poll_read(cx, |mut pipe| {
            blocking(intake.poll_recv(buffer, |room| Poll::Ready(pipe.read(room)))).map(Done::more)
        })
    }

    /// mio finishes a write by itself, and says then that the pipe can be written to.
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.source.poll_told_write(cx, |mut pipe| pipe.write(bytes).map(Done::drained))
    }

    fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.source.poll_told_write(cx, |_| Ok(Done::more(())))
    }

    fn is_writing(&self) -> bool {
        !self.source.is_writable()
    }

    fn disconnect(&self) {
        if self.serves {
            // It fails where the peer has gone, and then there is nobody to take it from.
            drop(self.socket().disconnect());
        }
    }
}

/// Connects to the pipe at `endpoint`.
pub(crate) async fn connect(reactor: &Arc<Reactor>, endpoint: &Endpoint) -> Result<PipeIo, IoError> {
    let pipe = dial_pipe(endpoint, Clock::new(reactor), windows::open).await?;
    Ok(Pipe::io(Source::new(reactor, pipe)?, false, reactor))
}

/// An instance of a pipe.
struct Instance {
    source: Source<NamedPipe>,
    state: State,
}

/// How far waiting for a client has come.
#[derive(Clone, Copy)]
enum State {
    Idle,
    Waiting,
    Connected,
}

impl Instance {
    fn new(place: Place, name: &str, first: bool) -> io::Result<Self> {
        Ok(Self { source: Source::at(place, windows::create(name, first)?)?, state: State::Idle })
    }

    /// Begins to wait, or ends it where mio has said that the pipe can be written to.
    fn connect(pipe: &NamedPipe, state: &mut State) -> io::Result<()> {
        if matches!(state, State::Waiting) {
            return pipe.take_error()?.map_or(Ok(()), Err);
        }
        let begun = pipe.connect();
        if begun.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
            *state = State::Waiting;
        }
        begun
    }
}

impl PipeInstance for Instance {
    fn poll_connect(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if matches!(self.state, State::Connected) {
            return Poll::Ready(Ok(()));
        }
        let Self { source, state } = self;
        let result = ready!(source.poll_told_write(cx, |pipe| Self::connect(pipe, state).map(Done::more)));
        self.state = if result.is_ok() { State::Connected } else { State::Idle };
        if result.is_err() {
            self.disconnect();
        }
        Poll::Ready(result)
    }

    fn disconnect(&self) {
        // It fails where nobody is there.
        drop(self.source.socket().disconnect());
    }
}

/// A pipe that clients can connect to. It takes four tokens.
pub(crate) struct Listener(PipeListener<Instance>);

impl Listener {
    /// The pipe called `name`, which is nobody else's.
    pub(crate) fn bind(reactor: &Arc<Reactor>, name: &str, config: &Config) -> Result<Self, Error> {
        let places = (0..WAITING_PIPES).map(|_| Place::take(reactor)).collect::<Result<Vec<_>, _>>()?;
        let mut places = places.into_iter();
        let make = |name: &str, first| {
            let place = places.next().expect("there is a place for each");
            Instance::new(place, name, first)
        };
        Ok(Self(PipeListener::bind(name, config, make)?))
    }

    /// The next connection; `place` is for the instance that stands in for it.
    pub(crate) fn poll_accept(
        &mut self,
        cx: &mut Context<'_>,
        reactor: &Arc<Reactor>,
        place: Place,
    ) -> Poll<io::Result<PipeIo>> {
        let accepted = ready!(self.0.poll_accept(cx, |name| Instance::new(place, name, false)));
        Poll::Ready(accepted.map(|instance| Pipe::io(instance.source, true, reactor)))
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
