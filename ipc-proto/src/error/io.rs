//! What the operating system said, without `std`.

use alloc::{borrow::Cow, boxed::Box};
use core::fmt;

/// The transport failed: what the operating system said, without `std`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IoError {
    code: Cow<'static, str>,
    message: Box<str>,
}

impl IoError {
    /// `code` is the errno's name, as in Node's `err.code`.
    #[must_use]
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<Box<str>>) -> Self {
        Self { code: code.into(), message: message.into() }
    }

    /// The errno's name: `ECONNREFUSED`, `ENOENT`, ….
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }
}

impl fmt::Display for IoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl core::error::Error for IoError {}

#[cfg(feature = "std")]
impl From<&std::io::Error> for IoError {
    fn from(error: &std::io::Error) -> Self {
        Self::new(errno_name(error), alloc::string::ToString::to_string(error))
    }
}

#[cfg(feature = "std")]
impl From<std::io::Error> for IoError {
    fn from(error: std::io::Error) -> Self {
        Self::from(&error)
    }
}

/// The errno names that connecting, listening and transferring can meet.
#[cfg(feature = "std")]
fn errno_name(error: &std::io::Error) -> Cow<'static, str> {
    use std::io::ErrorKind;
    let name = match error.kind() {
        ErrorKind::NotFound => "ENOENT",
        ErrorKind::PermissionDenied => "EACCES",
        ErrorKind::ConnectionRefused => "ECONNREFUSED",
        ErrorKind::ConnectionReset => "ECONNRESET",
        ErrorKind::ConnectionAborted => "ECONNABORTED",
        ErrorKind::HostUnreachable => "EHOSTUNREACH",
        ErrorKind::NetworkUnreachable => "ENETUNREACH",
        ErrorKind::NetworkDown => "ENETDOWN",
        ErrorKind::NotConnected => "ENOTCONN",
        ErrorKind::AddrInUse => "EADDRINUSE",
        ErrorKind::AddrNotAvailable => "EADDRNOTAVAIL",
        ErrorKind::BrokenPipe => "EPIPE",
        ErrorKind::AlreadyExists => "EEXIST",
        ErrorKind::WouldBlock => "EAGAIN",
        ErrorKind::NotADirectory => "ENOTDIR",
        ErrorKind::IsADirectory => "EISDIR",
        ErrorKind::ReadOnlyFilesystem => "EROFS",
        ErrorKind::StorageFull => "ENOSPC",
        ErrorKind::QuotaExceeded => "EDQUOT",
        ErrorKind::InvalidInput => "EINVAL",
        ErrorKind::TimedOut => "ETIMEDOUT",
        ErrorKind::Interrupted => "EINTR",
        ErrorKind::Unsupported => "ENOTSUP",
        ErrorKind::UnexpectedEof => "EOF",
        ErrorKind::OutOfMemory => "ENOMEM",
        _ => return rare_errno_name(error),
    };
    Cow::Borrowed(name)
}

#[cfg(feature = "std")]
fn rare_errno_name(error: &std::io::Error) -> Cow<'static, str> {
    match error.raw_os_error() {
        #[cfg(target_os = "linux")]
        Some(36) => Cow::Borrowed("ENAMETOOLONG"),
        #[cfg(unix)]
        Some(23) => Cow::Borrowed("ENFILE"),
        #[cfg(unix)]
        Some(24) => Cow::Borrowed("EMFILE"),
        #[cfg(target_os = "linux")]
        Some(90) => Cow::Borrowed("EMSGSIZE"),
        #[cfg(target_os = "linux")]
        Some(97) => Cow::Borrowed("EAFNOSUPPORT"),
        #[cfg(target_vendor = "apple")]
        Some(40) => Cow::Borrowed("EMSGSIZE"),
        #[cfg(target_vendor = "apple")]
        Some(47) => Cow::Borrowed("EAFNOSUPPORT"),
        #[cfg(windows)]
        Some(4 | 10024) => Cow::Borrowed("EMFILE"),
        #[cfg(windows)]
        Some(64) => Cow::Borrowed("ECONNRESET"),
        #[cfg(windows)]
        Some(123) => Cow::Borrowed("EINVAL"),
        #[cfg(windows)]
        Some(231) => Cow::Borrowed("EBUSY"),
        #[cfg(windows)]
        Some(233) => Cow::Borrowed("EPIPE"),
        #[cfg(windows)]
        Some(10040) => Cow::Borrowed("EMSGSIZE"),
        #[cfg(windows)]
        Some(10047) => Cow::Borrowed("EAFNOSUPPORT"),
        Some(number) => Cow::Owned(alloc::format!("ERRNO_{number}")),
        None => Cow::Borrowed("EIO"),
    }
}
