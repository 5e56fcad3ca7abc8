//! Configs in JSON: read or refused, and the same by every way in.

use ipc_proto::Config;
use serde_json::{Map, Value};

/// The input is a file.
pub fn config(file: &[u8]) {
    let text = file.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(file);
    let object = serde_json::from_slice::<Map<String, Value>>(text);
    let by_serde = serde_json::from_slice::<Config>(text);
    match Config::from_json(file) {
        Ok(loaded) => {
            let members = object.expect("only an object is a config");
            let of_interface = |name: &str| name.starts_with("interface.");
            assert!(loaded.unknown.iter().all(|name| members.contains_key(name) || of_interface(name)));
            let config = by_serde.expect("it could be read the other way");
            assert_eq!(format!("{config:?}"), format!("{:?}", loaded.config));
            // It may be refused, but by a word that names the option.
            assert!(loaded.config.validate().map_err(|error| error.option()).err().is_none_or(|name| !name.is_empty()));
        }
        Err(error) => {
            assert!(by_serde.is_err());
            assert!(!error.option().is_empty() && !error.to_string().is_empty());
        }
    }
}
