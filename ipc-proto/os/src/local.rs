//! Listening on Unix sockets.

use std::{
    fs::{self, Permissions},
    io,
    os::{
        fd::OwnedFd,
        unix::{
            fs::{FileTypeExt, PermissionsExt},
            net::UnixListener,
        },
    },
    path::{self, Path},
};

use ipc_proto::{
    BindError, Config, IoError, Profile,
    endpoint::{Endpoint, check_path},
};
use rustix::{
    io::Errno,
    net::{self, SocketAddrUnix},
};

use crate::{
    connect::{abstract_address, connect, stream_socket},
    environment::{environment, path_limit},
    guard::{Footprint, SocketGuard},
    lock::{Lock, PATIENT},
    root,
};

/// How many connections may wait to be accepted. The system makes it less where it allows less.
const BACKLOG: i32 = 4096;

/// A listening Unix socket, and what removes it from the file system afterwards.
///
/// Dropped whole, the socket leaves the file system before it closes.
#[derive(Debug)]
pub struct LocalListener {
    /// Removes the socket when it is dropped.
    pub guard: SocketGuard,
    /// Accepts without blocking.
    pub listener: UnixListener,
}

/// Listens on the Unix socket at `path`; the crate's documentation says how.
///
/// A path directly inside the Modern socket root has that folder made, mode 0700, and with
/// [`Config::secure_socket_root`] checked: a real folder of this user, closed to all others. A folder that is shared
/// on purpose (with the sticky bit, as `/tmp`) is refused rather than closed. No other folder is ever made.
///
/// The socket's mode is 0600; [`Config::readable_all`] adds 0444 and [`Config::writable_all`] 0222. On Linux a client
/// needs permission to write.
///
/// While another server starts or stops on the same path, this waits up to two seconds, blocking the thread.
///
/// # Errors
///
/// [`BindError`], each variant as its own documentation says. Nothing at the path is changed unless it is a socket
/// that refuses connections and [`Config::unlink`] is on.
pub fn bind_local(path: &str, config: &Config) -> Result<LocalListener, BindError> {
    check_length(path)?;
    root::prepare(Path::new(path), config, &environment())?;
    // The guard must find the socket again after a change of the working directory.
    let absolute = path::absolute(path).map_err(|error| io_error(Path::new(path), error))?;
    let _lock = Lock::take(&absolute, PATIENT)?;
    make_room(path, config.unlink)?;
    let socket = bind(path)?;
    let footprint = Footprint::of(&absolute).map_err(|error| io_error(&absolute, error))?;
    if let Err(error) = open_up(&socket, &absolute, socket_mode(config)) {
        // The guard would wait for the lock that is held here.
        drop(fs::remove_file(&absolute));
        return Err(io_error(&absolute, error));
    }
    Ok(LocalListener { guard: SocketGuard::new(absolute, footprint), listener: UnixListener::from(socket) })
}

/// Listens on the abstract socket `name`, written without its leading NUL (Linux only).
///
/// Such a socket has no file and no permissions: every user of the machine, or of its network namespace, can connect.
/// [`peer_credentials`](crate::peer_credentials) tells who did.
///
/// # Errors
///
/// [`BindError::InUse`] when a server listens there, [`BindError::Assured`] in the assured profile,
/// [`BindError::PathTooLong`] past [`path_limit`], [`BindError::Io`] for all else, `ENOTSUP` on other systems.
pub fn bind_abstract(name: &str, config: &Config) -> Result<UnixListener, BindError> {
    let endpoint = Endpoint::Abstract(name.to_owned()).to_string();
    if matches!(config.profile, Profile::Assured) {
        return Err(BindError::Assured { endpoint });
    }
    check_length(name)?;
    listen_abstract(name).map_err(|errno| refused(endpoint, errno))
}

fn check_length(name: &str) -> Result<(), BindError> {
    let limit = path_limit();
    let variant = if name.len() > limit { BindError::PathTooLong } else { BindError::Config };
    check_path(name, limit).map_err(variant)
}

/// What stands where a server wants to listen.
enum Occupant {
    Nobody,
    DeadSocket,
    Server,
}

/// Removes what a dead server left, and nothing else.
fn make_room(path: &str, unlink: bool) -> Result<(), BindError> {
    let endpoint = || Endpoint::Path(path.to_owned()).to_string();
    match probe(path)? {
        Occupant::Nobody => Ok(()),
        Occupant::Server => Err(BindError::InUse { endpoint: endpoint(), live: true }),
        Occupant::DeadSocket if !unlink => Err(BindError::InUse { endpoint: endpoint(), live: false }),
        Occupant::DeadSocket => match fs::remove_file(path) {
            Err(error) if !gone(&error) => Err(io_error(Path::new(path), error)),
            Ok(()) | Err(_) => Ok(()),
        },
    }
}

fn probe(path: &str) -> Result<Occupant, BindError> {
    match fs::symlink_metadata(path) {
        Ok(data) if data.file_type().is_socket() => knock(path),
        Ok(_) => Err(BindError::NotSocket { path: path.to_owned() }),
        Err(error) if gone(&error) => Ok(Occupant::Nobody),
        Err(error) => Err(io_error(Path::new(path), error)),
    }
}

/// Only a refusal means that nobody listens. A full queue is a server, and so is a socket of another type.
fn knock(path: &str) -> Result<Occupant, BindError> {
    match SocketAddrUnix::new(path).and_then(|address| connect(&address)) {
        Ok(_) | Err(Errno::AGAIN | Errno::PROTOTYPE) => Ok(Occupant::Server),
        Err(Errno::CONNREFUSED) => Ok(Occupant::DeadSocket),
        Err(Errno::NOENT) => Ok(Occupant::Nobody),
        Err(errno) => Err(io_error(Path::new(path), errno)),
    }
}

fn bind(path: &str) -> Result<OwnedFd, BindError> {
    let bound = || {
        let socket = stream_socket()?;
        net::bind(&socket, &SocketAddrUnix::new(path)?)?;
        Ok(socket)
    };
    bound().map_err(|errno| refused(Endpoint::Path(path.to_owned()).to_string(), errno))
}

/// Clients can connect from here on, so the permissions come first.
fn open_up(socket: &OwnedFd, path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    Ok(net::listen(socket, BACKLOG)?)
}

fn socket_mode(config: &Config) -> u32 {
    0o600 | if config.readable_all { 0o444 } else { 0 } | if config.writable_all { 0o222 } else { 0 }
}

fn listen_abstract(name: &str) -> Result<UnixListener, Errno> {
    let socket = stream_socket()?;
    net::bind(&socket, &abstract_address(name)?)?;
    net::listen(&socket, BACKLOG)?;
    Ok(UnixListener::from(socket))
}

fn refused(endpoint: String, errno: Errno) -> BindError {
    match errno {
        Errno::ADDRINUSE => BindError::InUse { endpoint, live: true },
        errno => BindError::Io { endpoint, source: IoError::from(io::Error::from(errno)) },
    }
}

fn gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

pub(crate) fn io_error(path: &Path, error: impl Into<io::Error>) -> BindError {
    BindError::Io { endpoint: format!("unix:{}", path.display()), source: IoError::from(error.into()) }
}

pub(crate) fn missing_folder(path: &Path) -> BindError {
    let folder = path.parent().unwrap_or(path);
    BindError::MissingFolder { path: path.display().to_string(), folder: folder.display().to_string() }
}
