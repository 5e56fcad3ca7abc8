//! What is tokio's own. What all runtimes do alike is in the suite of ipc-conformance.

use ipc_tokio::{Config, Error, Ipc};

#[test]
fn without_a_runtime_it_is_an_error_and_no_panic() {
    let ipc = Ipc::new(Config::default());
    assert!(matches!(ipc.connect_to("world"), Err(Error::Config(error)) if error.option() == "runtime"));
}
