//! A client, with its reconnects.

use std::{io::Result, time::Duration};

use compio::net::UnixStream;
use ipc_proto::{Action, Client, ClientState};

use crate::ring::Ring;
use crate::work::{self, Clock, Work};

pub(crate) async fn run(at: &str, work: &mut Work) -> Result<()> {
    let clock = Clock::start();
    let mut client = Client::new(work::config());
    let mut ring: Option<Ring> = None;
    client.connect(clock.now());
    loop {
        work.take_all(&mut client, clock.now());
        match client.poll_action() {
            Some(Action::Open) => match UnixStream::connect(at).await {
                Ok(socket) => {
                    ring = Some(Ring::new(socket));
                    client.handle_connected(clock.now());
                }
                Err(error) => client.handle_failed(clock.now(), error),
            },
            // With the ring its operations are cancelled.
            Some(Action::Close) => ring = None,
            Some(_) => {}
            None if client.state() == ClientState::Stopped => return Ok(()),
            None => go_on(&mut client, ring.as_mut(), &clock).await,
        }
    }
}

async fn go_on(client: &mut Client, ring: Option<&mut Ring>, clock: &Clock) {
    let left = clock.left(client.poll_timeout());
    if let Some(ring) = ring {
        ring.submit(client);
        let done = ring.wait(left).await;
        ring.complete(done, client, clock.now());
    } else {
        // Nothing but time can pass.
        compio::time::sleep(left.unwrap_or(Duration::MAX)).await;
        client.handle_timeout(clock.now());
    }
}
