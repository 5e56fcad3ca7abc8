//! Ways to cut a stream into reads.

use core::fmt;

/// Beyond this a stream is cut into single bytes at its ends only; every capture is shorter.
const BYTEWISE_LIMIT: usize = 512 << 10;
const BYTEWISE_END: usize = 4 << 10;
/// How the middle of a longer stream is cut: a prime, so that no power of two hides anything.
const MIDDLE: usize = 8191;

/// How a stream is cut into reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunking {
    /// As it was recorded.
    Recorded,
    /// In one piece.
    Whole,
    /// Into single bytes. Of streams over 512 KiB only the first and the last 4 KiB are cut so.
    Bytes,
    /// Into pieces of random length, the same for the same seed.
    Random(u64),
}

impl Chunking {
    /// Every way, with one seed.
    pub fn all(seed: u64) -> [Self; 4] {
        [Self::Recorded, Self::Whole, Self::Bytes, Self::Random(seed)]
    }

    /// The pieces of `recorded`, whose own cuts only [`Recorded`](Self::Recorded) keeps.
    pub fn cut(self, recorded: &[&[u8]]) -> Vec<Vec<u8>> {
        match self {
            Self::Recorded => recorded.iter().map(|chunk| chunk.to_vec()).collect(),
            Self::Whole => vec![recorded.concat()],
            Self::Bytes => bytewise(&recorded.concat()),
            Self::Random(seed) => random(&recorded.concat(), seed),
        }
    }
}

impl fmt::Display for Chunking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recorded => f.write_str("recorded"),
            Self::Whole => f.write_str("whole"),
            Self::Bytes => f.write_str("bytes"),
            Self::Random(_) => f.write_str("random"),
        }
    }
}

/// The seed in the environment variable `IPC_SEED`, or one that differs from run to run.
///
/// Print it: it is what repeats a failed run.
///
/// # Panics
/// When `IPC_SEED` is set and no number.
pub fn seed_from_env() -> u64 {
    use core::hash::{BuildHasher as _, Hasher as _};
    match std::env::var("IPC_SEED") {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("IPC_SEED is {text:?}, which is no number")),
        Err(_) => std::hash::RandomState::new().build_hasher().finish(),
    }
}

fn bytewise(bytes: &[u8]) -> Vec<Vec<u8>> {
    if bytes.len() <= BYTEWISE_LIMIT {
        return bytes.chunks(1).map(<[u8]>::to_vec).collect();
    }
    let (head, rest) = bytes.split_at(BYTEWISE_END);
    let (middle, tail) = rest.split_at(rest.len() - BYTEWISE_END);
    head.chunks(1).chain(middle.chunks(MIDDLE)).chain(tail.chunks(1)).map(<[u8]>::to_vec).collect()
}

fn random(mut bytes: &[u8], seed: u64) -> Vec<Vec<u8>> {
    let mut state = seed;
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        let (piece, rest) = bytes.split_at(piece_len(&mut state).min(bytes.len()));
        pieces.push(piece.to_vec());
        bytes = rest;
    }
    pieces
}

/// Mostly a few bytes, sometimes a large read.
fn piece_len(state: &mut u64) -> usize {
    let number = next(state);
    let most = if number % 8 == 0 { 70_000 } else { 24 };
    usize::try_from(number >> 32).unwrap_or(0) % most + 1
}

/// SplitMix64.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_way_of_cutting_loses_a_byte() {
        let bytes: Vec<u8> = (0..600_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let halves = [&bytes[..7], &bytes[7..]];
        for chunking in Chunking::all(1) {
            let pieces = chunking.cut(&halves);
            assert!(pieces.concat() == bytes, "{chunking}");
            assert!(pieces.iter().all(|piece| !piece.is_empty()), "{chunking}");
        }
        assert_eq!(Chunking::Recorded.cut(&halves).len(), 2);
        assert_eq!(Chunking::Bytes.cut(&[b"abc"]).len(), 3);
    }

    #[test]
    fn the_seed_decides() {
        let bytes = [0; 5000];
        let cut = |seed| Chunking::Random(seed).cut(&[&bytes]);
        assert_eq!(cut(1), cut(1));
        assert_ne!(cut(1), cut(2));
    }
}
