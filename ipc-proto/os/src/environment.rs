//! What the core must be told about the machine.

use std::env;

use ipc_proto::endpoint::{Endpoint, Environment};

/// This machine and this user, as Node sees them.
///
/// Variables that are no UTF-8 count as absent. On Windows the names of the user and of the machine are
/// `%USERNAME%` and `%COMPUTERNAME%`.
#[must_use]
pub fn environment() -> Environment {
    let mut here = Environment::default();
    here.windows = cfg!(windows);
    here.runtime_dir = variable("XDG_RUNTIME_DIR");
    here.temp_dir = temp_dir();
    here.user = user();
    here.uid = uid();
    here.host_name = host_name();
    here
}

/// Whether the system says which user connects to `endpoint`.
#[must_use]
pub fn knows_users(endpoint: &Endpoint) -> bool {
    cfg!(any(target_os = "linux", target_os = "android"))
        && matches!(endpoint, Endpoint::Path(_) | Endpoint::Abstract(_))
}

/// How long the name of a local socket may be: bytes of a Unix path, or UTF-16 units of a Windows pipe's full name.
#[must_use]
pub const fn path_limit() -> usize {
    if cfg!(windows) {
        256
    } else if cfg!(any(target_os = "linux", target_os = "android", target_os = "illumos", target_os = "solaris")) {
        107
    } else {
        103
    }
}

/// The variable's value, unless it is empty.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Node's `os.tmpdir()`, which looks further than the standard library does.
fn temp_dir() -> String {
    let named = ["TMPDIR", "TMP", "TEMP"].into_iter().find_map(variable);
    let folder = named.unwrap_or_else(|| "/tmp".to_owned());
    match folder.strip_suffix('/') {
        Some(rest) if !rest.is_empty() => rest.to_owned(),
        Some(_) | None => folder,
    }
}

fn user() -> String {
    let name = if cfg!(windows) { variable("USERNAME") } else { variable("USER").or_else(|| variable("LOGNAME")) };
    name.unwrap_or_else(|| "user".to_owned())
}

#[cfg(unix)]
fn uid() -> u32 {
    rustix::process::getuid().as_raw()
}

#[cfg(not(unix))]
fn uid() -> u32 {
    0
}

#[cfg(unix)]
fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn host_name() -> String {
    variable("COMPUTERNAME").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use ipc_proto::{Config, endpoint};

    use super::*;

    #[test]
    fn a_default_server_has_a_name_and_a_place() {
        let here = environment();
        assert!(!here.host_name.is_empty());
        assert!(!here.temp_dir.is_empty());
        let path = endpoint::server_path(&Config::default(), &here);
        assert!(path.ends_with(&format!("/app.{}", here.host_name)), "{path}");
    }

    #[cfg(unix)]
    #[test]
    fn sockets_take_a_path_as_long_as_the_limit_and_no_longer() {
        use rustix::net::SocketAddrUnix;
        use std::os::unix::net::SocketAddr;

        let longest = "p".repeat(path_limit());
        assert!(SocketAddr::from_pathname(&longest).is_ok());
        assert!(SocketAddrUnix::new(longest.as_str()).is_ok());
        assert!(SocketAddr::from_pathname(longest + "p").is_err());
    }
}
