//! A server as a guest in a loop that has something else to do: here it listens to plain text by UDP.
//!
//! ```sh
//! cargo run -p ipc-mio --example embedded_loop [ADDRESS] [ENDPOINT]    # any free ports, unless they are given
//! ```
//!
//! What comes to the first, every peer of the second is told as the event `line`. Try `nc -u` on the first.

use std::{error::Error, time::Instant};

use ipc_mio::{Event, Server};
use mio::{Events, Interest, Poll, Token, net::UdpSocket};

/// The loop's own source. The other tokens may be granted to guests.
const LINES: Token = Token(0);

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let word = |at: usize, default: &'static str| words.get(at).map_or(default, String::as_str);
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(256);

    let mut lines = UdpSocket::bind(word(0, "127.0.0.1:0").parse()?)?;
    poll.registry().register(&mut lines, LINES, Interest::READABLE)?;
    let mut server = Server::new(poll.registry().try_clone()?, 1..200);
    server.serve_endpoint(word(1, "tcp:127.0.0.1:0").parse()?)?;
    println!("lines at {}, events at {}", lines.local_addr()?, server.endpoints()[0]);

    loop {
        // The guest says how long it can wait; a loop with timers of its own takes the least.
        poll.poll(&mut events, server.next_timeout())?;
        let now = Instant::now();
        for event in &events {
            // Each takes what is its own.
            if server.handle(event, now) {
                continue;
            }
            let mut buffer = [0; 1024];
            // Always to the end: mio tells an edge once.
            while let Ok(n) = lines.recv(&mut buffer) {
                // A verb is work for the server: it is ready now.
                println!("told {} peers", server.broadcast("line", &*String::from_utf8_lossy(&buffer[..n]))?);
            }
        }
        while server.ready() {
            server.drive(now);
            while let Some((peer, event)) = server.poll_event() {
                match event {
                    Event::Message(message) => println!("{peer} says {message:?}"),
                    other => println!("{peer}: {other:?}"),
                }
            }
        }
    }
}
