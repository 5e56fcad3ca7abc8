//! How many instructions the core takes, counted by Valgrind: the same at every run on one toolchain.
//!
//! `ipc-conformance/ci/instructions` compares them with those of the merge base.

use std::{hint::black_box, net::SocketAddr, sync::Arc};

use bytes::BytesMut;
use iai_callgrind::{Callgrind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main};
use ipc_proto::{
    Config, Connection, Event, Message, Side, Timestamp,
    datagram::Datagrams,
    request::{Answer, REPLY, Request, Requests, question},
};

#[allow(dead_code, reason = "other benches use the rest")]
#[path = "../cases.rs"]
mod cases;
#[path = "../../../ipc-proto/tests/support/memory.rs"]
mod memory;

use cases::Data;
use memory::Line;

const NOW: Timestamp = Timestamp::ZERO;

/// A connection that has been at work, so that its buffers are what they usually are.
fn warm(size: usize) -> (Connection, BytesMut) {
    let mut conn = cases::connection();
    cases::decode(&mut conn, cases::read(size).0, drop);
    (conn, cases::read(size).0)
}

fn encoder(size: usize) -> (Connection, Data) {
    let (mut conn, data) = (cases::connection(), Data::of(size));
    cases::encode(&mut conn, &data, 100);
    (conn, data)
}

fn relayer(size: usize) -> (Connection, Vec<Message>) {
    let (mut conn, messages) = (cases::connection(), cases::messages(size));
    cases::relay(&mut conn, &messages);
    (conn, messages)
}

#[library_benchmark(setup = warm)]
#[benches::payload(16, 64, 1 << 10, 64 << 10)]
fn decode((mut conn, read): (Connection, BytesMut)) -> Connection {
    black_box(cases::decode(&mut conn, read, |message| drop(black_box(message))));
    conn
}

#[library_benchmark(setup = warm)]
#[bench::b1024(1 << 10)]
fn decode_typed((mut conn, read): (Connection, BytesMut)) -> Connection {
    cases::decode(&mut conn, read, |message| drop(black_box(message.decode::<Data>())));
    conn
}

#[library_benchmark(setup = encoder)]
#[benches::payload(64, 1 << 10)]
fn encode((mut conn, data): (Connection, Data)) -> Connection {
    cases::encode(&mut conn, &data, 100);
    conn
}

#[library_benchmark(setup = relayer)]
#[benches::payload(64, 1 << 10, 64 << 10)]
fn relay((mut conn, messages): (Connection, Vec<Message>)) -> (Connection, Vec<Message>) {
    cases::relay(&mut conn, &messages);
    (conn, messages)
}

const ECHOED: usize = 1000;

fn echoing() -> (Line, Vec<u8>) {
    let (mut line, bytes) = (Line::new(Side::Server), cases::frame(64).repeat(ECHOED));
    for _ in 0..4 {
        line.echo(&bytes);
        line.wire.drain(<[u8]>::len);
    }
    (line, bytes)
}

#[library_benchmark(setup = echoing)]
#[bench::thousand_at_once()]
fn echo((mut line, bytes): (Line, Vec<u8>)) -> (Line, Vec<u8>) {
    black_box(line.echo(&bytes));
    (line, bytes)
}

#[library_benchmark(setup = echoing)]
#[bench::hundred()]
fn echo_one_by_one((mut line, bytes): (Line, Vec<u8>)) -> (Line, Vec<u8>) {
    for frame in bytes.chunks(bytes.len() / ECHOED).take(100) {
        black_box(line.echo(frame));
    }
    (line, bytes)
}

fn asking() -> (Line, Line, Requests<()>) {
    let mut pair = (Line::new(Side::Client), Line::new(Side::Server), Requests::new());
    ask(&mut pair);
    pair
}

/// A question, its way there, the answer, and its way back.
fn ask((client, server, requests): &mut (Line, Line, Requests<()>)) {
    let number = requests.begin(());
    let frame = question("add", number, &(1, 2)).expect("it has a JSON form");
    let _ = client.driver.conn().send(frame).expect("there is room");
    client.messages(|_, _| ());
    client.wire.drain(|bytes| server.wire.feed(bytes));
    server.messages(|driver, message| {
        let request = Request::of(message).expect("a question");
        let (a, b): (u32, u32) = request.body.decode().expect("two numbers");
        let reply = request.answer(REPLY, &(a + b)).expect("it has a JSON form");
        let _ = driver.conn().send(reply).expect("there is room");
    });
    server.messages(|_, _| ());
    server.wire.drain(|bytes| client.wire.feed(bytes));
    let answered = client.messages(|_, message| {
        assert!(matches!(requests.answer(REPLY, message), Answer::Reply((), Ok(_))));
    });
    assert_eq!(answered, 1);
}

#[library_benchmark(setup = asking)]
#[bench::hundred()]
fn request(mut pair: (Line, Line, Requests<()>)) -> (Line, Line, Requests<()>) {
    for _ in 0..100 {
        ask(&mut pair);
    }
    pair
}

fn socket() -> (Datagrams, Vec<u8>) {
    let config = Arc::new(Config::default());
    let mut socket = Datagrams::new(config).expect("a profile that knows UDP");
    let bytes = cases::frame(64);
    for _ in 0..4 {
        answer(&mut socket, &bytes);
    }
    (socket, bytes)
}

fn answer(socket: &mut Datagrams, bytes: &[u8]) {
    socket.handle_datagram(NOW, SocketAddr::from(([127, 0, 0, 1], 9000)), bytes);
    while let Some((peer, event)) = socket.poll_event() {
        if let Event::Message(message) = event {
            let _ = socket.send(peer, message.to_frame()).expect("there is room");
        }
    }
    while let Some(letter) = socket.poll_transmit() {
        black_box(letter);
    }
}

#[library_benchmark(setup = socket)]
#[bench::hundred()]
fn datagram((mut socket, bytes): (Datagrams, Vec<u8>)) -> (Datagrams, Vec<u8>) {
    for _ in 0..100 {
        answer(&mut socket, &bytes);
    }
    (socket, bytes)
}

library_benchmark_group!(
    name = core;
    benchmarks = decode, decode_typed, encode, relay, echo, echo_one_by_one, request, datagram
);

main!(
    // Cache simulation is slow, and nobody compares it.
    config = LibraryBenchmarkConfig::default().tool(Callgrind::with_args(["--cache-sim=no"]));
    library_benchmark_groups = core
);
