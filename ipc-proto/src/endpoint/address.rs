//! `host:port`, and the defaults of both parts.

use alloc::{borrow::ToOwned, string::String};
use core::{fmt, net::Ipv6Addr};

use crate::error::ConfigError;

/// node-ipc's `networkHost`, where no host is given.
pub const DEFAULT_HOST: &str = "127.0.0.1";

/// node-ipc's `networkPort`, where no port is given.
pub const DEFAULT_PORT: u16 = 8000;

/// Splits `HOST:PORT`. A text of digits is a port of [`DEFAULT_HOST`]; a host alone has [`DEFAULT_PORT`].
///
/// An IPv6 address stands in brackets, `[::1]:8000`, and is returned without them.
///
/// # Errors
///
/// [`ConfigError`] for a host that is empty or cannot be one, and for a port that is no number from 0 to 65535.
pub fn host_port(text: &str) -> Result<(String, u16), ConfigError> {
    host_port_or(text, DEFAULT_HOST, DEFAULT_PORT)
}

/// As [`host_port`], with other defaults.
///
/// # Errors
///
/// As there.
pub fn host_port_or(text: &str, default_host: &str, default_port: u16) -> Result<(String, u16), ConfigError> {
    if let Some(rest) = text.strip_prefix('[') {
        return bracketed(text, rest, default_port);
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok((default_host.to_owned(), port(text)?));
    }
    match text.split_once(':') {
        Some((_, rest)) if rest.contains(':') => Err(bad_host(text, "write an IPv6 address as [::1]:8000")),
        Some((name, number)) => Ok((host(name)?, port(number)?)),
        None => Ok((host(text)?, default_port)),
    }
}

/// Writes what [`host_port_or`] reads, after `scheme:`.
pub(super) fn write(f: &mut fmt::Formatter<'_>, scheme: &str, host: &str, port: u16) -> fmt::Result {
    if host.contains(':') { write!(f, "{scheme}:[{host}]:{port}") } else { write!(f, "{scheme}:{host}:{port}") }
}

fn bracketed(text: &str, rest: &str, default_port: u16) -> Result<(String, u16), ConfigError> {
    let Some((address, tail)) = rest.split_once(']') else {
        return Err(bad_host(text, "close the bracket: [::1]:8000"));
    };
    // A zone (fe80::1%eth0) is the resolver's business.
    let number = address.split_once('%').map_or(address, |(number, _)| number);
    if number.parse::<Ipv6Addr>().is_err() {
        return Err(bad_host(text, "brackets hold an IPv6 address: [::1]:8000"));
    }
    match tail.strip_prefix(':') {
        Some(digits) => Ok((address.to_owned(), port(digits)?)),
        None if tail.is_empty() => Ok((address.to_owned(), default_port)),
        None => Err(bad_host(text, "a colon and a port follow the bracket: [::1]:8000")),
    }
}

fn host(name: &str) -> Result<String, ConfigError> {
    let stray = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | '\\' | '[' | ']');
    if name.is_empty() || name.contains(stray) {
        return Err(bad_host(name, "write a host name or an address, as in 127.0.0.1:8000"));
    }
    Ok(name.to_owned())
}

fn port(digits: &str) -> Result<u16, ConfigError> {
    let hint = "write a number from 0 to 65535";
    // u16 would take a leading plus.
    let error = || ConfigError::new("port", digits, hint);
    if digits.starts_with('+') { Err(error()) } else { digits.parse().map_err(|_| error()) }
}

fn bad_host(text: &str, hint: &str) -> ConfigError {
    ConfigError::new("host", text, hint)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn hosts_and_ports() {
        let cases = [
            ("localhost:1", "localhost", 1),
            ("10.0.0.1:65535", "10.0.0.1", 65535),
            ("0.0.0.0:0", "0.0.0.0", 0),
            ("example.org", "example.org", 8000),
            ("127.0.0.1", "127.0.0.1", 8000),
            ("9000", "127.0.0.1", 9000),
            ("[::1]:8000", "::1", 8000),
            ("[::1]", "::1", 8000),
            ("[fe80::1%eth0]:5", "fe80::1%eth0", 5),
        ];
        for (text, host, port) in cases {
            assert_eq!(host_port(text), Ok((host.to_owned(), port)), "{text}");
        }
    }

    #[test]
    fn refused_hosts_and_ports() {
        let cases = [
            ("", "host", "host name"),
            (":8000", "host", "host name"),
            ("::1", "host", "[::1]:8000"),
            ("::1:8000", "host", "[::1]:8000"),
            ("[::1", "host", "close"),
            ("[::1]8000", "host", "colon"),
            ("[localhost]:1", "host", "IPv6"),
            ("a b:1", "host", "host name"),
            ("a/b:1", "host", "host name"),
            ("h:", "port", "65535"),
            ("h:65536", "port", "65535"),
            ("65536", "port", "65535"),
            ("h:+1", "port", "65535"),
            ("h:http", "port", "65535"),
        ];
        for (text, option, hint) in cases {
            let error = host_port(text).expect_err(text);
            assert_eq!(error.option(), option, "{text}");
            assert!(error.to_string().contains(hint), "{text}: {error}");
        }
    }
}

#[cfg(test)]
mod properties {
    use alloc::{format, string::ToString};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_may_be_left_out_is_the_default(name in "[a-z][a-z0-9.-]{0,9}", number: u16, v6: Ipv6Addr, other: u16) {
            let cases = [
                (format!("{name}:{number}"), name.clone(), number),
                (name.clone(), name, other),
                (number.to_string(), "h".into(), number),
                (format!("[{v6}]:{number}"), v6.to_string(), number),
                (format!("[{v6}]"), v6.to_string(), other),
            ];
            for (text, host, port) in cases {
                prop_assert_eq!(host_port_or(&text, "h", other), Ok((host, port)));
            }
            prop_assert!(host_port(&v6.to_string()).is_err(), "without brackets it could be read in two ways");
        }

        #[test]
        fn no_host_has_a_space_or_a_slash(text in r"[a0:\[\]/\\ \t.%-]{0,10}") {
            if let Ok((host, _)) = host_port(&text) {
                prop_assert!(!host.is_empty() && !host.contains(['/', '\\', ' ', '\t', '[', ']']), "{host:?}");
            }
        }
    }
}
