//! Numbers from a seed.

/// Vigna's SplitMix64: every seed is as good as any other, and the same numbers come on every machine.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    /// Seeds that follow each other give unrelated numbers.
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// A number below `end`, which is not zero.
    pub(super) const fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(super) const fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(super) const fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    /// A generator of its own for part `n` of the whole.
    pub(super) const fn part(seed: u64, n: u64) -> Self {
        Self(mix(seed ^ mix(n.wrapping_add(0x5EED))))
    }
}

pub(super) const fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
