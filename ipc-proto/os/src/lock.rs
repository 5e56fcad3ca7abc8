//! The lock beside a socket's path.

use core::time::Duration;
use std::{
    ffi::OsString,
    fs::{self, File},
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::{Path, PathBuf},
    thread,
};

use ipc_proto::BindError;
use rustix::{
    fs::{FlockOperation, Mode, OFlags, flock},
    io::Errno,
};

use crate::local::{io_error, missing_folder};

/// How often starting and an explicit stop try to take the lock: about two seconds in all.
pub(crate) const PATIENT: u32 = 200;

/// How often a drop tries, which must not hold its thread for long: about a tenth of a second.
pub(crate) const HASTY: u32 = 10;

const PAUSE: Duration = Duration::from_millis(10);

/// The lock of one path. It is free again when this value, or its process, is gone.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of the socket at `path`, trying `tries` times.
    pub(crate) fn take(path: &Path, tries: u32) -> Result<Self, BindError> {
        let lock_path = lock_path(path);
        for attempt in 0..tries {
            if attempt > 0 {
                thread::sleep(PAUSE);
            }
            let file = open(path, &lock_path)?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) if is_at(&file, &lock_path) => return Ok(Self { _file: file }),
                Ok(()) | Err(Errno::WOULDBLOCK | Errno::INTR) => {}
                Err(errno) => return Err(io_error(path, errno)),
            }
        }
        Err(locked(&lock_path, "another server keeps starting or stopping there; try again"))
    }
}

pub(crate) fn lock_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".lock");
    name.into()
}

/// Opens the lock file or makes it; nothing but a regular file will do, and no link is followed.
fn open(path: &Path, lock_path: &Path) -> Result<File, BindError> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = match rustix::fs::open(lock_path, flags, Mode::RUSR | Mode::WUSR) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT | Errno::NOTDIR) => return Err(missing_folder(path)),
        Err(errno) => return Err(refused(path, lock_path, errno)),
    };
    match file.metadata() {
        Ok(data) if data.is_file() => Ok(file),
        Ok(_) => Err(locked(lock_path, "it is no regular file; remove it")),
        Err(error) => Err(io_error(path, error)),
    }
}

/// A lock file that stands there and cannot be opened is the trouble; else the folder is.
fn refused(path: &Path, lock_path: &Path, errno: Errno) -> BindError {
    match fs::symlink_metadata(lock_path) {
        Ok(data) if data.file_type().is_symlink() => locked(lock_path, "it is a symbolic link; remove it"),
        Ok(data) if data.is_dir() || data.file_type().is_socket() => {
            locked(lock_path, "it is no regular file; remove it")
        }
        Ok(data) if matches!(errno, Errno::ACCESS | Errno::PERM) => {
            let owner = format!("it belongs to user {} ({errno}); listen under another name", data.uid());
            locked(lock_path, &owner)
        }
        // No room, no more files, a system that is read only.
        Ok(_) | Err(_) => io_error(path, errno),
    }
}

/// Whether `file` is still what stands at `path`: someone may have tidied up while we waited.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) == (there.dev(), there.ino()),
        (Ok(_) | Err(_), _) => false,
    }
}

fn locked(lock_path: &Path, why: &str) -> BindError {
    BindError::Locked { path: lock_path.display().to_string(), why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::os::unix::{fs::symlink, net::UnixListener};

    use super::*;

    fn why(result: Result<Lock, BindError>) -> String {
        match result {
            Err(BindError::Locked { why, .. }) => why,
            other => panic!("{other:?} is not locked"),
        }
    }

    #[test]
    fn the_lock_is_taken_by_one_at_a_time_and_its_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let first = Lock::take(&path, 1).unwrap();
        assert!(why(Lock::take(&path, 2)).contains("another server"));
        drop(first);
        drop(Lock::take(&path, 1).unwrap());
        let data = fs::metadata(lock_path(&path)).unwrap();
        assert_eq!((data.len(), data.mode() & 0o077), (0, 0));
    }

    #[test]
    fn a_lock_file_that_was_tidied_away_locks_nobody_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let first = Lock::take(&path, 1).unwrap();
        fs::remove_file(lock_path(&path)).unwrap();
        assert!(!is_at(&first._file, &lock_path(&path)));
        let second = Lock::take(&path, 1).unwrap();
        assert!(is_at(&second._file, &lock_path(&path)));
    }

    #[test]
    fn nothing_but_a_regular_file_is_a_lock() {
        let folder = tempfile::tempdir().unwrap();
        let [link, directory, socket] = ["l", "d", "s"].map(|name| folder.path().join(name));
        symlink(folder.path().join("target"), lock_path(&link)).unwrap();
        fs::create_dir(lock_path(&directory)).unwrap();
        let _listener = UnixListener::bind(lock_path(&socket)).unwrap();
        assert!(why(Lock::take(&link, 1)).contains("symbolic link"));
        for path in [directory, socket] {
            assert!(why(Lock::take(&path, 1)).contains("no regular file"));
        }
        assert!(!folder.path().join("target").exists());
    }

    #[cfg(not(target_vendor = "apple"))]
    #[test]
    fn a_fifo_does_not_hold_us_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        rustix::fs::mkfifoat(rustix::fs::CWD, lock_path(&path), Mode::RUSR | Mode::WUSR).unwrap();
        assert!(why(Lock::take(&path, 1)).contains("no regular file"));
    }
}
