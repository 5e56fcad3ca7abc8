//! What an endpoint is told once: identity, dialect, profile, limits, retry.

use alloc::{
    borrow::ToOwned,
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt, time::Duration};

use crate::{
    endpoint::{DEFAULT_HOST, DEFAULT_PORT},
    error::{ConfigError, EncodeError},
    frame::{Delimiter, Frame},
    peer_info::PeerInfo,
};

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $ty:ty),* $(,)?) => { $(
        #[doc = concat!("Sets [`", stringify!($name), "`](Self#structfield.", stringify!($name), ").")]
        #[must_use]
        pub fn $name(mut self, $name: impl Into<$ty>) -> Self {
            self.$name = $name.into();
            self
        }
    )* };
}

mod interface;
mod json;
mod names;
mod options;
mod retry;
mod tls;

pub use interface::{Family, Interface};
pub use json::Loaded;
pub use options::{Dialect, Encoding, Limits, Overflow, Profile, SlowPeer, SyncLoss};
pub use retry::{Backoff, Retry};
pub use tls::{TlsOptions, TlsVersion};

/// The largest frame that offsets within a message can describe.
const MAX_FRAME: usize = u32::MAX as usize - 1;

/// Everything an endpoint is told, node-ipc's option names in snake case.
///
/// The fields are public and documented; the methods of the same names set them in a chain.
///
/// ```
/// use ipc_proto::{Config, Dialect, Profile};
///
/// let config = Config::default().id("hello").dialect(Dialect::Classic).profile(Profile::Fast);
/// assert!(config.validate().is_ok());
/// assert!(Config::default().delimiter("").validate().is_err());
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// This process's name; a server listens under it. Default: empty, and adapters put the host name in its
    /// place, as node-ipc does.
    pub id: String,
    /// Stands before the id in socket names. Default `app.`.
    pub appspace: String,
    /// The folder of sockets, ending in `/`. `None` (the default): the dialect's own, see [`crate::endpoint`].
    pub socket_root: Option<String>,
    /// Which generation to be. Default [`Dialect::Modern`].
    pub dialect: Dialect,
    /// How much to check. Default [`Profile::Fast`].
    pub profile: Profile,
    /// What ends a frame. Default form feed, U+000C.
    pub delimiter: Delimiter,
    /// For raw bytes. Default UTF-8.
    pub encoding: Encoding,
    /// One message in flight at a time, the next one after an answer (clients only). Default off.
    pub sync: bool,
    /// What becomes of the message in flight when the answer cannot come any more. Default: reported.
    pub sync_loss: SyncLoss,
    /// How long a sync client waits for an answer. `None` (the default): for ever.
    pub sync_timeout: Option<Duration>,
    /// When to dial again. Default every 500 ms without end.
    pub retry: Retry,
    /// Sizes and times.
    pub limits: Limits,
    /// Take a peer's truthy `data.id` as its name. `None` (the default): as the dialect does, on in Classic
    /// and off in Modern. Never an identity: the peer says what it likes.
    pub identify_peer: Option<bool>,
    /// Let reserved names through in Guarded. Default off. node-ipc 14: `allowReservedEvents`.
    pub allow_reserved_events: bool,
    /// The names that Assured lets through, both ways. node-ipc 14: `allowedEvents`.
    pub allowed_events: BTreeSet<String>,
    /// Replace a dead socket that stands where a server wants to listen. Default on.
    pub unlink: bool,
    /// Let every user read the socket. Default off: mode 0600.
    pub readable_all: bool,
    /// Let every user write the socket. Default off: mode 0600.
    pub writable_all: bool,
    /// Insist that the Modern socket root is a folder of this user with mode 0700. Default on.
    pub secure_socket_root: bool,
    /// The host that is dialled or listened on where an address names none. Default 127.0.0.1.
    pub network_host: String,
    /// The port that is dialled or listened on where an address names none. Default 8000.
    pub network_port: u16,
    /// The users whose processes a server takes, by their numbers: a connection of another user is closed at once.
    /// `None` (the default): every user who gets through the socket's permissions. Where the system does not say
    /// who connects, on TCP for one, a server with this option refuses to start.
    pub allowed_uids: Option<Vec<u32>>,
    /// Share the TCP port with other processes of this user that set it too; the system spreads the connections
    /// among them (`SO_REUSEPORT`). Default off. For servers on TCP and Unix systems only; for other sockets, bind once
    /// and pass the listener on.
    pub reuse_port: bool,
    /// From where clients dial out. Default: as the system chooses.
    pub interface: Interface,
    /// Put the names and data of messages into traces. Default off: traces speak of lengths only.
    pub log_payloads: bool,
    /// Sent first on every connect, before anything that waited.
    pub on_connect: Vec<Frame>,
    /// What a full offline queue does. Default: refuses.
    pub overflow: Overflow,
    /// How long a message may wait for a connection before it is reported undelivered. `None`: for ever.
    pub message_ttl: Option<Duration>,
    /// What a broadcast does about a peer that does not keep up. Default: disconnects it.
    pub slow_peer: SlowPeer,
    /// What answers to requests are called. Default `reply`.
    pub reply_type: String,
    /// How long a request waits for its answer. Default 30 s.
    pub request_timeout: Duration,
    /// How long a close may take to write what waits. Default 10 s.
    pub drain_timeout: Duration,
    /// Speak TLS where a host and a port are given. `None` (the default): plain TCP there. Never for local sockets
    /// and UDP.
    pub tls: Option<TlsOptions>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            id: String::new(),
            appspace: "app.".to_owned(),
            socket_root: None,
            dialect: Dialect::default(),
            profile: Profile::default(),
            delimiter: Delimiter::default(),
            encoding: Encoding::default(),
            sync: false,
            sync_loss: SyncLoss::default(),
            sync_timeout: None,
            retry: Retry::default(),
            limits: Limits::default(),
            identify_peer: None,
            allow_reserved_events: false,
            allowed_events: BTreeSet::new(),
            unlink: true,
            readable_all: false,
            writable_all: false,
            secure_socket_root: true,
            network_host: DEFAULT_HOST.to_owned(),
            network_port: DEFAULT_PORT,
            allowed_uids: None,
            reuse_port: false,
            interface: Interface::default(),
            log_payloads: false,
            on_connect: Vec::new(),
            overflow: Overflow::default(),
            message_ttl: None,
            slow_peer: SlowPeer::default(),
            reply_type: crate::request::REPLY.to_owned(),
            request_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(10),
            tls: None,
        }
    }
}

