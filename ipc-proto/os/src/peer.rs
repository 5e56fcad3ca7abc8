//! Who is at the other end of a Unix socket.

use std::{io, os::fd::AsFd};

/// The user and the process at the other end, as the kernel noted them when the connection was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct PeerCredentials {
    /// The user's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// The process's number, where it has one that means anything here: a peer in another container may have none.
    /// Only good for display, since numbers are used again.
    pub pid: Option<u32>,
}

/// Whether [`peer_credentials`] has an answer on this system.
pub const HAS_PEER_CREDENTIALS: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// Asks the kernel who is at the other end of the connected Unix socket `socket`.
///
/// # Errors
///
/// [`io::ErrorKind::Unsupported`] on systems other than Linux and for sockets that are no Unix sockets; otherwise
/// what the system says.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn peer_credentials(socket: impl AsFd) -> io::Result<PeerCredentials> {
    use rustix::{
        net::{AddressFamily, sockopt},
        process::Pid,
    };

    // Other sockets answer with user -1 and process 0.
    if sockopt::socket_domain(&socket)? != AddressFamily::UNIX {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let peer = sockopt::socket_peercred(&socket)?;
    let pid = u32::try_from(Pid::as_raw(Some(peer.pid))).ok().filter(|pid| *pid != 0);
    Ok(PeerCredentials { uid: peer.uid.as_raw(), gid: peer.gid.as_raw(), pid })
}

/// Asks the kernel who is at the other end of the connected Unix socket `socket`.
///
/// # Errors
///
/// [`io::ErrorKind::Unsupported`], always: only Linux is asked so far.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn peer_credentials(_socket: impl AsFd) -> io::Result<PeerCredentials> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
mod tests {
    use std::{net::UdpSocket, os::unix::net::UnixStream};

    use super::*;

    #[test]
    fn a_pair_is_the_same_process_twice() {
        let (one, _other) = UnixStream::pair().unwrap();
        let peer = peer_credentials(&one).unwrap();
        assert_eq!(peer.uid, rustix::process::geteuid().as_raw());
        assert_eq!(peer.gid, rustix::process::getegid().as_raw());
        assert_eq!(peer.pid, Some(std::process::id()));
    }

    #[test]
    fn sockets_of_the_network_have_no_credentials() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert_eq!(peer_credentials(&socket).unwrap_err().kind(), io::ErrorKind::Unsupported);
    }
}
