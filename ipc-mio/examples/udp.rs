//! Two ends of UDP in one loop: both are servers, and there are no connections. Ends by itself.
//!
//!     cargo run -p ipc-mio --example udp
//!
//! The stock other half is node-ipc's `ipc.serveNet(port, 'udp4', …)`.

use std::{error::Error, time::Instant};

use ipc_mio::{Event, Message, PeerId, UdpEndpoint};
use mio::{Events, Poll};

fn main() -> Result<(), Box<dyn Error>> {
    let mut poll = Poll::new()?;
    // One token for each socket.
    let mut hello = UdpEndpoint::new(poll.registry().try_clone()?, 0..1);
    let mut world = UdpEndpoint::new(poll.registry().try_clone()?, 1..2);
    hello.serve_udp4("127.0.0.1:0")?;
    world.serve_udp4("127.0.0.1:0")?;
    let address = world.endpoints()[0].to_string();

    // Whoever speaks first names the address; from then on it is a peer like any other.
    let peer = hello.udp_peer(address.trim_start_matches("udp4:"))?;
    hello.emit(peer, "message", "hello")?;
    let (peer, message) = turn(&mut poll, &mut hello, &mut world)?;

    // The other side knows the peer by its datagram, and answers.
    println!("peer {peer} at {:?} says {message:?}", world.peer_info(peer).and_then(|info| info.address));
    world.emit(peer, "message", "world")?;
    let (_, message) = turn(&mut poll, &mut world, &mut hello)?;
    println!("and is answered {:?}", message.decode::<String>()?);

    // A datagram carries 65,507 bytes over IPv4. What is larger never leaves, and the sender hears of it.
    if let Err(error) = hello.broadcast("message", &"x".repeat(70_000)) {
        println!("{:?}: {error}", error.code());
    }
    Ok(())
}

/// Turns until `to` has a message.
fn turn(poll: &mut Poll, from: &mut UdpEndpoint, to: &mut UdpEndpoint) -> Result<(PeerId, Message), Box<dyn Error>> {
    let mut events = Events::with_capacity(16);
    loop {
        let now = Instant::now();
        for event in &events {
            let _ = from.handle(event, now) || to.handle(event, now);
        }
        while from.ready() || to.ready() {
            from.drive(now);
            to.drive(now);
            while let Some((peer, event)) = to.poll_event() {
                if let Event::Message(message) = event {
                    return Ok((peer, message));
                }
            }
        }
        poll.poll(&mut events, [from.next_timeout(), to.next_timeout()].into_iter().flatten().min())?;
    }
}
