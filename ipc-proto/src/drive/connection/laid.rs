//! Writing what many peers get.

use super::*;
use crate::outbox::Laid;

impl<T: Transport, C: Clock> Driver<T, C> {
    /// Sends `frame`, which `laid` is made of, without laying it out again; `None` where it cannot, as something waits or
    /// stands between the bytes and the peer. Says whether that was all: if not, the rest is for the next turn.
    pub(crate) fn send_laid(&mut self, cx: &mut Context<'_>, frame: &Frame, laid: &mut Laid) -> Option<bool> {
        let is_clear = !self.pipe.is_session && self.pipe.broken.is_none();
        if !is_clear || !self.conn.takes_past(frame, laid.len()) {
            return None;
        }
        self.pipe.unflushed = true;
        let sent = match self.pipe.io.poll_send(cx, laid.afresh()) {
            Poll::Ready(Ok(())) if laid.written() == laid.len() => {
                self.conn.note_past(laid.len());
                self.pipe.poll_flush(cx, &mut self.conn)
            }
            sent => {
                self.conn.send_begun(frame, laid.written());
                sent
            }
        };
        if let Poll::Ready(Err(error)) = sent {
            self.pipe.broken = Some(error);
        }
        Some(!self.pipe.unflushed)
    }
}
