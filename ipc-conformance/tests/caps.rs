//! Peers that do not read, and strangers: memory stays within the limits, and nobody waits for ever. Over real sockets.
//!
//! Everything runs on one thread, where a writer that yields many times and still cannot write is stuck for good: nothing
//! here goes by time, but for a guard against hanging.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "these are tests")]

#[path = "../../ipc-tokio/tests/tls/certificates.rs"]
#[allow(dead_code, reason = "of the certificates, only good ones are wanted here")]
mod certificates;

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use ipc_tokio::{
    Config, Connection, EmitError, Endpoint, Event, Frame, Handler, Io, Ipc, Pressure, Server, Side, TlsOptions, Tokio,
};
use tempfile::TempDir;
use tokio::net::{UdpSocket, UnixStream};
use tokio::task::yield_now;
use tokio::time::timeout;

/// Far more than kernel and limits hold together.
const FLOOD: usize = 64 << 20;
/// How often everything that can run has run before a writer counts as stuck.
const TURNS: usize = 2000;
const PENDING: usize = 256 << 10;
/// What one read may bring beyond a limit.
const READ: usize = 64 << 10;

fn config() -> Config {
    Config::default().id("caps").max_pending_bytes(PENDING).max_message_size(64 << 10)
}

fn frame(number: usize) -> Frame {
    Frame::encode("n", &(number, "x".repeat(1000))).expect("it has a JSON form")
}

/// A frame as it stands on the wire.
fn wire(number: usize) -> Vec<u8> {
    [frame(number).as_bytes(), &b"\x0c"[..]].concat()
}

fn number(event: Option<Event>) -> usize {
    match event {
        Some(Event::Message(message)) => message.decode::<(usize, &str)>().expect("a number and its padding").0,
        other => panic!("a message was due, and {other:?} came"),
    }
}

async fn guarded<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(Duration::from_secs(60), future).await {
        Ok(value) => value,
        Err(_) => panic!("hangs: {what}"),
    }
}

/// A peer that writes numbered frames, and reads only when it is told to.
struct Writer {
    stream: UnixStream,
    bytes: Vec<u8>,
    frames: usize,
    written: usize,
}

impl Writer {
    async fn to(server: &Server) -> Self {
        let Some(Endpoint::Path(path)) = server.endpoints().first() else { panic!("it listens at a path") };
        Self::over(UnixStream::connect(path).await.expect("the server listens"))
    }

    fn over(stream: UnixStream) -> Self {
        Self { stream, bytes: Vec::new(), frames: 0, written: 0 }
    }

    /// Writes until nothing moves any more.
    async fn until_stuck(&mut self) {
        let mut turns = 0;
        while turns < TURNS {
            assert!(self.written < FLOOD, "nothing stops a peer that does not read");
            if self.try_write() {
                turns = 0;
            } else {
                turns += 1;
                yield_now().await;
            }
        }
    }

