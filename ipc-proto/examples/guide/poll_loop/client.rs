//! A client, with its reconnects.

use std::{io::Result, os::unix::net::UnixStream};

use ipc_proto::{Action, Client, ClientState};
use rustix::event::PollFd;

use crate::link::{Link, wait};
use crate::work::{self, Clock, Work};

pub(crate) fn run(at: &str, work: &mut Work) -> Result<()> {
    let clock = Clock::start();
    let mut client = Client::new(work::config());
    let mut link: Option<Link> = None;
    let mut buffer = vec![0; 64 << 10];
    client.connect(clock.now());
    loop {
        work.take_all(&mut client, clock.now());
        match client.poll_action() {
            // To a Unix socket there is a connection at once, or none.
            Some(Action::Open) => match UnixStream::connect(at).and_then(Link::new) {
                Ok(new) => {
                    link = Some(new);
                    client.handle_connected(clock.now());
                }
                Err(error) => client.handle_failed(clock.now(), error),
            },
            Some(Action::Close) => link = None,
            Some(_) => {}
            None if client.state() == ClientState::Stopped => return Ok(()),
            None if link.as_mut().is_some_and(|link| link.write(&mut client)) => {}
            None => wait_and_read(&mut client, link.as_mut(), &clock, &mut buffer)?,
        }
    }
}

fn wait_and_read(client: &mut Client, link: Option<&mut Link>, clock: &Clock, buffer: &mut [u8]) -> Result<()> {
    let left = clock.left(client.poll_timeout());
    if let Some(link) = link {
        wait(&mut [PollFd::new(&*link, link.interest(client))], left)?;
        link.read(client, clock.now(), buffer);
    } else {
        wait(&mut [], left)?;
    }
    client.handle_timeout(clock.now());
    Ok(())
}
