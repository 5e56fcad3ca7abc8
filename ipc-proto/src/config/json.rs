//! A config from node-ipc's own names, so that one file can serve both sides.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use super::Config;
use crate::error::ConfigError;

mod field;
mod options;

use field::Field;

/// A config that was read from a file, and what else was in the file.
///
/// ```
/// use ipc_proto::Config;
///
/// let loaded = Config::from_json(r#"{"id": "world", "maxRetries": 3, "silent": true, "maxRetrys": 4}"#)?;
/// assert_eq!(loaded.config.id, "world");
/// assert_eq!(loaded.config.retry.max, Some(3));
/// assert_eq!(loaded.ignored, ["silent"]);
/// assert_eq!(loaded.unknown, ["maxRetrys"]);
/// # Ok::<(), ipc_proto::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Loaded {
    /// The config. Each option is checked by itself; [`Config::validate`] checks them together.
    pub config: Config,
    /// Names that are no option: misspelt, most likely. In alphabetical order; those of `interface` begin with
    /// `interface.`.
    pub unknown: Vec<String>,
    /// node-ipc's options that mean nothing here, as far as the file sets them: logging is the application's
    /// business.
    pub ignored: Vec<&'static str>,
}

impl Config {
    /// Reads a JSON object whose members are options by node-ipc's names: `appspace`, `maxRetries`,
    /// `networkHost`, ….
    ///
    /// Values count as in node-ipc: a flag is on for every truthy value, `maxRetries` may be `"2"` or `true`,
    /// `parser` picks the profile and `rawBuffer` overrules it, and both `interface` and `interfaces` are read.
    /// Infinity is `"Infinity"`, or null, which is what `JSON.stringify` makes of it. Otherwise null leaves a
    /// text at its default, and is false for a flag.
    ///
    /// Options of this crate that node-ipc does not have may stand there as well, in camel or snake case:
    /// `dialect` (a name or a version), `drainTimeout`, `messageTtl` and `syncTimeout` (milliseconds),
    /// `overflow`, `slowPeer` and `syncLoss` (names), `memoryBudget` (bytes), `allowedUids` (an array of
    /// numbers), `reusePort`, and `backoff`, true or an object of
    /// `factor`, `maxDelay` (milliseconds), `jitter` and `seed`.
    ///
    /// Other names are not an error, but are reported. Of two members with one name the last one counts.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for text that is no JSON object, and for the first value that its option cannot have. The
    /// option is named as in the file.
    pub fn from_json(json: impl AsRef<[u8]>) -> Result<Loaded, ConfigError> {
        let json = json.as_ref();
        // Editors of some systems begin a file with a byte order mark, and Node's require drops it.
        let json = json.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(json);
        let options = serde_json::from_slice(json).map_err(|error| {
            let start: String = String::from_utf8_lossy(json).chars().take(40).collect();
            ConfigError::new("config", start, format!("write one JSON object ({error})"))
        })?;
        Loaded::from_options(options)
    }
}

type Options = BTreeMap<String, Value>;

impl Loaded {
    fn from_options(mut options: Options) -> Result<Self, ConfigError> {
        let mut loaded = Self::default();
        for &(name, apply) in options::NODE {
            if let Some(value) = options.remove(name) {
                apply(&mut loaded, &Field { name, value })?;
            }
        }
        for &(name, apply) in options::OWN {
            if let Some(value) = options.remove(name).or_else(|| options.remove(&snake(name))) {
                apply(&mut loaded, &Field { name, value })?;
            }
        }
        loaded.unknown.extend(options.into_keys());
        loaded.unknown.sort_unstable();
        Ok(loaded)
    }
}

/// `drainTimeout` is `drain_timeout`.
fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 2);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

impl<'de> Deserialize<'de> for Loaded {
    /// As [`Config::from_json`], from any format that says what its values are.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_options(Options::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Config {
    /// As [`Config::from_json`]; names that are no option are passed over without a word, which [`Loaded`]
    /// would report.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Loaded::deserialize(deserializer).map(|loaded| loaded.config)
    }
}
