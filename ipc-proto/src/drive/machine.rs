//! What both machines of a byte stream have in common.

use bytes::BytesMut;

use crate::{client::Client, connection::Connection, error::IoError, event::Event, outbox::Outbox, time::Timestamp};

mod sealed {
    #[expect(unnameable_types, reason = "that is what seals a trait")]
    pub trait Sealed {}
}

/// A [`Connection`] or a [`Client`], for a loop that moves the bytes and the time of either.
///
/// The methods are those of the two types, under the same names. What only one of them has is not here: a
/// connection [is closed](Connection::is_closed) one day, a client [asks for connections](Client::poll_action).
pub trait Machine: sealed::Sealed {
    /// As [`Connection::poll_event`] and [`Client::poll_event`].
    #[must_use]
    fn poll_event(&mut self) -> Option<Event>;
    /// As [`Connection::poll_timeout`] and [`Client::poll_timeout`].
    #[must_use]
    fn poll_timeout(&self) -> Option<Timestamp>;
    /// As [`Connection::handle_timeout`] and [`Client::handle_timeout`].
    fn handle_timeout(&mut self, now: Timestamp);
    /// As [`Connection::outbox`] and [`Client::outbox`].
    fn outbox(&mut self) -> &mut Outbox;
    /// As [`Connection::wants_shutdown`].
    #[must_use]
    fn wants_shutdown(&self) -> bool;
    /// As [`Connection::wants_read`].
    #[must_use]
    fn wants_read(&self) -> bool;
    /// As [`Connection::recv_buffer`].
    fn recv_buffer(&mut self) -> &mut BytesMut;
    /// As [`Connection::handle_received`].
    fn handle_received(&mut self, now: Timestamp);
    /// As [`Connection::handle_input`].
    fn handle_input(&mut self, now: Timestamp, bytes: &[u8]);
    /// As [`Connection::handle_owned`].
    fn handle_owned(&mut self, now: Timestamp, bytes: BytesMut);
    /// As [`Connection::handle_eof`].
    fn handle_eof(&mut self, now: Timestamp);
    /// As [`Connection::handle_error`].
    fn handle_error(&mut self, now: Timestamp, error: impl Into<IoError>);
    /// As [`Connection::handle_idle`].
    fn handle_idle(&mut self);
}

macro_rules! machine {
    ($machine:ident) => {
        impl sealed::Sealed for $machine {}

        // A type's own methods come before those of a trait: nothing here calls itself.
        impl Machine for $machine {
            fn poll_event(&mut self) -> Option<Event> {
                self.poll_event()
            }
            fn poll_timeout(&self) -> Option<Timestamp> {
                self.poll_timeout()
            }
            fn handle_timeout(&mut self, now: Timestamp) {
                self.handle_timeout(now);
            }
            fn outbox(&mut self) -> &mut Outbox {
                self.outbox()
            }
            fn wants_shutdown(&self) -> bool {
                self.wants_shutdown()
            }
            fn wants_read(&self) -> bool {
                self.wants_read()
            }
            fn recv_buffer(&mut self) -> &mut BytesMut {
                self.recv_buffer()
            }
            fn handle_received(&mut self, now: Timestamp) {
                self.handle_received(now);
            }
            fn handle_input(&mut self, now: Timestamp, bytes: &[u8]) {
                self.handle_input(now, bytes);
            }
            fn handle_owned(&mut self, now: Timestamp, bytes: BytesMut) {
                self.handle_owned(now, bytes);
            }
            fn handle_eof(&mut self, now: Timestamp) {
                self.handle_eof(now);
            }
            fn handle_error(&mut self, now: Timestamp, error: impl Into<IoError>) {
                self.handle_error(now, error);
            }
            fn handle_idle(&mut self) {
                self.handle_idle();
            }
        }
    };
}

machine!(Connection);
machine!(Client);
