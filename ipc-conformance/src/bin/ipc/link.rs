//! The way to a peer: a client that reconnects, or a UDP socket that speaks first.

use std::{
    fmt::Display,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket},
    time::Duration,
};

use ipc_proto::{
    Config, ConfigError, Event, IoError, Json, PeerId,
    endpoint::Endpoint,
    facade::{Asking, Client, Error, Ipc, RequestError, Runtime, Sender, Server},
};

pub(crate) enum Link<R: Runtime> {
    Client(Client<R>),
    /// A server, and the one peer of it that counts.
    Peer(Server<R>, PeerId),
}

impl<R: Runtime> Link<R> {
    /// Begins to connect, or binds a UDP socket on a port that the system picks.
    pub(crate) async fn open(runtime: &R, endpoint: Endpoint, mut config: Config) -> Result<Self, Error> {
        // Without connections there is nothing to wait on in turn, for node-ipc neither.
        config.sync &= !matches!(endpoint, Endpoint::Udp4 { .. } | Endpoint::Udp6 { .. });
        let ipc = Ipc::with_runtime(config, runtime.clone());
        match endpoint {
            Endpoint::Udp4 { host, port } => Self::speak_first(&ipc, &host, port, false).await,
            Endpoint::Udp6 { host, port } => Self::speak_first(&ipc, &host, port, true).await,
            endpoint => ipc.connect_to_endpoint("peer", endpoint).map(Self::Client),
        }
    }

    async fn speak_first(ipc: &Ipc<R>, host: &str, port: u16, v6: bool) -> Result<Self, Error> {
        let there = look_up(host, port, v6)?;
        let server = ipc.serve_endpoints(vec![way_to(there)?]).await?;
        let peer = server.udp_peer(&there.to_string()).await?;
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

    /// Asks, and waits for the answer. Events can be taken meanwhile.
    pub(crate) fn ask(&self, within: Duration, name: &str, data: &Json) -> Result<Asking<R>, RequestError> {
        match self {
            Self::Client(client) => Ok(client.asking(within, name, data)?),
            Self::Peer(server, peer) => server.asking(within, *peer, name, data),
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

/// Where a UDP peer is.
pub(crate) fn look_up(host: &str, port: u16, v6: bool) -> Result<SocketAddr, Error> {
    if port == 0 {
        return Err(ConfigError::new("port", "0", "name the port that the peer is at").into());
    }
    let not_found = |why: &dyn Display| IoError::new("ENOTFOUND", format!("{host}: {why}"));
    let mut addresses = (host, port).to_socket_addrs().map_err(|error| not_found(&error))?;
    let family = if v6 { "IPv6" } else { "IPv4" };
    let there = addresses.find(|address| address.is_ipv6() == v6);
    Ok(there.ok_or_else(|| not_found(&format_args!("it has no {family} address")))?)
}

/// The address of ours from which a UDP peer is reached, with a port that the system picks.
pub(crate) fn way_to(there: SocketAddr) -> io::Result<Endpoint> {
    let any: IpAddr = if there.is_ipv6() { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
    // Connecting sends nothing; the system only says which way it would take.
    let probe = UdpSocket::bind((any, 0))?;
    probe.connect(there)?;
    let host = match probe.local_addr()?.ip() {
        // Such an address means nothing without its interface.
        IpAddr::V6(ip) if ip.is_unicast_link_local() => any,
        ip => ip,
    };
    let host = host.to_string();
    Ok(if there.is_ipv6() { Endpoint::Udp6 { host, port: 0 } } else { Endpoint::Udp4 { host, port: 0 } })
}
