//! Listening with tokio.

use std::{
    io,
    task::{Context, Poll, ready},
};

use ipc_os::Inherited;
use ipc_proto::{
    Config, IoError,
    endpoint::Endpoint,
    facade::{self, Error},
};
use tokio::net::TcpListener;

use crate::{dial, io::Io};

#[derive(Debug)]
enum Socket {
    #[cfg(unix)]
    Unix(tokio::net::UnixListener),
    Tcp(TcpListener),
}

/// A listening socket. Dropping it removes its socket file, if that is still its own.
#[derive(Debug)]
pub struct Accept {
    /// Before the socket: the file goes while it still listens, so no client finds a dead one.
    #[cfg(unix)]
    _file: Option<ipc_os::SocketGuard>,
    socket: Socket,
    endpoint: Endpoint,
}

impl Accept {
    pub(crate) fn bind(endpoint: &Endpoint, config: &Config) -> Result<Self, Error> {
        dial::check(endpoint)?;
        match endpoint {
            #[cfg(unix)]
            Endpoint::Path(path) => {
                let ipc_os::LocalListener { listener, guard } = ipc_os::bind_local(path, config)?;
                Self::unix(listener, endpoint, Some(guard))
            }
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Endpoint::Abstract(name) => Self::unix(ipc_os::bind_abstract(name, config)?, endpoint, None),
            Endpoint::Tcp { host, port } => {
                let bind = if config.reuse_port { ipc_os::bind_tcp_reusing_port } else { ipc_os::bind_tcp };
                Self::tcp(host, bind(host, *port)?)
            }
            // `check` has refused all others.
            _ => Err(io::Error::from(io::ErrorKind::Unsupported).into()),
        }
    }

    /// A listener from elsewhere: its file, if it has one, is not this one's to remove.
    pub(crate) fn adopt(socket: Inherited) -> Result<Self, Error> {
        let endpoint = socket.endpoint()?;
        match socket {
            #[cfg(unix)]
            Inherited::Unix(listener) => {
                listener.set_nonblocking(true)?;
                Self::unix(listener, &endpoint, None)
            }
            Inherited::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                Self::tcp(&listener.local_addr()?.ip().to_string(), listener)
            }
            _ => Err(io::Error::from(io::ErrorKind::Unsupported).into()),
        }
    }

    #[cfg(unix)]
    fn unix(
        listener: std::os::unix::net::UnixListener,
        endpoint: &Endpoint,
        file: Option<ipc_os::SocketGuard>,
    ) -> Result<Self, Error> {
        let socket = Socket::Unix(tokio::net::UnixListener::from_std(listener)?);
        Ok(Self { socket, endpoint: endpoint.clone(), _file: file })
    }

    fn tcp(host: &str, listener: std::net::TcpListener) -> Result<Self, Error> {
        let listener = TcpListener::from_std(listener)?;
        let endpoint = Endpoint::Tcp { host: host.into(), port: listener.local_addr()?.port() };
        Ok(Self {
            socket: Socket::Tcp(listener),
            endpoint,
            #[cfg(unix)]
            _file: None,
        })
    }
}

impl facade::Accept for Accept {
    type Io = Io;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Result<Io, IoError>> {
        Poll::Ready(match &self.socket {
            #[cfg(unix)]
            Socket::Unix(listener) => ready!(listener.poll_accept(cx)).map(|(stream, _)| Io::Unix(stream)),
            Socket::Tcp(listener) => ready!(listener.poll_accept(cx)).and_then(|(stream, _)| Io::tcp(stream)),
        })
        .map_err(IoError::from)
    }

    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}
