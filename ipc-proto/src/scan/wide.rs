//! Finding the end of plain text in a JSON string, many bytes at a time.

#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
use memchr::arch::all::memchr::Two;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
use memchr::arch::x86_64::sse2::memchr::Two;

/// How many bytes stand before the first one that a JSON string cannot hold as it is: `"`, `\` and the controls.
#[inline]
pub(crate) fn plain_prefix(bytes: &[u8]) -> usize {
    near(bytes, special_bytes).unwrap_or_else(|at| match &bytes[at..] {
        rest @ [_, _, _, _, _, _, _, _, ..] => at + plain_far(rest),
        rest => at + plain_bytes(rest),
    })
}

/// Whether a JSON string can hold all of it as it is.
#[inline]
pub(crate) fn is_plain(bytes: &[u8]) -> bool {
    // Nearly all names have between four and eight bytes or a few words: the ends may overlap.
    if let (Some(first), Some(last), 4..=8) = (bytes.first_chunk(), bytes.last_chunk(), bytes.len()) {
        let ends = u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last));
        return special_bytes(ends) == 0;
    }
    plain_prefix(bytes) == bytes.len()
}

/// Looks for the first byte that `mark` marks, a word at a time. Where it is in none of the first words, as far as there
/// are any, says how far it looked.
///
/// Most strings end there, where a call into the wide search would cost more than it saves.
#[inline]
fn near(bytes: &[u8], mark: impl Fn(u64) -> u64) -> Result<usize, usize> {
    let mut rest = bytes;
    for _ in 0..NEAR / 8 {
        let Some((word, behind)) = rest.split_first_chunk() else { break };
        let marked = mark(u64::from_le_bytes(*word));
        if marked != 0 {
            return Ok(bytes.len() - rest.len() + marked.trailing_zeros() as usize / 8);
        }
        rest = behind;
    }
    Err(bytes.len() - rest.len())
}

