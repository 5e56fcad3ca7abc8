//! Listening on TCP and UDP.

use core::net::SocketAddr;
use std::{
    io,
    net::{TcpListener, ToSocketAddrs, UdpSocket},
};

use ipc_proto::{BindError, IoError, endpoint::Endpoint};

use crate::dial::not_found;

/// Listens on `host:port` without blocking; port 0 lets the system choose.
///
/// A host name is looked up, which blocks, and its first address that can be listened on is taken. `SO_REUSEADDR` is
/// set on Unix, so that a server can start again while old connections linger.
///
/// # Errors
///
/// [`BindError::InUse`] when something listens there, [`BindError::Io`] for all else; as in Node, a host that cannot
/// be found is `ENOTFOUND`.
pub fn bind_tcp(host: &str, port: u16) -> Result<TcpListener, BindError> {
    listen_by(host, port, |addresses| TcpListener::bind(addresses))
}

/// As [`bind_tcp`], on a port that other processes of the same user may share by the same function: the system spreads
/// the connections among them.
///
/// # Errors
///
/// As [`bind_tcp`]; `ENOTSUP` where the system has no `SO_REUSEPORT`.
pub fn bind_tcp_reusing_port(host: &str, port: u16) -> Result<TcpListener, BindError> {
    listen_by(host, port, reuse::listen_first)
}

fn listen_by(
    host: &str,
    port: u16,
    listen: fn(&[SocketAddr]) -> io::Result<TcpListener>,
) -> Result<TcpListener, BindError> {
    let failed = |error| bind_error(&Endpoint::Tcp { host: host.to_owned(), port }, error);
    let unblocked = |listener: TcpListener| listener.set_nonblocking(true).map(|()| listener);
    let addresses = look_up(host, port).map_err(failed)?;
    listen(&addresses).and_then(unblocked).map_err(|error| failed(error.into()))
}

/// Binds a UDP socket at `host:port` without blocking, of IPv6 where `v6` is set and else of IPv4; port 0 lets the
/// system choose.
///
/// A host name is looked up, which blocks, and its first address of that family that can be bound is taken.
///
/// # Errors
///
/// As [`bind_tcp`]; a host that has no address of the family is `ENOTFOUND`.
pub fn bind_udp(host: &str, port: u16, v6: bool) -> Result<UdpSocket, BindError> {
    let endpoint = |host: String| if v6 { Endpoint::Udp6 { host, port } } else { Endpoint::Udp4 { host, port } };
    let failed = |error| bind_error(&endpoint(host.to_owned()), error);
    let mut addresses = look_up(host, port).map_err(failed)?;
    addresses.retain(|address| address.is_ipv6() == v6);
    if addresses.is_empty() {
        return Err(failed(IoError::new("ENOTFOUND", "the host has no address of this family")));
    }
    bind(&addresses).map_err(|error| failed(error.into()))
}

fn bind_error(endpoint: &Endpoint, source: IoError) -> BindError {
    let endpoint = endpoint.to_string();
    if source.code() == "EADDRINUSE" {
        BindError::InUse { endpoint, live: true }
    } else {
        BindError::Io { endpoint, source }
    }
}

fn look_up(host: &str, port: u16) -> Result<Vec<SocketAddr>, IoError> {
    (host, port).to_socket_addrs().map(Iterator::collect).map_err(not_found)
}

#[cfg(not(unix))]
mod reuse {
    use super::{SocketAddr, TcpListener, io};

    pub(super) fn listen_first(_addresses: &[SocketAddr]) -> io::Result<TcpListener> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(unix)]
mod reuse {
    use rustix::net::{self, AddressFamily, SocketType, sockopt};

    use super::{SocketAddr, TcpListener, io};

    /// How many connections may wait to be accepted, as in the standard library.
    const BACKLOG: i32 = 128;

    pub(super) fn listen_first(addresses: &[SocketAddr]) -> io::Result<TcpListener> {
        let mut failed = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in addresses {
            match listen(address) {
                Ok(listener) => return Ok(listener),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    fn listen(address: &SocketAddr) -> io::Result<TcpListener> {
        let family = if address.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
        let socket = net::socket(family, SocketType::STREAM, None)?;
        rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
        sockopt::set_socket_reuseaddr(&socket, true)?;
        sockopt::set_socket_reuseport(&socket, true)?;
        net::bind(&socket, address)?;
        net::listen(&socket, BACKLOG)?;
        Ok(socket.into())
    }
}

fn bind(addresses: &[SocketAddr]) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(addresses)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn a_port_is_listened_on_once_and_without_blocking() {
        let first = bind_tcp("127.0.0.1", 0).unwrap();
        assert_eq!(first.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let address = first.local_addr().unwrap();
        let error = bind_tcp("127.0.0.1", address.port()).unwrap_err();
        assert_eq!(error, BindError::InUse { endpoint: format!("tcp:{address}"), live: true });
        assert_eq!(error.code(), "EADDRINUSE");
        TcpStream::connect(address).unwrap();
    }

    #[test]
    fn a_udp_port_is_bound_once_and_in_one_family() {
        for (host, v6) in [("127.0.0.1", false), ("::1", true)] {
            if v6 && UdpSocket::bind("[::1]:0").is_err() {
                // Not every machine has IPv6.
                continue;
            }
            let first = bind_udp(host, 0, v6).unwrap();
            assert_eq!(first.recv_from(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
            let port = first.local_addr().unwrap().port();
            let error = bind_udp(host, port, v6).unwrap_err();
            assert_eq!(error.code(), "EADDRINUSE");
            let error = bind_udp(host, port, !v6).unwrap_err();
            assert_eq!(error.code(), "ENOTFOUND", "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_port_is_shared_only_by_those_who_ask_for_it() {
        let first = bind_tcp_reusing_port("127.0.0.1", 0).unwrap();
        assert_eq!(first.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let port = first.local_addr().unwrap().port();
        assert_eq!(bind_tcp_reusing_port("127.0.0.1", port).unwrap().local_addr().unwrap().port(), port);
        assert_eq!(bind_tcp("127.0.0.1", port).unwrap_err().code(), "EADDRINUSE");
    }

    #[cfg(unix)]
    #[test]
    fn a_host_that_cannot_be_found_is_named() {
        let error = bind_tcp("", 80).unwrap_err();
        assert_eq!(error.code(), "ENOTFOUND");
        assert!(error.to_string().contains("tcp::80"), "{error}");
    }
}
