//! Removing the own socket, and no other.

use std::{
    fs::{self, File, Metadata},
    io,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::{Path, PathBuf},
};

use ipc_proto::BindError;

use crate::{
    local::io_error,
    lock::{HASTY, Lock, PATIENT},
};

/// Removes a server's socket from the file system when the server stops.
///
/// It does so under the path's lock, and only while the socket that was bound still stands there: a server that took
/// the path over keeps its own.
///
/// Dropping removes too, and waits up to a tenth of a second for the lock; what stays behind then is a dead socket,
/// which the next server replaces. Drop the guard **before** the listener where you can: until then nobody takes the
/// path for dead.
#[derive(Debug)]
#[must_use = "dropping the guard removes the socket from the file system"]
pub struct SocketGuard {
    path: PathBuf,
    footprint: Footprint,
}

impl SocketGuard {
    pub(crate) const fn new(path: PathBuf, footprint: Footprint) -> Self {
        Self { path, footprint }
    }

    /// The socket's path, made absolute when it was bound.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the socket, waiting up to two seconds for the lock.
    ///
    /// # Errors
    ///
    /// [`BindError::Locked`] when the lock cannot be had, [`BindError::Io`] when the system refuses. A socket that is
    /// gone, or another's, is no error.
    pub fn close(self) -> Result<(), BindError> {
        self.remove(PATIENT)
    }

    fn remove(&self, tries: u32) -> Result<(), BindError> {
        // Looking first leaves no lock file in a folder that somebody is clearing away.
        if !self.footprint.is_at(&self.path) {
            return Ok(());
        }
        let _lock = Lock::take(&self.path, tries)?;
        if !self.footprint.is_at(&self.path) {
            return Ok(());
        }
        fs::remove_file(&self.path).map_err(|error| io_error(&self.path, error))
    }
}

impl Drop for SocketGuard {
    fn drop(&mut self) {
        // A drop has nobody to tell, and a dead socket does no harm.
        drop(self.remove(HASTY));
    }
}

/// Which socket was bound.
#[derive(Debug)]
pub(crate) struct Footprint {
    device: u64,
    inode: u64,
    /// Keeps the inode's number from being given to another file, even when the listener is closed first.
    _pin: Option<File>,
}

impl Footprint {
    /// The footprint of the socket that was just bound at `path`.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let (data, pin) = look(path)?;
        if data.file_type().is_socket() {
            Ok(Self { device: data.dev(), inode: data.ino(), _pin: pin })
        } else {
            Err(io::Error::other("something else took the place of the socket"))
        }
    }

    fn is_at(&self, path: &Path) -> bool {
        fs::symlink_metadata(path)
            .is_ok_and(|data| data.file_type().is_socket() && (data.dev(), data.ino()) == (self.device, self.inode))
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn look(path: &Path) -> io::Result<(Metadata, Option<File>)> {
    use rustix::fs::{Mode, OFlags};

    let pin = File::from(rustix::fs::open(path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?);
    Ok((pin.metadata()?, Some(pin)))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn look(path: &Path) -> io::Result<(Metadata, Option<File>)> {
    Ok((fs::symlink_metadata(path)?, None))
}
