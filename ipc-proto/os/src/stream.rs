//! Moving bytes between a socket and a machine.

use std::{
    io::{self, IoSlice},
    task::{Poll, ready},
};

use bytes::{Buf, BytesMut};
use ipc_proto::Outbox;

/// How many pieces of what waits go into one write.
const PIECES: usize = 16;
/// How much a read is offered to begin with, and when it mostly gets little.
const SMALL: usize = 2 << 10;
/// How much a read is offered at the most: 64 KiB, as much as the core asks for.
pub const MOST_READ: usize = 64 << 10;

/// Writes some of what waits by `write`, and advances past it. Several pieces are offered at once.
///
/// # Errors
///
/// What `write` failed with, and [`io::ErrorKind::WriteZero`] when it wrote nothing.
pub fn poll_send(
    outbox: &mut Outbox,
    write: impl FnOnce(&[IoSlice<'_>]) -> Poll<io::Result<usize>>,
) -> Poll<io::Result<()>> {
    let mut slices = [IoSlice::new(&[]); PIECES];
    let pieces = outbox.chunks_vectored(&mut slices);
    let written = ready!(write(&slices[..pieces]))?;
    if written == 0 {
        return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
    }
    outbox.advance(written);
    Poll::Ready(Ok(()))
}

/// Reads into the spare room of a buffer by functions that want it initialised.
///
/// Initialising all of it would cost as much as reading, so it offers about as much as was read lately: 2 KiB at
/// first, four times as much after a read that filled it, up to 64 KiB, and half as much after one that needed little.
#[derive(Debug)]
pub struct Intake {
    size: usize,
}

impl Default for Intake {
    fn default() -> Self {
        Self { size: SMALL }
    }
}

impl Intake {
    /// Appends to `buffer`, which has spare room, what `read` reads, and says how much that is.
    ///
    /// # Errors
    ///
    /// What `read` failed with.
    pub fn poll_recv(
        &mut self,
        buffer: &mut BytesMut,
        read: impl FnOnce(&mut [u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let filled = buffer.len();
        let room = self.size.min(buffer.capacity() - filled);
        buffer.resize(filled + room, 0);
        let result = read(&mut buffer[filled..]);
        let received = if let Poll::Ready(Ok(received)) = result { received } else { 0 };
        buffer.truncate(filled + received);
        if matches!(result, Poll::Ready(Ok(_))) {
            self.adapt(received, room);
        }
        result
    }

    fn adapt(&mut self, received: usize, room: usize) {
        if received >= self.size {
            self.size = (self.size * 4).min(MOST_READ);
        } else if received < room / 8 {
            self.size = (self.size / 2).max(SMALL);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ipc_proto::{Config, Connection, Frame, Side};

    use super::*;

    fn read(intake: &mut Intake, buffer: &mut BytesMut, available: usize) -> usize {
        let mut offered = 0;
        let result = intake.poll_recv(buffer, |room| {
            offered = room.len();
            let received = available.min(room.len());
            room[..received].fill(b'x');
            Poll::Ready(Ok(received))
        });
        assert!(matches!(result, Poll::Ready(Ok(received)) if received == available.min(offered)));
        offered
    }

    #[test]
    fn what_is_offered_follows_what_is_read() {
        let mut intake = Intake::default();
        let mut buffer = BytesMut::with_capacity(1 << 20);
        let offered = [9, SMALL, 1 << 20, 1 << 20, 1 << 20, 9, 9].map(|n| read(&mut intake, &mut buffer, n));
        assert_eq!(offered, [2048, 2048, 8192, 32768, 65536, 65536, 32768]);
        assert_eq!(buffer.len(), 9 + 2048 + 8192 + 32768 + 65536 + 9 + 9);
        assert!(buffer.iter().all(|byte| *byte == b'x'));
    }

    #[test]
    fn it_stays_within_the_spare_room_and_keeps_what_stands_there() {
        let mut buffer = BytesMut::with_capacity(64);
        buffer.extend_from_slice(b"before");
        let spare = buffer.capacity() - buffer.len();
        let mut intake = Intake::default();
        assert_eq!(read(&mut intake, &mut buffer, 3), spare);
        assert_eq!(&buffer[..], b"beforexxx");
        assert!(intake.poll_recv(&mut buffer, |_| Poll::Pending).is_pending());
        let failed = intake.poll_recv(&mut buffer, |_| Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())));
        assert!(matches!(failed, Poll::Ready(Err(_))));
        assert_eq!(&buffer[..], b"beforexxx");
    }

    #[test]
    fn several_pieces_leave_in_one_write() {
        let mut conn = Connection::new(Arc::new(Config::default()), Side::Server);
        for name in ["a", "b"] {
            let _ = conn.send(Frame::encode(name, &"x".repeat(5000)).unwrap()).unwrap();
        }
        let pending = conn.pending_bytes();
        assert!(poll_send(conn.outbox(), |_| Poll::Pending).is_pending());
        let mut seen = 0;
        let sent = poll_send(conn.outbox(), |slices| {
            seen = slices.iter().map(|slice| slice.len()).sum();
            Poll::Ready(Ok(6000))
        });
        assert!(matches!(sent, Poll::Ready(Ok(()))));
        assert_eq!((seen, conn.pending_bytes()), (pending, pending - 6000));
        let zero = poll_send(conn.outbox(), |_| Poll::Ready(Ok(0)));
        assert!(matches!(zero, Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::WriteZero));
    }
}
