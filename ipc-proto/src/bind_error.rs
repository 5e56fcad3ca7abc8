//! Why a server could not start to listen.

use alloc::string::String;
use core::{error::Error, fmt};

use crate::error::{Code, ConfigError, IoError};

/// Why a server could not listen, and the way out.
///
/// Endpoints are written as [`Endpoint`](crate::endpoint::Endpoint) writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BindError {
    /// An option, a path or a name that cannot be.
    Config(ConfigError),
    /// The path or name is longer than the system allows for a socket.
    PathTooLong(ConfigError),
    /// The endpoint is taken.
    InUse {
        /// Which endpoint.
        endpoint: String,
        /// A server answers there; otherwise a dead socket stands there, and `unlink` is off.
        live: bool,
    },
    /// Something that is no socket stands at the path. It is never removed.
    NotSocket {
        /// The path.
        path: String,
    },
    /// The folder of the path is missing, or no folder.
    MissingFolder {
        /// The path.
        path: String,
        /// The folder that is not there.
        folder: String,
    },
    /// The socket root is not a private folder of this user, as `secure_socket_root` demands.
    SocketRoot {
        /// The socket root.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The lock file beside the path cannot be had: another server is starting or stopping, or another user owns it.
    Locked {
        /// The lock file.
        path: String,
        /// Who or what is in the way.
        why: String,
    },
    /// The assured profile allows local servers directly inside a secure socket root only.
    Assured {
        /// Which endpoint.
        endpoint: String,
    },
    /// The operating system refused.
    Io {
        /// Which endpoint.
        endpoint: String,
        /// What it said.
        source: IoError,
    },
}

impl BindError {
    /// The code as Node or node-ipc has it: an errno's name or `ERR_IPC_…`.
    ///
    /// | variant | code |
    /// |---|---|
    /// | `Config` | `EINVAL` |
    /// | `PathTooLong` | `ENAMETOOLONG` |
    /// | `InUse` | `EADDRINUSE` |
    /// | `NotSocket` | `ERR_IPC_UNLINK_NOT_SOCKET` |
    /// | `MissingFolder` | `ENOENT` |
    /// | `SocketRoot` | `ERR_IPC_SOCKET_ROOT` |
    /// | `Locked` | `EBUSY` |
    /// | `Assured` | `ERR_IPC_ASSURED_TRANSPORT` |
    /// | `Io` | the errno's name |
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Config(_) => "EINVAL",
            Self::PathTooLong(_) => "ENAMETOOLONG",
            Self::InUse { .. } => "EADDRINUSE",
            Self::NotSocket { .. } => "ERR_IPC_UNLINK_NOT_SOCKET",
            Self::MissingFolder { .. } => "ENOENT",
            Self::SocketRoot { .. } => "ERR_IPC_SOCKET_ROOT",
            Self::Locked { .. } => "EBUSY",
            Self::Assured { .. } => Code::AssuredTransport.as_str(),
            Self::Io { source, .. } => source.code(),
        }
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) | Self::PathTooLong(error) => error.fmt(f),
            Self::InUse { endpoint, live: true } => {
                write!(f, "{endpoint} is in use; stop the server there, or listen under another name")
            }
            Self::InUse { endpoint, live: false } => {
                write!(f, "{endpoint} was left behind by a server that is gone; remove it, or set unlink to true")
            }
            Self::NotSocket { path } => {
                write!(f, "{path} is no socket and is left alone; move it away, or listen on another path")
            }
            Self::MissingFolder { path, folder } => {
                write!(f, "no socket can be made at {path}: there is no folder {folder}; create it first")
            }
            Self::SocketRoot { path, why } => {
                write!(
                    f,
                    "socket_root cannot be {path:?}: {why}; use a folder of your own, or turn secure_socket_root off"
                )
            }
            Self::Locked { path, why } => write!(f, "the lock file {path} cannot be had: {why}"),
            Self::Assured { endpoint } => write!(
                f,
                "the assured profile cannot listen on {endpoint}: use a path directly inside the socket root of the \
                 modern dialect, with secure_socket_root on (not on Windows), or mutual TLS"
            ),
            Self::Io { endpoint, source } => write!(f, "cannot listen on {endpoint}: {source}"),
        }
    }
}

impl Error for BindError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Config(error) | Self::PathTooLong(error) => Some(error),
            Self::Io { source, .. } => Some(source),
            Self::InUse { .. }
            | Self::NotSocket { .. }
            | Self::MissingFolder { .. }
            | Self::SocketRoot { .. }
            | Self::Locked { .. }
            | Self::Assured { .. } => None,
        }
    }
}

impl From<ConfigError> for BindError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn every_error_has_a_code_and_names_what_it_is_about() {
        let about = || "unix:/s/app.w".to_string();
        let config = || ConfigError::new("path", "/s/app.w", "shorten it");
        let cases = [
            (BindError::from(config()), "EINVAL", "shorten"),
            (BindError::PathTooLong(config()), "ENAMETOOLONG", "shorten"),
            (BindError::InUse { endpoint: about(), live: true }, "EADDRINUSE", "stop the server"),
            (BindError::InUse { endpoint: about(), live: false }, "EADDRINUSE", "unlink"),
            (BindError::NotSocket { path: about() }, "ERR_IPC_UNLINK_NOT_SOCKET", "move it"),
            (BindError::MissingFolder { path: about(), folder: "/s".into() }, "ENOENT", "folder /s;"),
            (
                BindError::SocketRoot { path: about(), why: "a link".into() },
                "ERR_IPC_SOCKET_ROOT",
                "secure_socket_root",
            ),
            (BindError::Locked { path: about(), why: "it is not yours".into() }, "EBUSY", "not yours"),
            (BindError::Assured { endpoint: about() }, "ERR_IPC_ASSURED_TRANSPORT", "directly inside"),
            (BindError::Io { endpoint: about(), source: IoError::new("EROFS", "read-only") }, "EROFS", "read-only"),
        ];
        for (error, code, hint) in cases {
            assert_eq!(error.code(), code);
            let text = error.to_string();
            assert!(text.contains("/s/app.w") && text.contains(hint), "{text}");
            let caused = matches!(error, BindError::Config(_) | BindError::PathTooLong(_) | BindError::Io { .. });
            assert_eq!(error.source().is_some(), caused);
            assert!(error.source().is_none_or(|cause| text.contains(&cause.to_string())));
        }
    }
}
