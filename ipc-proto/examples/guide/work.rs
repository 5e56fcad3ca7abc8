//! What the guide's examples do, however they loop: a server sends every message back, a client wants back what it
//! sends. Nothing in this file is part of a loop.

use std::{collections::BTreeSet, env, io, process, sync::Arc, time::Duration, time::Instant};

use ipc_proto::{Client, Config, Connection, Event, Pressure, Timestamp};

/// Runs one half, as the command line says.
pub(crate) fn main(
    server: fn(&str) -> io::Result<()>,
    client: fn(&str, &mut Work) -> io::Result<()>,
) -> io::Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["server", at] => server(at),
        ["client", at] => run(client, at, Work::new(1, 5)),
        ["client", at, count, size] => run(client, at, Work::new(number(count), number(size))),
        _ => usage(),
    }
}

fn run(client: fn(&str, &mut Work) -> io::Result<()>, at: &str, mut work: Work) -> io::Result<()> {
    client(at, &mut work)?;
    println!("missing {}, connects {}, turns {}", work.missing.len(), work.connects, work.turns);
    Ok(())
}

fn number(text: &str) -> usize {
    text.parse().unwrap_or_else(|_| usage())
}

fn usage() -> ! {
    eprintln!("arguments: server ADDRESS | client ADDRESS [COUNT SIZE]");
    process::exit(2)
}

/// An answer is as large as its question, 128 MiB at most, and may have to wait behind another one.
pub(crate) fn config() -> Arc<Config> {
    let mut config = Config::default();
    config.limits.max_pending_bytes = 256 << 20;
    Arc::new(config)
}

/// The core never looks at a clock, so its driver does.
pub(crate) struct Clock(Instant);

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "it is forbidden inside the core")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::new(self.0.elapsed())
    }

    /// How long to wait for `at`; nothing at all is for ever.
    pub(crate) fn left(&self, at: Option<Timestamp>) -> Option<Duration> {
        at.map(|at| at.saturating_since(self.now()))
    }
}

/// Step 1 of a server: takes the events and answers them. While much waits to be written it takes none, so that a
/// peer that does not read is not read from for long either.
pub(crate) fn answer_all(conn: &mut Connection, turns: u64) {
    while !conn.is_pressed() {
        let Some(event) = conn.poll_event() else { break };
        let result = match &event {
            Event::Message(message) if message.name() == "turns" => conn.emit("turns", &turns),
            Event::Message(message) => conn.relay(message),
            Event::Connected | Event::Writable => continue,
            other => {
                println!("{other:?}");
                continue;
            }
        };
        if let Err(error) = result {
            println!("no answer to {event:?}: {error}");
        }
    }
}

/// A client's messages, and which of them have not come back.
pub(crate) struct Work {
    text: String,
    missing: BTreeSet<usize>,
    next: usize,
    connects: usize,
    pub(crate) turns: u64,
}

impl Work {
    fn new(count: usize, size: usize) -> Self {
        Self { text: "x".repeat(size), missing: (0..count).collect(), next: 0, connects: 0, turns: 0 }
    }

    /// Step 1 of a client: takes the events, emits while there is room, and disconnects when all has come back.
    pub(crate) fn take_all(&mut self, client: &mut Client, now: Timestamp) {
        self.turns += 1;
        while let Some(event) = client.poll_event() {
            match event {
                Event::Connected => self.begin_again(client),
                Event::Writable => self.emit(client),
                Event::Message(message) => {
                    match message.decode::<(usize, String)>() {
                        Ok((n, text)) if text == self.text => drop(self.missing.remove(&n)),
                        other => println!("not what was sent: {:?}", other.map(|(n, _)| n)),
                    }
                    if self.missing.is_empty() {
                        client.disconnect(now);
                    }
                }
                other => println!("{other:?}"),
            }
        }
    }

    /// What was sent on the connection before and not answered may be lost; the client has kept the rest.
    fn begin_again(&mut self, client: &mut Client) {
        self.connects += 1;
        self.next = 0;
        self.emit(client);
    }

    fn emit(&mut self, client: &mut Client) {
        for n in self.missing.range(self.next..) {
            let result = client.emit("echo", &(n, &self.text));
            if let Err(error) = &result {
                println!("not sent: {error}");
                break;
            }
            self.next = n + 1;
            if matches!(result, Ok(Pressure::High)) {
                break; // `Writable` says when to go on.
            }
        }
    }
}
