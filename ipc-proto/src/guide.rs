//! An event loop of your own: what it has to do, in which order, and four loops that do it.
//!
//! If your loop polls futures, or can, you need none of this: [`drive`](crate::drive) has the loop written out, and
//! asks for a socket, a clock and a way to dial. This guide is for the others: a thread for each socket, `poll(2)`, a
//! readiness loop that belongs to a larger program, a completion queue.
//!
//! # Six steps
//!
//! Whatever moves the bytes, it does these six things over and over, for each machine that it has:
//!
//! ```text
//!            ┌───────────────────────────────────────────────────────────────┐
//!            ▼                                                               │
//!  1  events out      poll_event until None; emit what they ask for          │
//!            │                                                               │
//!  2  actions         poll_action until None (a Client only):                │
//!            │        Open: dial, then handle_connected or handle_failed     │ begin again when
//!            │        Close: drop the socket                                 │ 2, 3, 5 or 6 did
//!  3  bytes out       outbox: write what it shows, advance;                  │ anything: there
//!            │        then shut down if wants_shutdown                       │ may be events
//!            │                                                               │
//!     done?  ├─────── is_closed, or state() is Stopped: drop the socket, end │
//!            │                                                               │
//!  4  wait            to read if wants_read, to write if the outbox has some,│
//!            │        at most until poll_timeout                             │
//!  5  bytes in        handle_input | handle_received | handle_owned,         │
//!            │        handle_eof at the end, handle_error for a failure      │
//!  6  time            handle_timeout                                         │
//!            └───────────────────────────────────────────────────────────────┘
//! ```
//!
//! As a program, with a socket that is a pair of byte vectors. A real one differs in `wait` alone:
//!
//! ```
//! use std::sync::Arc;
//! use bytes::Buf;
//! use ipc_proto::{Config, Connection, Event, Side, Timestamp};
//!
//! /// What came from the peer and what goes to it.
//! struct Socket { input: Vec<u8>, output: Vec<u8>, is_shut: bool }
//!
//! enum Ready { Input(Vec<u8>), End, Time }
//!
//! impl Socket {
//!     /// Step 4. The peer of this one has sent everything at once, and hangs up.
//!     fn wait(&mut self, _at_most: Option<Timestamp>) -> Ready {
//!         if self.input.is_empty() { Ready::End } else { Ready::Input(std::mem::take(&mut self.input)) }
//!     }
//! }
//!
//! fn run(conn: &mut Connection, socket: &mut Socket, now: impl Fn() -> Timestamp) {
//!     loop {
//!         while !conn.is_pressed() { // 1; take no more questions while answers are stuck
//!             match conn.poll_event() {
//!                 Some(Event::Message(message)) => drop(conn.relay(&message)),
//!                 Some(_) => {}
//!                 None => break,
//!             }
//!         }
//!         if conn.outbox().has_remaining() { // 3
//!             let n = conn.outbox().chunk().len();
//!             socket.output.extend_from_slice(conn.outbox().chunk());
//!             conn.outbox().advance(n);
//!             continue;
//!         }
//!         if conn.wants_shutdown() {
//!             socket.is_shut = true;
//!         }
//!         if conn.is_closed() {
//!             return;
//!         }
//!         match socket.wait(conn.poll_timeout()) { // 4
//!             Ready::Input(bytes) => conn.handle_input(now(), &bytes), // 5
//!             Ready::End => conn.handle_eof(now()),
//!             Ready::Time => {}
//!         }
//!         conn.handle_timeout(now()); // 6
//!     }
//! }
//!
//! let mut conn = Connection::new(Arc::new(Config::default()), Side::Server);
//! let question = b"{\"type\":\"hello\",\"data\":[1,2]}\x0c".to_vec();
//! let mut socket = Socket { input: question.clone(), output: Vec::new(), is_shut: false };
//! run(&mut conn, &mut socket, || Timestamp::ZERO);
//! assert_eq!(socket.output, question);
//! ```
//!
//! [`Connection`](crate::Connection) and [`Client`](crate::Client) have the methods of steps 1 and 3 to 6 under the same
//! names, and the trait [`Machine`](crate::drive::Machine) has them once more, so that one piece of code moves the bytes
//! of both.
//!
//! # What may be called when
//!
//! Anything, at any time. No method panics for being called too early, too late, twice or in the wrong state; what makes
//! no sense is ignored. There is one exception, and it is `bytes`': `advance` by more than the outbox has.
//!
//! Two orders are yours to keep, because only you know them: input must be handed in as it came, and emits reach the
//! peer as they were made. How the two are interleaved changes nothing in what each side sees.
//!
//! # What to ask after what
//!
//! A machine never calls you. Its answers change when *you* call it, and only then:
//!
//! | after | ask again |
//! |---|---|
//! | `handle_*` | `poll_event`, `poll_action`, `outbox`, `poll_timeout`, `wants_read`, `wants_shutdown` |
//! | `emit`, `send`, `relay`, `close`, `disconnect`, `connect` … | the same |
//! | `advance`, `ack` | `poll_event` (`Writable`; the end of a connection), `poll_outcome`, `wants_shutdown`; a client's `outbox`, which takes up what waited for room |
//! | `poll_event` gave something | `poll_event`; after `None`: `poll_action`, `outbox`, `wants_read` |
//! | `poll_action` gave something | do it, then begin again |
//! | nothing | nothing has changed: sleep |
//!
//! So there are four things to wake up for, and no fifth: the socket can be read and `wants_read`; it can be written and
//! the outbox has something; the time of `poll_timeout`; the application has emitted or closed from outside the loop.
//! For the last one a loop in another thread needs a waker of yours (an `eventfd`, a `mio::Waker`, a condition variable).
//! A loop that sleeps for these and for nothing else costs nothing while nothing happens, and loses nothing.
//!
//! # Time
//!
//! The machine never looks at a clock. Pick an epoch when the program starts, and hand in how long ago that was: every
//! `handle_*` and closing verb takes a [`Timestamp`](crate::Timestamp).
//!
//! * `poll_timeout` is exact and may change with every call: ask before each wait, and forget the answer of before.
//! * `handle_timeout` may be called too early and for nothing. To call it once a turn is right; to call it only when a
//!   wait ran out is not, since a peer that keeps sending would keep the time from passing.
//! * Round waits up. A wait of 0 ms for what is due in 0.4 ms is a loop that spins until then.
//! * With `None` there is nothing timed: wait for ever.
//!
//! # Back-pressure
//!
//! An emit answers [`Pressure`](crate::Pressure). After `High` stop, and go on at
//! [`Event::Writable`](crate::Event::Writable). Who emits nevertheless gets
//! [`EmitError::Full`](crate::EmitError::Full) in the end, with the frame in it.
//!
//! Who only answers needs no bookkeeping: take no events while [`is_pressed`](crate::Connection::is_pressed). What is not
//! taken stays in the machine, and when enough of it does, `wants_read` is `false` and the peer finds its own socket full.
//!
//! Never stop reading *because* writing is stuck. Two peers that both do wait for each other for ever. Read as long as
//! `wants_read` says so.
//!
//! # The end
//!
//! | what happens | what you call | what comes |
//! |---|---|---|
//! | the peer ends its side | `handle_eof` | what it sent; a server still writes its answers; `Disconnected` |
//! | reading fails | `handle_error` | what it sent; `Error`, `Undelivered`…, `Disconnected` |
//! | writing fails | read on until there is nothing more, then `handle_error` with the first error | the same, and the peer's last words |
//! | you have said everything | `close` (a client for good: `disconnect`) | the rest is written; `wants_shutdown`: shut down the writing half, once; read on to the peer's end, or to `drain_timeout` |
//! | you have had enough | `abort` | `Undelivered`…, `Disconnected` |
//!
//! Take events until there are none, also when `is_closed`: what could not be delivered is among the last.
//!
//! # A client
//!
//! A [`Client`](crate::Client) has no socket for part of its life. It does not dial, it asks for it:
//!
//! * [`Action::Open`](crate::Action::Open): dial. A connection that is there: `handle_connected`. None: `handle_failed`.
//!   It may take as long as it likes, and `poll_timeout` counts meanwhile. Over TLS, when the session is established:
//!   [`handle_session`](crate::Client::handle_session).
//! * [`Action::Close`](crate::Action::Close): drop the socket or the attempt, with every operation on it. Do it before
//!   you read or write again: the next `Open` may already be behind it.
//! * Between the two, in [`ClientState::Waiting`](crate::ClientState::Waiting), only time passes: `poll_timeout`,
//!   `handle_timeout`. Then comes `Open`.
//! * [`ClientState::Stopped`](crate::ClientState::Stopped), all events taken: it is over.
//!
//! Emit at any time; what cannot leave yet is kept.
//!
//! # A server
//!
//! There is no server machine, since the operating system keeps connections apart: accept, make a `Connection`, and put it
//! with its socket into [`Peers`](crate::Peers), which numbers, limits and orders them. The time to wait is the earliest
//! of all. A broadcast is a [`Frame`](crate::Frame), encoded once, and a `send` of its clone for everybody in
//! [`Peers::iter_mut`](crate::Peers::iter_mut). Remove who `is_closed` after the last event. Let nobody take more than a
//! read or so per turn, or one busy peer starves the others. [`Budget`](crate::Budget) bounds what all of them hold together.
//!
//! # UDP
//!
//! [`Datagrams`](crate::datagram::Datagrams) is one machine for one socket and everybody it hears from: no connections, no
//! actions, no end, no shutdown. Events come with a peer. In step 3 take
//! [`poll_transmit`](crate::datagram::Datagrams::poll_transmit) instead of an outbox, and keep what it gave until the socket
//! has taken it: asking again says that it has. In step 5 hand in one datagram a time with its sender. An error of sending
//! belongs to one datagram, [`handle_unsent`](crate::datagram::Datagrams::handle_unsent); one of receiving (a bounced
//! datagram of before, on some systems) is to be passed over.
//!
//! ```
//! use std::{net::UdpSocket, sync::Arc};
//! use ipc_proto::{Config, Event, Timestamp, datagram::Datagrams};
//!
//! let socket = UdpSocket::bind("127.0.0.1:0")?;
//! let mut machine = Datagrams::new(Arc::new(Config::default()))?;
//! let mut buffer = [0; 65_535];
//!
//! let friend = UdpSocket::bind("127.0.0.1:0")?;
//! friend.send_to(b"{\"type\":\"hello\",\"data\":1}\x0c", socket.local_addr()?)?;
//!
//! let (len, from) = socket.recv_from(&mut buffer)?; // 4 and 5
//! machine.handle_datagram(Timestamp::ZERO, from, &buffer[..len]);
//! while let Some((peer, event)) = machine.poll_event() { // 1
//!     if let Event::Message(message) = event {
//!         let _ = machine.send(peer, message.to_frame())?;
//!     }
//! }
//! while let Some((to, datagram)) = machine.poll_transmit() { // 3
//!     if let Err(error) = socket.send_to(&datagram, to) {
//!         machine.handle_unsent(error);
//!     }
//! }
//! let len = friend.recv(&mut buffer)?;
//! assert_eq!(&buffer[..len], b"{\"type\":\"hello\",\"data\":1}\x0c");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Which way in
//!
//! | you have | call | copies |
//! |---|---|---|
//! | a read that appends to a `BytesMut` | [`recv_buffer`](crate::Connection::recv_buffer), then [`handle_received`](crate::Connection::handle_received) | none |
//! | bytes in a buffer of yours (`std::io::Read` without `unsafe`) | [`handle_input`](crate::Connection::handle_input) | one |
//! | a buffer that the kernel owned while it read | [`handle_owned`](crate::Connection::handle_owned) | none, unless a frame is cut between two |
//!
//! And out: `chunk` and `advance` (or `chunks_vectored`) for a write that is done when it returns,
//! [`take_chunk`](crate::Outbox::take_chunk) and [`ack`](crate::Outbox::ack) for one that is done later.
//!
//! # Common mistakes
//!
//! * **Waiting after a step that moved something.** Writing may make events, an action may, time may. Wait only when a whole
//!   turn had nothing to do.
//! * **Waiting to write all the time.** A socket can nearly always be written: the loop spins. Ask for it while the outbox
//!   has something.
//! * **Reading although not `wants_read`.** What is read then is dropped, or held beyond the limit.
//! * **Polling a socket that nothing is wanted of.** `poll` reports a hang-up even where nothing was asked for, each time.
//!   Leave it out until something is wanted.
//! * **Forgetting an edge.** Where readiness is told once (epoll's edges, mio), it lasts until `WouldBlock`. Note it, and do
//!   not sleep while a socket is noted as readable and `wants_read`, which may also come true later.
//! * **Taking a failed write for the end.** The peer may have answered before it went, and its answer is in your socket.
//! * **Two writes at once.** `take_chunk` shows the same bytes until `ack`. One write of a socket may be under way.
//! * **Waiting for pressure to fall on a dead connection.** `pending_bytes` never falls once the socket has failed, and the
//!   end comes after the last event. `is_pressed` knows that.
//! * **Retrying at once after `Full`.** A large frame may not fit while anything waits; try when the outbox is empty.
//!   `Writable` is owed only after a `High`.
//! * **Reading emits' order as delivery.** What is written may be lost with the connection. A client reports what it gives
//!   up; what was written and never answered only the application can know.
//!
//! # Four loops
//!
//! Each has a server, which sends back what comes, and a client, which comes back when its server does; each speaks to any
//! node-ipc. They are tested against ipc-tokio and node-ipc 9 and 14: many and large messages, peers that vanish, a peer that
//! writes and does not read, and that nothing turns while nothing happens.
//!
//! | | what moves the bytes | sockets |
//! |---|---|---|
//! | [`blocking`] | a thread for each, `std` alone | TCP |
//! | [`poll_loop`] | `poll(2)`, one thread for all | Unix |
//! | [`mio_embedded`] | mio's edges, beside another source | TCP |
//! | [`completion`] | io_uring's completions, by compio | Unix |
//!
//! `examples/bare_loop.rs` is the shortest of all: both ends of one connection in 60 lines.

