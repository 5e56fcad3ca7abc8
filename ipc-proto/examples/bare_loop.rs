//! The core alone, over blocking sockets of the standard library: `cargo run -p ipc-proto --example bare_loop`.
//!
//! A thread answers `hello` with `world`; both sides run the same loop.

use std::io::{ErrorKind, Read, Result, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::{sync::Arc, thread, time::Duration, time::Instant};

use bytes::Buf;
use ipc_proto::{Config, Connection, Event, Message, Side, Timestamp};

/// Moves bytes and time between a socket and the machine until the connection is over.
fn drive(side: Side, mut socket: TcpStream, on: impl Fn(&mut Connection, Message, Timestamp)) -> Result<()> {
    #[expect(clippy::disallowed_methods, reason = "the core never looks at a clock, so its driver does")]
    let start = Instant::now();
    let now = || Timestamp::new(start.elapsed());
    let mut conn = Connection::new(Arc::new(Config::default()), side);
    let mut chunk = [0; 4096];
    loop {
        while let Some(event) = conn.poll_event() {
            match event {
                Event::Connected if side == Side::Client => drop(conn.emit("message", "hello")),
                Event::Message(message) => on(&mut conn, message, now()),
                other => println!("{side:?}: {other:?}"),
            }
        }
        if conn.outbox().has_remaining() {
            let n = socket.write(conn.outbox().chunk())?;
            conn.outbox().advance(n);
            continue; // Writing may have made events.
        }
        if conn.is_closed() {
            return Ok(());
        }
        if conn.wants_shutdown() {
            socket.shutdown(Shutdown::Write)?;
        }
        let left = conn.poll_timeout().map(|at| at.saturating_since(now()));
        socket.set_read_timeout(left.map(|left| left.max(Duration::from_millis(1))))?;
        match socket.read(&mut chunk) {
            Ok(0) => conn.handle_eof(now()),
            Ok(n) => conn.handle_input(now(), &chunk[..n]),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => conn.handle_timeout(now()),
            Err(e) => conn.handle_error(now(), e),
        }
    }
}

fn main() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    let server = thread::spawn(|| drive(Side::Server, server, |conn, _hello, _| drop(conn.emit("message", "world"))));
    drive(Side::Client, client, |conn, answer, now| {
        println!("{answer:?}");
        conn.close(now);
    })?;
    server.join().expect("the server does not panic")
}
