//! The folder of a socket is full, or may not be written to. It is a file system of the test's own, in a namespace of its
//! own, whose inodes are counted.

use std::{
    fs::{self, File},
    path::Path,
    process::Command,
};

use ipc_conformance::host::Host;
use ipc_proto::{
    Event,
    endpoint::Endpoint,
    facade::{Client, Ipc, Server},
};

use crate::{children, children::files, killed::config};

/// A child in whose folder there is no room for any file.
pub(crate) fn command(runtime: &str, question: &str, folder: &Path) -> Command {
    let child = children::command(runtime, question);
    let mut command = Command::new("unshare");
    let mount = "mount -t tmpfs -o nr_inodes=1 none \"$0\" && exec \"$@\"";
    command.args(["-Urm", "sh", "-c", mount]).arg(folder);
    command.arg(child.get_program()).args(child.get_args()).arg(folder);
    command
}

/// Changes the options of the file system.
fn remount(folder: &str, options: &str) {
    let status = Command::new("mount").args(["-o", &format!("remount,{options}"), folder]).status();
    assert!(status.unwrap().success(), "{options}");
}

/// Fills the folder with files until none can be made.
fn fill(folder: &str) -> usize {
    let made = |n: &usize| File::create(Path::new(folder).join(n.to_string())).is_ok();
    (0..100).take_while(made).count()
}

async fn refused<H: Host>(ipc: &Ipc<H>, at: &Endpoint) -> String {
    let error = ipc.serve_endpoints(vec![at.clone()]).await.expect_err("there is no room");
    error.code().expect("the system said why").to_owned()
}

async fn talk<H: Host>(server: &mut Server<H>, client: &mut Client<H>) {
    client.emit("hello", "world").await.unwrap();
    let peer = loop {
        if let (peer, Event::Message(_)) = server.next().await.unwrap() {
            break peer;
        }
    };
    server.emit(peer, "hello", "you").await.unwrap();
    while !matches!(client.next().await.unwrap(), Event::Message(_)) {}
}

pub(crate) async fn full<H: Host>(host: H, folder: &str) {
    let path = format!("{folder}/s.sock");
    let at = Endpoint::Path(path.clone());
    let ipc = Ipc::with_runtime(config(), host);
    let mut waiting = ipc.connect_to_endpoint("waiting", at.clone()).unwrap();
    // The runtime has opened what it needs once something has happened.
    waiting.next().await.unwrap();
    let before = files();
    assert_eq!(refused(&ipc, &at).await, "ENOSPC", "no room for the lock");
    remount(folder, "nr_inodes=2");
    assert_eq!(refused(&ipc, &at).await, "ENOSPC", "room for the lock, and none for the socket");
    remount(folder, "nr_inodes=8");
    remount(folder, "ro");
    assert_eq!(refused(&ipc, &at).await, "EROFS");
    remount(folder, "rw");
    assert!(!fs::exists(&path).unwrap());
    assert!(files() <= before, "{} files, {before} before", files());

    // With room it is well, and a disk that is full later is no matter.
    let mut server = ipc.serve_endpoints(vec![at.clone()]).await.unwrap();
    let filled = fill(folder);
    assert!((1..100).contains(&filled), "{filled}");
    talk(&mut server, &mut waiting).await;
    let mut late = ipc.connect_to_endpoint("late", at.clone()).unwrap();
    talk(&mut server, &mut late).await;
    server.stop().await;
    assert!(!fs::exists(&path).unwrap());
    println!("{}: a full disk is ENOSPC, one that is read only EROFS; a server that is there goes on", H::NAME);
}
