//! Socket roots, socket paths and pipe names, as node-ipc of both generations has them.

use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use super::{Endpoint, check_text};
use crate::{
    config::{Config, Dialect},
    error::ConfigError,
};

/// The socket root of node-ipc 9 to 12, on every system.
pub const CLASSIC_ROOT: &str = "/tmp/";

/// What stands before every name of a Windows pipe.
pub const PIPE_PREFIX: &str = r"\\.\pipe\";

/// The longest name of a Windows pipe in UTF-16 units, [`PIPE_PREFIX`] included.
const PIPE_LIMIT: usize = 256;

/// What the core must be told about the machine and the user to find sockets.
///
/// The default describes nobody: user 0 of an unnamed Unix machine with `/tmp`. `ipc_os::environment()` gives the
/// real one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Environment {
    /// Local endpoints are named pipes.
    pub windows: bool,
    /// `XDG_RUNTIME_DIR`; empty counts as absent.
    pub runtime_dir: Option<String>,
    /// The folder for temporary files, as Node's `os.tmpdir()`.
    pub temp_dir: String,
    /// The user's name; only Windows looks at it.
    pub user: String,
    /// The user's number; only Unix looks at it.
    pub uid: u32,
    /// The machine's name, which is the id of a server that has none.
    pub host_name: String,
}

impl Default for Environment {
    fn default() -> Self {
        Self {
            windows: false,
            runtime_dir: None,
            temp_dir: "/tmp".to_owned(),
            user: String::new(),
            uid: 0,
            host_name: String::new(),
        }
    }
}

/// The socket root of node-ipc 14, ending in a slash.
///
/// `$XDG_RUNTIME_DIR/node-ipc/` where that is set, else `node-ipc-<uid>/` in the folder for temporary files; on
/// Windows `/node-ipc-<user>/` (node-ipc 14.0.0, entities/Defaults.js). [`Config::socket_root`] is not looked at.
#[must_use]
pub fn modern_root(environment: &Environment) -> String {
    if environment.windows {
        return format!("/node-ipc-{}/", path_segment(&environment.user));
    }
    match environment.runtime_dir.as_deref() {
        Some(folder) if !folder.is_empty() => join(folder, "node-ipc"),
        Some(_) | None => join(&environment.temp_dir, &format!("node-ipc-{}", environment.uid)),
    }
}

/// The socket root in force for `dialect`: [`Config::socket_root`], or the dialect's own.
#[must_use]
pub fn socket_root(config: &Config, environment: &Environment, dialect: Dialect) -> String {
    match (&config.socket_root, dialect) {
        (Some(root), _) => root.clone(),
        (None, Dialect::Classic) => CLASSIC_ROOT.to_owned(),
        (None, Dialect::Modern) => modern_root(environment),
    }
}

/// The path that `id` stands for in `dialect`: root, appspace and id, one after the other.
///
/// On Windows [`pipe_name`] makes the pipe's name of it.
#[must_use]
pub fn local_path(config: &Config, environment: &Environment, dialect: Dialect, id: &str) -> String {
    format!("{}{}{id}", socket_root(config, environment, dialect), config.appspace)
}

/// Where a client looks for the server `id`: the Modern path, then the Classic one; one path where they are the same.
#[must_use]
pub fn client_paths(config: &Config, environment: &Environment, id: &str) -> Vec<String> {
    let modern = local_path(config, environment, Dialect::Modern, id);
    let classic = local_path(config, environment, Dialect::Classic, id);
    if modern == classic { vec![modern] } else { vec![modern, classic] }
}

/// The id a server goes by: [`Config::id`], or the machine's name where that is empty.
#[must_use]
pub fn server_id<'a>(config: &'a Config, environment: &'a Environment) -> &'a str {
    if config.id.is_empty() { &environment.host_name } else { &config.id }
}

/// Where a server of the config's dialect listens.
#[must_use]
pub fn server_path(config: &Config, environment: &Environment) -> String {
    local_path(config, environment, config.dialect, server_id(config, environment))
}

/// Where a server listens that wants to be found by both generations, in the order of [`client_paths`].
#[must_use]
pub fn both_paths(config: &Config, environment: &Environment) -> Vec<String> {
    client_paths(config, environment, server_id(config, environment))
}

/// The Windows pipe that `path` stands for, in full.
///
/// One leading slash goes, the other slashes become `-`, and [`PIPE_PREFIX`] comes first; a path that begins with
/// the prefix is a pipe's name already (node-ipc 14.0.0, dao/client.js).
///
/// # Errors
///
/// [`ConfigError`] when nothing is left for a name, a backslash or a NUL is in it, or the whole is longer than 256
/// UTF-16 units.
pub fn pipe_name(path: &str) -> Result<String, ConfigError> {
    let name = path.strip_prefix(PIPE_PREFIX).map_or_else(|| flatten(path), ToOwned::to_owned);
    let name = check_text("pipe name", &name)?;
    if name.contains('\\') {
        return Err(ConfigError::new("pipe name", name, "a pipe's name has no backslash; use a dash"));
    }
    let full = format!("{PIPE_PREFIX}{name}");
    let length = full.encode_utf16().count();
    if length > PIPE_LIMIT {
        let hint = format!("it has {length} characters with {PIPE_PREFIX}, and the limit is {PIPE_LIMIT}");
        return Err(ConfigError::new("pipe name", name, hint));
    }
    Ok(full)
}

