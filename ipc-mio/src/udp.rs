//! UDP for a loop of one's own.

use std::ops::{Deref, DerefMut, Range};

use ipc_proto::{Config, endpoint::Endpoint, facade::Error};
use mio::Registry;

use crate::server::Server;

/// An endpoint of UDP in a loop of your own.
///
/// Both ends of UDP are servers: it derefs to [`Server`], whose verbs and events it has, and by that to
/// [`Part`](crate::Part). Every address that is heard from is a peer, without events for its coming and going;
/// [`udp_peer`](Server::udp_peer) is the way to speak first. It needs one token for each socket.
///
/// ```no_run
/// use ipc_mio::UdpEndpoint;
///
/// let poll = mio::Poll::new()?;
/// let mut hello = UdpEndpoint::new(poll.registry().try_clone()?, 0..1);
/// hello.serve_udp4("127.0.0.1:0")?;
/// let world = hello.udp_peer("127.0.0.1:8000")?;
/// hello.emit(world, "message", "hello")?;
/// // … and drive it, as any part
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct UdpEndpoint {
    server: Server,
}

impl UdpEndpoint {
    /// An endpoint on `registry`, a [clone](Registry::try_clone) of the loop's, that uses the tokens of `tokens` and
    /// no others, with the default [`Config`]. It does nothing until it is told to serve.
    #[must_use]
    pub fn new(registry: Registry, tokens: Range<usize>) -> Self {
        Self::with_config(registry, tokens, Config::default())
    }

    /// As [`new`](Self::new), with a config. It is checked when it is told to serve.
    #[must_use]
    pub fn with_config(registry: Registry, tokens: Range<usize>, config: Config) -> Self {
        Self { server: Server::with_config(registry, tokens, config) }
    }

    /// Serves UDP over IPv4 at `HOST:PORT`, parts of which may be left out; port 0 lets the system pick one.
    ///
    /// # Errors
    ///
    /// As [`Server::serve`], and [`BindError::Assured`](crate::BindError::Assured) in the Assured profile.
    pub fn serve_udp4(&mut self, address: &str) -> Result<(), Error> {
        self.serve_as("udp4", address)
    }

    /// As [`serve_udp4`](Self::serve_udp4), over IPv6; without a host it is `::1`.
    ///
    /// # Errors
    ///
    /// As [`serve_udp4`](Self::serve_udp4).
    pub fn serve_udp6(&mut self, address: &str) -> Result<(), Error> {
        self.serve_as("udp6", address)
    }

    fn serve_as(&mut self, kind: &str, address: &str) -> Result<(), Error> {
        let endpoint: Endpoint = format!("{kind}:{address}").parse()?;
        self.server.serve_endpoint(endpoint)
    }
}

impl Deref for UdpEndpoint {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl DerefMut for UdpEndpoint {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.server
    }
}
