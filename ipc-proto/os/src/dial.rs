//! Dialling: what each attempt goes through, whatever waits for it.

use std::{
    fmt,
    future::Future,
    io,
    net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use ipc_proto::{
    Config, Interface, IoError,
    drive::{Dial, Reload, Transport},
    endpoint::Endpoint,
};
use socket2::{Domain, Protocol, Socket, Type};

/// The address that `host` is, where it needs no looking up.
#[must_use]
pub fn literal_address(host: &str, port: u16) -> Option<SocketAddr> {
    host.parse::<IpAddr>().ok().map(|address| SocketAddr::new(address, port))
}

/// The addresses of `host` to dial, one after the other. It blocks while a name is looked up.
///
/// # Errors
///
/// As in Node, a host that cannot be found is `ENOTFOUND`, and so is one that has no address that suits `interface`.
pub fn look_up_tcp(host: &str, port: u16, interface: &Interface) -> Result<Vec<SocketAddr>, IoError> {
    if let Some(address) = literal_address(host, port) {
        return Ok(vec![address]);
    }
    let found = (host, port).to_socket_addrs().map_err(not_found)?;
    let addresses: Vec<_> = found.filter(|address| interface.suits(address.ip())).collect();
    if addresses.is_empty() {
        return Err(IoError::new("ENOTFOUND", format!("{host} has no address that can be dialled")));
    }
    Ok(addresses)
}

/// What the resolver says has no errno; Node calls it so.
pub(crate) fn not_found(error: io::Error) -> IoError {
    if error.raw_os_error().is_some() { error.into() } else { IoError::new("ENOTFOUND", error.to_string()) }
}

/// Begins to connect to `remote`, from where `interface` says, without blocking and without Nagle's delay.
///
/// The connection is there once the stream can be written to and [`TcpStream::take_error`] has none.
///
/// # Errors
///
/// What the system says at once; refusals mostly come later.
pub fn dial_tcp(remote: SocketAddr, interface: &Interface) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(remote), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    if let Some(local) = interface.bind_to(remote.ip()) {
        // Otherwise a fixed port could not be used again for minutes after a connection.
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        socket.bind(&local.into())?;
    }
    match socket.connect(&remote.into()) {
        Err(error) if !is_under_way(&error) => Err(error),
        Ok(()) | Err(_) => Ok(socket.into()),
    }
}

#[cfg(unix)]
fn is_under_way(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error())
}

#[cfg(not(unix))]
fn is_under_way(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

/// What a runtime does to connect. Dropping any of its futures gives the attempt up.
pub trait Connect: Send + Sync + 'static {
    /// What it gives.
    type Io: Transport + 'static;
    /// A connected TCP socket.
    type Socket: Send;
    /// The client's side of TLS: `tls::Connector`, or [`no_tls::Connector`](crate::no_tls::Connector).
    type Connector: Reloads + Clone + Send + Sync + 'static;

    /// Connects to [`Endpoint::Path`] or [`Endpoint::Abstract`].
    ///
    /// # Errors
    ///
    /// Why there is no connection, as for the other kinds.
    fn local(&self, endpoint: &Endpoint) -> impl Future<Output = Result<Self::Io, IoError>> + Send;

    /// Connects over TCP, from where `interface` says.
    fn tcp(
        &self,
        host: &str,
        port: u16,
        interface: &Interface,
    ) -> impl Future<Output = Result<Self::Socket, IoError>> + Send;

    /// Uses a TCP socket as it is.
    fn plain(socket: Self::Socket) -> Self::Io;

    /// Makes a session with `host` of a TCP socket.
    fn secure(
        &self,
        connector: &Self::Connector,
        socket: Self::Socket,
        host: &str,
    ) -> impl Future<Output = Result<Self::Io, IoError>> + Send;
}

/// Something with certificates that may be read anew.
pub trait Reloads {
    /// What reads the certificates anew, where they can be.
    fn reload(&self) -> Option<Arc<dyn Reload>>;
}

type Attempt<T> = Pin<Box<dyn Future<Output = Result<T, IoError>> + Send>>;

/// A way to the first of several endpoints that answers.
pub struct Dialling<C: Connect> {
    way: Arc<Way<C>>,
    attempt: Option<Attempt<C::Io>>,
}

struct Way<C: Connect> {
    connect: C,
    endpoints: Box<[Endpoint]>,
    config: Arc<Config>,
    tls: Option<C::Connector>,
}

impl<C: Connect> Dialling<C> {
    /// A way to the first of `endpoints` that answers. `tls` is there if one of them speaks TLS.
    #[must_use]
    pub fn new(connect: C, endpoints: &[Endpoint], config: &Arc<Config>, tls: Option<C::Connector>) -> Self {
        let way = Way { connect, endpoints: endpoints.into(), config: Arc::clone(config), tls };
        Self { way: Arc::new(way), attempt: None }
    }
}

impl<C: Connect> Dial for Dialling<C> {
    type Io = C::Io;

    fn start(&mut self) {
        self.attempt = Some(Box::pin(Arc::clone(&self.way).first()));
    }

