//! Recorded behaviour of node-ipc 9, 10, 12 and 14, and of Node's fork channel.
//!
//! `CORPUS.md` describes the files; this module reads them into types. Readers ignore fields they do not know and
//! accept a folder of bare captures, so that recordings made elsewhere can be checked too.

use core::error::Error;
use core::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ipc_proto::Dialect;
use serde::de::DeserializeOwned;

mod bytes;
mod capture;
mod decoded;
mod event;
mod fork;
mod kinds;
mod manifest;
mod receive;
mod scenario;
mod store;

pub use capture::{Capture, Chunk, EndpointConfig, Mark, Sides, Step};
pub use decoded::{Data, Decoded};
pub use event::{Arg, Digest, Failure, Published};
pub use fork::{ForkFeed, ForkRecord, ForkStep};
pub use kinds::{Direction, MarkKind, Mode, Transport};
pub use manifest::{FileRecord, Manifest, Package};
pub use receive::{Generated, Outcome, ReceiveCase, Roles};
pub use scenario::{Lifecycle, WireStep};

use store::{Store, read};

const CAPTURE_SUFFIX: &str = ".expect.json";
const RECEIVE: &str = "receive_cases.json";
const LIFECYCLE: &str = "lifecycle.json";

/// A folder of recordings.
#[derive(Clone, Debug)]
pub struct Corpus {
    dir: PathBuf,
    store: Store,
}

impl Corpus {
    /// The recordings in `dir`. Nothing is read until asked for.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        let dir = dir.into();
        Self { store: Store::Folder(dir.clone()), dir }
    }

    /// The same recordings as [`built_in`](Self::built_in), out of the program itself: it needs no source tree.
    pub fn embedded() -> Self {
        Self { dir: PathBuf::from("built-in"), store: Store::Embedded }
    }

    /// The recordings that come with this crate, where its sources were at build time.
    pub fn built_in() -> Self {
        Self::at(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus"))
    }

    /// The folder; a name that stands for one, when the recordings are in the program.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the receive cases are, whether there are any or not.
    pub fn receive_path(&self) -> PathBuf {
        self.dir.join(RECEIVE)
    }

    /// Every capture, ordered by file name, from `captures/`, `corpus/` or the folder itself.
    ///
    /// # Errors
    /// A folder or file cannot be read, or a file is not of the documented form.
    pub fn captures(&self) -> Result<Vec<Capture>, CorpusError> {
        let dir = self.capture_dir();
        let files = self.store.list(dir)?;
        let mut names: Vec<&str> = files.iter().filter_map(|name| name.strip_suffix(CAPTURE_SUFFIX)).collect();
        names.sort_unstable();
        names.iter().map(|name| Capture::load(&self.store, dir, name)).collect()
    }

    /// One capture by name, such as `9.2.1_hello_unix`.
    ///
    /// # Errors
    /// As for [`captures`](Self::captures); also when there is none of that name.
    pub fn capture(&self, name: &str) -> Result<Capture, CorpusError> {
        Capture::load(&self.store, self.capture_dir(), name)
    }

    /// The receive cases: bytes fed to each version, and what it published.
    ///
    /// # Errors
    /// `receive_cases.json` cannot be read or is not of the documented form.
    pub fn receive_cases(&self) -> Result<Vec<ReceiveCase>, CorpusError> {
        self.store.read_json(RECEIVE)
    }

    /// The lifecycle scenarios, one record for each scenario and version.
    ///
    /// # Errors
    /// `lifecycle.json` cannot be read or is not of the documented form.
    pub fn lifecycle(&self) -> Result<Vec<Lifecycle>, CorpusError> {
        self.store.read_json(LIFECYCLE)
    }

    /// Recordings of Node's fork channel.
    ///
    /// # Errors
    /// `fork.json` cannot be read or is not of the documented form.
    pub fn fork_records(&self) -> Result<Vec<ForkRecord>, CorpusError> {
        self.store.read_json("fork.json")
    }

    /// Bytes fed by hand into a child's fork channel.
    ///
    /// # Errors
    /// `fork2.json` cannot be read or is not of the documented form.
    pub fn fork_feeds(&self) -> Result<Vec<ForkFeed>, CorpusError> {
        self.store.read_json("fork2.json")
    }

    /// Checks every file against `manifest.json`.
    ///
    /// # Errors
    /// The manifest cannot be read; a listed file is missing or differs; a file in the folder is not listed.
    pub fn verify(&self) -> Result<Manifest, CorpusError> {
        let manifest: Manifest = read_json(&self.dir.join(manifest::FILE_NAME))?;
        manifest.verify(&self.dir)?;
        Ok(manifest)
    }

    /// Whether there are receive cases.
    pub fn has_receive_cases(&self) -> bool {
        self.store.has_file(RECEIVE)
    }

    /// Whether there are lifecycle scenarios.
    pub fn has_lifecycle(&self) -> bool {
        self.store.has_file(LIFECYCLE)
    }

    fn capture_dir(&self) -> &'static str {
        ["captures", "corpus"].into_iter().find(|name| self.store.has_folder(name)).unwrap_or_default()
    }
}

/// Reads receive cases from a file of any name.
///
/// # Errors
/// The file cannot be read or is not of the documented form, or a recipe of bytes does not give the bytes that it means.
pub fn read_receive_cases(path: &Path) -> Result<Vec<ReceiveCase>, CorpusError> {
    let cases: Vec<ReceiveCase> = read_json(path)?;
    cases.iter().try_for_each(ReceiveCase::verify).map_err(|reason| CorpusError::new(path, reason))?;
    Ok(cases)
}

/// Reads lifecycle scenarios from a file of any name.
///
/// # Errors
/// The file cannot be read or is not of the documented form.
pub fn read_lifecycle(path: &Path) -> Result<Vec<Lifecycle>, CorpusError> {
    read_json(path)
}

/// The dialect of a recorded version such as `9.2.1`, `a10.1.11` (@achrinza's package) or `14.0.0`.
///
/// Text without a number counts as [`Dialect::Modern`].
pub fn dialect_of(version: &str) -> Dialect {
    if major_of(version).is_some_and(|major| major < 13) { Dialect::Classic } else { Dialect::Modern }
}

/// The first number of a version.
pub(crate) fn major_of(version: &str) -> Option<u32> {
    let digits = version.trim_start_matches(|c: char| !c.is_ascii_digit());
    digits.split('.').next().and_then(|major| major.parse().ok())
}

/// A recording could not be read.
#[derive(Debug)]
pub struct CorpusError {
    path: PathBuf,
    reason: Box<dyn Error + Send + Sync>,
}

impl CorpusError {
    fn new(path: &Path, reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { path: path.to_owned(), reason: reason.into() }
    }

    /// The file or folder at fault.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl fmt::Display for CorpusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)
    }
}

impl Error for CorpusError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.reason)
    }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, CorpusError> {
    serde_json::from_slice(&read(path)?).map_err(|error| CorpusError::new(path, error))
}

fn list(dir: &Path) -> io::Result<Vec<String>> {
    let entries = fs::read_dir(dir)?;
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
