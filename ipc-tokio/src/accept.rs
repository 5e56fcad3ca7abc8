//! Listening with tokio.

use std::{
    io,
    sync::Arc,
    task::{Context, Poll, ready},
};

use ipc_os::{Bound, Inherited, Reloads};
use ipc_proto::{
    Config, IoError,
    drive::Reload,
    endpoint::Endpoint,
    facade::{self, Error},
};
use tokio::{net::TcpListener, runtime::Handle};

use crate::{
    dial,
    io::{Io, prompt},
    tls::{self, Acceptor, Own},
};

#[derive(Debug)]
enum Socket {
    #[cfg(unix)]
    Unix(tokio::net::UnixListener),
    #[cfg(windows)]
    Pipe(crate::pipe::Listener),
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
    /// Who accepts need not be in the runtime.
    handle: Handle,
}

impl Accept {
    /// Listens, in the context of a runtime.
    pub(crate) fn bind(endpoint: &Endpoint, config: &Config, own: &Own) -> Result<Self, Error> {
        dial::check(endpoint)?;
        #[cfg(windows)]
        if let Endpoint::Pipe(name) = endpoint {
            let socket = Socket::Pipe(crate::pipe::Listener::bind(name, config)?);
            return Ok(Self { socket, endpoint: endpoint.clone(), handle: Handle::current() });
        }
        // A certificate that cannot be read is found before anybody is let in.
        let tls = own.acceptor(endpoint, config)?;
        Self::on(ipc_os::bind(endpoint, config)?, tls)
    }

    pub(crate) fn adopt(socket: Inherited, config: &Config, own: &Own) -> Result<Self, Error> {
        let bound = socket.adopt(config)?;
        let tls = own.acceptor(&bound.endpoint, config)?;
        Self::on(bound, tls)
    }

    fn on(bound: Bound, tls: Option<Acceptor>) -> Result<Self, Error> {
        let socket = match (bound.socket, tls) {
            #[cfg(unix)]
            (Inherited::Unix(listener), _) => Socket::Unix(tokio::net::UnixListener::from_std(listener)?),
            (Inherited::Tcp(listener), None) => Socket::Tcp(TcpListener::from_std(listener)?),
            (Inherited::Tcp(listener), Some(tls)) => Socket::Tls(TcpListener::from_std(listener)?, tls),
            _ => return Err(io::Error::from(io::ErrorKind::Unsupported).into()),
        };
        Ok(Self {
            #[cfg(unix)]
            _file: bound.guard,
            socket,
            endpoint: bound.endpoint,
            handle: Handle::current(),
        })
    }
}

impl facade::Accept for Accept {
    type Io = Io;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Result<Io, IoError>> {
        let _context = self.handle.enter();
        Poll::Ready(match &mut self.socket {
            #[cfg(windows)]
            Socket::Pipe(listener) => ready!(listener.poll_accept(cx)).map(Io::Pipe),
            #[cfg(unix)]
            Socket::Unix(listener) => ready!(listener.poll_accept(cx)).map(|(stream, _)| Io::Unix(stream)),
            Socket::Tcp(listener) => {
                ready!(listener.poll_accept(cx)).and_then(|(stream, _)| prompt(stream)).map(Io::Tcp)
            }
            Socket::Tls(listener, acceptor) => {
                let accepted = ready!(listener.poll_accept(cx));
                accepted.and_then(|(stream, peer)| Ok(tls::accept(acceptor, prompt(stream)?, peer)))
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
            #[cfg(windows)]
            Socket::Pipe(_) => None,
            Socket::Tcp(_) => None,
            Socket::Tls(_, acceptor) => acceptor.reload(),
        }
    }
}
