//! What is tokio's own. What all runtimes do alike is in the suite of ipc-conformance.

use ipc_tokio::{Config, Error, Event, Ipc, Tokio};

#[test]
fn without_a_runtime_it_is_an_error_and_no_panic() {
    let ipc = Ipc::new(Config::default());
    assert!(matches!(ipc.connect_to("world"), Err(Error::Config(error)) if error.option() == "runtime"));
}

#[test]
fn with_a_handle_it_is_used_from_anywhere() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let ipc = Ipc::with_runtime(Config::default(), Tokio::with_handle(runtime.handle().clone()));
    let mut server = runtime.block_on(ipc.serve_net("127.0.0.1:0")).unwrap();
    // Nobody is in the runtime here.
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
