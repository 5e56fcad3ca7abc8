//! Bytes as the recordings write them: base64, hexadecimal, digests.

use base64::prelude::BASE64_STANDARD;
use base64::{DecodeError, Engine as _};
use serde::{Deserialize, Deserializer, de};
use sha2::{Digest as _, Sha256};

pub(super) fn base64_bytes(text: &str) -> Result<Vec<u8>, DecodeError> {
    BASE64_STANDARD.decode(text)
}

pub(super) fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// SHA-256 in lower-case hexadecimal digits.
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn base64_field<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    base64_bytes(&String::deserialize(deserializer)?).map_err(de::Error::custom)
}

pub(super) fn base64_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Vec<u8>>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| base64_bytes(text).map_err(de::Error::custom)).collect()
}

pub(super) fn hex_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Vec<u8>>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| hex_bytes(text).ok_or_else(|| de::Error::custom("not hexadecimal"))).collect()
}
