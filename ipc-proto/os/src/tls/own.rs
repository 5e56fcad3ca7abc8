//! Which configuration a handshake goes by: one from the options, or one of the application's own.

use std::{fmt, sync::Arc, time::Duration};

use ipc_proto::{Code, Config, ConfigError, IoError, Profile, TlsOptions, drive::Reload, endpoint::Endpoint};
use rustls::{ClientConfig, ServerConfig, pki_types::ServerName};

use super::{Reloadable, client_config, server_config, server_name};
use crate::Reloads;

/// rustls configurations of the application's own, which stand above the options.
///
/// Assured takes none: it has to know that both sides prove who they are, which a configuration of somebody else's
/// does not say.
#[derive(Clone, Debug, Default)]
pub struct Own {
    /// What clients speak TLS by; the options, unless it is set.
    pub client: Option<Arc<ClientConfig>>,
    /// What servers speak TLS by; the options, unless it is set.
    pub server: Option<Arc<ServerConfig>>,
}

impl Own {
    /// The client's side of handshakes with those of `endpoints` that speak TLS; `None` where none does.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for options that cannot be, and in Assured for a configuration of the application's own.
    pub fn connector(&self, endpoints: &[Endpoint], config: &Arc<Config>) -> Result<Option<Connector>, ConfigError> {
        let mut hosts = endpoints.iter().filter_map(host).peekable();
        if hosts.peek().is_none() {
            return Ok(None);
        }
        hosts.try_for_each(|host| server_name(config.tls.as_ref(), host).map(drop))?;
        let dialect = config.dialect;
        let source = Source::new(self.client.as_ref(), config, move |options| client_config(options, dialect))?;
        Ok(Some(Connector { source, config: Arc::clone(config) }))
    }

    /// The server's side of handshakes at `endpoint`; `None` where it does not speak TLS.
    ///
    /// # Errors
    ///
    /// As [`connector`](Self::connector).
    pub fn acceptor(&self, endpoint: &Endpoint, config: &Config) -> Result<Option<Acceptor>, ConfigError> {
        if host(endpoint).is_none() {
            return Ok(None);
        }
        let dialect = config.dialect;
        let source = Source::new(self.server.as_ref(), config, move |options| server_config(options, dialect))?;
        Ok(Some(Acceptor { source, limit: handshake_timeout(config) }))
    }
}

fn host(endpoint: &Endpoint) -> Option<&str> {
    match endpoint {
        Endpoint::Tls { host, .. } => Some(host),
        _ => None,
    }
}

fn handshake_timeout(config: &Config) -> Duration {
    config.tls.as_ref().map_or_else(|| TlsOptions::default().handshake_timeout, |options| options.handshake_timeout)
}

/// The client's side of handshakes.
#[derive(Clone, Debug)]
pub struct Connector {
    source: Source<ClientConfig>,
    config: Arc<Config>,
}

impl Connector {
    /// What a session with `host` begins with: the configuration of now, and the name that the server's certificate
    /// must be for.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a host that cannot be named in a certificate.
    pub fn session(&self, host: &str) -> Result<(Arc<ClientConfig>, ServerName<'static>), IoError> {
        let name = server_name(self.config.tls.as_ref(), host);
        let name = name.map_err(|error| IoError::new("EINVAL", error.to_string()))?;
        Ok((self.source.get(), name))
    }

    /// How long a handshake may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        handshake_timeout(&self.config)
    }
}

/// A configuration of the application's own cannot be reloaded.
impl Reloads for Connector {
    fn reload(&self) -> Option<Arc<dyn Reload>> {
        self.source.reload()
    }
}

/// The server's side of handshakes.
#[derive(Clone, Debug)]
pub struct Acceptor {
    source: Source<ServerConfig>,
    limit: Duration,
}

impl Acceptor {
    /// The configuration of now.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        self.source.get()
    }

    /// How long a handshake may take.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        self.limit
    }
}

/// A configuration of the application's own cannot be reloaded.
impl Reloads for Acceptor {
    fn reload(&self) -> Option<Arc<dyn Reload>> {
        self.source.reload()
    }
}

/// A configuration in use.
enum Source<T> {
    Own(Arc<T>),
    Files(Arc<Reloadable<T>>),
}

impl<T: Send + Sync + 'static> Source<T> {
    fn new(
        own: Option<&Arc<T>>,
        config: &Config,
        load: impl Fn(&TlsOptions) -> Result<Arc<T>, ConfigError> + Send + Sync + 'static,
    ) -> Result<Self, ConfigError> {
        if let Some(own) = own {
            return trusted(config).map(|()| Self::Own(Arc::clone(own)));
        }
        let options = config.tls.clone().unwrap_or_default();
        Ok(Self::Files(Arc::new(Reloadable::new(move || load(&options))?)))
    }

    fn get(&self) -> Arc<T> {
        match self {
            Self::Own(own) => Arc::clone(own),
            Self::Files(files) => files.get(),
        }
    }

    fn reload(&self) -> Option<Arc<dyn Reload>> {
        match self {
            Self::Own(_) => None,
            Self::Files(files) => Some(Arc::<Reloadable<T>>::clone(files)),
        }
    }
}

impl<T> Clone for Source<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Own(own) => Self::Own(Arc::clone(own)),
            Self::Files(files) => Self::Files(Arc::clone(files)),
        }
    }
}

impl<T> fmt::Debug for Source<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Own(_) => "Own",
            Self::Files(_) => "Files",
        })
    }
}

fn trusted(config: &Config) -> Result<(), ConfigError> {
    if config.profile != Profile::Assured {
        return Ok(());
    }
    let hint = "it takes certificates from the options of tls only, and no TLS configuration of your own";
    Err(ConfigError::new("profile", "assured", hint).with_code(Code::AssuredTls))
}