impl Config {
    /// node-ipc 9 to 12 with all its defaults.
    #[must_use]
    pub fn classic() -> Self {
        Self::default().dialect(Dialect::Classic)
    }

    /// node-ipc 14 with all its defaults; what [`Config::default`] is.
    #[must_use]
    pub fn modern() -> Self {
        Self::default().dialect(Dialect::Modern)
    }

    setters! {
        id: String,
        appspace: String,
        socket_root: Option<String>,
        dialect: Dialect,
        profile: Profile,
        delimiter: Delimiter,
        encoding: Encoding,
        sync: bool,
        sync_loss: SyncLoss,
        sync_timeout: Option<Duration>,
        retry: Retry,
        limits: Limits,
        identify_peer: Option<bool>,
        allow_reserved_events: bool,
        unlink: bool,
        readable_all: bool,
        writable_all: bool,
        secure_socket_root: bool,
        network_host: String,
        network_port: u16,
        allowed_uids: Option<Vec<u32>>,
        reuse_port: bool,
        interface: Interface,
        log_payloads: bool,
        overflow: Overflow,
        message_ttl: Option<Duration>,
        slow_peer: SlowPeer,
        reply_type: String,
        request_timeout: Duration,
        drain_timeout: Duration,
        tls: Option<TlsOptions>,
    }

    /// Adds a name to [`allowed_events`](Config#structfield.allowed_events).
    #[must_use]
    pub fn allow(mut self, name: impl Into<String>) -> Self {
        self.allowed_events.insert(name.into());
        self
    }

    /// Adds an event to [`on_connect`](Config#structfield.on_connect).
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when `data` has no JSON form.
    pub fn on_connect<T: serde::Serialize + ?Sized>(mut self, name: &str, data: &T) -> Result<Self, EncodeError> {
        self.on_connect.push(Frame::encode(name, data)?);
        Ok(self)
    }

