//! UDP captures, through the machine of one socket.

use core::net::SocketAddr;
use std::sync::Arc;

use ipc_proto::datagram::Datagrams;
use ipc_proto::{Config, Dialect, Profile, Timestamp};

use super::{Ran, Seen, model};
use crate::corpus::{Capture, Direction, Mode};

/// What the raw captures sent to the first endpoint beside the recorder, so that its bytes are in none of their lines.
const BESIDE: &[u8] = &[0x00, 0x80, 0xff, 0x41];

/// What was sent in a direction beside the recorder, after all else.
pub(super) fn beside(capture: &Capture, dir: Direction) -> Option<&'static [u8]> {
    (capture.mode == Mode::Raw && dir == Direction::ToServer).then_some(BESIDE)
}

/// What the machine makes of datagrams that come one after the other from one address.
pub(super) fn received(config: Config, datagrams: &[Vec<u8>]) -> Ran {
    let mut socket = Datagrams::new(Arc::new(config)).expect("no capture is of the Assured profile");
    let from = SocketAddr::from(([127, 0, 0, 1], 8000));
    let mut ran = Ran::default();
    for (count, datagram) in (1..).zip(datagrams) {
        socket.handle_datagram(Timestamp::ZERO, from, datagram);
        while let Some((_, event)) = socket.poll_event() {
            ran.see(event, count);
        }
    }
    ran
}

/// What this project means an endpoint to make of them, without the machine.
pub(super) fn messages(datagrams: &[&[u8]], config: &Config) -> Vec<Seen> {
    let (mut seen, mut rest) = (Vec::new(), String::new());
    for datagram in datagrams {
        if config.profile == Profile::Raw {
            seen.push(Seen::Raw(datagram.to_vec()));
            continue;
        }
        rest.push_str(&String::from_utf8_lossy(datagram));
        let new = model::messages_and_errors(rest.as_bytes(), config);
        let failed = matches!(new.last(), Some(Seen::Error(_)));
        seen.extend(new);
        let end = rest.rfind(config.delimiter.as_str()).map_or(0, |at| at + config.delimiter.as_str().len());
        rest.drain(..end);
        if failed || config.dialect == Dialect::Classic {
            rest.clear();
        }
    }
    seen
}