    fn cancel(&mut self) {
        self.attempt = None;
    }

    fn poll_dial(&mut self, cx: &mut Context<'_>) -> Poll<Result<C::Io, IoError>> {
        match &mut self.attempt {
            Some(attempt) => attempt.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }

    fn reload(&self) -> Option<Arc<dyn Reload>> {
        self.way.tls.as_ref().and_then(Reloads::reload)
    }
}

impl<C: Connect> fmt::Debug for Dialling<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Dialling").field(&self.way.endpoints).finish()
    }
}

impl<C: Connect> Way<C> {
    async fn first(self: Arc<Self>) -> Result<C::Io, IoError> {
        first_that_answers(&self.endpoints, |endpoint| self.connect(endpoint)).await
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<C::Io, IoError> {
        let Self { connect, config, tls, .. } = self;
        match (endpoint, tls) {
            (Endpoint::Path(_) | Endpoint::Abstract(_) | Endpoint::Pipe(_), _) => connect.local(endpoint).await,
            (Endpoint::Tcp { host, port }, _) => connect.tcp(host, *port, &config.interface).await.map(C::plain),
            (Endpoint::Tls { host, port }, Some(tls)) => {
                connect.secure(tls, connect.tcp(host, *port, &config.interface).await?, host).await
            }
            // Adapters check endpoints before.
            _ => Err(io::Error::from(io::ErrorKind::Unsupported).into()),
        }
    }
}

/// Makes one attempt after the other, until one succeeds. If none does, the error is the most [`telling`] one.
///
/// # Errors
///
/// That error; `ENOENT` where there are no `ways`.
pub async fn first_that_answers<W, T, F: Future<Output = Result<T, IoError>>>(
    ways: impl IntoIterator<Item = W>,
    attempt: impl Fn(W) -> F,
) -> Result<T, IoError> {
    let mut failed = None;
    for way in ways {
        match attempt(way).await {
            Ok(io) => return Ok(io),
            Err(error) => failed = Some(telling(failed, error)),
        }
    }
    Err(failed.unwrap_or_else(|| io::Error::from(io::ErrorKind::NotFound).into()))
}

/// Of the errors of several ways to one peer, the one to report: that a server is dead says more than that there
/// is none.
#[must_use]
pub fn telling(first: Option<IoError>, next: IoError) -> IoError {
    match first {
        Some(first) if next.code() == "ENOENT" => first,
        Some(_) | None => next,
    }
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, task::Waker};

    use ipc_proto::Family;

    use super::*;

    fn now<T>(future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("it waits"),
        }
    }

    fn connected(stream: &TcpStream) -> SocketAddr {
        loop {
            assert!(stream.take_error().unwrap().is_none());
            match stream.peer_addr() {
                Ok(address) => return address,
                Err(_) => std::thread::yield_now(),
            }
        }
    }

    #[test]
    fn a_dialled_stream_neither_blocks_nor_delays() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = dial_tcp(listener.local_addr().unwrap(), &Interface::default()).unwrap();
        assert_eq!(connected(&stream), listener.local_addr().unwrap());
        assert!(stream.nodelay().unwrap());
        let read = io::Read::read(&mut &stream, &mut [0]);
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn one_dials_from_where_the_interface_says() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut interface = Interface::default();
        interface.local_address = Some([127, 0, 0, 5].into());
        let _stream = dial_tcp(listener.local_addr().unwrap(), &interface).unwrap();
        assert_eq!(listener.accept().unwrap().1.ip().to_string(), "127.0.0.5");
    }

    #[test]
    fn addresses_are_not_looked_up_and_names_are_by_family() {
        let mut interface = Interface::default();
        interface.family = Some(Family::V6);
        assert_eq!(look_up_tcp("127.0.0.1", 1, &interface), Ok(vec![([127, 0, 0, 1], 1).into()]));
        interface.family = Some(Family::V4);
        let found = look_up_tcp("localhost", 1, &interface).unwrap();
        assert!(found.iter().all(SocketAddr::is_ipv4), "{found:?}");
        // Windows takes the empty name for this machine.
        #[cfg(unix)]
        assert_eq!(look_up_tcp("", 1, &interface).unwrap_err().code(), "ENOTFOUND");
    }

    #[test]
    fn the_first_that_answers_is_taken_and_the_telling_error_kept() {
        let error = |code: &'static str| IoError::new(code, code);
        let attempt = |code: &'static str| core::future::ready(if code == "ok" { Ok(code) } else { Err(error(code)) });
        let cases = [
            (vec!["ECONNREFUSED", "ENOENT"], Err("ECONNREFUSED")),
            (vec!["ENOENT", "ECONNREFUSED"], Err("ECONNREFUSED")),
            (vec!["ENOENT", "ok", "unasked"], Ok("ok")),
            (vec![], Err("ENOENT")),
        ];
        for (ways, expected) in cases {
            let result = now(first_that_answers(ways, attempt));
            assert_eq!(result.as_ref().map(|ok| *ok).map_err(IoError::code), expected);
        }
    }
}
