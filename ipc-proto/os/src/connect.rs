//! Unix stream sockets that do not block, and dialling with them.

use std::{
    io,
    os::{fd::OwnedFd, unix::net::UnixStream},
};

use ipc_proto::endpoint::Endpoint;
use rustix::{
    io::Errno,
    net::{self, AddressFamily, SocketAddrUnix, SocketType},
};

/// Connects to the socket at `path`; the stream does not block.
///
/// # Errors
///
/// What the system says: `ENOENT` and `ECONNREFUSED` when nobody listens, [`io::ErrorKind::WouldBlock`] when the
/// server has more connections waiting than it takes, which is the time to try again later.
pub fn connect_path(path: &str) -> io::Result<UnixStream> {
    Ok(connect(&SocketAddrUnix::new(path)?)?)
}

/// Connects to the first of `paths` where somebody listens, as for the paths of an id, see
/// [`client_paths`](ipc_proto::endpoint::client_paths). The stream does not block.
///
/// # Errors
///
/// The first failure that says more than `ENOENT`, if there is one. A server that has too many connections waiting is
/// a server all the same: [`io::ErrorKind::WouldBlock`] ends the search.
pub fn connect_any<P: AsRef<str>>(paths: &[P]) -> io::Result<UnixStream> {
    let mut failure = io::Error::from(io::ErrorKind::NotFound);
    for path in paths {
        match connect_path(path.as_ref()) {
            Ok(stream) => return Ok(stream),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(error),
            Err(error) if failure.kind() == io::ErrorKind::NotFound => failure = error,
            Err(_) => {}
        }
    }
    Err(failure)
}

/// Connects to the abstract socket `name`, written without its leading NUL; the stream does not block.
///
/// # Errors
///
/// As [`connect_path`], and [`io::ErrorKind::Unsupported`] on systems other than Linux.
pub fn connect_abstract(name: &str) -> io::Result<UnixStream> {
    Ok(connect(&abstract_address(name)?)?)
}

/// Connects to the local socket that `endpoint` names; the stream does not block.
///
/// # Errors
///
/// As [`connect_path`] and [`connect_abstract`]; [`io::ErrorKind::Unsupported`] for an endpoint of another kind.
pub fn connect_local(endpoint: &Endpoint) -> io::Result<UnixStream> {
    match endpoint {
        Endpoint::Path(path) => connect_path(path),
        Endpoint::Abstract(name) => connect_abstract(name),
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

pub(crate) fn connect(address: &SocketAddrUnix) -> Result<UnixStream, Errno> {
    let socket = stream_socket()?;
    match net::connect(&socket, address) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(UnixStream::from(socket)),
        Err(errno) => Err(errno),
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn abstract_address(name: &str) -> Result<SocketAddrUnix, Errno> {
    SocketAddrUnix::new_abstract_name(name.as_bytes())
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn abstract_address(_name: &str) -> Result<SocketAddrUnix, Errno> {
    Err(Errno::NOTSUP)
}

/// A new socket that does not block and that no child process inherits.
#[cfg(not(target_vendor = "apple"))]
pub(crate) fn stream_socket() -> Result<OwnedFd, Errno> {
    let flags = net::SocketFlags::CLOEXEC | net::SocketFlags::NONBLOCK;
    net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
}

/// A new socket that does not block and that no child process inherits.
#[cfg(target_vendor = "apple")]
pub(crate) fn stream_socket() -> Result<OwnedFd, Errno> {
    let socket = net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    rustix::io::ioctl_fionbio(&socket, true)?;
    Ok(socket)
}