/// As [`plain_prefix`], a word at a time.
#[inline]
fn plain_words(bytes: &[u8]) -> usize {
    let mut words = bytes.chunks_exact(8);
    let mut at = 0;
    for word in &mut words {
        let special = special_bytes(u64::from_le_bytes(word.try_into().expect("eight bytes")));
        if special != 0 {
            return at + special.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at + plain_bytes(words.remainder())
}

const NEAR: usize = 32;
const ONES: u64 = u64::MAX / 255;
const HIGH: u64 = ONES << 7;

/// The high bit of the lowest special byte of `word`; bits above that one mean nothing.
#[inline]
const fn special_bytes(word: u64) -> u64 {
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let zeros = (quote.wrapping_sub(ONES) & !quote) | (backslash.wrapping_sub(ONES) & !backslash);
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (zeros | control) & HIGH
}

fn plain_bytes(bytes: &[u8]) -> usize {
    bytes.iter().position(|&byte| is_special(byte)).unwrap_or(bytes.len())
}

#[inline]
const fn is_special(byte: u8) -> bool {
    byte == b'"' || byte == b'\\' || byte < 0x20
}

#[inline(never)]
fn plain_far(bytes: &[u8]) -> usize {
    let mut blocks = bytes.chunks_exact(BLOCK);
    let mut at = 0;
    for block in &mut blocks {
        // No early exit, so that the compiler turns the loop into vector instructions.
        if block.iter().fold(false, |any, &byte| any | is_special(byte)) {
            return at + plain_words(block);
        }
        at += BLOCK;
    }
    at + plain_words(blocks.remainder())
}

const BLOCK: usize = 64;

/// What bytes are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Makeup {
    /// Something a JSON string cannot hold as it is; what else there is was not looked at.
    Special,
    /// No such byte.
    Plain,
    /// No such byte, and all of them ASCII.
    PlainAscii,
}

/// Whether any byte but `stop` is one that a JSON string cannot hold as it is, quotes aside. `stop` is ASCII.
pub(crate) fn makeup(bytes: &[u8], stop: u8) -> Makeup {
    let mut all = 0;
    for block in bytes.chunks(16 * BLOCK) {
        // No early exit within a block, as above.
        let mut least = u8::MAX;
        for &byte in block {
            // Nothing for what no string can hold.
            let worth = byte.saturating_sub(0x1F).min(byte ^ b'\\');
            let allowed = u8::from(byte == stop).wrapping_neg();
            least = least.min(worth | allowed);
            all |= byte;
        }
        if least == 0 {
            return Makeup::Special;
        }
    }
    if all.is_ascii() { Makeup::PlainAscii } else { Makeup::Plain }
}

/// Finds the first `"`, or another byte, in bytes that are [plain](Makeup::Plain) but for that one.
#[derive(Debug)]
pub(crate) struct Quotes {
    /// In what is near: without a call and without asking what the processor can do, which costs more there than it saves.
    near: Two,
    stop: u8,
}

impl Quotes {
    /// `None` where the processor has nothing to search wide with.
    #[inline]
    pub(crate) fn or(stop: u8) -> Option<Self> {
        #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
        let near = Two::new(b'"', stop)?;
        #[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
        let near = Two::new(b'"', stop);
        Some(Self { near, stop })
    }

    /// The other byte.
    pub(crate) const fn stop(&self) -> u8 {
        self.stop
    }

    /// How many bytes stand before it.
    #[inline]
    pub(super) fn until(&self, bytes: &[u8]) -> usize {
        let near = bytes.get(..NEAR_QUOTE).unwrap_or(bytes);
        self.near.find(near).unwrap_or_else(|| quote_far(bytes, self.stop))
    }
}

const NEAR_QUOTE: usize = 128;

/// As [`Quotes::until`], when it is not near.
#[inline(never)]
fn quote_far(bytes: &[u8], stop: u8) -> usize {
    let near = NEAR_QUOTE.min(bytes.len());
    near + memchr::memchr2(b'"', stop, &bytes[near..]).unwrap_or(bytes.len() - near)
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn every_special_byte_is_found_at_every_place() {
        for len in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 31, 32, 33, 63, 64, 95, 96, 97, 200] {
            let mut text = vec![b'x'; len];
            assert_eq!((plain_prefix(&text), is_plain(&text)), (len, true));
            for at in 0..len {
                for special in (0..0x20).chain([b'"', b'\\']) {
                    text[at] = special;
                    assert!(!is_plain(&text));
                    assert_eq!(plain_prefix(&text), at);
                }
                text[at] = b'x';
            }
        }
    }

    #[test]
    fn a_plain_string_ends_at_a_quote_or_where_plainness_does() {
        let quotes = Quotes::or(0x0C).expect("whoever runs tests can search wide");
        for len in [0, 1, 7, 8, 9, 15, 16, 17, 40, 127, 128, 129, 300] {
            for fill in [b'x', 0xFF, b'!', b'#', 0x8C, 0x0D] {
                let mut text = vec![fill; len];
                assert_eq!(quotes.until(&text), len);
                for at in 0..len {
                    for end in [b'"', 0x0C] {
                        text[at] = end;
                        assert_eq!(quotes.until(&text), at);
                    }
                    text[at] = fill;
                }
            }
        }
    }

    #[test]
    fn plain_is_what_a_string_holds_as_it_is_and_quotes() {
        for len in [1, 31, 1023, 1024, 1025, 3000] {
            let mut text = vec![b'"'; len];
            for byte in 0..=u8::MAX {
                text[len - 1] = byte;
                let expected = match byte {
                    0x0C | b'"' => Makeup::PlainAscii,
                    byte if is_special(byte) => Makeup::Special,
                    byte if byte.is_ascii() => Makeup::PlainAscii,
                    _ => Makeup::Plain,
                };
                assert_eq!(makeup(&text, 0x0C), expected, "{byte:#x}");
                // Wherever else it stands.
                text.rotate_left(len / 2);
                assert_eq!(makeup(&text, 0x0C), expected, "{byte:#x}");
                text.fill(b'"');
            }
        }
        assert_eq!(makeup(b"", 0x0C), Makeup::PlainAscii);
    }

    #[test]
    fn no_other_byte_is_special() {
        for byte in (0x20..=0xFF).filter(|byte| !matches!(byte, b'"' | b'\\')) {
            for len in [1, 8, 40, 100] {
                assert_eq!(plain_prefix(&vec![byte; len]), len, "{byte:#x}");
            }
            // Behind a special byte nothing counts, whatever it is.
            assert_eq!(plain_prefix(&[byte, b'"', byte, byte, byte, byte, byte, 0]), 1);
        }
    }
}

#[cfg(test)]
mod properties {
    use proptest::prelude::*;

    use super::*;

    fn text() -> impl Strategy<Value = alloc::vec::Vec<u8>> {
        let byte = prop_oneof![60 => 0x20_u8..=0x21, 60 => 0x7F_u8..=0xFF, 1 => any::<u8>()];
        prop::collection::vec(byte, 0..300)
    }

    proptest! {
        /// Against a look at each byte.
        #[test]
        fn the_first_special_byte_is_found(text in text(), from in 0..20_usize) {
            let text = text.get(from..).unwrap_or_default();
            let special = |byte: &u8| matches!(*byte, 0..=0x1F | b'"' | b'\\');
            prop_assert_eq!(plain_prefix(text), text.iter().position(special).unwrap_or(text.len()));
        }
    }
}
