//! A connection of ipc-proto that answers every message with itself, as a WebAssembly module.
//!
//! Bytes come and go one by one, by calls: nothing is shared, so that the module needs no unsafe code of its own. That it
//! imports nothing shows that the core has no way to the outside, and `test.mjs` shows that it works nevertheless.

use std::cell::RefCell;

use bytes::Buf as _;
use ipc_proto::{Config, Connection, Event, Side, Timestamp};

thread_local! {
    static SERVER: RefCell<Connection> = RefCell::new(Connection::new(Config::default().into(), Side::Server));
}

/// Receives one byte, and answers what it completes. Says how many messages that were.
fn receive(byte: u8) -> u32 {
    SERVER.with_borrow_mut(|server| {
        server.handle_input(Timestamp::ZERO, &[byte]);
        let mut messages = 0;
        while let Some(event) = server.poll_event() {
            if let Event::Message(message) = event {
                messages += u32::from(server.relay(&message).is_ok());
            }
        }
        messages
    })
}

/// The next byte to be sent.
fn send() -> Option<u8> {
    SERVER.with_borrow_mut(|server| {
        let outbox = server.outbox();
        outbox.has_remaining().then(|| outbox.get_u8())
    })
}

#[allow(unsafe_code, reason = "exporting a name is called unsafe, since it could be taken; these names are nobody else's")]
mod exports {
    #[unsafe(no_mangle)]
    extern "C" fn ipc_receive(byte: u8) -> u32 {
        super::receive(byte)
    }

    /// -1 when there is none.
    #[unsafe(no_mangle)]
    extern "C" fn ipc_send() -> i32 {
        super::send().map_or(-1, i32::from)
    }
}
