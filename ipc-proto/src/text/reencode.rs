//! What node-ipc 9 to 12 does to received raw bytes: to a string and back again.

use alloc::vec::Vec;

use bytes::Bytes;

use super::Utf8Decoder;
use crate::config::Encoding;

/// Passes raw bytes through a string in some [`Encoding`], as a Classic endpoint in raw mode receives them.
///
/// Utf8 replaces what is not UTF-8, ascii clears the top bit; the others lose nothing. What the end of a chunk cuts
/// in two is held back for the next one: a character in utf8, two bytes or less in base64, an odd byte and the
/// first half of a surrogate pair in utf16le.
///
/// ```
/// use ipc_proto::{Encoding, text::Reencoder};
///
/// let mut base64 = Reencoder::new(Encoding::Base64);
/// assert_eq!(base64.feed("hello".into()), "hel");
/// assert_eq!(base64.finish(), "lo");
/// ```
#[derive(Clone, Debug)]
pub struct Reencoder {
    encoding: Encoding,
    utf8: Utf8Decoder,
    /// At most three bytes, in the encodings that have units of more than one.
    held: Vec<u8>,
}

impl Reencoder {
    /// One for the beginning of a connection.
    #[must_use]
    pub fn new(encoding: Encoding) -> Self {
        Self { encoding, utf8: Utf8Decoder::default(), held: Vec::new() }
    }

    /// What the application gets for `chunk`; empty when all of it is held back.
    pub fn feed(&mut self, chunk: Bytes) -> Bytes {
        match self.encoding {
            Encoding::Utf8 => self.utf8.decode_shared(&chunk),
            Encoding::Ascii => mask(chunk),
            Encoding::Latin1 | Encoding::Hex => chunk,
            Encoding::Base64 | Encoding::Base64Url => self.regroup(chunk, |bytes| bytes.len() % 3),
            Encoding::Utf16Le => self.regroup(chunk, cut_unit),
        }
    }

    /// What the end of the stream releases, which may be nothing. An odd utf16le byte is lost, as in Node.
    pub fn finish(&mut self) -> Bytes {
        let mut rest = core::mem::take(&mut self.held);
        if self.encoding == Encoding::Utf16Le {
            rest.truncate(rest.len() & !1);
        }
        rest.extend_from_slice(self.utf8.finish().as_bytes());
        rest.into()
    }

    /// Joins the chunk to what was held, and holds back what `cut` counts at its end.
    fn regroup(&mut self, chunk: Bytes, cut: fn(&[u8]) -> usize) -> Bytes {
        let mut whole = chunk;
        if !self.held.is_empty() {
            self.held.extend_from_slice(&whole);
            whole = core::mem::take(&mut self.held).into();
        }
        let tail = whole.split_off(whole.len() - cut(&whole));
        self.held.extend_from_slice(&tail);
        whole
    }
}

fn mask(chunk: Bytes) -> Bytes {
    if chunk.is_ascii() { chunk } else { chunk.iter().map(|byte| byte & 0x7F).collect() }
}

