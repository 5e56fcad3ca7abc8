//! The table of BENCHMARKS.md: what a message, a byte, a connection costs here and elsewhere, in one run.
//!
//! ```sh
//! cargo bench -p ipc-conformance --bench system                        # every row, five runs of each, printed
//! cargo bench -p ipc-conformance --bench system -- --list              # the rows
//! cargo bench -p ipc-conformance --bench system -- echo idle --runs 3  # those whose name has it
//! cargo bench -p ipc-conformance --bench system -- --write ipc-conformance/BENCHMARKS.md   # with plots, beside it
//! ```
//!
//! `--seconds S` is how long each load lasts (1), `--slow` measures what takes minutes too. Servers of others are built by
//! cargo from `peers`; node-ipc's own takes part where IPC_NODE_DIR names a folder that has it.

#[cfg(target_os = "linux")]
#[path = "../beside.rs"]
mod beside;
#[cfg(target_os = "linux")]
#[allow(dead_code, reason = "other benches use the rest")]
#[path = "../cases.rs"]
mod cases;
#[cfg(target_os = "linux")]
mod child;
#[cfg(target_os = "linux")]
mod crowd;
#[cfg(target_os = "linux")]
mod echo;
#[cfg(target_os = "linux")]
mod lab;
#[cfg(target_os = "linux")]
mod load;
#[cfg(target_os = "linux")]
mod micro;
#[cfg(target_os = "linux")]
mod page;
#[cfg(target_os = "linux")]
mod plot;
#[cfg(target_os = "linux")]
mod program;
#[cfg(target_os = "linux")]
mod result;
#[cfg(target_os = "linux")]
mod rows;

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    program::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("it measures with /proc, which only Linux has");
}
