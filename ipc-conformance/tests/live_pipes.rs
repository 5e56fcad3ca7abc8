//! Node for Windows with stock node-ipc at the other end of a named pipe, in both directions.
//!
//! The scripts are those of `node/examples`; node.exe and the packages are in the folder that `IPC_NODE_DIR` names. Where
//! they are missing the tests are shown as ignored, and on other systems there are none. Node writes to files: under Wine
//! it cannot write to a pipe that it was started with.

#[cfg(windows)]
#[path = "live_pipes/windows.rs"]
mod windows;

fn main() {
    #[cfg(windows)]
    windows::main();
}
