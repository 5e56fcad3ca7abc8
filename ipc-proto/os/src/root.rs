//! The private folder of Modern sockets.

use std::{
    fs::{DirBuilder, File, Metadata, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::Path,
};

use ipc_proto::{
    BindError, Config, Dialect, Profile,
    endpoint::{self, Environment},
};
use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
};

use crate::local::io_error;

/// The bit of folders like `/tmp`, that are shared on purpose.
const STICKY: u32 = 0o1000;

/// Makes the socket root ready when `path` lies directly inside it. Folders elsewhere are left as they are.
pub(crate) fn prepare(path: &Path, config: &Config, environment: &Environment) -> Result<(), BindError> {
    let root = private_root(config, environment).filter(|root| path.parent() == Some(Path::new(root)));
    if matches!(config.profile, Profile::Assured) && (root.is_none() || !config.secure_socket_root) {
        return Err(BindError::Assured { endpoint: format!("unix:{}", path.display()) });
    }
    // The parent rather than the root: a trailing slash would follow a link.
    match path.parent() {
        Some(folder) if root.is_some() => make(folder, path, config.secure_socket_root),
        Some(_) | None => Ok(()),
    }
}

/// The Modern root is private whoever serves there; a root of the user's own is so in the Modern dialect only.
fn private_root(config: &Config, environment: &Environment) -> Option<String> {
    match (&config.socket_root, config.dialect) {
        (Some(_), Dialect::Classic) => None,
        (Some(root), _) => Some(root.clone()),
        (None, _) => Some(endpoint::modern_root(environment)),
    }
}

fn make(root: &Path, path: &Path, secure: bool) -> Result<(), BindError> {
    match DirBuilder::new().recursive(true).mode(0o700).create(root) {
        // Something else stands there: the next step says what.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(io_error(path, error)),
        Ok(()) | Err(_) => {}
    }
    if secure { close_to_others(root, path) } else { Ok(()) }
}

/// Insists on a real folder of ours, and takes its permissions from everyone else.
fn close_to_others(root: &Path, path: &Path) -> Result<(), BindError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = match rustix::fs::open(root, flags, Mode::empty()) {
        Ok(folder) => File::from(folder),
        Err(Errno::NOTDIR | Errno::LOOP | Errno::MLINK) => return Err(insecure(root, "it is no real folder")),
        Err(errno) => return Err(io_error(path, errno)),
    };
    let data = folder.metadata().map_err(|error| io_error(path, error))?;
    check_owner(root, &data)?;
    if data.mode() & 0o077 == 0 {
        return Ok(());
    }
    // Closing a folder that others live in would break the machine.
    if data.mode() & STICKY != 0 || root.parent().is_none() {
        return Err(insecure(root, "it is shared with other users"));
    }
    folder.set_permissions(Permissions::from_mode(0o700)).map_err(|error| io_error(path, error))
}

fn check_owner(root: &Path, data: &Metadata) -> Result<(), BindError> {
    let ours = rustix::process::geteuid().as_raw();
    if data.uid() == ours {
        return Ok(());
    }
    Err(insecure(root, &format!("it belongs to user {}, and this is user {ours}", data.uid())))
}

fn insecure(root: &Path, why: &str) -> BindError {
    BindError::SocketRoot { path: root.display().to_string(), why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    fn rooted(root: &Path) -> Config {
        Config::default().socket_root(format!("{}/", root.display()))
    }

    fn why(root: &Path, config: &Config) -> String {
        match prepare(&root.join("app.w"), config, &Environment::default()) {
            Err(BindError::SocketRoot { why, .. }) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_missing_root_is_made_for_us_alone() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("a/b");
        prepare(&root.join("app.w"), &rooted(&root), &Environment::default()).unwrap();
        assert_eq!((mode(&root), mode(&folder.path().join("a"))), (0o700, 0o700));
    }

    #[test]
    fn the_default_root_is_private_in_both_dialects() {
        let folder = tempfile::tempdir().unwrap();
        for dialect in [Dialect::Modern, Dialect::Classic] {
            let mut here = Environment::default();
            here.runtime_dir = Some(folder.path().join(format!("{dialect:?}")).to_str().unwrap().to_owned());
            let config = Config::default().dialect(dialect);
            let path = endpoint::local_path(&config, &here, Dialect::Modern, "w");
            prepare(Path::new(&path), &config, &here).unwrap();
            assert_eq!(mode(Path::new(&path).parent().unwrap()), 0o700);
        }
    }

    #[test]
    fn the_permissions_of_others_are_taken_away_unless_told_not_to() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        fs::create_dir(&root).unwrap();
        let path = root.join("app.w");
        let cases = [
            (rooted(&root).secure_socket_root(false), 0o755),
            (rooted(&root).dialect(Dialect::Classic), 0o755),
            (rooted(folder.path()), 0o755),
            (rooted(&root), 0o700),
        ];
        for (config, expected) in cases {
            set_mode(&root, 0o755);
            prepare(&path, &config, &Environment::default()).unwrap();
            assert_eq!(mode(&root), expected);
        }
    }

    #[test]
    fn only_a_real_folder_is_a_root() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("real");
        fs::create_dir(&real).unwrap();
        set_mode(&real, 0o755);
        let [link, dangling, file] = ["link", "dangling", "file"].map(|name| folder.path().join(name));
        symlink(&real, &link).unwrap();
        symlink(folder.path().join("nowhere"), &dangling).unwrap();
        fs::write(&file, "").unwrap();
        for root in [&link, &dangling, &file] {
            assert!(why(root, &rooted(root)).contains("no real folder"));
        }
        assert_eq!(mode(&real), 0o755);
        assert!(prepare(&link.join("w"), &rooted(&link).secure_socket_root(false), &Environment::default()).is_ok());
    }

    #[test]
    fn a_shared_folder_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        set_mode(folder.path(), 0o1777);
        assert!(why(folder.path(), &rooted(folder.path())).contains("shared"));
        assert_eq!(mode(folder.path()), 0o1777);
    }

    #[test]
    fn a_folder_of_someone_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        // The superuser can give a folder away; everyone else finds one that belongs to the superuser.
        let given = std::os::unix::fs::chown(folder.path(), Some(12345), None).is_ok();
        let root = if given { folder.path() } else { Path::new("/usr") };
        assert!(why(root, &rooted(root)).contains("belongs to user"));
    }

    #[test]
    fn assured_servers_live_in_a_secure_root_only() {
        let folder = tempfile::tempdir().unwrap();
        let assured = rooted(folder.path()).profile(Profile::Assured);
        let inside = folder.path().join("app.w");
        let nobody = Environment::default();
        assert_eq!(prepare(&inside, &assured, &nobody), Ok(()));
        let refused = [
            (inside.clone(), assured.clone().secure_socket_root(false)),
            (inside, assured.clone().dialect(Dialect::Classic)),
            (folder.path().join("sub/app.w"), assured.clone()),
            (folder.path().join("sub/../app.w"), assured),
        ];
        for (path, config) in refused {
            let error = prepare(&path, &config, &nobody).unwrap_err();
            assert_eq!(error.code(), "ERR_IPC_ASSURED_TRANSPORT", "{path:?}");
        }
    }
}
