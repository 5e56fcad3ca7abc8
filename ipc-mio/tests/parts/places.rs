//! Where a server may be found.

use std::os::unix::net::UnixListener;

use ipc_mio::{Client, Config, Dialect, Endpoint, Event, Server};

use crate::turns::{Turns, said};

/// Lets a client of `config` find the server by its id.
fn is_found(turns: &mut Turns, server: Server, config: Config, id: &str) -> Server {
    let mut client = Client::with_config(turns.registry(), 100..101, config);
    client.connect_to(id).unwrap();
    let _ = client.emit("message", id).unwrap();
    let mut parts = (server, client);
    assert_eq!(turns.until(&mut parts, |(server, _)| said(server)).1, id);
    parts.0
}

fn stop(turns: &mut Turns, mut server: Server) {
    server.stop();
    turns.until(&mut server, |server| {
        while server.poll_event().is_some() {}
        server.is_over().then_some(())
    });
}

#[test]
fn at_the_paths_of_both_generations() {
    let id = format!("ipc-mio-both-{}", std::process::id());
    let mut turns = Turns::new();
    let mut server = Server::with_config(turns.registry(), 0..10, Config::default().id(&*id));
    server.serve_both().unwrap();
    let [Endpoint::Path(one), Endpoint::Path(other)] = server.endpoints() else { panic!("{:?}", server.endpoints()) };
    let paths = [one.clone(), other.clone()];
    assert_ne!(paths[0], paths[1]);
    // A client of 9 to 12 looks in one place only.
    for dialect in [Dialect::Classic, Dialect::Modern] {
        server = is_found(&mut turns, server, Config::default().dialect(dialect), &id);
    }
    stop(&mut turns, server);
    assert!(paths.iter().all(|path| !std::fs::exists(path).unwrap()), "{paths:?}");
    // The places are where every program's sockets are.
    paths.iter().for_each(|path| std::fs::remove_file(format!("{path}.lock")).unwrap());
}

#[test]
fn on_a_socket_that_listens_already() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.sock").display().to_string();
    let mut turns = Turns::new();
    let mut server = Server::new(turns.registry(), 0..10);
    server.serve_listener(UnixListener::bind(&path).unwrap()).unwrap();
    assert_eq!(server.endpoints(), [Endpoint::Path(path.clone())]);
    let again = server.serve_listener(UnixListener::bind(format!("{path}2")).unwrap()).unwrap_err();
    assert!(again.to_string().contains("serves already"), "{again}");
    let mut client = Client::new(turns.registry(), 10..11);
    client.connect_to_path("world", &*path).unwrap();
    let mut parts = (server, client);
    let come = |server: &mut Server| matches!(server.poll_event(), Some((_, Event::Connected)));
    turns.until(&mut parts, |(server, _)| come(server).then_some(()));
    drop(parts.1);
    stop(&mut turns, parts.0);
    assert!(std::fs::exists(&path).unwrap(), "the file is its owner's");
}