    /// Sets [`Limits::max_message_size`].
    #[must_use]
    pub fn max_message_size(mut self, bytes: usize) -> Self {
        self.limits.max_message_size = Some(bytes);
        self
    }

    /// Sets [`Limits::max_pending_bytes`].
    #[must_use]
    pub fn max_pending_bytes(mut self, bytes: usize) -> Self {
        self.limits.max_pending_bytes = bytes;
        self
    }

    /// Sets [`Limits::message_timeout`].
    #[must_use]
    pub fn message_timeout(mut self, span: Duration) -> Self {
        self.limits.message_timeout = Some(span);
        self
    }

    /// Sets [`Limits::max_connections`].
    #[must_use]
    pub fn max_connections(mut self, peers: usize) -> Self {
        self.limits.max_connections = peers;
        self
    }

    /// Whether the profile checks names and keeps the small limits.
    #[must_use]
    pub const fn is_guarded(&self) -> bool {
        matches!(self.profile, Profile::Guarded | Profile::Assured)
    }

    /// The largest frame that is in force, in bytes without the delimiter.
    #[must_use]
    pub fn frame_limit(&self) -> usize {
        let default = if self.is_guarded() { 1 << 20 } else { 128 << 20 };
        self.limits.max_message_size.unwrap_or(default).min(MAX_FRAME)
    }

    /// The message timeout that is in force, `None` when there is none.
    #[must_use]
    pub fn partial_frame_timeout(&self) -> Option<Duration> {
        let default = if self.is_guarded() { Duration::from_secs(30) } else { Duration::ZERO };
        Some(self.limits.message_timeout.unwrap_or(default)).filter(|span| !span.is_zero())
    }

    /// Whether a peer's `data.id` names it.
    #[must_use]
    pub fn identifies_peers(&self) -> bool {
        self.identify_peer.unwrap_or(matches!(self.dialect, Dialect::Classic))
    }

    /// How much unread input a connection may hold before it stops reading.
    #[must_use]
    pub fn unread_limit(&self) -> usize {
        self.frame_limit().max(1 << 20)
    }

    /// Whether a server may take this peer.
    #[must_use]
    pub fn admits(&self, peer: &PeerInfo) -> bool {
        let listed = |uids: &Vec<u32>| peer.uid.is_some_and(|uid| uids.contains(&uid));
        self.allowed_uids.as_ref().is_none_or(listed)
    }

    /// Checks every option against every other.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the first option that cannot be, its value and the way out.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.validate_names()?;
        self.retry.validate()?;
        self.validate_limits()
    }

    fn validate_names(&self) -> Result<(), ConfigError> {
        check_name_part("id", &self.id)?;
        check_name_part("appspace", &self.appspace)?;
        if self.delimiter.is_empty() {
            return Err(ConfigError::new("delimiter", "", "use at least one character; node-ipc's default is \"\\f\""));
        }
        check_root("socket_root", self.socket_root.as_deref())?;
        if self.network_host.is_empty() {
            return Err(ConfigError::new("network_host", "", "write a host name or an address, as 127.0.0.1"));
        }
        if matches!(self.profile, Profile::Assured) && self.allowed_events.is_empty() {
            return Err(ConfigError::new("allowed_events", "", "name at least one event for the assured profile"));
        }
        Ok(())
    }

    fn validate_limits(&self) -> Result<(), ConfigError> {
        let limits = &self.limits;
        let sizes = [
            ("max_message_size", limits.max_message_size.unwrap_or(1)),
            ("max_pending_bytes", limits.max_pending_bytes),
            ("max_event_name_length", limits.max_event_name_length),
            ("memory_budget", limits.memory_budget),
            ("max_connections", limits.max_connections),
            ("max_udp_peers", limits.max_udp_peers),
            ("max_udp_partial", limits.max_udp_partial),
            ("udp_partial_budget", limits.udp_partial_budget),
        ];
        match sizes.iter().find(|(_, size)| *size == 0) {
            Some((option, _)) => Err(ConfigError::new(option, "0", "use a positive number")),
            None => Ok(()),
        }
    }
}

