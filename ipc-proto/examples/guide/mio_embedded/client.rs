//! A client, with its reconnects.

use std::io::{Error, Result};
use std::{net::SocketAddr, time::Duration};

use ipc_proto::{Action, Client, ClientState, Timestamp};
use mio::{Events, Poll, Registry, Token, net::TcpStream};

use crate::link::{Link, wait};
use crate::work::{self, Clock, Work};

const PEER: Token = Token(0);

pub(crate) fn run(at: &str, work: &mut Work) -> Result<()> {
    let at = at.parse().map_err(Error::other)?;
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(8));
    let (clock, mut buffer) = (Clock::start(), vec![0; 64 << 10]);
    let mut client = Client::new(work::config());
    let mut link: Option<Link> = None;
    client.connect(clock.now());
    loop {
        work.take_all(&mut client, clock.now());
        match client.poll_action() {
            // What comes of it, an edge will say.
            Some(Action::Open) => match dial(at, poll.registry()) {
                Ok(new) => link = Some(new),
                Err(error) => client.handle_failed(clock.now(), error),
            },
            Some(Action::Close) => link = None,
            Some(_) => {}
            None if client.state() == ClientState::Stopped => return Ok(()),
            None if link.as_mut().is_some_and(|link| link.write(&mut client)) => {}
            None => {
                let is_ready = link.as_ref().is_some_and(|link| link.is_ready(&client));
                let left = if is_ready { Some(Duration::ZERO) } else { clock.left(client.poll_timeout()) };
                wait(&mut poll, &mut events, left)?;
                if let Some(link) = &mut link {
                    events.iter().for_each(|event| link.note(event));
                    turn(&mut client, link, clock.now(), &mut buffer);
                }
                client.handle_timeout(clock.now());
            }
        }
    }
}

fn dial(at: SocketAddr, registry: &Registry) -> Result<Link> {
    let mut link = Link::new(TcpStream::connect(at)?);
    link.register(registry, PEER)?;
    Ok(link)
}

fn turn(client: &mut Client, link: &mut Link, now: Timestamp, buffer: &mut [u8]) {
    if client.state() == ClientState::Opening {
        match link.connected() {
            Some(Ok(())) => client.handle_connected(now),
            Some(Err(error)) => client.handle_failed(now, error),
            None => {}
        }
    } else if link.is_ready(client) {
        link.read(client, now, buffer);
    }
}
