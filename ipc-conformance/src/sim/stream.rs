//! One end of a simulated connection, with a session (as of TLS) on it or without.

use std::{
    rc::Rc,
    task::{Context, Poll},
};

use bytes::{Buf, BytesMut};
use ipc_proto::{IoError, Outbox, drive::Transport};

use super::{
    net::{Link, Shared},
    pipe::Pipe,
    totals::Totals,
};

/// One end of a connection.
#[derive(Debug)]
pub(super) struct SimStream {
    out: Shared<Pipe>,
    inn: Shared<Pipe>,
    session: Option<Session>,
    /// Closing with unread input resets, as TCP does it.
    resets: bool,
}

/// What stands between an end and its wire.
#[derive(Debug)]
struct Session {
    /// What was taken and not given to the wire.
    taken: Vec<u8>,
    /// How much that may be.
    room: usize,
    /// How much was taken since everything was flushed.
    unflushed: usize,
    totals: Shared<Totals>,
}

/// With as much taken a driver wants a session flushed.
const WINDOW: usize = 64 << 10;

impl SimStream {
    /// The client's end, and the server's. `session` says how much a session takes before it has to be flushed.
    pub(super) fn pair(link: &Link, session: Option<usize>, resets: bool, totals: &Shared<Totals>) -> (Self, Self) {
        let end = |out: &Shared<Pipe>, inn: &Shared<Pipe>| Self {
            out: Rc::clone(out),
            inn: Rc::clone(inn),
            session: session.map(|room| Session::new(room, totals)),
            resets,
        };
        (end(&link.up, &link.down), end(&link.down, &link.up))
    }
}

impl Transport for SimStream {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        self.inn.borrow_mut().poll_ready(cx)
    }

    fn is_session(&self) -> bool {
        self.session.is_some()
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<Result<usize, IoError>> {
        self.inn.borrow_mut().poll_recv(cx, buffer)
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, outbox: &mut Outbox) -> Poll<Result<(), IoError>> {
        assert!(!self.inn.borrow().is_opening(), "it is written before there is a session");
        let mut out = self.out.borrow_mut();
        match &mut self.session {
            Some(session) => session.poll_send(cx, outbox, &mut out),
            None => out.poll_send(cx, outbox),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        match &mut self.session {
            Some(session) => session.poll_flush(cx, &mut self.out.borrow_mut()),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        self.out.borrow_mut().finish();
        Poll::Ready(Ok(()))
    }
}

impl Session {
    fn new(room: usize, totals: &Shared<Totals>) -> Self {
        Self { taken: Vec::new(), room, unflushed: 0, totals: Rc::clone(totals) }
    }

    fn poll_send(&mut self, cx: &Context<'_>, outbox: &mut Outbox, out: &mut Pipe) -> Poll<Result<(), IoError>> {
        if self.taken.len() >= self.room {
            match out.poll_bytes(cx, &mut self.taken) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => {
                    self.take(outbox);
                    return Poll::Ready(Err(error));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
        self.take(outbox);
        Poll::Ready(Ok(()))
    }

    fn take(&mut self, outbox: &mut Outbox) {
        let n = outbox.chunk().len().min(self.room);
        self.taken.extend_from_slice(&outbox.chunk()[..n]);
        outbox.advance(n);
        self.unflushed += n;
        if self.unflushed >= WINDOW && self.unflushed - n < WINDOW {
            self.totals.borrow_mut().count("state: session's window is full");
        }
    }

    fn poll_flush(&mut self, cx: &Context<'_>, out: &mut Pipe) -> Poll<Result<(), IoError>> {
        let before = self.taken.len();
        let flushed = out.poll_bytes(cx, &mut self.taken);
        match flushed {
            Poll::Ready(Ok(())) => self.unflushed = 0,
            Poll::Pending if self.taken.len() < before => {
                self.totals.borrow_mut().count("state: session partly flushed");
            }
            _ => {}
        }
        flushed
    }

    /// What is inside at the end is lost, or some of it leaves nevertheless.
    fn end(&mut self, out: &mut Pipe) {
        if !self.taken.is_empty() {
            self.totals.borrow_mut().count("fault: session ended with bytes inside");
            out.leak(&self.taken);
        }
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        let mut out = self.out.borrow_mut();
        if let Some(session) = &mut self.session {
            session.end(&mut out);
        }
        let mut inn = self.inn.borrow_mut();
        if inn.abandon() && self.resets {
            out.reset();
        } else if inn.refused() {
            out.alert();
        } else {
            out.finish();
        }
    }
}
