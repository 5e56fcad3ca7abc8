//! Listening with tokio.

use std::{
    io,
    sync::Arc,
    task::{Context, Poll, ready},
};

use ipc_os::Inherited;
use ipc_proto::{
    BindError, Config, IoError,
    drive::Reload,
    endpoint::Endpoint,
    facade::{self, Error},
};
use tokio::net::TcpListener;

use crate::{
    dial,
    io::{Io, prompt},
    tls::{Acceptor, Own},
};

#[derive(Debug)]
enum Socket {
    #[cfg(unix)]
    Unix(tokio::net::UnixListener),
    Tcp(TcpListener),
    Tls(TcpListener, Acceptor),
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
    pub(crate) fn bind(endpoint: &Endpoint, config: &Config, own: &Own) -> Result<Self, Error> {
        dial::check(endpoint)?;
        match endpoint {
            #[cfg(unix)]
            Endpoint::Path(path) => {
                let ipc_os::LocalListener { listener, guard } = ipc_os::bind_local(path, config)?;
                Self::unix(listener, endpoint, Some(guard))
            }
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Endpoint::Abstract(name) => Self::unix(ipc_os::bind_abstract(name, config)?, endpoint, None),
            Endpoint::Tcp { host, port } => Self::tcp(Socket::Tcp, host, bind_tcp(host, *port, config)?),
            Endpoint::Tls { host, port } => {
                let acceptor = Acceptor::new(config, own)?;
                Self::tcp(|listener| Socket::Tls(listener, acceptor), host, bind_tcp(host, *port, config)?)
            }
            // `check` has refused all others.
            _ => Err(io::Error::from(io::ErrorKind::Unsupported).into()),
        }
    }

    /// A listener from elsewhere: its file, if it has one, is not this one's to remove.
    pub(crate) fn adopt(socket: Inherited, config: &Config, own: &Own) -> Result<Self, Error> {
        let endpoint = socket.endpoint()?;
        match socket {
            #[cfg(unix)]
            Inherited::Unix(listener) => {
                listener.set_nonblocking(true)?;
                Self::unix(listener, &endpoint, None)
            }
            Inherited::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                let host = listener.local_addr()?.ip().to_string();
                if config.tls.is_none() {
                    return Self::tcp(Socket::Tcp, &host, listener);
                }
                let acceptor = Acceptor::new(config, own)?;
                Self::tcp(|listener| Socket::Tls(listener, acceptor), &host, listener)
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

    fn tcp(
        make: impl FnOnce(TcpListener) -> Socket,
        host: &str,
        listener: std::net::TcpListener,
    ) -> Result<Self, Error> {
        let listener = TcpListener::from_std(listener)?;
        let (host, port) = (host.to_owned(), listener.local_addr()?.port());
        let socket = make(listener);
        let secure = matches!(socket, Socket::Tls(..));
        Ok(Self {
            socket,
            endpoint: if secure { Endpoint::Tls { host, port } } else { Endpoint::Tcp { host, port } },
            #[cfg(unix)]
            _file: None,
        })
    }
}

fn bind_tcp(host: &str, port: u16, config: &Config) -> Result<std::net::TcpListener, BindError> {
    if config.reuse_port { ipc_os::bind_tcp_reusing_port(host, port) } else { ipc_os::bind_tcp(host, port) }
}

impl facade::Accept for Accept {
    type Io = Io;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Result<Io, IoError>> {
        Poll::Ready(match &self.socket {
            #[cfg(unix)]
            Socket::Unix(listener) => ready!(listener.poll_accept(cx)).map(|(stream, _)| Io::Unix(stream)),
            Socket::Tcp(listener) => {
                ready!(listener.poll_accept(cx)).and_then(|(stream, _)| prompt(stream)).map(Io::Tcp)
            }
            Socket::Tls(listener, acceptor) => {
                let accepted = ready!(listener.poll_accept(cx));
                accepted.and_then(|(stream, peer)| Ok(acceptor.accept(prompt(stream)?, peer)))
            }
        })
        .map_err(IoError::from)
    }

    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn reload(&self) -> Option<Arc<dyn Reload>> {
        match &self.socket {
            #[cfg(unix)]
            Socket::Unix(_) => None,
            Socket::Tcp(_) => None,
            Socket::Tls(_, acceptor) => acceptor.reload(),
        }
    }
}
