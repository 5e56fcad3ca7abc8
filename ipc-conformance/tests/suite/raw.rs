//! Bare sockets at the other end. What may block is done in a thread aside.

#[cfg(windows)]
#[path = "named.rs"]
mod named;

#[cfg(unix)]
use std::os::unix::net::{UnixListener, UnixStream};
use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
};

use ipc_proto::endpoint::Endpoint;
use rustls::{ClientConnection, ServerConnection, StreamOwned};

use crate::{stage::aside, tls};

/// A connected byte stream.
trait Pipe: Read + Write + Send {
    /// Ends the side that is written to.
    fn finish(&mut self) -> io::Result<()>;
    /// As a process that dies with unread bytes does.
    fn reset(&mut self) {}
    /// Writes each piece by itself.
    fn write_pieces(&mut self, pieces: Vec<Vec<u8>>) -> io::Result<()> {
        pieces.iter().try_for_each(|piece| self.write_all(piece).and_then(|()| self.flush()))
    }
}

#[cfg(unix)]
impl Pipe for UnixStream {
    fn finish(&mut self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

impl Pipe for TcpStream {
    fn finish(&mut self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }

    fn reset(&mut self) {
        let linger = socket2::SockRef::from(&*self).set_linger(Some(std::time::Duration::ZERO));
        linger.expect("a socket can be told not to linger");
    }
}

impl Pipe for StreamOwned<ClientConnection, TcpStream> {
    fn finish(&mut self) -> io::Result<()> {
        self.conn.send_close_notify();
        self.flush()?;
        self.sock.shutdown(Shutdown::Write)
    }
}

impl Pipe for StreamOwned<ServerConnection, TcpStream> {
    fn finish(&mut self) -> io::Result<()> {
        self.conn.send_close_notify();
        self.flush()?;
        self.sock.shutdown(Shutdown::Write)
    }
}

/// One end of a connection.
pub(crate) struct Raw {
    pipe: Option<Box<dyn Pipe>>,
}

impl Raw {
    /// To a server; over TLS with the handshake made.
    pub(crate) async fn connect(endpoint: &Endpoint) -> Self {
        let endpoint = endpoint.clone();
        aside(move || Self::new(dial(&endpoint).expect("somebody listens"))).await
    }

    fn new(pipe: Box<dyn Pipe>) -> Self {
        Self { pipe: Some(pipe) }
    }

    /// Writes all of it; says whether the peer took it.
    pub(crate) async fn try_write(&mut self, bytes: impl Into<Vec<u8>>) -> bool {
        let bytes = bytes.into();
        self.with(move |pipe| pipe.write_all(&bytes).and_then(|()| pipe.flush()).is_ok()).await
    }

    pub(crate) async fn write(&mut self, bytes: impl Into<Vec<u8>>) {
        assert!(self.try_write(bytes).await, "the peer has hung up");
    }

    /// Writes each piece by itself, as far as the peer takes them.
    pub(crate) async fn write_pieces(&mut self, pieces: Vec<Vec<u8>>) {
        self.with(move |pipe| drop(pipe.write_pieces(pieces))).await;
    }

    /// One read; nothing at the end.
    pub(crate) async fn read(&mut self) -> Vec<u8> {
        self.with(|pipe| {
            let mut buffer = vec![0; 64 << 10];
            let len = pipe.read(&mut buffer).unwrap_or(0);
            buffer.truncate(len);
            buffer
        })
        .await
    }

    /// Bytes up to and including the next delimiter.
    pub(crate) async fn frame(&mut self) -> Vec<u8> {
        self.with(|pipe| {
            let mut frame = Vec::new();
            while frame.last() != Some(&b'\x0c') {
                let mut byte = [0];
                pipe.read_exact(&mut byte).expect("a frame comes");
                frame.push(byte[0]);
            }
            frame
        })
        .await
    }

    /// What comes until the end, or until a reset.
    pub(crate) async fn read_to_end(&mut self) -> Vec<u8> {
        self.with(|pipe| {
            let mut bytes = Vec::new();
            let _ = pipe.read_to_end(&mut bytes);
            bytes
        })
        .await
    }

    /// Ends its side.
    pub(crate) async fn finish(&mut self) {
        self.with(|pipe| drop(pipe.finish())).await;
    }

    /// Over TCP, ends the connection by a reset.
    pub(crate) async fn reset(mut self) {
        self.with(|pipe| pipe.reset()).await;
    }

    async fn with<T: Send + 'static>(&mut self, work: impl FnOnce(&mut dyn Pipe) -> T + Send + 'static) -> T {
        let mut pipe = self.pipe.take().expect("no operation was given up");
        let (pipe, result) = aside(move || {
            let result = work(&mut *pipe);
            (pipe, result)
        })
        .await;
        self.pipe = Some(pipe);
        result
    }
}

fn dial(endpoint: &Endpoint) -> io::Result<Box<dyn Pipe>> {
    Ok(match endpoint {
        #[cfg(unix)]
        Endpoint::Path(path) => Box::new(UnixStream::connect(path)?),
        #[cfg(windows)]
        Endpoint::Pipe(name) => named::dial(name)?,
        Endpoint::Tcp { host, port } => Box::new(tcp(host, *port)?),
        Endpoint::Tls { host, port } => {
            let mut stream = tls::client_stream(tcp(host, *port)?);
            stream.conn.complete_io(&mut stream.sock)?;
            Box::new(stream)
        }
        other => panic!("{other} is no stream"),
    })
}

fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[derive(Debug)]
enum Socket {
    #[cfg(unix)]
    Unix(UnixListener),
    #[cfg(windows)]
    Named(named::Listener),
    Tcp(TcpListener),
    Tls(TcpListener),
}

/// A bare listening socket.
#[derive(Debug)]
pub(crate) struct RawListener {
    socket: Socket,
    pub(crate) endpoint: Endpoint,
}

impl RawListener {
    /// Listens at an endpoint, whose port may be left to the system.
    pub(crate) fn bind(endpoint: &Endpoint) -> Self {
        let bind = |host: &str, port: u16| TcpListener::bind((host, port)).expect("the port is free");
        let socket = match endpoint {
            #[cfg(windows)]
            Endpoint::Pipe(name) => Socket::Named(named::Listener::bind(name).expect("the name is free")),
            #[cfg(unix)]
            Endpoint::Path(path) => {
                // What a bare listener has left behind.
                let _ = std::fs::remove_file(path);
                Socket::Unix(UnixListener::bind(path).expect("the path is free"))
            }
            Endpoint::Tcp { host, port } => Socket::Tcp(bind(host, *port)),
            Endpoint::Tls { host, port } => Socket::Tls(bind(host, *port)),
            other => panic!("{other} is no stream"),
        };
        let endpoint = match &socket {
            #[cfg(unix)]
            Socket::Unix(_) => endpoint.clone(),
            #[cfg(windows)]
            Socket::Named(_) => endpoint.clone(),
            Socket::Tcp(listener) | Socket::Tls(listener) => {
                endpoint.clone().with_port(listener.local_addr().expect("it listens").port())
            }
        };
        Self { socket, endpoint }
    }

