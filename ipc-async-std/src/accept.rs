//! Listening with async-io.

#[cfg(unix)]
use std::os::unix::net::UnixListener;
use std::{
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    task::{Context, Poll, ready},
};

use async_io::Async;
use ipc_os::{Bound, Inherited, Reloads};
use ipc_proto::{
    IoError,
    drive::Reload,
    endpoint::Endpoint,
    facade::{self, Error},
};

use crate::{
    io::{Io, Stream},
    socket::Socket,
    tls::{self, Acceptor},
};

#[derive(Debug)]
enum Listener {
    #[cfg(unix)]
    Unix(Socket<UnixListener>),
    Tcp(Socket<TcpListener>, Option<Acceptor>),
}

/// A listening socket. Dropping it removes its socket file, if that is still its own.
#[derive(Debug)]
pub struct Accept {
    /// Before the socket: the file goes while it still listens, so no client finds a dead one.
    #[cfg(unix)]
    _guard: Option<ipc_os::SocketGuard>,
    listener: Listener,
    endpoint: Endpoint,
}

impl Accept {
    pub(crate) fn new(bound: Bound, tls: Option<Acceptor>) -> Result<Self, Error> {
        let listener = match bound.socket {
            #[cfg(unix)]
            Inherited::Unix(socket) => Listener::Unix(Socket::new(Async::new_nonblocking(socket)?)),
            Inherited::Tcp(socket) => Listener::Tcp(Socket::new(Async::new_nonblocking(socket)?), tls),
            _ => return Err(io::Error::from(io::ErrorKind::Unsupported).into()),
        };
        Ok(Self {
            listener,
            endpoint: bound.endpoint,
            #[cfg(unix)]
            _guard: bound.guard,
        })
    }
}

impl facade::Accept for Accept {
    type Io = Io;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Result<Io, IoError>> {
        let accepted = match &mut self.listener {
            #[cfg(unix)]
            Listener::Unix(socket) => {
                let (stream, _) = ready!(socket.poll_read_with(cx, UnixListener::accept))?;
                Async::new(stream).map(|stream| Io::Unix(Stream::new(stream)))
            }
            Listener::Tcp(socket, tls) => {
                let (stream, peer) = ready!(socket.poll_read_with(cx, TcpListener::accept))?;
                network(stream, peer, tls.as_ref())
            }
        };
        Poll::Ready(accepted.map_err(IoError::from))
    }

    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn reload(&self) -> Option<Arc<dyn Reload>> {
        match &self.listener {
            Listener::Tcp(_, Some(acceptor)) => acceptor.reload(),
            _ => None,
        }
    }
}

fn network(stream: TcpStream, peer: SocketAddr, tls: Option<&Acceptor>) -> io::Result<Io> {
    stream.set_nodelay(true)?;
    let stream = Async::new(stream)?;
    Ok(match tls {
        None => Io::Tcp(Stream::new(stream)),
        Some(acceptor) => tls::accept(acceptor, stream, peer),
    })
}
