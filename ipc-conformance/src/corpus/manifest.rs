//! What the corpus consists of, and the check that nothing in it changed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use super::bytes::sha256_hex;
use super::{CorpusError, list, read};

pub(super) const FILE_NAME: &str = "manifest.json";
const CAPTURES: &str = "captures";

/// `manifest.json`.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Manifest {
    /// The form of the files; 1.
    pub format: u32,
    /// The packages the recordings were made with.
    pub packages: Vec<Package>,
    /// Every other file, by its path in the folder with `/` between the parts.
    pub files: BTreeMap<String, FileRecord>,
}

/// An npm package that was recorded, or recorded with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Package {
    /// Its name in the registry.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The registry's `dist.integrity`.
    pub integrity: String,
    /// The version of Node it ran under.
    #[serde(default)]
    pub node: Option<String>,
}

/// One file of the corpus.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct FileRecord {
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// Length in bytes.
    pub size: u64,
}

impl Manifest {
    pub(super) fn verify(&self, dir: &Path) -> Result<(), CorpusError> {
        for (name, record) in &self.files {
            verify_file(&dir.join(name), record)?;
        }
        let unlisted = present(dir)?.into_iter().find(|name| !self.files.contains_key(name));
        match unlisted {
            Some(name) => Err(CorpusError::new(&dir.join(name), "not in the manifest")),
            None => Ok(()),
        }
    }
}

fn verify_file(path: &Path, record: &FileRecord) -> Result<(), CorpusError> {
    let bytes = read(path)?;
    if u64::try_from(bytes.len()) != Ok(record.size) {
        return Err(CorpusError::new(path, format!("{} bytes, the manifest says {}", bytes.len(), record.size)));
    }
    if sha256_hex(&bytes) != record.sha256 {
        return Err(CorpusError::new(path, "the SHA-256 is not the manifest's"));
    }
    Ok(())
}

/// The files of the folder, without the manifest.
fn present(dir: &Path) -> Result<BTreeSet<String>, CorpusError> {
    let names = |dir: &Path| list(dir).map_err(|error| CorpusError::new(dir, error));
    let top = names(dir)?.into_iter().filter(|name| name != FILE_NAME && name != CAPTURES);
    let captures = names(&dir.join(CAPTURES))?.into_iter().map(|name| format!("{CAPTURES}/{name}"));
    Ok(top.chain(captures).collect())
}
