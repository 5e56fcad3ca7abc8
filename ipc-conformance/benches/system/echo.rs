//! Servers that echo, on one connection or a few.

use std::{
    thread,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use ipc_proto::Config;
use ipc_tokio::Ipc;

use crate::{
    lab::{ASYNC_STD, BLOCKING, COPY, LINES, Lab, MIO, NODE_JS, NODE_RUST, Result, SMOL, STORE, Server, TOKIO, pinned},
    load::{Load, frame, round_trip},
    result::{Samples, median},
};

/// Everybody, the project's own first.
const ALL: [&str; 9] = [TOKIO, MIO, SMOL, ASYNC_STD, BLOCKING, COPY, LINES, NODE_RUST, NODE_JS];

/// Those that a message of many megabytes does not keep for minutes.
const LINEAR: [&str; 7] = [TOKIO, MIO, SMOL, ASYNC_STD, BLOCKING, COPY, STORE];

fn of_each(lab: &Lab, names: &[&'static str], mut measure: impl FnMut(&'static str) -> Result<f64>) -> Result<Samples> {
    let value = |who| Ok((String::from(who), measure(who).map_err(|error| format!("{who}: {error}"))?));
    lab.present(names).into_iter().map(value).collect()
}

/// CPU time of the server for each message, with `WINDOW` of 64 bytes in flight.
pub(crate) fn cost<const WINDOW: usize>(lab: &Lab) -> Result<Samples> {
    let [server, client] = lab.cores();
    of_each(lab, &ALL, |who| {
        let server = lab.echo(who, &[server], &[])?;
        pinned(&[client], || Load::connect(&server.path, 1, &frame(64), WINDOW)?.cost(&server, lab.seconds))?
    })
}

/// The time there and back with one in flight, in microseconds; both sides on one core.
pub(crate) fn trip(lab: &Lab) -> Result<Samples> {
    let [core, _] = lab.cores();
    of_each(lab, &ALL, |who| {
        let server = lab.echo(who, &[core], &[])?;
        let long = Duration::from_secs_f64(lab.seconds);
        Ok(pinned(&[core], || round_trip(&server.path, &frame(64), long))?? / 1e3)
    })
}

/// Milliseconds for one message of `MIB` megabytes there and back, on a connection that has had one before.
pub(crate) fn big<const MIB: usize>(lab: &Lab) -> Result<Samples> {
    let slow: &[&str] = if lab.slow { &[NODE_RUST, NODE_JS] } else { &[] };
    of_each(lab, &[&LINEAR, slow].concat(), |who| {
        let mut trips = big_trips(lab, who, MIB, 6)?;
        median(trips.split_off(1)).ok_or_else(|| "no trips".into())
    })
}

/// The same for the first message, for which the system has to find memory.
pub(crate) fn first<const MIB: usize>(lab: &Lab) -> Result<Samples> {
    of_each(lab, &LINEAR, |who| Ok(big_trips(lab, who, MIB, 1)?.iter().sum()))
}

fn big_trips(lab: &Lab, who: &str, mib: usize, trips: usize) -> Result<Vec<f64>> {
    let [server, client] = lab.cores();
    let config = lab.file("big.json", r#"{"memoryBudget": 8589934592}"#)?;
    let server = lab.echo(who, &[server], &["--max-message-size", "2147483648", "--config", &config])?;
    pinned(&[client], || {
        let frame = frame(mib << 20);
        let mut load = Load::connect(&server.path, 1, &frame, 1)?;
        let mut trip = || -> Result<f64> {
            let began = Instant::now();
            load.run(1)?;
            Ok(began.elapsed().as_secs_f64() * 1e3)
        };
        (0..trips).map(|_| trip()).collect()
    })?
}

/// Milliseconds for each MiB of a message that has so many.
pub(crate) fn linear(lab: &Lab) -> Result<Samples> {
    let sizes = [64, 256, 1024];
    let per_mib = |mib| {
        let trips = big_trips(lab, TOKIO, mib, 4)?;
        let later = median(trips[1..].to_vec()).ok_or("no trips")?;
        Ok((format!("{mib} MiB, {TOKIO}"), later / mib as f64))
    };
    sizes.into_iter().map(per_mib).collect()
}

pub(crate) const ONE_CORE: &str = "1 connection, 1 core";
pub(crate) const TWO_CORES: &str = "2 connections, 2 cores";

/// Messages in a second: server and client share one core, or two of each share two.
pub(crate) fn cores(lab: &Lab) -> Result<Samples> {
    let [first, second] = lab.cores();
    let alone = lab.echo(TOKIO, &[first], &[])?;
    let one = pinned(&[first], || Load::connect(&alone.path, 1, &frame(64), 1024)?.rate(lab.seconds))??;
    drop(alone);
    let both = lab.echo(TOKIO, &[first, second], &[])?;
    let two = pinned(&[first, second], || side_by_side(&both, lab.seconds))??;
    Ok(vec![(ONE_CORE.into(), one), (TWO_CORES.into(), two)])
}

fn side_by_side(server: &Server, seconds: f64) -> Result<f64> {
    let rate =
        || Load::connect(&server.path, 1, &frame(64), 1024)?.rate(seconds).map_err(|error| error.to_string().into());
    thread::scope(|scope| {
        let threads =
            [0, 1].map(|_| scope.spawn(|| rate().map_err(|error: Box<dyn std::error::Error>| error.to_string())));
        let rates = threads.map(|thread| thread.join().map_err(|_| "a client has panicked".to_owned())?);
        rates.into_iter().sum::<std::result::Result<f64, String>>().map_err(Into::into)
    })
}

pub(crate) const ASKED: &str = "request, 1 in flight: round trip";
pub(crate) const ASKED_MANY: &str = "request, 64 in flight: server CPU each";
pub(crate) const COPIED: &str = "byte copy, tokio: round trip";

/// Requests of `ipc-tokio`'s client to `ipc serve`, in microseconds.
pub(crate) fn request(lab: &Lab) -> Result<Samples> {
    let [core, other] = lab.cores();
    let copy = lab.echo(COPY, &[core], &[])?;
    let long = Duration::from_secs_f64(lab.seconds);
    let copied = pinned(&[core], || round_trip(&copy.path, &frame(64), long))??;
    drop(copy);
    let server = lab.echo(TOKIO, &[core], &["--on", "ask=reply"])?;
    let asked = pinned(&[core], || ask(&server, 1, lab.seconds))??.0;
    let many = pinned(&[other], || ask(&server, 64, lab.seconds))??.1;
    Ok([(ASKED, asked), (ASKED_MANY, many), (COPIED, copied)].map(|(who, value)| (who.into(), value / 1e3)).into())
}

/// The median round trip, and the server's CPU time for each request.
fn ask(server: &Server, in_flight: usize, seconds: f64) -> Result<(f64, f64)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let path = server.path.to_str().ok_or("a path that is no text")?;
        let mut client = Ipc::new(Config::default().id("bench")).connect_to_path("server", path)?;
        client.ready().await?;
        let (client, payload) = (&client, "x".repeat(64));
        let (began, before) = (Instant::now(), server.cpu()?);
        let asking = stream::iter(std::iter::from_fn(|| (began.elapsed().as_secs_f64() < seconds).then_some(())))
            .map(|()| async {
                let sent = Instant::now();
                client.request("ask", &payload).await.map(|_| sent.elapsed().as_nanos() as f64)
            })
            .buffer_unordered(in_flight);
        let times: Vec<_> = asking.collect().await;
        let spent = server.cpu()?.saturating_sub(before);
        let times = times.into_iter().collect::<std::result::Result<Vec<f64>, _>>()?;
        let each = spent.as_nanos() as f64 / times.len() as f64;
        Ok((median(times).ok_or("no time to measure")?, each))
    })
}
