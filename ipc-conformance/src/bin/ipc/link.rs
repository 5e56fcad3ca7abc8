//! The way to a peer: a client that reconnects, or a UDP socket that speaks first.

use std::{
    future::Future,
    io,
    net::{IpAddr, UdpSocket},
};

use futures_util::future::Either;
use ipc_proto::{
    Config, Event, IoError, Json, PeerId,
    endpoint::Endpoint,
    facade::{Client, Error, Ipc, RequestError, Runtime, Sender, Server},
};

pub(crate) enum Link<R: Runtime> {
    Client(Client<R>),
    /// A server, and the one peer of it that counts.
    Peer(Server<R>, PeerId),
}

impl<R: Runtime> Link<R> {
    /// Begins to connect, or binds a UDP socket on a port that the system picks.
    pub(crate) async fn open(runtime: &R, endpoint: Endpoint, config: Config) -> Result<Self, Error> {
        let ipc = Ipc::with_runtime(config, runtime.clone());
        match endpoint {
            Endpoint::Udp4 { host, port } => Self::speak_first(&ipc, &host, port, false).await,
            Endpoint::Udp6 { host, port } => Self::speak_first(&ipc, &host, port, true).await,
            endpoint => ipc.connect_to_endpoint("peer", endpoint).map(Self::Client),
        }
    }

    async fn speak_first(ipc: &Ipc<R>, host: &str, port: u16, v6: bool) -> Result<Self, Error> {
        let (here, there) = route(host, port, v6).map_err(|error| not_found(host, error))?;
        let server = ipc.serve_endpoints(vec![here]).await?;
        let peer = server.udp_peer(&there).await?;
        Ok(Self::Peer(server, peer))
    }

    /// The next event of the peer. Over UDP there may be others who speak; they are not heard.
    ///
    /// Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        match self {
            Self::Client(client) => client.next().await,
            Self::Peer(server, peer) => loop {
                match server.next().await {
                    Some((from, event)) if from == *peer => return Some(event),
                    Some(_) => {}
                    None => return None,
                }
            },
        }
    }

    /// A handle to emit with; `None` where the peer is gone.
    pub(crate) fn sender(&self) -> Option<Sender> {
        match self {
            Self::Client(client) => Some(client.sender()),
            Self::Peer(server, peer) => server.sender(*peer),
        }
    }

    /// Asks, and waits as long as the config says. Events can be taken meanwhile.
    pub(crate) fn request(&self, name: &str, data: &Json) -> impl Future<Output = Result<Json, RequestError>> + use<R> {
        match self {
            Self::Client(client) => Either::Left(client.request(name, data)),
            Self::Peer(server, peer) => Either::Right(server.request(*peer, name, data)),
        }
    }

    /// Gives up for good. What waits is written first, as long as the config says. [`next`](Self::next) gives what
    /// is left, and then `None`.
    pub(crate) async fn end(&self) {
        match self {
            Self::Client(client) => client.disconnect(),
            Self::Peer(server, _) => server.stop().await,
        }
    }
}

/// From which of our addresses a UDP peer is reached, on any port, and where it is.
fn route(host: &str, port: u16, v6: bool) -> io::Result<(Endpoint, String)> {
    let any = if v6 { "::" } else { "0.0.0.0" };
    // Connecting sends nothing; the system only says which way it would take.
    let probe = UdpSocket::bind((any, 0))?;
    probe.connect((host, port))?;
    let here = match probe.local_addr()?.ip() {
        // Nobody else could say by which interface.
        IpAddr::V6(ip) if ip.is_unicast_link_local() => any.to_owned(),
        ip => ip.to_string(),
    };
    let here = if v6 { Endpoint::Udp6 { host: here, port: 0 } } else { Endpoint::Udp4 { host: here, port: 0 } };
    Ok((here, probe.peer_addr()?.to_string()))
}

/// What the resolver says has no errno.
fn not_found(host: &str, error: io::Error) -> IoError {
    match error.raw_os_error() {
        Some(_) => error.into(),
        None => IoError::new("ENOTFOUND", format!("{host}: {error}")),
    }
}