    /// Stops listening, and leaves nothing behind.
    pub(crate) fn remove(self) {
        if let Endpoint::Path(path) = &self.endpoint {
            std::fs::remove_file(path).expect("it is there");
        }
    }

    /// The next connection; over TLS with the handshake made.
    pub(crate) async fn accept(&self) -> Raw {
        let socket = self.socket.try_clone();
        Raw::new(aside(move || socket.accept().expect("it still listens")).await)
    }
}

impl Socket {
    fn try_clone(&self) -> Self {
        let cloned = match self {
            #[cfg(unix)]
            Self::Unix(listener) => listener.try_clone().map(Self::Unix),
            #[cfg(windows)]
            Self::Named(listener) => Ok(Self::Named(listener.clone())),
            Self::Tcp(listener) => listener.try_clone().map(Self::Tcp),
            Self::Tls(listener) => listener.try_clone().map(Self::Tls),
        };
        cloned.expect("there is a file descriptor for it")
    }

    fn accept(&self) -> io::Result<Box<dyn Pipe>> {
        Ok(match self {
            #[cfg(unix)]
            Self::Unix(listener) => Box::new(listener.accept()?.0),
            #[cfg(windows)]
            Self::Named(listener) => listener.accept()?,
            Self::Tcp(listener) => Box::new(listener.accept()?.0),
            Self::Tls(listener) => {
                let mut stream = tls::server_stream(listener.accept()?.0);
                stream.conn.complete_io(&mut stream.sock)?;
                Box::new(stream)
            }
        })
    }
}
