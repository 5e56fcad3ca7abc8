//! Configs from node-ipc's names: its defaults, what it accepts, and what its numbers mean to a client.

use ipc_proto::{Config, ConfigError, Loaded};
use serde_json::{Value, json};

mod defaults;
mod own;
mod properties;
mod retry;
mod values;

fn load(options: &Value) -> Loaded {
    try_load(options).unwrap_or_else(|error| panic!("{options}: {error}"))
}

fn try_load(options: &Value) -> Result<Loaded, ConfigError> {
    Config::from_json(options.to_string())
}

/// The config of a file with one option in it.
fn with(name: &str, value: impl Into<Value>) -> Config {
    load(&json!({ name: value.into() })).config
}

/// Loading `{name: value}` fails, and the error names the option and the value.
fn refused(name: &str, value: impl Into<Value>) {
    let value = value.into();
    let error = try_load(&json!({ name: value.clone() })).expect_err(&format!("{name}: {value}"));
    assert_eq!(error.option(), name, "{value}");
    assert_eq!(error.value(), value.as_str().map_or_else(|| value.to_string(), str::to_owned));
}

/// A config with nothing but its fields, to compare.
fn shown(config: &Config) -> String {
    format!("{config:#?}")
}
