//! Listening with mio.

use std::{
    io,
    sync::Arc,
    task::{Context, Poll, ready},
};

use ipc_os::{Bound, Inherited, Reloads as _};
use ipc_proto::{
    Config, IoError,
    drive::Reload,
    endpoint::Endpoint,
    facade::{self, Error},
};
use mio::net::TcpListener;

use crate::{
    dial,
    io::{self as streams, Io},
    reactor::{Place, Reactor},
    source::{Done, Source},
    tls::{self, Acceptor, Own},
};

#[derive(Debug)]
enum Socket {
    #[cfg(unix)]
    Unix(Source<mio::net::UnixListener>),
    #[cfg(windows)]
    Pipe(crate::pipe::Listener),
    Tcp(Source<TcpListener>, Option<Acceptor>),
}

/// A listening socket. Dropping it removes its socket file, if that is still its own.
#[derive(Debug)]
pub struct Accept {
    /// Before the socket: the file goes while it still listens, so no client finds a dead one.
    #[cfg(unix)]
    _file: Option<ipc_os::SocketGuard>,
    socket: Socket,
    endpoint: Endpoint,
    reactor: Arc<Reactor>,
}

impl Accept {
    pub(crate) fn bind(reactor: &Arc<Reactor>, endpoint: &Endpoint, config: &Config, own: &Own) -> Result<Self, Error> {
        dial::check(endpoint)?;
        #[cfg(windows)]
        if let Endpoint::Pipe(name) = endpoint {
            let socket = Socket::Pipe(crate::pipe::Listener::bind(reactor, name, config)?);
            return Ok(Self { socket, endpoint: endpoint.clone(), reactor: Arc::clone(reactor) });
        }
        let acceptor = own.acceptor(endpoint, config)?;
        Self::on(reactor, ipc_os::bind(endpoint, config)?, acceptor)
    }

    pub(crate) fn adopt(reactor: &Arc<Reactor>, socket: Inherited, config: &Config, own: &Own) -> Result<Self, Error> {
        let bound = socket.adopt(config)?;
        let acceptor = own.acceptor(&bound.endpoint, config)?;
        Self::on(reactor, bound, acceptor)
    }

    fn on(reactor: &Arc<Reactor>, bound: Bound, acceptor: Option<Acceptor>) -> Result<Self, Error> {
        let socket = match bound.socket {
            #[cfg(unix)]
            Inherited::Unix(listener) => {
                Socket::Unix(Source::new(reactor, mio::net::UnixListener::from_std(listener))?)
            }
            Inherited::Tcp(listener) => Socket::Tcp(Source::new(reactor, TcpListener::from_std(listener))?, acceptor),
            _ => return Err(io::Error::from(io::ErrorKind::Unsupported).into()),
        };
        let reactor = Arc::clone(reactor);
        Ok(Self {
            #[cfg(unix)]
            _file: bound.guard,
            socket,
            endpoint: bound.endpoint,
            reactor,
        })
    }
}

impl facade::Accept for Accept {
    type Io = Io;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Result<Io, IoError>> {
        // A connection without a token could not be waited for: it waits with the system until there is one.
        let place = Place::new(&self.reactor, ready!(self.reactor.slots().poll_take(cx)));
        Poll::Ready(match &mut self.socket {
            #[cfg(windows)]
            Socket::Pipe(listener) => Ok(Io::Pipe(ready!(listener.poll_accept(cx, &self.reactor, place))?)),
            #[cfg(unix)]
            Socket::Unix(listener) => {
                let (stream, _) = ready!(listener.poll_read(cx, |listener| listener.accept().map(Done::more)))?;
                Ok(streams::unix(Source::at(place, stream)?))
            }
            Socket::Tcp(listener, acceptor) => {
                let (stream, peer) = ready!(listener.poll_read(cx, |listener| listener.accept().map(Done::more)))?;
                stream.set_nodelay(true)?;
                let source = Source::at(place, stream)?;
                match acceptor {
                    None => Ok(streams::tcp(source)),
                    Some(acceptor) => tls::accept(acceptor, &self.reactor, source, peer),
                }
            }
        })
    }

    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn reload(&self) -> Option<Arc<dyn Reload>> {
        match &self.socket {
            Socket::Tcp(_, Some(acceptor)) => acceptor.reload(),
            _ => None,
        }
    }
}
