//! The transports of this machine.

use std::{fmt, net::UdpSocket, process};

use ipc_proto::{Config, TlsOptions, endpoint::Endpoint};

use super::{Stage, certificate::Certificate};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Unix,
    Abstract,
    Pipe,
    Tcp,
    Tls,
    Udp4,
    Udp6,
}

impl Transport {
    /// Those that work here.
    pub(super) fn here() -> impl Iterator<Item = Self> {
        let all = [Self::Unix, Self::Abstract, Self::Pipe, Self::Tcp, Self::Tls, Self::Udp4, Self::Udp6];
        all.into_iter().filter(|transport| transport.works())
    }

    pub(super) fn works(self) -> bool {
        match self {
            Self::Unix => cfg!(unix),
            Self::Abstract => cfg!(any(target_os = "linux", target_os = "android")),
            Self::Pipe => cfg!(windows),
            Self::Tcp | Self::Tls | Self::Udp4 => true,
            Self::Udp6 => UdpSocket::bind("[::1]:0").is_ok(),
        }
    }

    /// Somewhere to listen where nobody else does. A socket is called `name`.
    pub(super) fn endpoint(self, stage: &Stage<'_>, name: &str) -> Endpoint {
        let host = if self == Self::Udp6 { "::1" } else { "127.0.0.1" }.to_owned();
        let own = || format!("ipc-demo-{}-{name}", process::id());
        match self {
            Self::Unix => Endpoint::Path(stage.path(&format!("app.{name}"))),
            Self::Abstract => Endpoint::Abstract(own()),
            Self::Pipe => Endpoint::Pipe(own()),
            Self::Tcp => Endpoint::Tcp { host, port: 0 },
            Self::Tls => Endpoint::Tls { host, port: 0 },
            Self::Udp4 => Endpoint::Udp4 { host, port: 0 },
            Self::Udp6 => Endpoint::Udp6 { host, port: 0 },
        }
    }

    /// The config of a server.
    pub(super) fn server(self, stage: &Stage<'_>) -> Config {
        let Certificate { file, key } = &stage.certificate;
        self.config(|| TlsOptions::default().private(key.clone()).public(file.clone()))
    }

    /// The config of a client.
    pub(super) fn client(self, stage: &Stage<'_>) -> Config {
        self.config(|| TlsOptions::default().trust(&stage.certificate.file))
    }

    fn config(self, tls: impl FnOnce() -> TlsOptions) -> Config {
        let config = Config::default();
        if self == Self::Tls { config.tls(tls()) } else { config }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Unix => "Unix socket",
            Self::Abstract => "Unix socket without a file",
            Self::Pipe => "named pipe",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Udp4 => "UDP, IPv4",
            Self::Udp6 => "UDP, IPv6",
        })
    }
}
