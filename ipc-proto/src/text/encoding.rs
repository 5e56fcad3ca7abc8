//! Strings to bytes and back, by the names Node gives the ways.

use alloc::{string::String, vec::Vec};

use bytes::Bytes;

use super::lossy;
use crate::config::Encoding;

const HEX: &[u8; 16] = b"0123456789abcdef";
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE64_URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl Encoding {
    /// The bytes of `text`, as `Buffer.from(text, encoding)` gives them. Never fails: what does not fit is cut or
    /// skipped.
    ///
    /// Hex stops at the first pair that is none. Base64 takes both alphabets, padded or not, skips what it does not
    /// know and stops at `=`. Ascii and latin1 keep the low byte of each UTF-16 unit, and hex and base64 look at
    /// nothing else either.
    #[must_use]
    pub fn encode(self, text: &str) -> Bytes {
        match self {
            Self::Utf8 => Bytes::copy_from_slice(text.as_bytes()),
            Self::Ascii | Self::Latin1 => low_bytes(text).collect(),
            Self::Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Self::Base64 | Self::Base64Url => from_base64(text),
            Self::Hex => from_hex(text),
        }
    }

    /// The text of `bytes`, as `buffer.toString(encoding)` gives it, halves of surrogate pairs as U+FFFD.
    #[must_use]
    pub fn decode(self, bytes: &[u8]) -> String {
        match self {
            Self::Utf8 => lossy(bytes).into_owned(),
            Self::Ascii => bytes.iter().map(|byte| char::from(byte & 0x7F)).collect(),
            Self::Latin1 => bytes.iter().copied().map(char::from).collect(),
            Self::Utf16Le => to_utf16(bytes),
            Self::Base64 => to_base64(bytes, BASE64, true),
            Self::Base64Url => to_base64(bytes, BASE64_URL, false),
            Self::Hex => bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| symbol(HEX, digit)).collect(),
        }
    }
}

fn symbol(alphabet: &[u8], value: u8) -> char {
    char::from(alphabet[usize::from(value)])
}

fn low_bytes(text: &str) -> impl Iterator<Item = u8> {
    text.encode_utf16().map(|unit| unit.to_le_bytes()[0])
}

fn from_hex(text: &str) -> Bytes {
    let digits: Vec<_> = low_bytes(text).map_while(hex_digit).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn from_base64(text: &str) -> Bytes {
    let sextets: Vec<_> = low_bytes(text).take_while(|&byte| byte != b'=').filter_map(sextet).collect();
    let mut out = Vec::with_capacity(sextets.len() / 4 * 3 + 2);
    for group in sextets.chunks(4) {
        let bits = group.iter().fold(0, |bits, &sextet| bits << 6 | u32::from(sextet)) << (6 * (4 - group.len()));
        // 1 sextet is no byte, 2 are one, 3 are two, 4 are three.
        out.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    out.into()
}

fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

fn to_base64(bytes: &[u8], alphabet: &[u8; 64], padded: bool) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let mut whole = [0; 3];
        whole[..group.len()].copy_from_slice(group);
        let [a, b, c] = whole;
        let sextets = [a >> 2, (a & 3) << 4 | b >> 4, (b & 15) << 2 | c >> 6, c & 63];
        out.extend(sextets[..=group.len()].iter().map(|&sextet| symbol(alphabet, sextet)));
        out.extend(core::iter::repeat_n('=', if padded { 3 - group.len() } else { 0 }));
    }
    out
}

fn to_utf16(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

#[cfg(test)]
mod tests {
    use base64::prelude::*;
    use proptest::prelude::*;

    use super::*;

    /// Each line is what Node 20 printed for `Buffer.from(text, encoding)`, in hex.
    const NODE: &[(Encoding, &str, &str)] = &[
        (Encoding::Hex, "abc", "ab"),
        (Encoding::Hex, "xyz", ""),
        (Encoding::Hex, "abzz12", "ab"),
        (Encoding::Hex, "ab cd", "ab"),
        (Encoding::Hex, "AbCd", "abcd"),
        (Encoding::Hex, "aé", ""),
        (Encoding::Hex, "\u{141}\u{142}", "ab"),
        (Encoding::Base64, "YQ==YQ==", "61"),
        (Encoding::Base64, "YQ", "61"),
        (Encoding::Base64, "A", ""),
        (Encoding::Base64, "!!", ""),
        (Encoding::Base64, "aG Vs\nbG8=", "68656c6c6f"),
        (Encoding::Base64, "aG-_", "686fbf"),
        (Encoding::Base64Url, "aG+/", "686fbf"),
        (Encoding::Base64Url, "aGVsbG8", "68656c6c6f"),
        (Encoding::Base64, "=YQ", ""),
        (Encoding::Base64, "YWJjZ", "616263"),
        (Encoding::Base64, "YWJ=jZA", "6162"),
        (Encoding::Base64, "\u{141}\u{142}cd", "00171d"),
        (Encoding::Base64, "\u{4E16}YWJj", "616263"),
        (Encoding::Base64, "éYWJj", "616263"),
        (Encoding::Latin1, "\u{4E16}é", "16e9"),
        (Encoding::Ascii, "\u{4E16}é", "16e9"),
        (Encoding::Utf16Le, "A😀", "41003dd800de"),
        (Encoding::Utf8, "é", "c3a9"),
    ];

    #[test]
    fn strings_become_the_bytes_node_sends() {
        for (encoding, text, hex) in NODE {
            let bytes = encoding.encode(text);
            assert_eq!(Encoding::Hex.decode(&bytes), *hex, "{encoding:?} {text:?}");
        }
    }

    #[test]
    fn bytes_become_the_strings_node_shows() {
        let bytes = b"\xE9A\xFF";
        let shown = [
            (Encoding::Utf8, "\u{FFFD}A\u{FFFD}"),
            (Encoding::Ascii, "iA\x7F"),
            (Encoding::Latin1, "éAÿ"),
            (Encoding::Utf16Le, "\u{41E9}"),
            (Encoding::Base64, "6UH/"),
            (Encoding::Base64Url, "6UH_"),
            (Encoding::Hex, "e941ff"),
        ];
        for (encoding, text) in shown {
            assert_eq!(encoding.decode(bytes), text);
        }
        assert_eq!(Encoding::Base64.decode(b"a"), "YQ==");
        assert_eq!(Encoding::Base64Url.decode(b"a"), "YQ");
        assert_eq!(Encoding::Utf16Le.decode(b"\x3D\xD8A"), "\u{FFFD}");
    }

    proptest! {
        #[test]
        fn lossless_encodings_round_trip(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            for encoding in [Encoding::Latin1, Encoding::Hex, Encoding::Base64, Encoding::Base64Url] {
                prop_assert_eq!(encoding.encode(&encoding.decode(&bytes)), &bytes);
            }
            prop_assert_eq!(Encoding::Base64.decode(&bytes), BASE64_STANDARD.encode(&bytes));
            prop_assert_eq!(Encoding::Base64Url.decode(&bytes), BASE64_URL_SAFE_NO_PAD.encode(&bytes));
        }
    }
}
