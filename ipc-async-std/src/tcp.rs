//! Dialling TCP from where the config says.

use std::net::{SocketAddr, TcpStream};

use async_io::Async;
use ipc_proto::{Interface, IoError};

/// Connects to the first address of `host` that suits `interface` and answers.
pub(crate) async fn connect(host: &str, port: u16, interface: &Interface) -> Result<Async<TcpStream>, IoError> {
    let addresses = match ipc_os::literal_address(host, port) {
        Some(address) => vec![address],
        None => look_up(host.to_owned(), port, interface.clone()).await?,
    };
    ipc_os::first_that_answers(addresses, |remote| dial(remote, interface)).await
}

/// The system's resolver blocks, so it does so elsewhere.
async fn look_up(host: String, port: u16, interface: Interface) -> Result<Vec<SocketAddr>, IoError> {
    blocking::unblock(move || ipc_os::look_up_tcp(&host, port, &interface)).await
}

async fn dial(remote: SocketAddr, interface: &Interface) -> Result<Async<TcpStream>, IoError> {
    let socket = Async::new_nonblocking(ipc_os::dial_tcp(remote, interface)?)?;
    socket.writable().await?;
    socket.get_ref().take_error()?.map_or_else(|| Ok(socket), |error| Err(error.into()))
}
