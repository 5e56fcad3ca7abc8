//! What the core takes for a message, without a socket, in nanoseconds.

use std::{
    hint::black_box,
    io::Write,
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    beside,
    cases::{self, Data, Envelope},
    lab::{Lab, NODE_RUST, Result},
    result::{Samples, median},
};

pub(crate) const OURS: &str = "ipc-proto";
pub(crate) const RAW_VALUE: &str = "memchr + RawValue";
pub(crate) const INTO_TYPE: &str = "serde_json into the type";
pub(crate) const TO_WRITER: &str = "serde_json::to_writer";
const VALUE: &str = "memchr + serde_json Value";

/// How long each is measured.
const LONG: Duration = Duration::from_millis(200);

/// The usual time of `work` in nanoseconds for each of `count`; what `setup` takes does not count.
fn time<I, O>(count: usize, mut setup: impl FnMut() -> I, mut work: impl FnMut(I) -> O) -> Result<f64> {
    let (began, mut times) = (Instant::now(), Vec::new());
    while began.elapsed() < LONG {
        let input = black_box(setup());
        let start = Instant::now();
        black_box(work(input));
        times.push(start.elapsed().as_nanos() as f64);
    }
    Ok(median(times).ok_or("no time to measure")? / count as f64)
}

pub(crate) fn decode<const SIZE: usize>(lab: &Lab) -> Result<Samples> {
    let (read, count) = cases::read(SIZE);
    let mut conn = cases::connection();
    let ours = time(count, || read.clone(), |read| cases::decode(&mut conn, read, |message| drop(black_box(message))))?;
    let raw = time(count, || read.clone(), |read| beside::raw_values(&read))?;
    let value = time(count, || read.clone(), |read| beside::into_type::<Value>(&read))?;
    let node = node_decodes(lab, &read)?;
    Ok([(OURS, ours), (RAW_VALUE, raw), (VALUE, value), (NODE_RUST, node)].map(named).into())
}

fn named((who, value): (&str, f64)) -> (String, f64) {
    (who.to_owned(), value)
}

/// node-ipc's decoder runs in a process of its own, as everything of others.
fn node_decodes(lab: &Lab, read: &[u8]) -> Result<f64> {
    let mut process = lab.peer("ipc-peers").arg("decode").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    process.stdin.take().ok_or("no input")?.write_all(read)?;
    Ok(String::from_utf8(process.wait_with_output()?.stdout)?.trim().parse()?)
}

pub(crate) fn typed<const SIZE: usize>(_: &Lab) -> Result<Samples> {
    let (read, count) = cases::read(SIZE);
    let mut conn = cases::connection();
    let ours = time(
        count,
        || read.clone(),
        |read| cases::decode(&mut conn, read, |message| drop(black_box(message.decode::<Data>().expect("the type")))),
    )?;
    let serde = time(count, || read.clone(), |read| beside::into_type::<Envelope<Data>>(&read))?;
    Ok([(OURS, ours), (INTO_TYPE, serde)].map(named).into())
}

/// As many as are encoded at once.
const MANY: usize = 32;

pub(crate) fn encode<const SIZE: usize>(_: &Lab) -> Result<Samples> {
    let (mut conn, data) = (cases::connection(), Data::of(SIZE));
    let ours = time(MANY, || (), |()| cases::encode(&mut conn, &data, MANY))?;
    Ok([(OURS, ours), (TO_WRITER, to_writer(SIZE)?)].map(named).into())
}

pub(crate) fn relay<const SIZE: usize>(_: &Lab) -> Result<Samples> {
    let mut messages = cases::messages(SIZE);
    messages.truncate(MANY);
    let mut conn = cases::connection();
    let ours = time(messages.len(), || (), |()| cases::relay(&mut conn, &messages))?;
    Ok([(OURS, ours), (TO_WRITER, to_writer(SIZE)?)].map(named).into())
}

fn to_writer(size: usize) -> Result<f64> {
    let (event, mut out) = (beside::event(size), Vec::new());
    time(MANY, || (), |()| beside::to_writer(&mut out, &event, MANY))
}
