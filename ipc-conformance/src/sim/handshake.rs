//! How the sessions of connections come about, or do not.

use std::time::Duration;

use ipc_proto::Timestamp;

use super::{net::Link, pipe::Opening, random::Random, totals::Totals};

/// One handshake: after how many milliseconds each side has its session, or refuses it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Handshake {
    client: Side,
    server: Side,
    fault: Option<&'static str>,
}

#[derive(Clone, Copy, Debug)]
struct Side {
    after: u64,
    refuses: bool,
}

impl Handshake {
    /// Over a wire that takes `delay`; nothing goes wrong where it is `calm`.
    pub(super) fn random(random: &mut Random, delay: u64, calm: bool) -> Self {
        let mut side = || Side { after: random.below(2 * delay + 2), refuses: false };
        let (mut client, mut server) = (side(), side());
        let stalls = 200 + random.below(2000);
        let fault = match random.below(if calm { 1 } else { 16 }) {
            1 => {
                client.refuses = true;
                Some("fault: session refused by the client")
            }
            2 => {
                server.refuses = true;
                server.after = server.after.min(client.after);
                Some("fault: session refused by the server")
            }
            3 => {
                // The client has its session, and what it writes meets nobody.
                server = Side { after: client.after + server.after + 1, refuses: true };
                Some("fault: session refused after it was there")
            }
            4 => {
                client.after += stalls;
                server.after += stalls;
                Some("fault: handshake stalled")
            }
            5 => {
                server.after += stalls;
                Some("fault: handshake stalled at the server")
            }
            6 => {
                client = Side { after: client.after + stalls, refuses: true };
                server.after += stalls;
                Some("fault: handshake stalled and failed")
            }
            _ => None,
        };
        Self { client, server, fault }
    }

    /// Lets it begin on a new connection.
    pub(super) fn begin(self, link: &Link, now: Timestamp, totals: &mut Totals) {
        totals.count("state: handshake");
        self.fault.into_iter().for_each(|fault| totals.count(fault));
        for (side, pipe) in [(self.client, &link.down), (self.server, &link.up)] {
            let at = now.saturating_add(Duration::from_millis(side.after));
            pipe.borrow_mut().open_later(Opening { at, refuses: side.refuses });
        }
    }
}
