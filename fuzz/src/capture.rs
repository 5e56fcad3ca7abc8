//! The reader of captures, line by line, against a reader of base64 that knows nothing of speed.

use serde_json::Value;

use crate::suite::corpus::Step;

/// The input is a capture's lines.
pub fn capture(file: &[u8]) {
    file.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).for_each(one);
}

fn one(line: &[u8]) {
    let fields = serde_json::from_slice::<Value>(line).unwrap_or_default();
    // Pieces that are repeated a million times are the reader's right, and too much for a fuzzer.
    let repeats = fields["parts"].as_array().into_iter().flatten().filter_map(|part| part[1].as_u64());
    if repeats.sum::<u64>() > 1000 {
        return;
    }
    match Step::parse(line) {
        Ok(Step::Chunk(chunk)) => {
            if let Value::String(text) = &fields["b64"] {
                let own = decoded(text).expect("the reader took it");
                assert!(chunk.bytes.starts_with(&own));
            }
        }
        Ok(Step::Mark(_)) => {}
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bits = String::new();
    for byte in text.trim_end_matches('=').bytes() {
        let digit = DIGITS.iter().position(|it| *it == byte)?;
        bits.push_str(&format!("{digit:06b}"));
    }
    let whole = bits.as_bytes().chunks_exact(8);
    whole.map(|octet| u8::from_str_radix(std::str::from_utf8(octet).ok()?, 2).ok()).collect()
}
