//! Dialling TCP from where the config says.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use ipc_proto::{Interface, IoError};
use tokio::net::{TcpSocket, TcpStream, lookup_host};

/// Connects to the first address of `host` that suits `interface` and answers.
pub(crate) async fn connect(host: &str, port: u16, interface: &Interface) -> Result<TcpStream, IoError> {
    let mut failed = None;
    for remote in addresses(host, port, interface).await? {
        match dial(remote, interface).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = Some(error.into()),
        }
    }
    Err(failed.unwrap_or_else(|| IoError::new("ENOTFOUND", format!("{host} has no address that can be dialled"))))
}

async fn addresses(host: &str, port: u16, interface: &Interface) -> Result<Vec<SocketAddr>, IoError> {
    // There is nothing to choose from.
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let found = lookup_host((host, port)).await.map_err(not_found)?;
    Ok(found.filter(|address| interface.suits(address.ip())).collect())
}

/// What the resolver says has no errno; Node calls it so.
fn not_found(error: io::Error) -> IoError {
    if error.raw_os_error().is_some() { error.into() } else { IoError::new("ENOTFOUND", error.to_string()) }
}

async fn dial(remote: SocketAddr, interface: &Interface) -> io::Result<TcpStream> {
    let socket = if remote.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(local) = interface.bind_to(remote.ip()) {
        // Otherwise a fixed port could not be used again for minutes after a connection.
        #[cfg(unix)]
        socket.set_reuseaddr(true)?;
        socket.bind(local)?;
    }
    socket.connect(remote).await
}
