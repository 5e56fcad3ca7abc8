//! What each option of a file does.

use alloc::{
    collections::BTreeSet,
    string::{String, ToString},
    vec::Vec,
};
use core::{net::IpAddr, time::Duration};

use serde::Deserialize;
use serde_json::Value;

use super::{Field, Loaded, Options};
use crate::{
    config::{Backoff, Family, Profile, TlsOptions, check_name_part, check_root},
    error::{Code, ConfigError},
    frame::Delimiter,
};

type Apply<T> = fn(&mut T, &Field) -> Result<(), ConfigError>;
type Table<T> = [(&'static str, Apply<T>)];

/// node-ipc's options, in the order in which they are read: `rawBuffer` overrules `parser`, and `interface`, which
/// the code knows, overrules `interfaces`, of which the documentation speaks.
pub(super) const NODE: &Table<Loaded> = &[
    ("appspace", |to, field| put_some(&mut to.config.appspace, name_part(field))),
    ("id", |to, field| put_some(&mut to.config.id, name_part(field))),
    ("socketRoot", |to, field| put(&mut to.config.socket_root, root(field))),
    ("encoding", |to, field| put_some(&mut to.config.encoding, field.choice())),
    ("parser", |to, field| put(&mut to.config.profile, profile(field))),
    ("rawBuffer", |to, field| put_some(&mut to.config.profile, Ok(field.is_truthy().then_some(Profile::Raw)))),
    ("sync", |to, field| put(&mut to.config.sync, Ok(field.is_truthy()))),
    ("unlink", |to, field| put(&mut to.config.unlink, Ok(field.is_truthy()))),
    ("identifyPeer", |to, field| put(&mut to.config.identify_peer, Ok(Some(field.is_truthy())))),
    ("delimiter", |to, field| put(&mut to.config.delimiter, delimiter(field))),
    ("maxMessageSize", |to, field| put(&mut to.config.limits.max_message_size, field.limit().map(Some))),
    ("maxPendingBytes", |to, field| put(&mut to.config.limits.max_pending_bytes, field.limit())),
    ("maxEventNameLength", |to, field| put(&mut to.config.limits.max_event_name_length, field.limit())),
    ("messageTimeout", |to, field| put(&mut to.config.limits.message_timeout, message_timeout(field).map(Some))),
    ("maxConnections", |to, field| put(&mut to.config.limits.max_connections, field.limit())),
    ("allowReservedEvents", |to, field| put(&mut to.config.allow_reserved_events, Ok(field.is_truthy()))),
    ("allowedEvents", |to, field| put(&mut to.config.allowed_events, names(field))),
    ("logPayloads", |to, field| put(&mut to.config.log_payloads, Ok(field.is_truthy()))),
    ("retry", |to, field| put(&mut to.config.retry.delay, retry(field))),
    ("maxRetries", |to, field| put(&mut to.config.retry.max, max_retries(field))),
    ("stopRetrying", |to, field| put(&mut to.config.retry.stop, Ok(field.is_truthy()))),
    ("tls", |to, field| put(&mut to.config.tls, tls(field))),
    ("networkHost", |to, field| put_some(&mut to.config.network_host, field.text())),
    ("networkPort", |to, field| put(&mut to.config.network_port, field.port())),
    ("readableAll", |to, field| put(&mut to.config.readable_all, Ok(field.is_truthy()))),
    ("writableAll", |to, field| put(&mut to.config.writable_all, Ok(field.is_truthy()))),
    ("secureSocketRoot", |to, field| put(&mut to.config.secure_socket_root, Ok(field.is_truthy()))),
    ("interfaces", interface),
    ("interface", interface),
    ("IPType", ignore),
    ("logDepth", ignore),
    ("logInColor", ignore),
    ("logger", ignore),
    ("silent", ignore),
];

/// The options that node-ipc does not have.
pub(super) const OWN: &Table<Loaded> = &[
    ("dialect", |to, field| put_some(&mut to.config.dialect, field.choice())),
    ("drainTimeout", |to, field| put(&mut to.config.drain_timeout, field.long_span())),
    ("messageTtl", |to, field| put(&mut to.config.message_ttl, field.maybe_span())),
    ("overflow", |to, field| put_some(&mut to.config.overflow, field.choice())),
    ("slowPeer", |to, field| put_some(&mut to.config.slow_peer, field.choice())),
    ("syncLoss", |to, field| put_some(&mut to.config.sync_loss, field.choice())),
    ("syncTimeout", |to, field| put(&mut to.config.sync_timeout, field.maybe_span())),
    ("memoryBudget", |to, field| put(&mut to.config.limits.memory_budget, field.limit())),
    ("maxUdpPeers", |to, field| put(&mut to.config.limits.max_udp_peers, field.limit())),
    ("udpIdleTimeout", |to, field| put(&mut to.config.limits.udp_idle_timeout, field.long_span())),
    ("maxUdpPartial", |to, field| put(&mut to.config.limits.max_udp_partial, field.limit())),
    ("udpPartialBudget", |to, field| put(&mut to.config.limits.udp_partial_budget, field.limit())),
    ("allowedUids", |to, field| put(&mut to.config.allowed_uids, uids(field))),
    ("reusePort", |to, field| put(&mut to.config.reuse_port, Ok(field.is_truthy()))),
    ("backoff", |to, field| put(&mut to.config.retry.backoff, backoff(field))),
];

const INTERFACE: &Table<Loaded> = &[
    ("interface.localAddress", |to, field| put(&mut to.config.interface.local_address, address(field))),
    ("interface.localPort", |to, field| put(&mut to.config.interface.local_port, local_port(field))),
    ("interface.family", |to, field| put(&mut to.config.interface.family, family(field))),
    ("interface.hints", ignore_set),
    ("interface.lookup", ignore_set),
];

const BACKOFF: &Table<Backoff> = &[
    ("backoff.factor", |to, field| put(&mut to.factor, number(field))),
    ("backoff.maxDelay", |to, field| put(&mut to.max_delay, field.long_span())),
    ("backoff.jitter", |to, field| put(&mut to.jitter, number(field))),
    ("backoff.seed", |to, field| put(&mut to.seed, seed(field))),
];

fn put<T>(option: &mut T, value: Result<T, ConfigError>) -> Result<(), ConfigError> {
    *option = value?;
    Ok(())
}

/// As [`put`], but nothing leaves the option as it is.
fn put_some<T>(option: &mut T, value: Result<Option<T>, ConfigError>) -> Result<(), ConfigError> {
    if let Some(value) = value? {
        *option = value;
    }
    Ok(())
}

fn ignore(to: &mut Loaded, field: &Field) -> Result<(), ConfigError> {
    if !to.ignored.contains(&field.name) {
        to.ignored.push(field.name);
    }
    Ok(())
}

fn ignore_set(to: &mut Loaded, field: &Field) -> Result<(), ConfigError> {
    if field.is_truthy() { ignore(to, field) } else { Ok(()) }
}

fn name_part(field: &Field) -> Result<Option<String>, ConfigError> {
    let text = field.text()?;
    check_name_part(field.name, text.as_deref().unwrap_or_default())?;
    Ok(text)
}

fn root(field: &Field) -> Result<Option<String>, ConfigError> {
    let text = field.text()?;
    check_root(field.name, text.as_deref())?;
    Ok(text)
}

fn profile(field: &Field) -> Result<Profile, ConfigError> {
    if field.is_truthy() { Ok(field.choice()?.unwrap_or_default()) } else { Ok(Profile::Fast) }
}

fn delimiter(field: &Field) -> Result<Delimiter, ConfigError> {
    match field.value.as_str() {
        Some(text) if !text.is_empty() => Ok(text.into()),
        Some(_) | None => Err(field.error("use at least one character; node-ipc's default is \"\\f\"")),
    }
}

/// Zero and Infinity are both no limit.
fn message_timeout(field: &Field) -> Result<Duration, ConfigError> {
    if field.value.as_f64() == Some(0.0) {
        return Ok(Duration::ZERO);
    }
    match field.limit()? {
        usize::MAX => Ok(Duration::ZERO),
        millis => Ok(Duration::from_millis(millis as u64)),
    }
}

fn names(field: &Field) -> Result<BTreeSet<String>, ConfigError> {
    if !field.is_truthy() {
        return Ok(BTreeSet::new());
    }
    let error = || field.error("use an array of event names");
    let name = |value: &Value| value.as_str().map(String::from).ok_or_else(error);
    field.value.as_array().ok_or_else(error)?.iter().map(name).collect()
}

/// An empty array lets nobody in, which is not the same as nothing.
fn uids(field: &Field) -> Result<Option<Vec<u32>>, ConfigError> {
    if field.value.is_null() {
        return Ok(None);
    }
    let error = || field.error("use an array of the numbers of users");
    let uid = |value: &Value| value.as_u64().and_then(|uid| u32::try_from(uid).ok()).ok_or_else(error);
    field.value.as_array().ok_or_else(error)?.iter().map(uid).collect::<Result<_, _>>().map(Some)
}

/// Less than a millisecond is one, as for `setTimeout`; what is no span would be one as well there, and is refused.
fn retry(field: &Field) -> Result<Duration, ConfigError> {
    field.span().map(|span| span.max(Duration::from_millis(1)))
}

/// node-ipc counts down by one from this number, if it is truthy and else from 0, and stops below 1. A text that is
/// no number would never stop there, and is refused.
fn max_retries(field: &Field) -> Result<Option<u32>, ConfigError> {
    if field.value.is_null() {
        return Ok(None);
    }
    match field.number() {
        Some(f64::INFINITY) => Ok(None),
        // The cast drops fractions, and stops at 0 and at the largest number.
        Some(number) => Ok(Some(number as u32)),
        None => Err(field.error("use a number, or null for no end")),
    }
}

fn tls(field: &Field) -> Result<Option<TlsOptions>, ConfigError> {
    let read = match &field.value {
        // The error does not show the value: there may be a private key in it.
        Value::Object(_) => TlsOptions::deserialize(&field.value)
            .map(Some)
            .map_err(|error| ConfigError::new(field.name, "…", error.to_string())),
        // Never nothing: that would be a connection in plain text.
        _ if field.is_truthy() => Err(field.error("use an object with private, public, trustedConnections, …")),
        _ => Ok(None),
    };
    read.map_err(|error| error.with_code(Code::TlsConfiguration))
}

/// Reads the members of `field`, whose names are those of `table` after the dot; returns the others.
fn members<T>(field: &Field, table: &Table<T>, to: &mut T) -> Result<Options, ConfigError> {
    let Value::Object(members) = &field.value else { return Err(field.error("use an object")) };
    let mut members: Options = members.clone().into_iter().collect();
    for &(name, apply) in table {
        let member = name.split_once('.').map_or(name, |(_, member)| member);
        if let Some(value) = members.remove(member) {
            apply(to, &Field { name, value })?;
        }
    }
    Ok(members)
}

fn interface(to: &mut Loaded, field: &Field) -> Result<(), ConfigError> {
    if field.is_truthy() {
        let others = members(field, INTERFACE, to)?;
        to.unknown.extend(others.into_keys().map(|name| alloc::format!("interface.{name}")));
    }
    Ok(())
}

fn address(field: &Field) -> Result<Option<IpAddr>, ConfigError> {
    let address = || field.value.as_str().and_then(|text| text.parse().ok());
    let error = || field.error("use an IPv4 or IPv6 address of this machine");
    if field.is_truthy() { address().ok_or_else(error).map(Some) } else { Ok(None) }
}

fn local_port(field: &Field) -> Result<Option<u16>, ConfigError> {
    if field.is_truthy() { field.port().map(|port| Some(port).filter(|port| *port != 0)) } else { Ok(None) }
}

fn family(field: &Field) -> Result<Option<Family>, ConfigError> {
    match field.text().ok().flatten().as_deref() {
        Some("4" | "IPv4") => Ok(Some(Family::V4)),
        Some("6" | "IPv6") => Ok(Some(Family::V6)),
        Some(_) | None if !field.is_truthy() => Ok(None),
        Some(_) | None => Err(field.error("use 4 or 6")),
    }
}

fn backoff(field: &Field) -> Result<Option<Backoff>, ConfigError> {
    let mut backoff = Backoff::default();
    if !field.is_truthy() {
        return Ok(None);
    }
    if field.value != true {
        let others = members(field, BACKOFF, &mut backoff)?;
        if let Some(name) = others.into_keys().next() {
            return Err(field.error(alloc::format!("remove {name}; use factor, maxDelay, jitter and seed")));
        }
    }
    backoff.check_numbers()?;
    Ok(Some(backoff))
}

fn number(field: &Field) -> Result<f64, ConfigError> {
    field.number().ok_or_else(|| field.error("use a number"))
}

fn seed(field: &Field) -> Result<Option<u64>, ConfigError> {
    match &field.value {
        Value::Null => Ok(None),
        value => value.as_u64().map(Some).ok_or_else(|| field.error("use a whole number")),
    }
}
