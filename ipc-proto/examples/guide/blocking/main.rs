//! The loop over blocking sockets of the standard library, a thread for each: see `ipc_proto::guide::blocking`.
//!
//!     cargo run -p ipc-proto --example blocking server 127.0.0.1:8000
//!     cargo run -p ipc-proto --example blocking client 127.0.0.1:8000 1000 50

mod client;
mod link;
mod server;
#[path = "../work.rs"]
mod work;

fn main() -> std::io::Result<()> {
    work::main(server::run, client::run)
}
