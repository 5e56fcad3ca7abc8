//! A client, with its reconnects.

use std::io::Result;
use std::{net::TcpStream, thread, time::Duration};

use ipc_proto::{Action, Client, ClientState};

use crate::link::Link;
use crate::work::{self, Clock, Work};

pub(crate) fn run(at: &str, work: &mut Work) -> Result<()> {
    let clock = Clock::start();
    let mut client = Client::new(work::config());
    let mut link = None;
    client.connect(clock.now());
    loop {
        work.take_all(&mut client, clock.now());
        match client.poll_action() {
            Some(Action::Open) => match TcpStream::connect(at).and_then(Link::new) {
                Ok(new) => {
                    link = Some(new);
                    client.handle_connected(clock.now());
                }
                Err(error) => client.handle_failed(clock.now(), error),
            },
            Some(Action::Close) => link = None,
            Some(_) => {}
            None if client.state() == ClientState::Stopped => return Ok(()),
            None => match &mut link {
                Some(link) => link.turn(&mut client, &clock)?,
                None => {
                    // Nothing but time can pass.
                    thread::park_timeout(clock.left(client.poll_timeout()).unwrap_or(Duration::MAX));
                    client.handle_timeout(clock.now());
                }
            },
        }
    }
}
