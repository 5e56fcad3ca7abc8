//! UDP captures, through the machine of one socket.

use core::net::SocketAddr;
use std::sync::Arc;

use ipc_proto::datagram::Datagrams;
use ipc_proto::{Config, Dialect, Profile, Timestamp};

use super::{Outcome, Seen, circumstances, compare, model, recorded};
use crate::corpus::{Capture, Direction, Mode};

/// What the raw captures sent to the first endpoint beside the recorder, so that its bytes are in none of their lines.
const BESIDE: &[u8] = &[0x00, 0x80, 0xff, 0x41];

/// Replays both directions of a UDP capture.
pub(super) fn capture(capture: &Capture, config: impl Fn(Direction) -> Config) -> Vec<Outcome> {
    [Direction::ToServer, Direction::ToClient].map(|dir| direction(capture, dir, &config(dir))).into()
}

fn direction(capture: &Capture, dir: Direction, config: &Config) -> Outcome {
    let datagrams = datagrams(capture, dir);
    let wanted = recorded::of_datagrams(capture, dir);
    let model = messages(&datagrams, config);
    let seen = received(config.clone(), &datagrams);
    let recorded: Vec<&[u8]> = capture.chunks_of(dir, 0).collect();
    let chunks = if capture.chunks.is_empty() { &recorded } else { &datagrams };
    let circumstances = circumstances(capture, dir, config, chunks);
    compare(&seen, &wanted, Some(&*model), &circumstances, &format!("{} {dir}", capture.name))
}

fn datagrams(capture: &Capture, dir: Direction) -> Vec<&[u8]> {
    let beside = (capture.mode == Mode::Raw && dir == Direction::ToServer).then_some(BESIDE);
    capture.chunks_of(dir, 0).chain(beside).collect()
}

/// What the machine makes of datagrams that come one after the other from one address.
fn received(config: Config, datagrams: &[&[u8]]) -> Vec<Seen> {
    let mut socket = Datagrams::new(Arc::new(config)).expect("no capture is of the Assured profile");
    let from = SocketAddr::from(([127, 0, 0, 1], 8000));
    let mut seen = Vec::new();
    for datagram in datagrams {
        socket.handle_datagram(Timestamp::ZERO, from, datagram);
        while let Some((_, event)) = socket.poll_event() {
            seen.extend(Seen::of(event));
        }
    }
    seen
}

/// What this project means an endpoint to make of them, without the machine.
fn messages(datagrams: &[&[u8]], config: &Config) -> Vec<Seen> {
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
