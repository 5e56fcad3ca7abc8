//! Lifecycle scenarios: servers that go away, retries, disconnects.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::bytes::base64_field;
use super::event::Published;

/// One scenario, run with one version.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Lifecycle {
    /// Name of the scenario.
    pub name: String,
    /// The node-ipc version; `a10.1.11` is @achrinza's package.
    pub version: String,
    /// What was done, in words.
    #[serde(default)]
    pub steps: Vec<String>,
    /// What the recorder looked up at the end; its form is the scenario's own.
    #[serde(default)]
    pub result: Option<Box<RawValue>>,
    /// Events of every endpoint process, by time.
    pub events: Vec<Published>,
    /// What a raw server or client of the recorder saw.
    #[serde(default)]
    pub wire: Vec<WireStep>,
}

/// Something a raw peer saw.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct WireStep {
    /// `accept`, `data`, `eof` or `close`.
    pub ev: String,
    /// The connection, from 0 in accept order; a raw server that was started again counts from 0 again.
    pub n: u32,
    /// Milliseconds on the recorder's clock.
    pub t_ms: f64,
    /// The bytes of `data`; else empty.
    #[serde(default, rename = "b64", deserialize_with = "base64_field")]
    pub bytes: Vec<u8>,
}
