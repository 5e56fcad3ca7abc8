//! Answers every event with the same event, in a loop of its own. Node clients of every generation find it.
//!
//! ```sh
//! cargo run -p ipc-mio --example echo_server [ENDPOINT]
//! cargo run -p ipc-mio --example echo_client    # in another terminal
//! ```

use std::{error::Error, time::Instant};

use ipc_mio::{Config, Event, Server};
use mio::{Events, Poll};

fn main() -> Result<(), Box<dyn Error>> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(256);
    // A token for each socket that listens, and one for each connection.
    let mut server = Server::with_config(poll.registry().try_clone()?, 0..200, Config::default().id("world"));
    match std::env::args().nth(1) {
        // node-ipc 14 looks for `world` in one place and 9 to 12 in another: listen at both.
        None => server.serve_both()?,
        Some(endpoint) => server.serve_endpoint(endpoint.parse()?)?,
    }
    for endpoint in server.endpoints() {
        println!("listening at {endpoint}");
    }
    loop {
        poll.poll(&mut events, server.next_timeout())?;
        let now = Instant::now();
        for event in &events {
            server.handle(event, now);
        }
        while server.ready() {
            server.drive(now);
            while let Some((peer, event)) = server.poll_event() {
                match event {
                    Event::Connected => println!("{peer} is here"),
                    Event::Message(message) => {
                        println!("{peer} says {message:?}");
                        // As it came, without decoding it.
                        if let Err(error) = server.send(peer, message.to_frame()) {
                            println!("{peer} gets no answer: {error}");
                        }
                    }
                    Event::Disconnected { reason, .. } => println!("{peer} is gone: {reason:?}"),
                    other => println!("{peer}: {other:?}"),
                }
            }
        }
    }
}
