//! This program as an endpoint in a process of its own, with environment and death of its own.
//!
//! `live helper serve ENDPOINT|both:ID DIALECT [echo]` and `live helper hello ID DIALECT` print the lines that
//! `peer.mjs` would.

use std::io::{self, Write as _};

use ipc_tokio::{Config, Dialect, Endpoint, Event, Ipc, Message, Server};

pub(crate) const WORD: &str = "helper";

pub(crate) fn main(words: &[String]) {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be made").block_on(async {
        match *words.as_slice() {
            ["serve", at, dialect] => serve(listening(at, dialect).await, false).await,
            ["serve", at, dialect, "echo"] => serve(listening(at, dialect).await, true).await,
            ["hello", id, dialect] => hello(id, dialect).await,
            _ => panic!("unknown words {words:?}"),
        }
    });
}

pub(crate) const fn word_of(dialect: Dialect) -> &'static str {
    if matches!(dialect, Dialect::Classic) { "classic" } else { "modern" }
}

fn config(id: &str, dialect: &str) -> Config {
    let dialect = if dialect == "classic" { Dialect::Classic } else { Dialect::Modern };
    Config::default().id(id).dialect(dialect)
}

async fn listening(at: &str, dialect: &str) -> Server {
    let served = match at.strip_prefix("both:") {
        Some(id) => Ipc::new(config(id, dialect)).serve_both().await,
        None => {
            let endpoint: Endpoint = at.parse().expect("an endpoint");
            Ipc::new(config("rust", dialect)).serve_endpoints(vec![endpoint]).await
        }
    };
    served.expect("it can be listened at")
}

async fn serve(mut server: Server, echo: bool) {
    match server.endpoints().first() {
        Some(Endpoint::Path(path) | Endpoint::Pipe(path)) => say(&format!(r#"{{"ev":"start","path":"{path}"}}"#)),
        Some(Endpoint::Tcp { port, .. }) => say(&format!(r#"{{"ev":"start","port":{port}}}"#)),
        other => panic!("it listens at {other:?}"),
    }
    while let Some((peer, event)) = server.next().await {
        if let Event::Message(message) = event {
            say_message(&message);
            if echo {
                server.send(peer, message.to_frame()).await.expect("the peer reads");
            }
        }
    }
}

/// Connects by id, says hello, and waits for an answer.
async fn hello(id: &str, dialect: &str) {
    let mut client = Ipc::new(config("rust", dialect)).connect_to(id).expect("an id");
    client.emit("message", "hello").await.expect("there is room");
    while let Some(event) = client.next().await {
        if let Event::Message(message) = event {
            return say_message(&message);
        }
    }
}

fn say_message(message: &Message) {
    let data = message.data().map_or_else(String::new, |data| format!(r#","data":{data}"#));
    say(&format!(r#"{{"ev":"message","type":{}{data}}}"#, message.name_token()));
}

/// One write for each line, so that a killed process leaves whole lines.
fn say(line: &str) {
    io::stdout().write_all(format!("{line}\n").as_bytes()).expect("somebody reads");
}
