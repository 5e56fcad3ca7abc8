//! The loop over `poll(2)` and Unix sockets, one thread for all: see `ipc_proto::guide::poll_loop`.
//!
//!     cargo run -p ipc-proto --example poll_loop server /tmp/app.world
//!     cargo run -p ipc-proto --example poll_loop client /tmp/app.world 1000 50

#[cfg(unix)]
mod client;
#[cfg(unix)]
mod link;
#[cfg(unix)]
mod server;
#[cfg(unix)]
#[path = "../work.rs"]
mod work;

#[cfg(unix)]
fn main() -> std::io::Result<()> {
    work::main(server::run, client::run)
}

#[cfg(not(unix))]
fn main() {
    panic!("this example is about Unix sockets");
}
