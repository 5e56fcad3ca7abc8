//! Validated JSON written anew: unescaped, without halves of surrogate pairs, without whitespace.

use alloc::{string::String, vec::Vec};

use super::{Scanner, Traits};

/// What a JSON string token means; lone surrogates become U+FFFD.
pub(crate) fn unescape(token: &[u8]) -> String {
    serde_json::from_slice(&replace_lone(token)).unwrap_or_default()
}

/// The same JSON with every escape that is half a surrogate pair replaced by `\ufffd`.
pub(crate) fn replace_lone(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len());
    let mut scanner = Scanner::new(json, 0);
    let mut done = 0;
    while let Some(offset) = memchr::memchr(b'\\', &json[scanner.at..]) {
        let start = scanner.at + offset;
        scanner.traits = Traits::default();
        let Some(end) = scanner.escape_end(start + 1) else { break };
        scanner.at = end;
        if scanner.traits.has_lone() {
            out.extend_from_slice(&json[done..start]);
            out.extend_from_slice(b"\\ufffd");
            done = scanner.at;
        }
    }
    out.extend_from_slice(&json[done..]);
    out
}

/// Appends `json` without its insignificant whitespace, every token as it was.
pub(crate) fn compact_into(json: &[u8], out: &mut Vec<u8>) {
    let mut scanner = Scanner::new(json, 0);
    while let Some(byte) = scanner.peek() {
        let start = scanner.at;
        if byte != b'"' || scanner.string().is_none() {
            scanner.at = start + 1;
        }
        if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            out.extend_from_slice(&json[start..scanner.at]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_pairs_become_replacement_characters() {
        let cases = [
            (r#""\ud83d""#, "\u{FFFD}"),
            (r#""\uDC00x\uD800""#, "\u{FFFD}x\u{FFFD}"),
            (r#""\ud83d\ud83d\ude00""#, "\u{FFFD}😀"),
            (r#""\ud83d\n""#, "\u{FFFD}\n"),
            (r#""\ud83d\u0041""#, "\u{FFFD}A"),
            (r#""\ud83d\\ude00""#, "\u{FFFD}\\ude00"),
            (r#""\\ud83d""#, "\\ud83d"),
            (r#""\ud83d\ude00 é\u0000""#, "😀 é\0"),
            (r#""plain""#, "plain"),
        ];
        for (token, meaning) in cases {
            assert_eq!(unescape(token.as_bytes()), meaning, "{token}");
        }
        assert_eq!(replace_lone(br#"{"\ud800":["\udfff",1.0]}"#), br#"{"\ufffd":["\ufffd",1.0]}"#);
    }

    #[test]
    fn whitespace_goes_only_between_tokens() {
        let mut out = Vec::new();
        compact_into(b" { \"a b\" :\t[ 1 ,\r\n-2.50e+07 , \" \\\" \" ] , \"c\":{ } } ", &mut out);
        assert_eq!(out, b"{\"a b\":[1,-2.50e+07,\" \\\" \"],\"c\":{}}");
    }
}

#[cfg(test)]
mod properties {
    use proptest::prelude::*;

    use super::*;

    /// A string token and what it means: each piece with U+FFFD for half a pair.
    fn token() -> impl Strategy<Value = (String, String)> {
        let piece = prop_oneof![
            "[a-zé😀 ]{1,3}".prop_map(|text| (text.clone(), text)),
            Just((r"\n".into(), "\n".into())),
            Just((r"\\".into(), "\\".into())),
            Just((r"\u0041".into(), "A".into())),
            Just((r"\ud83d\ude00".into(), "😀".into())),
            (0xD800_u16..0xDC00).prop_map(|unit| (alloc::format!(r"\u{unit:04X}x"), "\u{FFFD}x".into())),
            (0xD800_u16..0xDC00).prop_map(|unit| (alloc::format!(r"\u{unit:04x}\t"), "\u{FFFD}\t".into())),
            Just((r"x\udc00".into(), "x\u{FFFD}".into())),
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces: Vec<(String, String)>| {
            let (token, meaning): (String, String) = pieces.into_iter().unzip();
            (alloc::format!("\"{token}\""), meaning)
        })
    }

    proptest! {
        #[test]
        fn tokens_mean_what_their_pieces_mean((token, meaning) in token()) {
            prop_assert_eq!(unescape(token.as_bytes()), &*meaning);
            let whole = replace_lone(token.as_bytes());
            prop_assert_eq!(serde_json::from_slice::<String>(&whole).ok(), Some(meaning));
            prop_assert_eq!(replace_lone(&whole), whole, "nothing is left to replace");
            prop_assert_eq!(serde_json::from_str::<String>(&token).is_ok(), replace_lone(token.as_bytes()) == token.as_bytes());
        }
    }
}