/// Refuses what cannot be the folder of sockets.
fn check_root(option: &'static str, root: Option<&str>) -> Result<(), ConfigError> {
    match root {
        Some(root) if !root.ends_with('/') => {
            Err(ConfigError::new(option, root, format!("end it with a slash: \"{root}/\"")))
        }
        Some(root) if root.contains('\0') => Err(ConfigError::new(option, root, "remove the NUL character")),
        Some(_) | None => Ok(()),
    }
}

/// Refuses what cannot be a part of a socket's file name.
pub(crate) fn check_name_part(option: &'static str, value: &str) -> Result<(), ConfigError> {
    let bad = |what: fmt::Arguments<'_>| Err(ConfigError::new(option, value, what.to_string()));
    if value.contains('/') {
        return bad(format_args!("an {option} is part of a file name; to name a path, use a path endpoint"));
    }
    if value.contains('\0') {
        return bad(format_args!("remove the NUL character"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_users_are_admitted() {
        let (own, other) = (PeerInfo::process(7, 7, None), PeerInfo::process(8, 7, None));
        let stranger = PeerInfo::network(([127, 0, 0, 1], 1).into());
        let admits = |config: &Config| [&own, &other, &stranger].map(|peer| config.admits(peer));
        let mut config = Config::default();
        assert_eq!(admits(&config), [true; 3]);
        config.allowed_uids = Some(alloc::vec![7, 9]);
        assert_eq!(admits(&config), [true, false, false]);
        config.allowed_uids = Some(alloc::vec![]);
        assert_eq!(admits(&config), [false; 3]);
    }

    #[test]
    fn bad_options_are_named() {
        let limits = |change: fn(&mut Limits)| {
            let mut config = Config::default();
            change(&mut config.limits);
            config
        };
        let backoff = |backoff| Config::default().retry(Retry::default().backoff(backoff));
        let cases = [
            (Config::default().delimiter(""), "delimiter"),
            (Config::default().id("a/b"), "id"),
            (Config::default().id("a\0b"), "id"),
            (Config::default().appspace("../"), "appspace"),
            (Config::default().socket_root("/tmp".to_owned()), "socket_root"),
            (Config::default().profile(Profile::Assured), "allowed_events"),
            (Config::default().network_host(""), "network_host"),
            (backoff(Backoff::default().factor(0.9)), "backoff.factor"),
            (backoff(Backoff::default().factor(f64::INFINITY)), "backoff.factor"),
            (backoff(Backoff::default().jitter(-0.1)), "backoff.jitter"),
            (backoff(Backoff::default().jitter(f64::NAN)), "backoff.jitter"),
            (backoff(Backoff::default().max_delay(Duration::from_millis(499))), "backoff.max_delay"),
            (limits(|l| l.max_message_size = Some(0)), "max_message_size"),
            (limits(|l| l.max_pending_bytes = 0), "max_pending_bytes"),
            (limits(|l| l.max_event_name_length = 0), "max_event_name_length"),
            (limits(|l| l.memory_budget = 0), "memory_budget"),
            (limits(|l| l.max_connections = 0), "max_connections"),
            (limits(|l| l.max_udp_peers = 0), "max_udp_peers"),
            (limits(|l| l.max_udp_partial = 0), "max_udp_partial"),
            (limits(|l| l.udp_partial_budget = 0), "udp_partial_budget"),
        ];
        for (config, option) in cases {
            let error = config.validate().expect_err(option);
            assert_eq!(error.option(), option);
            assert!(error.to_string().contains(option), "{error}");
        }
    }

    #[test]
    fn profiles_set_the_limits_unless_told() {
        assert_eq!(Config::default().frame_limit(), 128 << 20);
        assert_eq!(Config::default().partial_frame_timeout(), None);
        let guarded = Config::default().profile(Profile::Guarded);
        assert_eq!(guarded.frame_limit(), 1 << 20);
        assert_eq!(guarded.partial_frame_timeout(), Some(Duration::from_secs(30)));
        assert_eq!(guarded.clone().message_timeout(Duration::ZERO).partial_frame_timeout(), None);
        assert_eq!(guarded.max_message_size(7).frame_limit(), 7);
        assert_eq!(Config::default().max_message_size(usize::MAX).frame_limit(), MAX_FRAME);
        assert!(Config::default().dialect(Dialect::Classic).identifies_peers());
        assert!(!Config::default().identifies_peers());
    }
}