    fn try_write(&mut self) -> bool {
        if self.bytes.is_empty() {
            self.bytes = wire(self.frames);
            self.frames += 1;
        }
        match self.stream.try_write(&self.bytes) {
            Ok(n) => {
                self.bytes.drain(..n);
                self.written += n;
                true
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// Reads everything that was written back, while it writes the rest of its last frame.
    async fn reads_its_echo(mut self) {
        let expected: Vec<u8> = (0..self.frames).flat_map(wire).collect();
        let mut echo = Vec::with_capacity(expected.len());
        while echo.len() < expected.len() {
            if !self.bytes.is_empty() {
                self.try_write();
            }
            match self.stream.try_read_buf(&mut echo) {
                Ok(0) => panic!("closed after {} of {} bytes", echo.len(), expected.len()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
        assert!(echo == expected, "the echo is what was written, in order");
    }
}

/// An echo in each connection's task.
fn echo() -> Handler {
    Box::new(|event, out| match event {
        Event::Message(message) => {
            match out.send_frame(message.to_frame()) {
                // The rest of what it wrote before the server was stopped.
                Ok(_) | Err(EmitError::Closed(_)) => false,
                Err(error) => panic!("it is not read from while there is no room: {error}"),
            }
        }
        _ => true,
    })
}

async fn echo_server(dir: &TempDir, config: Config) -> Server {
    let path = Endpoint::Path(dir.path().join("socket").to_string_lossy().into_owned());
    Ipc::new(config).serve_with(vec![path], |_| echo()).await.expect("a folder of its own")
}

#[tokio::test]
async fn an_echo_server_does_not_read_from_peers_that_do_not_read() {
    let dir = TempDir::new().unwrap();
    let server = echo_server(&dir, config()).await;
    let mut writers = [Writer::to(&server).await, Writer::to(&server).await];
    for (n, writer) in writers.iter_mut().enumerate() {
        guarded("writing", writer.until_stuck()).await;
        let cap = (n + 1) * (Pressure::HIGH_MARK + wire(0).len() + READ);
        assert!(server.stats().held_bytes <= cap, "{:?}", server.stats());
    }
    // Neither keeps the other, nor itself, from going on.
    let [first, second] = writers;
    guarded("the second echo", second.reads_its_echo()).await;
    guarded("the first echo", first.reads_its_echo()).await;
}

/// The events of a server until its only peer is gone.
async fn until_gone(server: &mut Server) {
    let mut lost = 0;
    loop {
        match server.next().await {
            Some((_, Event::Undelivered(_))) => lost += 1,
            Some((_, Event::Disconnected { .. })) => break,
            Some(_) => {}
            None => panic!("the peer's last event is missing"),
        }
    }
    assert!(lost > 0, "its echoes are reported");
    assert_eq!(server.stats().held_bytes, 0);
}

#[tokio::test]
async fn a_flood_that_is_cut_is_over() {
    let dir = TempDir::new().unwrap();
    let mut server = echo_server(&dir, config()).await;
    let mut writer = Writer::to(&server).await;
    guarded("writing", writer.until_stuck()).await;
    drop(writer);
    guarded("the end", until_gone(&mut server)).await;
}

#[tokio::test]
async fn a_peer_that_never_reads_does_not_keep_a_server_from_stopping() {
    let dir = TempDir::new().unwrap();
    let mut server = echo_server(&dir, config().drain_timeout(Duration::from_millis(20))).await;
    let mut writer = Writer::to(&server).await;
    guarded("writing", writer.until_stuck()).await;
    guarded("stopping", server.stop()).await;
    guarded("the end", until_gone(&mut server)).await;
}

/// The loop that everybody writes first.
async fn echo_by_hand(mut server: Server) -> (Server, EmitError) {
    loop {
        let (peer, event) = server.next().await.expect("the server goes on");
        if let Event::Message(message) = event {
            if let Err(error) = server.send(peer, message.to_frame()).await {
                return (server, error);
            }
        }
    }
}

#[tokio::test]
async fn a_waiting_emit_fails_rather_than_wait_for_ever() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("socket").to_string_lossy().into_owned();
    let config = config();
    let unread = config.unread_limit();
    let server = Ipc::new(config).serve_at(path).await.unwrap();
    let mut writer = Writer::to(&server).await;
    let echoing = tokio::spawn(echo_by_hand(server));
    guarded("writing", writer.until_stuck()).await;
    let (server, error) = guarded("the emit", echoing).await.unwrap();
    assert!(matches!(error, EmitError::Stalled(_)), "{error}");
    // The events that wait for `next` come on top: 256 KiB at most, and not counted.
    let held = server.stats().held_bytes;
    assert!(held <= PENDING + unread + 2 * READ, "{held}");
    assert!(server.sender(server.peers()[0]).unwrap().pending_bytes() <= PENDING);
}

#[tokio::test]
async fn the_memory_budget_closes_the_largest() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("socket").to_string_lossy().into_owned();
    let mut config = config();
    config.limits.memory_budget = 64 << 10;
    let mut server = Ipc::new(config).serve_at(path).await.unwrap();
    let Some(Endpoint::Path(path)) = server.endpoints().first() else { panic!("it listens at a path") };
    let _deaf = UnixStream::connect(path).await.unwrap();
    let (peer, _) = server.next().await.unwrap();
    let flood = async {
        while server.emit(peer, "n", &"x".repeat(10_000)).await.is_ok() {
            assert!(server.stats().held_bytes <= (64 << 10) + 2 * 10_100, "{:?}", server.stats());
        }
    };
    guarded("the eviction", flood).await;
    assert_eq!(server.stats().evicted, 1);
    let codes = async {
        loop {
            match server.next().await {
                Some((_, Event::Error(error))) => return error.code().to_owned(),
                Some(_) => {}
                None => panic!("no error"),
            }
        }
    };
    assert_eq!(guarded("the error", codes).await, "ERR_IPC_BACKPRESSURE");
}

fn pair() -> (Connection, Connection) {
    let (one, other) = UnixStream::pair().expect("a pair of sockets");
    let config = Arc::new(config());
    let runtime = Tokio::default();
    let connection = |stream, side| Connection::new(&runtime, Io::Unix(stream), Arc::clone(&config), side);
    (connection(one, Side::Client), connection(other, Side::Server))
}

/// Emits first and reads then, as much as fits within the limit of unread input.
async fn emit_then_read(mut conn: Connection, count: usize) -> Connection {
    for n in 0..count {
        conn.send(frame(n)).await.expect("the other side's messages are read meanwhile");
    }
    assert!(matches!(conn.next().await, Some(Event::Connected)));
    for n in 0..count {
        let mut event = conn.next().await;
        while matches!(event, Some(Event::Writable)) {
            event = conn.next().await;
        }
        assert_eq!(number(event), n);
    }
    conn
}

#[tokio::test]
async fn two_sides_that_emit_before_they_read_do_not_deadlock() {
    // More than the socket and the outbox hold together, less than may be unread.
    let count = (config().unread_limit() - READ) / wire(0).len();
    let (one, other) = pair();
    let both = async { tokio::join!(emit_then_read(one, count), emit_then_read(other, count)) };
    guarded("two emitters", both).await;
}

/// Emits without end, and never takes an event.
async fn emit_until_stalled(conn: &mut Connection) -> usize {
    for n in 0..FLOOD / wire(0).len() {
        match conn.send(frame(n)).await {
            Ok(_) => {}
            Err(EmitError::Stalled(back)) => {
                assert_eq!(back, frame(n));
                return n;
            }
            Err(other) => panic!("{other}"),
        }
    }
    panic!("nothing stops an endpoint that does not read");
}

#[tokio::test]
async fn two_sides_that_never_read_are_told_so_and_can_go_on() {
    let (mut one, mut other) = pair();
    let both = async { tokio::join!(emit_until_stalled(&mut one), emit_until_stalled(&mut other)) };
    let (of_one, of_other) = guarded("two floods", both).await;
    for conn in [&one, &other] {
        assert!(conn.pending_bytes() <= PENDING);
    }
    // Nothing that was taken is lost.
    let both = async { tokio::join!(numbers(&mut one, of_other), numbers(&mut other, of_one)) };
    guarded("both to read", both).await;
}

async fn numbers(conn: &mut Connection, count: usize) {
    let mut next = 0;
    while next < count {
        match conn.next().await {
            Some(Event::Connected | Event::Writable) => {}
            event => {
                assert_eq!(number(event), next);
                next += 1;
            }
        }
    }
    conn.flush_to(0).await;
}

/// A client that floods an echo server and takes no events is told so, and gets its echoes when it does.
#[tokio::test]
async fn a_client_that_takes_no_events_does_not_deadlock_with_an_echo_server() {
    let dir = TempDir::new().unwrap();
    floods_and_then_reads(echo_server(&dir, config()).await, config(), 0).await;
}

/// As the one before, with a TLS session on either side, whose buffers are bounded as well.
#[tokio::test]
async fn a_client_that_takes_no_events_over_tls_does_not_either() {
    let ours = certificates::Authority::new("ours");
    let identity = ours.sign(&["127.0.0.1"]);
    let own = TlsOptions::default().private(identity.key).public(identity.cert);
    let at = Endpoint::Tls { host: "127.0.0.1".into(), port: 0 };
    let server = Ipc::new(config().tls(own)).serve_with(vec![at], |_| echo()).await.expect("any port will do");
    // What is in the session is kept until it is flushed, to be reported.
    floods_and_then_reads(server, config().tls(TlsOptions::default().trust(ours.file())), 64 << 10).await;
}

async fn floods_and_then_reads(server: Server, config: Config, session: usize) {
    let mut client = Ipc::new(config).connect_to_endpoint("caps", server.endpoints()[0].clone()).unwrap();
    client.ready().await.unwrap();
    let flood = async {
        for n in 0.. {
            assert!(n * wire(0).len() < FLOOD, "nothing stops a client that takes no events");
            match client.send(frame(n)).await {
                Ok(_) => {}
                Err(EmitError::Stalled(_)) => return n,
                Err(other) => panic!("{other}"),
            }
        }
        unreachable!("the numbers do not end")
    };
    let taken = guarded("the flood", flood).await;
    assert!(client.pending_bytes() <= PENDING);
    let cap = Pressure::HIGH_MARK + wire(0).len() + READ + session;
    assert!(server.stats().held_bytes <= cap, "{:?}", server.stats());
    let echoes = async {
        let mut next = 0;
        while next < taken {
            match client.next().await {
                Some(Event::Connected | Event::Writable) => {}
                event => {
                    assert_eq!(number(event), next);
                    next += 1;
                }
            }
        }
    };
    guarded("the echoes", echoes).await;
}

/// Takes a server's events, and echoes its messages, until `text` has come.
async fn echo_until(server: &mut Server, text: &str) {
    while let Some((peer, event)) = server.next().await {
        let Event::Message(message) = event else { continue };
        // Who was heard from once is answered only in proportion.
        let _ = server.send(peer, message.to_frame()).await;
        if message.name() == text {
            return;
        }
    }
}

#[tokio::test]
async fn strangers_over_udp_cost_no_more_than_the_limits_and_a_friend_does_not_notice() {
    const STRANGERS: u8 = 200;
    let mut config = config();
    (config.limits.max_udp_peers, config.limits.max_udp_partial, config.limits.udp_partial_budget) = (20, 2000, 8000);
    let mut server = Ipc::new(config).serve_udp4("127.0.0.1:0").await.unwrap();
    let Endpoint::Udp4 { port, .. } = server.endpoints()[0] else { panic!("it is UDP") };
    let socket = || async {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(("127.0.0.1", port)).await.unwrap();
        socket
    };
    let (friend, mut buffer) = (socket().await, [0; 100]);
    let hello = b"{\"type\":\"friend\",\"data\":1}\x0c";
    let mut strangers = Vec::new();
    for n in 0..STRANGERS {
        guarded("the friend", friend.send(hello)).await.unwrap();
        guarded("the friend", echo_until(&mut server, "friend")).await;
        let len = guarded("an answer", friend.recv(&mut buffer)).await.unwrap();
        assert_eq!(&buffer[..len], hello);

        let stranger = socket().await;
        for piece in [&[n][..], &[b'x'; 1500], b"\x0c", &[b'{'; 1500], b"{\"type\":\"half"] {
            guarded("a stranger", stranger.send(piece)).await.unwrap();
        }
        strangers.push(stranger);
        let stats = server.stats();
        assert!(stats.peers <= 20 && stats.held_bytes <= 8000 + (1 << 20), "{stats:?}");
    }
    // All that was sent is taken now; what is left is incomplete frames.
    guarded("the friend", friend.send(hello)).await.unwrap();
    guarded("the friend", echo_until(&mut server, "friend")).await;
    let stats = server.stats();
    assert!(stats.peers <= 20 && stats.held_bytes <= 8000, "{stats:?}");
}
