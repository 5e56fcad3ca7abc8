//! What every adapter with named pipes has to know of them, and what they have in common.

mod dial;
mod io;
mod listen;

use std::io::{Error, ErrorKind};

pub use dial::{dial_pipe, pipe_options};
pub use io::{Pipe, PipeIo};
pub use listen::{PipeInstance, PipeListener, WAITING_PIPES};

use ipc_proto::{
    BindError, Config, ConfigError, IoError, Profile,
    endpoint::{Endpoint, PIPE_PREFIX, pipe_name},
};

use crate::path_limit;

const ACCESS_DENIED: i32 = 5;
const NO_DATA: i32 = 232;
const PIPE_BUSY: i32 = 231;
const PIPE_NOT_CONNECTED: i32 = 233;

/// The room of a pipe in each direction, in bytes, and the most that one write takes: a write is copied while it is under
/// way.
pub const PIPE_ROOM: u32 = 64 << 10;

/// The full name of the pipe `name`, for a server: see [`pipe_name`].
///
/// A pipe has the system's default permissions: others may read of it, and only this user, administrators and the system
/// may write to it or serve it as well.
///
/// # Errors
///
/// [`BindError::PathTooLong`] past [`path_limit`], [`BindError::Config`] for a name that no pipe can have, and
/// [`BindError::Assured`] in the assured profile, as in node-ipc 14: a pipe's owner cannot be checked.
pub fn pipe_to_bind(name: &str, config: &Config) -> Result<String, BindError> {
    if matches!(config.profile, Profile::Assured) {
        return Err(BindError::Assured { endpoint: Endpoint::Pipe(name.to_owned()).to_string() });
    }
    let length = PIPE_PREFIX.len() + name.encode_utf16().count();
    let refused = |error: ConfigError| match length > path_limit() {
        true => BindError::PathTooLong(error),
        false => BindError::Config(error),
    };
    pipe_name(name).map_err(refused)
}

/// The full name of the pipe at `endpoint`, for a client.
///
/// # Errors
///
/// `EINVAL` for a name that no pipe can have, and `ENOTSUP` where there is no pipe.
pub fn pipe_to_dial(endpoint: &Endpoint) -> Result<String, IoError> {
    match endpoint {
        Endpoint::Pipe(name) => pipe_name(name).map_err(|error| IoError::new("EINVAL", error.to_string())),
        _ => Err(Error::from(ErrorKind::Unsupported).into()),
    }
}

/// Why the first instance of the pipe `name` could not be made: what denies access is another server's pipe.
#[must_use]
pub fn pipe_bind_error(name: &str, error: &Error) -> BindError {
    let endpoint = Endpoint::Pipe(name.to_owned()).to_string();
    match error.raw_os_error() {
        Some(ACCESS_DENIED | PIPE_BUSY) => BindError::InUse { endpoint, live: true },
        _ => BindError::Io { endpoint, source: IoError::from(error) },
    }
}

/// Whether the server of a pipe is there and has no free instance at the moment.
#[must_use]
pub fn is_pipe_busy(error: &Error) -> bool {
    error.raw_os_error() == Some(PIPE_BUSY)
}

/// Whether reading of a pipe failed because the other end is closed.
#[must_use]
pub fn is_pipe_end(error: &Error) -> bool {
    error.kind() == ErrorKind::BrokenPipe || matches!(error.raw_os_error(), Some(NO_DATA | PIPE_NOT_CONNECTED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_cannot_be_are_refused_by_kind() {
        let plain = Config::default();
        assert_eq!(pipe_to_bind("tmp-app.world", &plain).as_deref(), Ok(r"\\.\pipe\tmp-app.world"));
        assert_eq!(pipe_to_bind(&"p".repeat(248), &plain).unwrap_err().code(), "ENAMETOOLONG");
        assert_eq!(pipe_to_bind(r"a\b", &plain).unwrap_err().code(), "EINVAL");
        let assured = Config::default().profile(Profile::Assured);
        assert_eq!(pipe_to_bind("p", &assured).unwrap_err().code(), "ERR_IPC_ASSURED_TRANSPORT");
    }

    #[test]
    fn errors_are_told_apart() {
        let error = Error::from_raw_os_error;
        assert_eq!(
            pipe_bind_error("p", &error(ACCESS_DENIED)),
            BindError::InUse { endpoint: "pipe:p".into(), live: true }
        );
        assert!(matches!(pipe_bind_error("p", &error(2)), BindError::Io { .. }));
        assert!(is_pipe_busy(&error(PIPE_BUSY)) && !is_pipe_busy(&error(2)));
        assert!([109, NO_DATA, PIPE_NOT_CONNECTED].map(error).iter().all(is_pipe_end));
        assert!(!is_pipe_end(&error(2)));
        assert_eq!(IoError::from(error(PIPE_BUSY)).code(), "EBUSY");
    }
}
