//! Listening on TCP.

use core::net::SocketAddr;
use std::{
    io,
    net::{TcpListener, ToSocketAddrs},
};

use ipc_proto::{BindError, IoError, endpoint::Endpoint};

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
    let endpoint = || Endpoint::Tcp { host: host.to_owned(), port }.to_string();
    let addresses = look_up(host, port).map_err(|source| BindError::Io { endpoint: endpoint(), source })?;
    listen(&addresses).map_err(|error| {
        if error.kind() == io::ErrorKind::AddrInUse {
            BindError::InUse { endpoint: endpoint(), live: true }
        } else {
            BindError::Io { endpoint: endpoint(), source: error.into() }
        }
    })
}

fn look_up(host: &str, port: u16) -> Result<Vec<SocketAddr>, IoError> {
    match (host, port).to_socket_addrs() {
        Ok(addresses) => Ok(addresses.collect()),
        // What the resolver says has no errno.
        Err(error) if error.raw_os_error().is_none() => Err(IoError::new("ENOTFOUND", error.to_string())),
        Err(error) => Err(error.into()),
    }
}

fn listen(addresses: &[SocketAddr]) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(addresses)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
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

    #[cfg(unix)]
    #[test]
    fn a_host_that_cannot_be_found_is_named() {
        let error = bind_tcp("", 80).unwrap_err();
        assert_eq!(error.code(), "ENOTFOUND");
        assert!(error.to_string().contains("tcp::80"), "{error}");
    }
}