/// The local endpoint that `path` stands for on this machine: the pipe of [`pipe_name`] on Windows, elsewhere the path
/// itself.
///
/// # Errors
///
/// As [`pipe_name`], on Windows only.
pub fn local_endpoint(environment: &Environment, path: String) -> Result<Endpoint, ConfigError> {
    if !environment.windows {
        return Ok(Endpoint::Path(path));
    }
    pipe_name(&path).map(|full| Endpoint::Pipe(full.replacen(PIPE_PREFIX, "", 1)))
}

/// Refuses a path that no socket can have: longer than `limit` bytes, empty, or with a NUL in it.
///
/// The limit is the system's: 107 on Linux, 103 on macOS and the BSDs; `ipc_os::path_limit()` knows.
///
/// # Errors
///
/// [`ConfigError`] names the length and the limit.
pub fn check_path(path: &str, limit: usize) -> Result<(), ConfigError> {
    check_text("path", path)?;
    if path.len() <= limit {
        return Ok(());
    }
    let hint = format!(
        "it has {} bytes, and the limit for sockets is {limit}; use a shorter socket_root, appspace or id",
        path.len()
    );
    Err(ConfigError::new("path", path, hint))
}

fn flatten(path: &str) -> String {
    path.strip_prefix('/').unwrap_or(path).replace('/', "-")
}

/// Every UTF-16 unit that is no letter, digit, `_`, `.` or `-` becomes `_`, so that one emoji becomes two.
fn path_segment(name: &str) -> String {
    let keep = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    name.chars().map(|c| if keep(c) { c.to_string() } else { "_".repeat(c.len_utf16()) }).collect()
}

/// Node's `path.join(folder, name) + '/'` for Unix, where `name` is a plain name.
fn join(folder: &str, name: &str) -> String {
    let absolute = folder.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if absolute => {}
            _ => parts.push(part),
        }
    }
    parts.push(name);
    format!("{}{}/", if absolute { "/" } else { "" }, parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime_dir(folder: &str) -> Environment {
        Environment { runtime_dir: Some(folder.to_owned()), uid: 7, ..Environment::default() }
    }

    #[test]
    fn modern_roots_join_as_node_does() {
        let cases = [
            ("/run/user/1000", "/run/user/1000/node-ipc/"),
            ("/run/user/1000/", "/run/user/1000/node-ipc/"),
            ("//run///user//", "/run/user/node-ipc/"),
            ("/run/./user/../x", "/run/x/node-ipc/"),
            ("/../..", "/node-ipc/"),
            ("/", "/node-ipc/"),
            (".", "node-ipc/"),
            ("a/../..", "../node-ipc/"),
            ("../../a", "../../a/node-ipc/"),
            ("", "/tmp/node-ipc-7/"),
        ];
        for (folder, root) in cases {
            assert_eq!(modern_root(&runtime_dir(folder)), root, "{folder}");
        }
        let bare = Environment { temp_dir: "/var//tmp/".to_owned(), uid: 1000, ..Environment::default() };
        assert_eq!(modern_root(&bare), "/var/tmp/node-ipc-1000/");
    }

    #[test]
    fn windows_roots_name_the_user() {
        for (user, root) in
            [("jo.x_1-", "/node-ipc-jo.x_1-/"), ("a b\\é", "/node-ipc-a_b__/"), ("\u{1f600}", "/node-ipc-__/")]
        {
            let here = Environment { windows: true, user: user.to_owned(), ..runtime_dir("/run") };
            assert_eq!(modern_root(&here), root);
        }
    }

    #[test]
    fn paths_of_an_id() {
        let here = Environment { host_name: "box".to_owned(), ..runtime_dir("/run") };
        let modern = Config::default();
        let classic = Config::default().dialect(Dialect::Classic).appspace("x.").id("me");
        let rooted = Config::default().socket_root("/s/".to_owned());
        assert_eq!(client_paths(&modern, &here, "w"), ["/run/node-ipc/app.w", "/tmp/app.w"]);
        assert_eq!(client_paths(&classic, &here, "w"), ["/run/node-ipc/x.w", "/tmp/x.w"]);
        assert_eq!(client_paths(&rooted, &here, "w"), ["/s/app.w"]);
        assert_eq!(server_path(&modern, &here), "/run/node-ipc/app.box");
        assert_eq!(server_path(&classic, &here), "/tmp/x.me");
        assert_eq!(server_path(&rooted, &here), "/s/app.box");
        assert_eq!(both_paths(&classic, &here), ["/run/node-ipc/x.me", "/tmp/x.me"]);
        assert_eq!(both_paths(&rooted, &here), ["/s/app.box"]);
        let same = Environment { runtime_dir: None, ..here };
        assert_eq!(client_paths(&modern, &same, "w"), ["/tmp/node-ipc-7/app.w", "/tmp/app.w"]);
    }

    #[test]
    fn pipe_names() {
        let cases = [
            ("/tmp/app.world", r"\\.\pipe\tmp-app.world"),
            ("/node-ipc-jo/app.world", r"\\.\pipe\node-ipc-jo-app.world"),
            ("//a/b", r"\\.\pipe\-a-b"),
            ("world", r"\\.\pipe\world"),
            (r"\\.\pipe\x/y", r"\\.\pipe\x/y"),
        ];
        for (path, name) in cases {
            assert_eq!(pipe_name(path).as_deref(), Ok(name), "{path}");
        }
        let bad = ["", "/", PIPE_PREFIX, r"C:\x", r"\\.\pipe\a\b", "a\0"];
        for path in bad {
            assert_eq!(pipe_name(path).expect_err(path).option(), "pipe name");
        }
    }

    #[test]
    fn a_path_is_a_pipe_on_windows_only() {
        let windows = Environment { windows: true, ..Environment::default() };
        let pipe = |name: &str| Ok(Endpoint::Pipe(name.to_owned()));
        let local = |here: &Environment, path: &str| local_endpoint(here, path.to_owned());
        assert_eq!(local(&windows, "/tmp/app.world"), pipe("tmp-app.world"));
        assert_eq!(local(&windows, r"\\.\pipe\w"), pipe("w"));
        assert!(local(&windows, r"C:\w").is_err());
        assert_eq!(local(&Environment::default(), "/tmp/w"), Ok(Endpoint::Path("/tmp/w".to_owned())));
    }

    #[test]
    fn long_names_are_refused_by_their_length() {
        assert!(pipe_name(&"p".repeat(247)).is_ok());
        let error = pipe_name(&"p".repeat(248)).expect_err("257 in all").to_string();
        assert!(error.contains("257") && error.contains("256"), "{error}");
        assert!(check_path(&"p".repeat(107), 107).is_ok());
        let error = check_path(&"é".repeat(54), 107).expect_err("108 bytes").to_string();
        assert!(error.contains("108") && error.contains("107"), "{error}");
        assert!(check_path("", 107).is_err());
        assert!(check_path("a\0b", 107).is_err());
    }
}

