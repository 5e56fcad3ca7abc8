//! Writing what many peers get.

use super::*;
use crate::outbox::Laid;

impl<T: Transport, C: Clock> Driver<T, C> {
    /// Sends `frame`, which `laid` is made of, without laying it out again. Says whether it can: only where nothing waits,
    /// and nothing stands between the bytes and the peer.
    pub(crate) fn send_laid(&mut self, cx: &mut Context<'_>, frame: &Frame, laid: &mut Laid) -> bool {
        if self.opening
            || self.pipe.is_session
            || self.pipe.broken.is_some()
            || !self.conn.takes_past(frame, laid.len())
        {
            return false;
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
        if self.pipe.unflushed {
            self.advance(cx, Reading::Never);
        }
        true
    }
}