/// How many bytes at the end of UTF-16 are no whole character yet.
fn cut_unit(bytes: &[u8]) -> usize {
    match bytes {
        [_, 0xD8..=0xDB, _] => 3,
        _ if bytes.len() % 2 == 1 => 1,
        [.., _, 0xD8..=0xDB] => 2,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(encoding: Encoding, chunks: &[&'static [u8]]) -> Vec<Vec<u8>> {
        let mut reencoder = Reencoder::new(encoding);
        let mut out: Vec<_> = chunks.iter().map(|chunk| reencoder.feed(Bytes::from_static(chunk)).to_vec()).collect();
        out.push(reencoder.finish().to_vec());
        out
    }

    /// Encoding, chunks, what each of them and the end released.
    type Case<'a> = (Encoding, &'a [&'static [u8]], &'a [&'a [u8]]);

    #[test]
    fn bytes_arrive_as_through_a_classic_socket() {
        let cases: &[Case<'_>] = &[
            (
                Encoding::Utf8,
                &[b"\x00\x80\xFF\xE9\xC3", b"\xA9A"],
                &["\0\u{FFFD}\u{FFFD}\u{FFFD}".as_bytes(), "éA".as_bytes(), b""],
            ),
            (Encoding::Utf8, &[b"\xE2\x8C"], &[b"", "\u{FFFD}".as_bytes()]),
            (Encoding::Ascii, &[b"\xE9A"], &[b"iA", b""]),
            (Encoding::Latin1, &[b"\xE9\xFF"], &[b"\xE9\xFF", b""]),
            (Encoding::Hex, &[b"\xE9\xFF"], &[b"\xE9\xFF", b""]),
            (Encoding::Base64, &[b"hello"], &[b"hel", b"lo"]),
            (Encoding::Base64, &[b"he", b"", b"l", b"lo"], &[b"", b"", b"hel", b"", b"lo"]),
            (Encoding::Base64Url, &[b"hello", b"w"], &[b"hel", b"low", b""]),
            (Encoding::Utf16Le, &[b"A\0B", b"\0"], &[b"A\0", b"B\0", b""]),
            (Encoding::Utf16Le, &[b"A\0\x3D\xD8", b"\x00\xDE"], &[b"A\0", b"\x3D\xD8\x00\xDE", b""]),
            (Encoding::Utf16Le, &[b"\x3D\xD8", b"A"], &[b"", b"", b"\x3D\xD8"]),
            (Encoding::Utf16Le, &[b"A"], &[b"", b""]),
        ];
        for (encoding, chunks, expected) in cases {
            assert_eq!(feed(*encoding, chunks), *expected, "{encoding:?} {chunks:x?}");
        }
    }
}

#[cfg(test)]
mod properties {
    use alloc::string::String;

    use proptest::prelude::*;

    use super::*;

    /// What is left of bytes that were a string in between.
    fn through(encoding: Encoding, bytes: &[u8]) -> Vec<u8> {
        match encoding {
            Encoding::Utf8 => String::from_utf8_lossy(bytes).into_owned().into_bytes(),
            Encoding::Ascii => bytes.iter().map(|byte| byte & 0x7F).collect(),
            Encoding::Utf16Le => bytes[..bytes.len() & !1].to_vec(),
            _ => bytes.to_vec(),
        }
    }

    const ALL: [Encoding; 7] = [
        Encoding::Utf8,
        Encoding::Ascii,
        Encoding::Latin1,
        Encoding::Utf16Le,
        Encoding::Base64,
        Encoding::Base64Url,
        Encoding::Hex,
    ];

    proptest! {
        /// Chunks change nothing, and what is held back is never more than three bytes.
        #[test]
        fn a_stream_arrives_as_if_it_came_at_once(chunks in prop::collection::vec(prop::collection::vec(
            prop_oneof![any::<u8>(), 0xD8_u8..=0xDF, Just(0xC3), Just(0xF0)], 0..7), 0..9),
        ) {
            for encoding in ALL {
                let mut reencoder = Reencoder::new(encoding);
                let (mut fed, mut out) = (Vec::new(), Vec::new());
                for chunk in &chunks {
                    fed.extend_from_slice(chunk);
                    out.extend_from_slice(&reencoder.feed(chunk.clone().into()));
                    let whole = through(encoding, &fed);
                    prop_assert!(encoding == Encoding::Utf8 || (whole.starts_with(&out) && out.len() + 3 >= whole.len()));
                    // Three bytes of base64 stay together, and the two of a unit of UTF-16 do.
                    prop_assert!(!matches!(encoding, Encoding::Base64 | Encoding::Base64Url) || out.len() % 3 == 0);
                    prop_assert!(encoding != Encoding::Utf16Le || out.len() % 2 == 0);
                }
                out.extend_from_slice(&reencoder.finish());
                prop_assert_eq!(out, through(encoding, &fed), "{:?}", encoding);
            }
        }
    }
}
