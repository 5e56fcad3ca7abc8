//! Node's own channel between a parent and a forked child.

use serde::Deserialize;

use super::bytes::{base64_field, hex_list};
use super::kinds::Direction;

/// One recording of the channel.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct ForkRecord {
    /// What was recorded.
    pub name: String,
    /// The version of Node, such as `v20.20.2`.
    pub node: String,
    /// `json` or `advanced`.
    pub serialization: String,
    /// The traffic, when the recorder held the parent's end.
    #[serde(default)]
    pub rec: Vec<ForkStep>,
    /// What a Node child printed.
    #[serde(default)]
    pub child_stdout: Vec<String>,
    /// When Node was the parent: what it and a child that reads raw bytes printed (`DATA` lines are base64).
    #[serde(default)]
    pub parent_and_raw_child_output: Vec<String>,
    /// The `DATA` lines decoded: text for `json`, hexadecimal for `advanced`.
    #[serde(default)]
    pub decoded: Vec<String>,
}

/// One step of the traffic.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct ForkStep {
    /// Milliseconds on the recorder's clock.
    pub t_ms: f64,
    /// Which way.
    pub dir: Direction,
    /// `eof`; else the step is bytes.
    #[serde(default)]
    pub ev: Option<String>,
    /// The bytes.
    #[serde(default, rename = "b64", deserialize_with = "base64_field")]
    pub bytes: Vec<u8>,
}

/// Bytes written by hand into the channel of a Node child.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct ForkFeed {
    /// What was tried. Each name occurs twice: first under Node 20.20.2, then under 24.21.0.
    pub name: String,
    /// `json`, `advanced`, or an unknown mode.
    pub mode: String,
    /// The chunks.
    #[serde(deserialize_with = "hex_list")]
    pub fed: Vec<Vec<u8>>,
    /// What the child printed.
    pub stdout: Vec<String>,
}
