//! A frame for many peers, and what becomes of an outbox that it went past.

use bytes::{Bytes, BytesMut};

use super::Outbox;

/// A frame's bytes as they go on the wire, laid out once, to be written to each peer from there.
///
/// In a peer's own outbox they would be one copy for each of them, in memory that no cache holds.
#[derive(Debug)]
pub(crate) struct Laid {
    wire: Bytes,
    from: Outbox,
}

impl Laid {
    pub(crate) fn new(frame: &[u8], delimiter: &[u8]) -> Self {
        let mut wire = BytesMut::with_capacity(frame.len() + delimiter.len());
        wire.extend_from_slice(frame);
        wire.extend_from_slice(delimiter);
        Self { wire: wire.freeze(), from: Outbox::default() }
    }

    pub(crate) const fn len(&self) -> usize {
        self.wire.len()
    }

    /// An outbox with nothing but these bytes, none of them written.
    pub(crate) fn afresh(&mut self) -> &mut Outbox {
        self.from.forget();
        self.from.chunks.push_back(self.wire.clone());
        self.from.untaken = self.wire.len();
        &mut self.from
    }

    /// How many have been written since.
    pub(crate) const fn written(&self) -> usize {
        self.wire.len() - self.from.untaken
    }
}

impl Outbox {
    /// Whole frames of `len` bytes were written past it, while nothing waited in it.
    pub(crate) fn bypass(&mut self, len: usize) {
        debug_assert!(self.pending() == 0 && !self.in_session, "nothing may wait");
        self.written += len as u64;
        self.confirmed = self.written;
        self.frame_start = self.written;
        self.held_from = self.written;
    }
}
