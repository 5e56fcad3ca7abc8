//! What is tokio's own. What all runtimes do alike is in the suite of ipc-conformance.

use std::{future::Future, io::Write, net::TcpStream, pin::pin, thread, time::Duration};

use futures_util::FutureExt;
use ipc_tokio::{Config, Endpoint, Error, Event, Ipc, Tokio};

#[test]
fn without_a_runtime_it_is_an_error_and_no_panic() {
    let ipc = Ipc::new(Config::default());
    assert!(matches!(ipc.connect_to("world"), Err(Error::Config(error)) if error.option() == "runtime"));
}

#[test]
fn with_a_handle_it_is_used_from_anywhere() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let ipc = Ipc::with_runtime(Config::default(), Tokio::with_handle(runtime.handle().clone()));
    // Nobody is in the runtime here.
    let mut server = ipc.serve_net("127.0.0.1:0").now_or_never().unwrap().unwrap();
    let endpoints = vec!["udp4:127.0.0.1:0".parse().unwrap()];
    let _datagrams = ipc.serve_endpoints(endpoints).now_or_never().unwrap().unwrap();
    let client = ipc.connect_to_endpoint("world", server.endpoints()[0].clone()).unwrap();
    let _ = client.try_emit("message", "hello").unwrap();
    let heard = runtime.block_on(async {
        loop {
            if let (_, Event::Message(message)) = server.next().await.unwrap() {
                return message.decode::<String>().unwrap();
            }
        }
    });
    assert_eq!(heard, "hello");
}

/// As an executor that is not tokio's would have it.
fn poll_until_ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Some(done) = future.as_mut().now_or_never() {
            return done;
        }
        thread::yield_now();
    }
}

#[test]
fn a_connection_may_be_polled_outside_the_runtime() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = Config::default().message_timeout(Duration::from_millis(10));
    let ipc = Ipc::with_runtime(config, Tokio::with_handle(runtime.handle().clone()));
    let mut listener = poll_until_ready(ipc.listen("tcp:127.0.0.1:0".parse().unwrap())).unwrap();
    let Endpoint::Tcp { host, port } = listener.endpoint().clone() else { panic!("it is TCP") };
    let mut raw = TcpStream::connect((host, port)).unwrap();
    let mut conn = poll_until_ready(listener.accept()).unwrap();
    assert!(matches!(poll_until_ready(conn.next()), Some(Event::Connected)));
    raw.write_all(b"{\"type\":\"whole\"}\x0c{\"type\":").unwrap();
    assert!(matches!(poll_until_ready(conn.next()), Some(Event::Message(message)) if message.name() == "whole"));
    // What is left has a time, and the timer is the runtime's.
    let late = poll_until_ready(conn.next());
    assert!(matches!(&late, Some(Event::Error(error)) if error.code() == "ERR_IPC_MESSAGE_TIMEOUT"), "{late:?}");
}
