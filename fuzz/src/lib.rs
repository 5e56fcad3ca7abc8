//! What the fuzz targets do, as ordinary functions: `tests/kept.rs` runs them over the kept corpus.
//!
//! Each panics when the crate and a simpler model of it disagree.
#![forbid(unsafe_code)]

mod capture;
mod config;
mod datagram;
mod deframer;
mod encode;
mod endpoint;
mod envelope;
mod session;
mod text;

// The suite's own files, without the runtimes that its crate needs.
#[allow(dead_code, unused_imports, reason = "the suite uses the rest")]
#[path = "../../ipc-conformance/src"]
mod suite {
    pub(crate) mod corpus;
    pub(crate) mod sim;
}

pub use capture::capture;
pub use config::config;
pub use datagram::datagram;
pub use deframer::deframer;
pub use encode::encode;
pub use endpoint::endpoint;
pub use envelope::envelope;
pub use session::session;
pub use text::text;