/// Shows the sources of an example.
macro_rules! page {
    ($(#[$doc:meta])* $name:ident: $($file:literal)+) => {
        $(#[$doc])*
        $(
            #[doc = concat!("\n# ", $file, "\n\n```text")]
            #[doc = include_str!(concat!("../examples/guide/", $file))]
            #[doc = "```"]
        )+
        pub mod $name {}
    };
}

page! {
    /// Blocking sockets of the standard library, a thread for each.
    ///
    /// A blocking socket can be waited for in one direction only. Here it waits in `read`, with the machine's next time as
    /// its timeout. Only while something waits to be written it goes back and forth between the two, 10 ms each, so that a
    /// peer that does not read is still read from. Where that matters, give each socket two threads, one for each direction,
    /// with the machine in a mutex between them.
    blocking: "blocking/link.rs" "blocking/server.rs" "blocking/client.rs" "work.rs"
}

page! {
    /// `poll(2)`, or anything that tells readiness as long as it lasts: one thread for all, over Unix sockets.
    ///
    /// Interest is computed anew for each wait: to read while the machine wants it, to write while the outbox has something.
    /// The server's clients stand in [`Peers`](crate::Peers); each reads once per turn.
    poll_loop: "poll_loop/link.rs" "poll_loop/server.rs" "poll_loop/client.rs" "work.rs"
}

page! {
    /// mio, or anything that tells readiness once, inside a program with other things to do: here a UDP socket, whose
    /// datagrams are news for all peers.
    ///
    /// Both directions are registered when a socket is made and never changed. An edge is noted until the socket says
    /// `WouldBlock`; who is noted as readable and still wants to read makes the next wait one of no time at all.
    mio_embedded: "mio_embedded/link.rs" "mio_embedded/server.rs" "mio_embedded/client.rs" "work.rs"
}

page! {
    /// io_uring by way of compio, or anything that owns the buffers while it works.
    ///
    /// At most one read and one write are under way for a socket. The write has a chunk of the outbox
    /// ([`take_chunk`](crate::Outbox::take_chunk)), which stays there until it is known what left
    /// ([`ack`](crate::Outbox::ack)): a client that loses its connection in the middle still has every frame. What was read
    /// goes in with its buffer ([`handle_owned`](crate::Connection::handle_owned)), uncopied. To drop the operations is to
    /// cancel them.
    completion: "completion/ring.rs" "completion/server.rs" "completion/client.rs" "work.rs"
}
