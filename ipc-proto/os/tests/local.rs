//! Listening on Unix sockets, seen from outside.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{
    fs,
    io::{ErrorKind, Read, Write},
    os::unix::{
        fs::{MetadataExt, PermissionsExt, symlink},
        net::{UnixDatagram, UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    sync::Barrier,
    thread,
};

use ipc_os::{LocalListener, bind_local, connect_any, connect_path, path_limit};
use ipc_proto::{BindError, Config, Dialect};
use tempfile::TempDir;

/// A folder of its own, a path in it, and a config that takes the folder for nothing special.
struct Place {
    _folder: TempDir,
    path: PathBuf,
    config: Config,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::default().dialect(Dialect::Classic);
        Self { path: folder.path().join("app.w"), _folder: folder, config }
    }

    fn text(&self) -> &str {
        self.path.to_str().unwrap()
    }

    fn bind(&self) -> Result<LocalListener, BindError> {
        bind_local(self.text(), &self.config)
    }

    /// Leaves a socket behind that nobody listens on.
    fn leave_dead_socket(&self) -> u64 {
        drop(UnixListener::bind(&self.path).unwrap());
        inode(&self.path)
    }
}

fn inode(path: &Path) -> u64 {
    fs::symlink_metadata(path).unwrap().ino()
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

/// Sends a byte through `server`, which proves that it is the one at `path`.
fn assert_serves(server: &LocalListener, path: &Path) {
    let mut client = UnixStream::connect(path).unwrap();
    client.write_all(b"x").unwrap();
    drop(client);
    server.listener.set_nonblocking(false).unwrap();
    let mut text = String::new();
    while text.is_empty() {
        // Servers that looked whether this one lives have connected too, and said nothing.
        server.listener.accept().unwrap().0.read_to_string(&mut text).unwrap();
    }
    assert_eq!(text, "x");
}

#[test]
fn a_fresh_server_serves_without_blocking_and_leaves_nothing_but_the_lock() {
    let place = Place::new();
    let server = place.bind().unwrap();
    assert_eq!(server.guard.path(), place.path);
    assert_eq!(server.listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    let mut client = connect_path(place.text()).unwrap();
    assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    drop(client);
    assert_serves(&server, &place.path);
    drop(server);
    assert!(!place.path.exists());
    let left: Vec<_> = fs::read_dir(place.path.parent().unwrap()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["app.w.lock"]);
    place.bind().unwrap().guard.close().unwrap();
    assert!(!place.path.exists());
}

#[test]
fn permissions_are_those_of_the_config() {
    let cases = [(false, false, 0o600), (true, false, 0o644), (false, true, 0o622), (true, true, 0o666)];
    for (readable, writable, expected) in cases {
        let mut place = Place::new();
        place.config = place.config.readable_all(readable).writable_all(writable);
        let _server = place.bind().unwrap();
        assert_eq!(mode(&place.path), expected);
        assert_eq!(mode(&place.path.with_extension("w.lock")), 0o600);
    }
}

#[test]
fn a_dead_socket_is_replaced() {
    let place = Place::new();
    place.leave_dead_socket();
    let server = place.bind().unwrap();
    assert_serves(&server, &place.path);
}

#[test]
fn a_dead_socket_stays_when_unlink_is_off() {
    let mut place = Place::new();
    place.config = place.config.unlink(false);
    let dead = place.leave_dead_socket();
    let error = place.bind().unwrap_err();
    assert_eq!(error, BindError::InUse { endpoint: format!("unix:{}", place.text()), live: false });
    assert_eq!(inode(&place.path), dead);
    fs::remove_file(&place.path).unwrap();
    assert_serves(&place.bind().unwrap(), &place.path);
}

#[test]
fn a_live_server_is_refused_and_untouched() {
    let place = Place::new();
    let first = place.bind().unwrap();
    let (number, permissions) = (inode(&place.path), mode(&place.path));
    let error = place.bind().unwrap_err();
    assert_eq!(error, BindError::InUse { endpoint: format!("unix:{}", place.text()), live: true });
    assert_eq!((inode(&place.path), mode(&place.path)), (number, permissions));
    assert_serves(&first, &place.path);
}

#[test]
fn a_server_with_a_full_queue_is_alive() {
    let place = Place::new();
    let server = UnixListener::bind(&place.path).unwrap();
    // A second call of listen shortens the queue.
    rustix::net::listen(&server, 0).unwrap();
    let mut waiting = Vec::new();
    let full = loop {
        match connect_path(place.text()) {
            Ok(client) => waiting.push(client),
            Err(error) => break error.kind(),
        }
    };
    // Linux asks to try again; others refuse like a dead socket, which nobody can tell apart.
    if full == ErrorKind::WouldBlock {
        assert_eq!(place.bind().unwrap_err().code(), "EADDRINUSE");
        assert!(place.path.exists());
    } else {
        assert_eq!(full, ErrorKind::ConnectionRefused);
    }
}

#[test]
fn a_socket_of_another_type_is_alive() {
    let place = Place::new();
    let _socket = UnixDatagram::bind(&place.path).unwrap();
    assert_eq!(place.bind().unwrap_err().code(), "EADDRINUSE");
    assert!(place.path.exists());
}

#[test]
fn what_is_no_socket_is_refused_and_untouched() {
    let place = Place::new();
    let elsewhere = place.path.with_file_name("elsewhere");
    let not_socket = BindError::NotSocket { path: place.text().to_owned() };

    fs::write(&place.path, "precious").unwrap();
    assert_eq!(place.bind().unwrap_err(), not_socket);
    assert_eq!(fs::read(&place.path).unwrap(), b"precious");
    fs::remove_file(&place.path).unwrap();

    fs::create_dir(&place.path).unwrap();
    assert_eq!(place.bind().unwrap_err(), not_socket);
    assert!(place.path.is_dir());
    fs::remove_dir(&place.path).unwrap();

    drop(UnixListener::bind(&elsewhere).unwrap());
    symlink(&elsewhere, &place.path).unwrap();
    assert_eq!(place.bind().unwrap_err(), not_socket);
    assert!(place.path.is_symlink() && elsewhere.exists());
}

#[test]
fn a_missing_folder_is_named_and_not_made() {
    let place = Place::new();
    let folder = place.path.with_file_name("missing");
    let path = folder.join("app.w");
    let error = bind_local(path.to_str().unwrap(), &place.config).unwrap_err();
    let expected = BindError::MissingFolder { path: path.display().to_string(), folder: folder.display().to_string() };
    assert_eq!(error, expected);
    assert!(!folder.exists());
    // A file where the folder should be is no better.
    fs::write(&folder, "").unwrap();
    assert_eq!(bind_local(path.to_str().unwrap(), &place.config).unwrap_err(), expected);
}

#[test]
fn a_modern_server_makes_its_root() {
    let place = Place::new();
    let root = place.path.with_file_name("root");
    let config = Config::default().socket_root(format!("{}/", root.display()));
    let path = root.join("app.w");
    let server = bind_local(path.to_str().unwrap(), &config).unwrap();
    assert_eq!(mode(&root), 0o700);
    assert_serves(&server, &path);

    let link = place.path.with_file_name("link");
    symlink(&root, &link).unwrap();
    let config = Config::default().socket_root(format!("{}/", link.display()));
    let error = bind_local(link.join("app.x").to_str().unwrap(), &config).unwrap_err();
    assert_eq!(error.code(), "ERR_IPC_SOCKET_ROOT");
    assert!(!root.join("app.x").exists() && !root.join("app.x.lock").exists());
}

#[test]
fn paths_that_cannot_be_are_refused_before_anything_happens() {
    let place = Place::new();
    let long = place.path.with_file_name("x".repeat(path_limit()));
    let error = bind_local(long.to_str().unwrap(), &place.config).unwrap_err();
    assert_eq!(error.code(), "ENAMETOOLONG");
    assert!(error.to_string().contains(&path_limit().to_string()), "{error}");
    assert_eq!(bind_local("", &place.config).unwrap_err().code(), "EINVAL");
    assert_eq!(bind_local("a\0b", &place.config).unwrap_err().code(), "EINVAL");
    assert_eq!(fs::read_dir(place.path.parent().unwrap()).unwrap().count(), 0);
}

#[test]
fn the_longest_path_works() {
    let place = Place::new();
    let parent = place.path.parent().unwrap();
    let longest = parent.join("x".repeat(path_limit() - parent.as_os_str().len() - 1));
    let server = bind_local(longest.to_str().unwrap(), &place.config).unwrap();
    assert_serves(&server, &longest);
}

#[test]
fn a_guard_leaves_the_socket_of_a_successor_alone() {
    let place = Place::new();
    let first = place.bind().unwrap();
    // As node-ipc takes over: without asking.
    fs::remove_file(&place.path).unwrap();
    let second = place.bind().unwrap();
    drop(first);
    assert_serves(&second, &place.path);
}

// Elsewhere nothing keeps an inode's number from being used again.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[test]
fn a_guard_that_outlives_its_listener_still_knows_its_own() {
    let place = Place::new();
    let LocalListener { guard, listener } = place.bind().unwrap();
    drop(listener);
    // Dead now, so the next server replaces it; the file system may use the inode's number again.
    let second = place.bind().unwrap();
    drop(guard);
    assert_serves(&second, &place.path);

    let third = place.path.with_file_name("app.x");
    let LocalListener { guard, listener } = bind_local(third.to_str().unwrap(), &place.config).unwrap();
    drop(listener);
    guard.close().unwrap();
    assert!(!third.exists());
}

#[test]
fn a_guard_leaves_a_file_alone_and_a_folder_that_is_gone() {
    let place = Place::new();
    let server = place.bind().unwrap();
    fs::remove_file(&place.path).unwrap();
    fs::write(&place.path, "precious").unwrap();
    server.guard.close().unwrap();
    assert_eq!(fs::read(&place.path).unwrap(), b"precious");

    fs::remove_file(&place.path).unwrap();
    let server = place.bind().unwrap();
    fs::remove_dir_all(place.path.parent().unwrap()).unwrap();
    server.guard.close().unwrap();
}

#[test]
fn of_servers_that_start_at_once_exactly_one_wins() {
    let place = Place::new();
    for round in 0..20 {
        if round > 0 {
            place.leave_dead_socket();
        }
        let start = Barrier::new(8);
        let attempt = || {
            start.wait();
            place.bind()
        };
        let results: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(attempt)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1, "{lost:?}");
        assert!(lost.iter().all(|result| matches!(result, Err(BindError::InUse { live: true, .. }))), "{lost:?}");
        let winner = won.into_iter().next().unwrap().unwrap();
        assert_serves(&winner, &place.path);
    }
}

#[test]
fn nothing_is_bound_or_removed_while_another_holds_the_lock() {
    let place = Place::new();
    let server = place.bind().unwrap();
    let lock = fs::File::open(place.path.with_extension("w.lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    drop(server);
    let dead = inode(&place.path);
    assert_eq!(place.bind().unwrap_err().code(), "EBUSY");
    assert_eq!(inode(&place.path), dead);
    drop(lock);
    assert_serves(&place.bind().unwrap(), &place.path);
}

#[test]
fn a_client_takes_the_first_path_where_somebody_listens() {
    let place = Place::new();
    let [missing, dead, other] = ["missing", "dead", "other"].map(|name| place.path.with_file_name(name));
    let texts = |paths: &[&PathBuf]| paths.iter().map(|path| path.to_str().unwrap().to_owned()).collect::<Vec<_>>();
    drop(UnixListener::bind(&dead).unwrap());
    let first = place.bind().unwrap();
    let second = bind_local(other.to_str().unwrap(), &place.config).unwrap();

    let _client = connect_any(&texts(&[&missing, &dead, &place.path, &other])).unwrap();
    first.listener.accept().unwrap();
    assert_eq!(second.listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);

    let kind = |paths: &[&PathBuf]| connect_any(&texts(paths)).unwrap_err().kind();
    assert_eq!(kind(&[&missing, &missing]), ErrorKind::NotFound);
    assert_eq!(kind(&[&missing, &dead]), ErrorKind::ConnectionRefused);
    assert_eq!(kind(&[&dead, &missing]), ErrorKind::ConnectionRefused);
    assert_eq!(kind(&[]), ErrorKind::NotFound);
}

#[test]
fn folders_without_permission_are_named_by_their_errno() {
    let place = Place::new();
    let folder = place.path.parent().unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o500)).unwrap();
    match place.bind() {
        Err(error) => assert_eq!(error.code(), "EACCES"),
        // The superuser may do it all the same.
        Ok(server) => assert_serves(&server, &place.path),
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
}

#[cfg(any(target_os = "linux", target_os = "android"))]
#[test]
fn abstract_sockets_have_no_file_and_one_server() {
    use ipc_os::{bind_abstract, connect_abstract, peer_credentials};
    use ipc_proto::Profile;

    let place = Place::new();
    // The folder's name is nobody else's.
    let name = place.text();
    let server = bind_abstract(name, &place.config).unwrap();
    assert_eq!(server.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    let client = connect_abstract(name).unwrap();
    assert_eq!(peer_credentials(&client).unwrap().pid, Some(std::process::id()));
    server.accept().unwrap();
    assert!(!place.path.exists());

    let again = bind_abstract(name, &place.config).unwrap_err();
    assert_eq!(again, BindError::InUse { endpoint: format!("abstract:{name}"), live: true });
    let long = "x".repeat(path_limit() + 1);
    assert_eq!(bind_abstract(&long, &place.config).unwrap_err().code(), "ENAMETOOLONG");
    let assured = place.config.clone().profile(Profile::Assured);
    assert_eq!(bind_abstract("free", &assured).unwrap_err().code(), "ERR_IPC_ASSURED_TRANSPORT");
    drop(server);
    assert_eq!(connect_abstract(name).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}
