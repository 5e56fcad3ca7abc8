//! Servers found by nothing but their id.

use ipc_conformance::host::Host;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::helper;
use crate::peer::Peer;
use crate::scene::Scene;

/// An id nobody else has: node-ipc 9 to 12 meets in `/tmp` itself.
struct Id(String);

impl Id {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        Self(format!("ipc-live-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)))
    }

    fn classic_path(&self) -> String {
        format!("/tmp/app.{}", self.0)
    }
}

/// Killed servers leave their sockets, and the lock file stays by design.
impl Drop for Id {
    fn drop(&mut self) {
        for path in [self.classic_path(), format!("{}.lock", self.classic_path())] {
            if Path::new(&path).exists() {
                std::fs::remove_file(path).expect("what a test made it can remove");
            }
        }
    }
}

/// With a folder for sockets in the environment, and without.
fn environments<H: Host>(scene: Scene<H>) -> [Scene<H>; 2] {
    let without = Scene { runtime_dir: false, ..Scene::new(scene.host.clone(), scene.version, scene.wire) };
    [scene, without]
}

pub(crate) async fn a_rust_client_finds_a_node_server_by_id<H: Host>(scene: Scene<H>) {
    for scene in environments(scene) {
        let id = Id::new();
        let mut server = Peer::node(&scene, "server", None, &["--id", &id.0, "--echo"]);
        server.started().await;
        let mut client = Peer::rust(&scene, &["hello", &id.0, helper::word_of(scene.version.dialect())]);
        assert_eq!(client.expect("message").await.texts(), ("\"message\"", Some("\"hello\"")));
    }
}

pub(crate) async fn a_node_client_finds_a_rust_server_by_id<H: Host>(scene: Scene<H>) {
    for scene in environments(scene) {
        let id = Id::new();
        let mut server = Peer::rust(&scene, &["serve", &id.0, helper::word_of(scene.version.dialect()), "echo"]);
        server.started().await;
        hello(&scene, &id, &mut server).await;
    }
}

pub(crate) async fn a_node_client_finds_a_rust_server_of_both_generations<H: Host>(scene: Scene<H>) {
    for scene in environments(scene) {
        let id = Id::new();
        let mut server = Peer::rust(&scene, &["serve", &format!("both:{}", id.0), "modern", "echo"]);
        server.started().await;
        hello(&scene, &id, &mut server).await;
    }
}

async fn hello<H: Host>(scene: &Scene<H>, id: &Id, server: &mut Peer) {
    let mut client = Peer::node(scene, "client", None, &["--id", &id.0]);
    client.expect("connect").await;
    client.tell(r#"{"cmd":"emit","type":"message","data":"hello"}"#).await;
    assert_eq!(server.expect("message").await.texts(), ("\"message\"", Some("\"hello\"")));
    assert_eq!(client.expect("message").await.texts(), ("\"message\"", Some("\"hello\"")));
}
