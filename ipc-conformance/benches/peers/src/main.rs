//! Servers that echo, and other things to measure beside.
//!
//!     ipc-peers blocking|store|tokio|lines|node-ipc SOCKET   answers with what it gets
//!     ipc-peers broadcast SOCKET CLIENTS                        a loop of writes for each message of the first client
//!     ipc-peers decode < FRAMES                                 ns per frame of node-ipc's own decoder

use std::{
    env,
    error::Error,
    io::{self, Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    thread,
};

mod decode;
mod runtime;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What one read takes at most, in every server.
const READ: usize = 256 << 10;

fn main() -> Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["blocking", path] => each(path, copy),
        ["store", path] => each(path, store),
        ["node-ipc", path] => each(path, node_ipc),
        ["tokio", path] => runtime::run(path, runtime::copy),
        ["lines", path] => runtime::run(path, runtime::lines),
        ["broadcast", path, clients] => broadcast(path, clients.parse()?),
        ["decode"] => decode::run(),
        _ => Err("no such peer".into()),
    }
}

/// A thread for each connection.
fn each(path: &str, serve: fn(UnixStream) -> Result<()>) -> Result<()> {
    for stream in UnixListener::bind(path)?.incoming() {
        let stream = stream?;
        thread::spawn(move || serve(stream).ok());
    }
    Ok(())
}

fn copy(mut stream: UnixStream) -> Result<()> {
    let mut buffer = vec![0; READ];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            len => stream.write_all(&buffer[..len])?,
        }
    }
}

/// Reads a whole message before it writes the first byte of it, as whoever understands messages must.
fn store(mut stream: UnixStream) -> Result<()> {
    let (mut buffer, mut message) = (vec![0; READ], Vec::new());
    loop {
        let len = stream.read(&mut buffer)?;
        if len == 0 {
            return Ok(());
        }
        message.extend_from_slice(&buffer[..len]);
        if message.ends_with(b"\x0c") {
            stream.write_all(&message)?;
            message.clear();
        }
    }
}

fn node_ipc(stream: UnixStream) -> Result<()> {
    let mut connection = node_ipc::Connection::new(stream, node_ipc::CodecConfig::fast())?;
    while let Some(message) = connection.recv()? {
        if let node_ipc::Message::Event(event) = message {
            connection.send(&event)?;
        }
    }
    Ok(())
}

/// What comes from the first client goes to all.
fn broadcast(path: &str, clients: usize) -> Result<()> {
    let listener = UnixListener::bind(path)?;
    // Somebody looks whether it listens.
    listener.accept()?;
    let mut streams = (0..clients).map(|_| Ok(listener.accept()?.0)).collect::<io::Result<Vec<_>>>()?;
    let mut buffer = vec![0; READ];
    loop {
        let len = streams[0].read(&mut buffer)?;
        if len == 0 {
            return Ok(());
        }
        for stream in &mut streams {
            stream.write_all(&buffer[..len])?;
        }
    }
}
