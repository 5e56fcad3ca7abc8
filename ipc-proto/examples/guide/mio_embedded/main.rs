//! The loop inside a mio loop that has other things to do as well: see `ipc_proto::guide::mio_embedded`.
//!
//!     cargo run -p ipc-proto --example mio_embedded server 127.0.0.1:8000
//!     cargo run -p ipc-proto --example mio_embedded client 127.0.0.1:8000 1000 50

mod client;
mod link;
mod server;
#[path = "../work.rs"]
mod work;

fn main() -> std::io::Result<()> {
    work::main(server::run, client::run)
}
