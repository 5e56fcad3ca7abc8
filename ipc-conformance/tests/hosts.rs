//! Every runtime runs a program.
#![allow(clippy::unwrap_used, unreachable_pub, reason = "these are tests, and a file of the crate is included")]

#[path = "../src/host/on_async_std.rs"]
mod on_async_std;

use std::time::Duration;

use ipc_conformance::host::{Host, Smol};
use ipc_proto::{Config, Event, facade::Ipc};
use on_async_std::AsyncStd;

fn runs<H: Host>(name: &str) {
    assert_eq!(H::NAME, name);
    let text = H::run(|host: H| async move {
        assert_eq!(host.timeout(Duration::ZERO, std::future::pending::<()>()).await, None);
        let ipc = Ipc::with_runtime(Config::default(), host);
        let mut server = ipc.serve_net("127.0.0.1:0").await.unwrap();
        let client = ipc.connect_to_endpoint("world", server.endpoints()[0].clone()).unwrap();
        client.emit("message", name).await.unwrap();
        loop {
            if let (_, Event::Message(message)) = server.next().await.unwrap() {
                return message.decode::<String>().unwrap();
            }
        }
    });
    assert_eq!(text, name);
}

#[test]
fn tokio() {
    runs::<ipc_tokio::Tokio>("tokio");
}

#[test]
fn smol() {
    runs::<Smol>("smol");
}

#[test]
fn async_std() {
    runs::<AsyncStd>("async-std");
}
