//! One recorded connection.

use std::{
    future::{Future, poll_fn},
    mem,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::BytesMut;
use ipc_proto::{Config, Connection, Emit as _, Frame, IoError, Profile, Side, drive::Transport};

use super::log::{Line, Log};
use crate::{failure::Failure, warn};

/// How much is read at once; no more than this waits in either direction.
const CHUNK: usize = 64 << 10;

pub(super) struct Tap {
    log: Log,
    conn: u32,
}

/// Why a direction ends before its end.
enum Broken {
    /// A socket failed, which ends the connection.
    Read,
    Log(Failure),
}

impl Tap {
    pub(super) const fn new(log: Log, conn: u32) -> Self {
        Self { log, conn }
    }

    /// Connects to the server, and passes everything on until both sides have ended.
    pub(super) async fn run<T: Transport>(
        self,
        client: T,
        server: impl Future<Output = Result<T, IoError>>,
    ) -> Result<(), Failure> {
        self.note(None, "open")?;
        match server.await {
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

    async fn join<T: Transport>(&self, mut client: T, mut server: T) -> Result<(), Broken> {
        if let Err(error) = poll_fn(|cx| client.poll_ready(cx)).await {
            warn(format_args!("connection {}: {error}", self.conn));
            return self.note(Some("c2s"), "error").map_err(Broken::Log);
        }
        let (mut up, mut down) = (Pass::new(self, "c2s"), Pass::new(self, "s2c"));
        poll_fn(|cx| {
            let up = up.poll(cx, &mut client, &mut server)?;
            let down = down.poll(cx, &mut server, &mut client)?;
            if up.is_ready() && down.is_ready() { Poll::Ready(Ok(())) } else { Poll::Pending }
        })
        .await
    }

    fn note(&self, dir: Option<&'static str>, what: &'static str) -> Result<(), Failure> {
        self.log.write(&Line::mark(self.conn, dir, what))
    }
}

/// What a direction does next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Reading,
    Writing,
    Flushing,
    /// The sender has ended, and the receiver is to hear of it.
    Ending,
    Over,
}

/// One direction.
struct Pass<'t> {
    tap: &'t Tap,
    dir: &'static str,
    state: State,
    buffer: BytesMut,
    /// Only its outbox is used: it speaks raw bytes, as they are.
    writer: Connection,
}

impl<'t> Pass<'t> {
    fn new(tap: &'t Tap, dir: &'static str) -> Self {
        let config = Arc::new(Config::default().profile(Profile::Raw));
        let writer = Connection::new(config, Side::Client);
        Self { tap, dir, state: State::Reading, buffer: BytesMut::new(), writer }
    }

    /// Ready when the direction has ended, or nobody takes it.
    fn poll<T: Transport>(&mut self, cx: &mut Context<'_>, from: &mut T, to: &mut T) -> Poll<Result<(), Broken>> {
        loop {
            self.state = match self.state {
                State::Reading => ready!(self.poll_read(cx, from))?,
                State::Writing => ready!(self.poll_write(cx, to)),
                // The receiver has closed; what it wrote before that still comes, in the other direction.
                State::Flushing if ready!(to.poll_flush(cx)).is_err() => State::Over,
                State::Flushing => State::Reading,
                State::Ending => {
                    // One that is gone needs not be told.
                    ready!(to.poll_shutdown(cx)).ok();
                    State::Over
                }
                State::Over => return Poll::Ready(Ok(())),
            }
        }
    }

    fn poll_read<T: Transport>(&mut self, cx: &mut Context<'_>, from: &mut T) -> Poll<Result<State, Broken>> {
        self.buffer.reserve(CHUNK);
        Poll::Ready(match ready!(from.poll_recv(cx, &mut self.buffer)) {
            Ok(0) => self.tap.note(Some(self.dir), "eof").map(|()| State::Ending).map_err(Broken::Log),
            Ok(_) => self.pass_on(),
            Err(_) => Err(self.tap.note(Some(self.dir), "error").map_or_else(Broken::Log, |()| Broken::Read)),
        })
    }

    /// What was read is in the file before it goes on.
    fn pass_on(&mut self) -> Result<State, Broken> {
        let bytes = mem::take(&mut self.buffer).freeze();
        self.tap.log.write(&Line::bytes(self.tap.conn, self.dir, &bytes)).map_err(Broken::Log)?;
        self.writer.send_frame(Frame::raw(bytes)).expect("the outbox is empty");
        Ok(State::Writing)
    }

    fn poll_write<T: Transport>(&mut self, cx: &mut Context<'_>, to: &mut T) -> Poll<State> {
        while self.writer.outbox().pending() > 0 {
            if ready!(to.poll_send(cx, self.writer.outbox())).is_err() {
                return Poll::Ready(State::Over);
            }
        }
        Poll::Ready(State::Flushing)
    }
}
