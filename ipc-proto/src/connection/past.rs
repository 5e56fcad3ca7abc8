//! Frames that go past the outbox.

use super::{Connection, State};
use crate::{
    frame::Frame,
    outbox::{Pressure, Tag},
    rules,
};

impl Connection {
    /// Whether a frame, of `len` bytes with its delimiter, may be written past the outbox. One that makes pressure may not:
    /// there would be something to tell of it.
    pub(crate) fn takes_past(&self, frame: &Frame, len: usize) -> bool {
        let quiet = self.state == State::Open && self.outbox.pending() == 0;
        quiet && len > 0 && Pressure::of(len) == Pressure::Low && !rules::exceeds(&self.config, 0, frame.len())
    }

    /// A frame was written past the outbox, of `len` bytes with its delimiter.
    pub(crate) fn note_past(&mut self, len: usize) {
        self.outbox.bypass(len);
        self.stats.messages_out += 1;
    }

    /// Sends a frame of which so many bytes were written past the outbox.
    pub(crate) fn send_begun(&mut self, frame: &Frame, written: usize) {
        self.push_frame(frame, Tag::Plain);
        self.outbox.ack(written);
        self.stats.messages_out += 1;
    }
}
