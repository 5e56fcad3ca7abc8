//! Servers with many clients.

use std::{
    io::{BufRead, BufReader, Read},
    os::unix::net::UnixStream,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use crate::{
    lab::{ASYNC_STD, COPY, LINES, Lab, MIO, NODE_RUST, Result, SMOL, Server, TOKIO, cpu, pinned, runtime},
    load::{Load, frame},
    result::Samples,
};

const OURS: [&str; 4] = [TOKIO, MIO, SMOL, ASYNC_STD];
/// What our command is told so that it takes them all.
const OPEN: [&str; 2] = ["--max-connections", "10000"];
/// Clients of the rows below.
const LISTENERS: usize = 1000;
const ACTIVE: usize = 5000;
const IDLE: usize = 4000;

pub(crate) const LOOP: &str = "a loop of writes";

/// CPU time of the server, in microseconds, for 1 KiB to each of 1,000 clients.
pub(crate) fn broadcast(lab: &Lab) -> Result<Samples> {
    let clients = LISTENERS.to_string();
    let mut samples = Vec::new();
    let mut add = |who: &str, server: Server| -> Result<()> {
        samples.push((who.to_owned(), told(lab, &server)?));
        Ok(())
    };
    for who in lab.present(&OURS) {
        add(who, lab.start(lab.own(&["broadcast", runtime(who), &clients])?, &lab.cores()[..1])?)?;
    }
    let mut command = lab.peer("ipc-peers");
    command.arg("broadcast").arg(lab.socket()).arg(clients);
    add(LOOP, lab.start(command, &lab.cores()[..1])?)?;
    Ok(samples)
}

/// The first client speaks, all have to hear it; then again.
fn told(lab: &Lab, server: &Server) -> Result<f64> {
    let frame = frame(1024);
    pinned(&lab.cores()[1..], || {
        let connect = |_| UnixStream::connect(&server.path);
        let mut clients = (0..LISTENERS).map(connect).collect::<std::io::Result<Vec<_>>>()?;
        let mut buffer = vec![0; frame.len()];
        let mut round = |rounds: usize| -> Result<()> {
            for _ in 0..rounds {
                std::io::Write::write_all(&mut clients[0], &frame)?;
                clients.iter_mut().try_for_each(|client| client.read_exact(&mut buffer))?;
            }
            Ok(())
        };
        round(20)?;
        let began = Instant::now();
        round(20)?;
        let rounds = (20.0 * lab.seconds / began.elapsed().as_secs_f64()) as usize + 1;
        let before = server.cpu()?;
        round(rounds)?;
        let spent = server.cpu()?.saturating_sub(before);
        Ok(spent.as_nanos() as f64 / rounds as f64 / 1e3)
    })?
}

/// CPU time of the server for each message, on one connection and on 5,000, with `WINDOW` in flight on each.
pub(crate) fn many<const WINDOW: usize>(lab: &Lab) -> Result<Samples> {
    let [core, other] = lab.cores();
    let mut samples = Vec::new();
    for who in lab.present(&[TOKIO, MIO, SMOL, ASYNC_STD, COPY]) {
        let server = lab.echo(who, &[core], &OPEN)?;
        for connections in [1, ACTIVE] {
            let cost = pinned(&[other], || {
                Load::connect(&server.path, connections, &frame(64), WINDOW)?.cost(&server, lab.seconds)
            })??;
            samples.push((with(connections, who), cost));
        }
    }
    Ok(samples)
}

fn with(connections: usize, who: &str) -> String {
    format!("{who}, {connections} connections")
}

pub(crate) const CORE: &str = "ipc-proto's machine alone";

/// Bytes of the server's memory for each connection that has talked and is idle.
pub(crate) fn idle(lab: &Lab) -> Result<Samples> {
    let core = String::from_utf8(lab.peer("idle").output()?.stdout)?;
    let mut samples = vec![(CORE.to_owned(), core.trim().parse()?)];
    for who in lab.present(&[TOKIO, MIO, SMOL, ASYNC_STD, LINES, NODE_RUST]) {
        let server = lab.echo(who, &lab.cores()[..1], &OPEN)?;
        let connect = |count| -> Result<Load> {
            let mut load = Load::connect(&server.path, count, &frame(64), 1)?;
            load.run(2)?;
            thread::sleep(Duration::from_millis(300));
            Ok(load)
        };
        // What the first ones cost is the server's own.
        let first = connect(100)?;
        let before = server.memory()?;
        let load = connect(IDLE)?;
        let grown = server.memory()?.saturating_sub(before);
        drop((first, load));
        samples.push((who.to_owned(), grown as f64 / IDLE as f64));
    }
    Ok(samples)
}

/// How long the server is away.
const AWAY: Duration = Duration::from_secs(2);

/// Until 5,000 clients are back after the server began again, in milliseconds, and what they spend.
pub(crate) fn storm(lab: &Lab) -> Result<Samples> {
    let [core, other] = lab.cores();
    let mut samples = Vec::new();
    for who in lab.present(&OURS) {
        let server = lab.echo(who, &[core], &OPEN)?;
        let mut command = lab.own(&["clients", runtime(who), &ACTIVE.to_string()])?;
        let mut clients = pinned(&[other], || command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn())??;
        let mut lines = BufReader::new(clients.stdout.take().ok_or("no output")?).lines();
        let mut until = |word: &str| match lines.next() {
            Some(Ok(line)) if line == word => Ok(()),
            other => Err(format!("{other:?} instead of {word}")),
        };
        until("up")?;
        drop(server);
        until("down")?;
        let before = cpu(clients.id())?;
        thread::sleep(AWAY);
        let away = cpu(clients.id())?.saturating_sub(before);
        let (began, before) = (Instant::now(), cpu(clients.id())?);
        let server = lab.echo(who, &[core], &OPEN)?;
        until("up")?;
        let (took, spent) = (began.elapsed(), cpu(clients.id())?.saturating_sub(before));
        clients.kill()?;
        clients.wait()?;
        drop(server);
        samples.push((format!("{who}: all back"), took.as_secs_f64() * 1e3));
        samples.push((
            format!("{who}: clients' CPU in a second without a server"),
            away.as_secs_f64() * 1e3 / AWAY.as_secs_f64(),
        ));
        samples.push((format!("{who}: clients' CPU until all are back"), spent.as_secs_f64() * 1e3));
    }
    Ok(samples)
}