#[cfg(test)]
mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// What `path.join` promises, and that joining what was joined changes nothing.
        #[test]
        fn a_root_is_a_clean_folder(folder in "(/|[.]|[.][.]|a|bc|é){1,12}") {
            let here = Environment { runtime_dir: Some(folder.clone()), ..Environment::default() };
            let root = modern_root(&here);
            let parent = root.strip_suffix("node-ipc/").expect("the folder's own name is last");
            prop_assert_eq!(root.starts_with('/'), folder.starts_with('/'));
            prop_assert!(parent.is_empty() || parent.ends_with('/'));
            let parts: Vec<_> = parent.trim_start_matches('/').split_terminator('/').collect();
            let up = parts.iter().take_while(|part| **part == "..").count();
            prop_assert!(parts[up..].iter().all(|part| !matches!(*part, "" | "." | "..")), "{root}");
            prop_assert!(up == 0 || !root.starts_with('/'), "nothing is above /");
            if !parent.is_empty() {
                let again = Environment { runtime_dir: Some(parent.to_owned()), ..Environment::default() };
                prop_assert_eq!(modern_root(&again), root);
            }
        }

        #[test]
        fn a_pipes_name_is_one_part_below_the_prefix(path in "(/|a|-|é|😀|\\\\|\0){0,9}", repeat in 1..60_usize) {
            let path = path.repeat(repeat);
            match pipe_name(&path) {
                Ok(full) => {
                    let name = full.strip_prefix(PIPE_PREFIX).expect("it begins with the prefix");
                    prop_assert!(!name.is_empty() && !name.contains(['\\', '/', '\0']));
                    prop_assert!(full.encode_utf16().count() <= 256);
                    prop_assert_eq!(pipe_name(&full), Ok(full));
                }
                Err(_) => {
                    let long = path.encode_utf16().count() > 256 - PIPE_PREFIX.len();
                    prop_assert!(long || path.contains(['\\', '\0']) || path.is_empty() || path == "/");
                }
            }
        }

        #[test]
        fn a_path_is_refused_for_its_length_or_a_nul(path in "[a/é\0]{0,30}", limit in 0..40_usize) {
            let good = !path.is_empty() && !path.contains('\0') && path.len() <= limit;
            prop_assert_eq!(check_path(&path, limit).is_ok(), good);
        }
    }
}
