//! Dialling TCP from where the config says.

use std::{io, net::SocketAddr};

use ipc_proto::{Interface, IoError};
use tokio::{net::TcpStream, task::spawn_blocking};

/// Connects to the first address of `host` that suits `interface` and answers.
pub(crate) async fn connect(host: &str, port: u16, interface: &Interface) -> Result<TcpStream, IoError> {
    let addresses = addresses(host, port, interface).await?;
    ipc_os::first_that_answers(addresses, |remote| dial(remote, interface)).await
}

async fn addresses(host: &str, port: u16, interface: &Interface) -> Result<Vec<SocketAddr>, IoError> {
    // There is nothing to look up.
    if let Some(address) = ipc_os::literal_address(host, port) {
        return Ok(vec![address]);
    }
    let (host, interface) = (host.to_owned(), interface.clone());
    let found = spawn_blocking(move || ipc_os::look_up_tcp(&host, port, &interface)).await;
    found.unwrap_or_else(|error| Err(io::Error::other(error).into()))
}

async fn dial(remote: SocketAddr, interface: &Interface) -> Result<TcpStream, IoError> {
    let stream = TcpStream::from_std(ipc_os::dial_tcp(remote, interface)?)?;
    stream.writable().await?;
    match stream.take_error()? {
        Some(error) => Err(error.into()),
        None => Ok(stream),
    }
}
