//! All clients in one thread, which sleeps in `poll` alone.

use std::{io::ErrorKind, io::Result, os::unix::net::UnixListener, sync::Arc};

use ipc_proto::{Config, Connection, PeerId, Peers, Side};
use rustix::event::{PollFd, PollFlags};

use crate::link::{Link, wait};
use crate::work::{self, Clock};

struct Seat {
    link: Link,
    conn: Connection,
}

pub(crate) fn run(at: &str) -> Result<()> {
    let listener = UnixListener::bind(at)?;
    listener.set_nonblocking(true)?;
    println!("listening at unix:{at}");
    let (clock, config) = (Clock::start(), work::config());
    let mut peers = Peers::<Seat>::new(config.limits.max_connections);
    let mut buffer = vec![0; 64 << 10];
    let mut turns = 0;
    loop {
        turns += 1;
        let closed: Vec<PeerId> =
            peers.iter_mut().filter_map(|(peer, seat)| seat.turn(turns).then_some(peer)).collect();
        closed.into_iter().for_each(|peer| drop(peers.remove(peer)));

        let ready = wait_for(&listener, &mut peers, &clock)?;
        let now = clock.now();
        for (peer, said) in ready {
            if let Some(seat) = peers.get_mut(peer).filter(|seat| seat.link.is_ready(said)) {
                seat.link.read(&mut seat.conn, now, &mut buffer);
            }
        }
        for (_, seat) in peers.iter_mut() {
            seat.conn.handle_timeout(now);
        }
        accept(&listener, &config, &mut peers)?;
    }
}

impl Seat {
    /// Events out and bytes out, until neither goes on. Says whether the connection is over.
    fn turn(&mut self, turns: u64) -> bool {
        loop {
            work::answer_all(&mut self.conn, turns);
            if !self.link.write(&mut self.conn) {
                return self.conn.is_closed();
            }
        }
    }
}

/// Waits until somebody is ready or a time has come, and says what `poll` says of everybody.
fn wait_for(listener: &UnixListener, peers: &mut Peers<Seat>, clock: &Clock) -> Result<Vec<(PeerId, PollFlags)>> {
    let deadline = peers.iter().filter_map(|(_, seat)| seat.conn.poll_timeout()).min();
    let mut who = Vec::new();
    let mut fds = vec![PollFd::new(listener, PollFlags::IN)];
    for (peer, Seat { link, conn }) in peers.iter_mut() {
        let interest = link.interest(conn);
        // `poll` reports a hang-up even where nothing was asked for; who is not waited for must not be in the list.
        if !interest.is_empty() {
            who.push(peer);
            fds.push(PollFd::new(link, interest));
        }
    }
    wait(&mut fds, clock.left(deadline))?;
    Ok(who.into_iter().zip(fds[1..].iter().map(PollFd::revents)).collect())
}

fn accept(listener: &UnixListener, config: &Arc<Config>, peers: &mut Peers<Seat>) -> Result<()> {
    match listener.accept() {
        Ok((socket, _)) => {
            let seat = Seat { link: Link::new(socket)?, conn: Connection::new(Arc::clone(config), Side::Server) };
            if peers.insert(seat).is_err() {
                println!("there is no room for one more client");
            }
            Ok(())
        }
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(()),
        Err(error) => Err(error),
    }
}
