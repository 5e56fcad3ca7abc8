//! What the core takes for a message, beside serde_json, for people: `cargo bench -p ipc-conformance --bench micro`.
//!
//! The table of BENCHMARKS.md is made by the bench `system`, which measures the same.

use bytes::BytesMut;
use divan::{Bencher, black_box, counter::ItemsCount};
use ipc_proto::Connection;

mod beside;
mod cases;

use cases::{Data, Envelope, SIZES};

/// Those with room for an object.
const OBJECTS: [usize; 3] = [SIZES[1], SIZES[2], SIZES[3]];

fn main() {
    divan::main();
}

/// Times `work` on a read's bytes, which are there before.
fn on_reads(bencher: Bencher<'_, '_>, size: usize, work: impl Fn(BytesMut)) {
    let (read, count) = cases::read(size);
    bencher.counter(ItemsCount::new(count)).with_inputs(|| read.clone()).bench_local_values(work);
}

fn on_connection(bencher: Bencher<'_, '_>, size: usize, mut work: impl FnMut(&mut Connection, BytesMut)) {
    let (read, count) = cases::read(size);
    let mut conn = cases::connection();
    bencher
        .counter(ItemsCount::new(count))
        .with_inputs(|| read.clone())
        .bench_local_values(|read| work(&mut conn, read));
}

#[divan::bench(args = SIZES)]
fn decode(bencher: Bencher<'_, '_>, size: usize) {
    on_connection(bencher, size, |conn, read| {
        cases::decode(conn, read, |message| drop(black_box(message)));
    });
}

#[divan::bench(args = SIZES)]
fn decode_raw_value(bencher: Bencher<'_, '_>, size: usize) {
    on_reads(bencher, size, |read| beside::raw_values(&read));
}

#[divan::bench(args = SIZES)]
fn decode_value(bencher: Bencher<'_, '_>, size: usize) {
    on_reads(bencher, size, |read| beside::into_type::<serde_json::Value>(&read));
}

#[divan::bench(args = OBJECTS)]
fn decode_typed(bencher: Bencher<'_, '_>, size: usize) {
    on_connection(bencher, size, |conn, read| {
        cases::decode(conn, read, |message| drop(black_box(message.decode::<Data>())));
    });
}

#[divan::bench(args = OBJECTS)]
fn decode_into_type(bencher: Bencher<'_, '_>, size: usize) {
    on_reads(bencher, size, |read| beside::into_type::<Envelope<Data>>(&read));
}

/// As many as are encoded at once.
const MANY: usize = 32;

#[divan::bench(args = OBJECTS)]
fn encode(bencher: Bencher<'_, '_>, size: usize) {
    let (mut conn, data) = (cases::connection(), Data::of(size));
    bencher.counter(ItemsCount::new(MANY)).bench_local(|| cases::encode(&mut conn, &data, MANY));
}

#[divan::bench(args = OBJECTS)]
fn encode_to_writer(bencher: Bencher<'_, '_>, size: usize) {
    let (event, mut out) = (beside::event(size), Vec::new());
    bencher.counter(ItemsCount::new(MANY)).bench_local(|| beside::to_writer(&mut out, &event, MANY));
}

#[divan::bench(args = OBJECTS)]
fn relay(bencher: Bencher<'_, '_>, size: usize) {
    let (mut conn, messages) = (cases::connection(), cases::messages(size));
    bencher.counter(ItemsCount::new(messages.len())).bench_local(|| cases::relay(&mut conn, &messages));
}
