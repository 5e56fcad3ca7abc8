//! Where recordings are read from.

use std::{
    borrow::Cow,
    fs,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;

use super::CorpusError;

/// The corpus of this crate, as it was built: files by their path in it, in order.
const EMBEDDED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/corpus.rs"));

/// A folder, or the files in the program.
#[derive(Clone, Debug)]
pub(super) enum Store {
    Folder(PathBuf),
    Embedded,
}

impl Store {
    /// The path of a file as errors name it, and as a folder has it.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        match self {
            Self::Folder(folder) => folder.join(name),
            Self::Embedded => Path::new("built-in").join(name),
        }
    }

    pub(super) fn read(&self, name: &str) -> Result<Cow<'static, [u8]>, CorpusError> {
        match self {
            Self::Folder(folder) => read(&folder.join(name)).map(Cow::Owned),
            Self::Embedded => {
                embedded(name).map(Cow::Borrowed).ok_or_else(|| CorpusError::new(&self.path(name), "not there"))
            }
        }
    }

    pub(super) fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<T, CorpusError> {
        serde_json::from_slice(&self.read(name)?).map_err(|error| CorpusError::new(&self.path(name), error))
    }

    pub(super) fn has_folder(&self, name: &str) -> bool {
        match self {
            Self::Folder(folder) => folder.join(name).is_dir(),
            Self::Embedded => {
                EMBEDDED.iter().any(|(path, _)| path.strip_prefix(name).is_some_and(|rest| rest.starts_with('/')))
            }
        }
    }

    pub(super) fn has_file(&self, name: &str) -> bool {
        match self {
            Self::Folder(folder) => folder.join(name).is_file(),
            Self::Embedded => embedded(name).is_some(),
        }
    }

    /// The names in a folder of it; of it itself, when `name` is empty.
    pub(super) fn list(&self, name: &str) -> Result<Vec<String>, CorpusError> {
        match self {
            Self::Folder(folder) => {
                let folder = folder.join(name);
                super::list(&folder).map_err(|error| CorpusError::new(&folder, error))
            }
            Self::Embedded => {
                Ok(EMBEDDED.iter().filter_map(|(path, _)| within(path, name)).map(str::to_owned).collect())
            }
        }
    }
}

fn within<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    let rest = if folder.is_empty() { path } else { path.strip_prefix(folder)?.strip_prefix('/')? };
    (!rest.contains('/')).then_some(rest)
}

fn embedded(name: &str) -> Option<&'static [u8]> {
    let at = EMBEDDED.binary_search_by(|(path, _)| (*path).cmp(name)).ok()?;
    Some(EMBEDDED[at].1)
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, CorpusError> {
    fs::read(path).map_err(|error| CorpusError::new(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_holds_every_file() {
        let folder = Store::Folder(Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus"));
        for sub in ["captures", ""] {
            let mut names = folder.list(sub).unwrap();
            names.retain(|name| name != "captures");
            names.sort_unstable();
            assert_eq!(names, Store::Embedded.list(sub).unwrap());
            for name in names {
                let name = if sub.is_empty() { name } else { format!("{sub}/{name}") };
                assert!(folder.read(&name).unwrap() == Store::Embedded.read(&name).unwrap(), "{name}");
            }
        }
        assert!(Store::Embedded.has_folder("captures") && !Store::Embedded.has_folder("capt"));
        let error = Store::Embedded.read("nothing").unwrap_err();
        assert!(error.to_string().contains("nothing"));
    }
}
