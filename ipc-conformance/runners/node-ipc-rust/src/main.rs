//! The crate node-ipc 14.0.0 as a runner for `ipc check --command`: RUNNER.md has the protocol.
//!
//! The crate is a codec over a blocking stream, without a client that connects again, without names of peers and without
//! the dialect of node-ipc 9 to 12. Its `Connection` is given one end of a pair of Unix sockets, its `UdpEndpoint` a
//! loopback port; a connection is over at the end of input, and after an error, where the crate refuses to go on.

use std::{
    io::{self, BufRead, Write},
    net::{Shutdown, UdpSocket},
    os::unix::net::UnixStream,
    thread,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use node_ipc::{CodecConfig, Connection, Error, Message, Profile, UdpEndpoint};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct Question {
    #[serde(default)]
    options: String,
    #[serde(default)]
    transport: String,
    role: String,
    dialect: String,
    config: Config,
    chunks: Vec<String>,
    eof: bool,
    wait: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    delimiter: String,
    profile: String,
    identify_peer: bool,
    allow_reserved_events: bool,
    #[serde(default)]
    allowed_events: Vec<String>,
    message_timeout: u64,
}

/// What a case came to so far.
#[derive(Default)]
struct Seen {
    events: Vec<String>,
    closed: bool,
}

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let answer = serde_json::from_str(&line?).map_err(io::Error::other).and_then(|question| answer(&question));
        for line in answer? {
            writeln!(out, "{line}")?;
        }
        out.flush()?;
    }
    Ok(())
}

fn answer(question: &Question) -> io::Result<Vec<String>> {
    if let Some(reason) = missing(question) {
        return Ok(vec![json!({"done": true, "protocol": 2, "skip": reason}).to_string()]);
    }
    let seen = if question.transport.starts_with("udp") { datagrams(question)? } else { stream(question)? };
    let mut lines = seen.events;
    lines.push(json!({"done": true, "protocol": 2, "closed": seen.closed}).to_string());
    Ok(lines)
}

/// What the crate does not have.
fn missing(question: &Question) -> Option<&'static str> {
    match question {
        Question { dialect, .. } if dialect == "classic" => Some("The crate has the dialect of node-ipc 14 only."),
        Question { options, .. } if options == "message_parser" => Some("The crate has no parser to choose."),
        Question { config, .. } if config.identify_peer => Some("The crate has no names of peers."),
        _ => None,
    }
}

fn config(config: &Config) -> CodecConfig {
    let mut codec = CodecConfig::default().with_delimiter(config.delimiter.as_bytes());
    codec.profile = config.profile.parse::<Profile>().unwrap_or_default();
    codec.allow_reserved_events = config.allow_reserved_events;
    codec.allowed_events = config.allowed_events.iter().cloned().collect();
    // None is the recorder's default, as it is the crate's.
    if config.message_timeout > 0 {
        codec.message_timeout = Some(Duration::from_millis(config.message_timeout));
    }
    codec
}

fn chunks(question: &Question) -> io::Result<Vec<Vec<u8>>> {
    question.chunks.iter().map(|chunk| STANDARD.decode(chunk).map_err(io::Error::other)).collect()
}

/// Each chunk is taken before the next is written.
fn stream(question: &Question) -> io::Result<Seen> {
    let (mut peer, end) = UnixStream::pair()?;
    peer.set_nonblocking(true)?;
    end.set_nonblocking(true)?;
    let mut connection = Connection::new(end, config(&question.config)).map_err(io::Error::other)?;
    let mut seen = Seen::default();
    for chunk in chunks(question)? {
        let mut rest = &chunk[..];
        while !rest.is_empty() && !seen.closed {
            // A full socket has room again when the connection has been read.
            match peer.write(rest) {
                Ok(len) => rest = &rest[len..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            seen.take(&mut connection, &question.role);
        }
    }
    if question.wait && !seen.closed {
        thread::sleep(Duration::from_millis(question.config.message_timeout + 100));
        seen.take(&mut connection, &question.role);
    }
    if question.eof && !seen.closed {
        peer.shutdown(Shutdown::Write)?;
        seen.take(&mut connection, &question.role);
    }
    Ok(seen)
}

impl Seen {
    /// Takes what the connection gives without waiting.
    fn take(&mut self, connection: &mut Connection<UnixStream>, role: &str) {
        while !self.closed {
            match connection.recv() {
                Ok(Some(message)) => self.events.push(event(&message)),
                Ok(None) => self.end(role),
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    self.events.push(failure(&error));
                    self.end(role);
                }
            }
        }
    }

    /// A client of the crate does not connect again.
    fn end(&mut self, role: &str) {
        self.closed = true;
        self.events.push(json!({"event": "disconnect"}).to_string());
        if role == "client" {
            self.events.push(json!({"event": "destroy"}).to_string());
        }
    }
}

/// Datagrams to loopback are there when they are sent.
fn datagrams(question: &Question) -> io::Result<Seen> {
    let host = if question.transport == "udp6" { "::1" } else { "127.0.0.1" };
    let mut endpoint = UdpEndpoint::bind((host, 0), config(&question.config)).map_err(io::Error::other)?;
    endpoint.socket().set_nonblocking(true)?;
    let peer = UdpSocket::bind((host, 0))?;
    let mut seen = Seen::default();
    for datagram in chunks(question)? {
        peer.send_to(&datagram, endpoint.socket().local_addr()?)?;
        loop {
            match endpoint.recv_from() {
                Ok((message, _)) => seen.events.push(event(&message)),
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => seen.events.push(failure(&error)),
            }
        }
    }
    Ok(seen)
}

fn event(message: &Message) -> String {
    match message {
        // The data by the crate's own text of it, so that nothing is changed on the way.
        Message::Event(event) => {
            let name = json!(event.event_type);
            format!(r#"{{"event":"message","type":{name},"data":{}}}"#, event.data.to_json_string())
        }
        Message::Raw(bytes) => json!({"event": "data", "b64": STANDARD.encode(bytes)}).to_string(),
    }
}

fn failure(error: &Error) -> String {
    let code = error.protocol_error().map_or("EIO", node_ipc::ProtocolError::code_str);
    json!({"event": "error", "code": code}).to_string()
}
