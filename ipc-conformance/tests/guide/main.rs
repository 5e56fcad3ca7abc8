//! The examples of ipc-proto's guide to a loop of one's own, both halves of each, against ipc-tokio and node-ipc.
//!
//! Without the peers that `IPC_NODE_DIR` names, the tests with node-ipc are shown as ignored; without io_uring, those
//! of the example that needs it.
#![allow(clippy::unwrap_used, reason = "these are tests")]

#[cfg(unix)]
mod client;
#[cfg(unix)]
#[path = "../live/node.rs"]
mod node;
#[cfg(unix)]
mod program;
#[cfg(unix)]
mod server;

#[cfg(unix)]
fn main() {
    use libtest_mimic::{Arguments, Trial};

    let args = Arguments::from_args();
    let no_io_uring = !program::has_io_uring();
    let mut trials = Vec::new();
    let mut add = |name: String, ignored: bool, example: &'static program::Example, test: program::Test| {
        let runs = move || {
            program::in_runtime(test(example));
            Ok(())
        };
        let without = no_io_uring && example.name == "completion";
        let trial = Trial::test(format!("{}::{name}", example.name), runs).with_ignored_flag(ignored || without);
        trials.push(if without { trial.with_kind("there is no io_uring") } else { trial });
    };
    for example in &program::EXAMPLES {
        let of_unix = server::UNIX_TESTS.into_iter().filter(|_| example.wire == "unix");
        for (name, test) in server::TESTS.into_iter().chain(of_unix).chain(client::TESTS) {
            add(name.to_owned(), false, example, test);
        }
        for (version, name, test) in server::NODE_TESTS.into_iter().chain(client::NODE_TESTS) {
            add(format!("v{version}_{name}"), !node::is_installed(version), example, test);
        }
    }
    let embedded = program::EXAMPLES.iter().find(|example| example.name == "mio_embedded").unwrap();
    add("the_other_source_is_news_for_everybody".to_owned(), false, embedded, server::news);
    libtest_mimic::run(&args, trials).exit();
}

/// There is nothing about Unix sockets or io_uring to be seen.
#[cfg(not(unix))]
fn main() {}
