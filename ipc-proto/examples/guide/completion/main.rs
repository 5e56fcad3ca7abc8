//! The loop over completions, io_uring's by way of compio: see `ipc_proto::guide::completion`. Linux only.
//!
//!     cargo run -p ipc-proto --example completion server /tmp/app.world
//!     cargo run -p ipc-proto --example completion client /tmp/app.world 1000 50

#[cfg(target_os = "linux")]
mod client;
#[cfg(target_os = "linux")]
mod ring;
#[cfg(target_os = "linux")]
mod server;
#[cfg(target_os = "linux")]
#[path = "../work.rs"]
mod work;

#[cfg(target_os = "linux")]
fn main() -> std::io::Result<()> {
    work::main(|at| runtime()?.block_on(server::run(at)), |at, work| runtime()?.block_on(client::run(at, work)))
}

/// It fails where the kernel has no io_uring, or forbids it.
#[cfg(target_os = "linux")]
fn runtime() -> std::io::Result<compio::runtime::Runtime> {
    let say = |error| std::io::Error::other(format!("there is no io_uring here: {error}"));
    compio::runtime::Runtime::new().map_err(say)
}

#[cfg(not(target_os = "linux"))]
fn main() {
    panic!("this example is about io_uring");
}
