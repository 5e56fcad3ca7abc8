//! Text as Node reads it: UTF-8 with replacement, and the string encodings of `Buffer`.
//!
//! Whatever is no UTF-8 becomes U+FFFD, one for each maximal part that could have begun a character, which is what
//! browsers and Node do. Nothing here fails.

use alloc::{borrow::Cow, string::String, vec::Vec};

use bytes::Bytes;

mod encoding;
mod reencode;

pub use reencode::Reencoder;

#[inline]
pub(crate) fn is_valid(bytes: &[u8]) -> bool {
    simdutf8::basic::from_utf8(bytes).is_ok()
}

/// The same bytes with everything that is not UTF-8 replaced by U+FFFD; not copied when nothing is.
#[must_use]
pub fn replace_invalid(bytes: Bytes) -> Bytes {
    if is_valid(&bytes) { bytes } else { replaced(&bytes) }
}

#[cold]
pub(crate) fn replaced(bytes: &[u8]) -> Bytes {
    String::from_utf8_lossy(bytes).into_owned().into()
}

fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    simdutf8::basic::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// Decodes a stream of UTF-8 whose chunks end anywhere, a character's middle included.
///
/// What the chunks decode to is what all of them in one would, but for what [`finish`](Self::finish) adds.
///
/// ```
/// use ipc_proto::text::Utf8Decoder;
///
/// let mut decoder = Utf8Decoder::default();
/// assert_eq!(decoder.decode(b"h\xC3"), "h");
/// assert_eq!(decoder.decode(b"\xA9!"), "é!");
/// assert_eq!(decoder.finish(), "");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Utf8Decoder {
    /// The beginning of a character: at most three bytes.
    held: Vec<u8>,
}

impl Utf8Decoder {
    /// The characters that end in `chunk`. At most three bytes wait for the next chunk.
    pub fn decode<'a>(&mut self, chunk: &'a [u8]) -> Cow<'a, str> {
        if self.held.is_empty() {
            return lossy(self.hold_back(chunk));
        }
        let mut joined = core::mem::take(&mut self.held);
        joined.extend_from_slice(chunk);
        Cow::Owned(lossy(self.hold_back(&joined)).into_owned())
    }

    /// As [`decode`](Self::decode), without a copy when the chunk is valid as it is.
    pub fn decode_shared(&mut self, chunk: &Bytes) -> Bytes {
        match self.decode(chunk) {
            Cow::Borrowed(text) => chunk.slice(..text.len()),
            Cow::Owned(text) => text.into(),
        }
    }

    /// What the end of the stream adds: U+FFFD when it cuts a character, else nothing. The decoder starts afresh.
    pub fn finish(&mut self) -> &'static str {
        let cut = !self.held.is_empty();
        self.held.clear();
        if cut { "\u{FFFD}" } else { "" }
    }

    /// Whether a character is incomplete.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        !self.held.is_empty()
    }

    fn hold_back<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (whole, cut) = bytes.split_at(bytes.len() - cut_len(bytes));
        self.held.extend_from_slice(cut);
        whole
    }
}

/// How many bytes at the end are a character's beginning that more bytes could complete.
fn cut_len(bytes: &[u8]) -> usize {
    let could_grow = |len: &usize| {
        let tail = bytes.len().checked_sub(*len).and_then(|at| bytes.get(at..));
        tail.is_some_and(|tail| {
            core::str::from_utf8(tail).is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
        })
    };
    (1..=3).find(could_grow).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;

    use proptest::prelude::*;

    use super::*;

    /// What node-ipc 9 to 14 made of these bytes.
    const BAD: &[(&[u8], &str)] = &[
        (b"\x80", "\u{FFFD}"),
        (b"\xC0\xAF", "\u{FFFD}\u{FFFD}"),
        (b"\xE0\x80\xAF", "\u{FFFD}\u{FFFD}\u{FFFD}"),
        (b"\xED\xA0\x80", "\u{FFFD}\u{FFFD}\u{FFFD}"),
        (b"\xED\xA0\xBD\xED\xB8\x80", "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
        (b"\xC3", "\u{FFFD}"),
        (b"\xE2\x8C", "\u{FFFD}"),
        (b"\xF0\x9F\x98", "\u{FFFD}"),
        (b"\xED\x9F", "\u{FFFD}"),
        (b"\xFF", "\u{FFFD}"),
        (b"\xFE", "\u{FFFD}"),
        (b"\xF4\x90\x80\x80", "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
        (b"\xF5\x80\x80\x80", "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
        (b"\xF8\x88\x80\x80\x80", "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
        (b"\xE2\x28\xA1", "\u{FFFD}(\u{FFFD}"),
        (b"\xF0\x28\x8C\xBC", "\u{FFFD}(\u{FFFD}\u{FFFD}"),
        (b"\xC0\x8C", "\u{FFFD}\u{FFFD}"),
        (b"h\xC3\xA9\xF0\x9F\x98\x80!", "hé😀!"),
    ];

    fn decode_in(chunks: &[&[u8]]) -> String {
        let mut decoder = Utf8Decoder::default();
        let mut text: String = chunks.iter().map(|chunk| decoder.decode(chunk).into_owned()).collect();
        text.push_str(decoder.finish());
        assert!(!decoder.is_pending());
        text
    }

    #[test]
    fn invalid_bytes_are_replaced_as_node_does() {
        for (bytes, text) in BAD {
            assert_eq!(replace_invalid(Bytes::from_static(bytes)), text.as_bytes());
            assert_eq!(decode_in(&[bytes]), *text);
            assert_eq!(decode_in(&bytes.chunks(1).collect::<Vec<_>>()), *text, "{bytes:x?}");
            let framed = [bytes, &b"\x0C"[..]].concat();
            assert_eq!(replace_invalid(framed.into()), [text.as_bytes(), b"\x0C"].concat());
        }
    }

    #[test]
    fn valid_text_is_not_copied() {
        let text = Bytes::from_static("h\u{E9}".as_bytes());
        assert_eq!(replace_invalid(text.clone()).as_ptr(), text.as_ptr());
        let mut decoder = Utf8Decoder::default();
        assert_eq!(decoder.decode_shared(&text.slice(..2)).as_ptr(), text.as_ptr());
        assert!(decoder.is_pending());
        assert_eq!(decoder.decode_shared(&text.slice(2..)), "\u{E9}");
    }

    fn mostly_text() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just("é".as_bytes().to_owned()),
            Just("😀世a".as_bytes().to_owned()),
            prop::collection::vec(prop_oneof![0x7Fu8..=0xC5, 0xDFu8..=0xFF], 1..4),
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn chunking_is_invisible(bytes in mostly_text(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let chunks: Vec<_> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            let expected = String::from_utf8_lossy(&bytes).into_owned();
            prop_assert_eq!(decode_in(&chunks), &*expected);
            prop_assert_eq!(decode_in(&bytes.chunks(1).collect::<Vec<_>>()), &*expected);
            prop_assert_eq!(replace_invalid(bytes.into()), expected.as_bytes());
        }
    }
}
