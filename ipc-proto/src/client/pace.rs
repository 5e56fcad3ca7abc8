//! How long a client waits before each attempt.

use core::time::Duration;

use crate::config::Retry;

/// The delays of a [`Retry`], one after another.
#[derive(Debug)]
pub(super) struct Pace {
    /// What the next delay is before the random part, once the first one is over.
    grown: Option<Duration>,
    random: SplitMix64,
}

impl Pace {
    pub(super) fn new(retry: &Retry) -> Self {
        let seed = retry.backoff.as_ref().and_then(|backoff| backoff.seed);
        Self { grown: None, random: SplitMix64(seed.unwrap_or(0)) }
    }

    /// The next delay.
    pub(super) fn next(&mut self, retry: &Retry) -> Duration {
        let Some(backoff) = &retry.backoff else { return retry.delay };
        let whole = self.grown.unwrap_or(retry.delay).min(backoff.max_delay);
        self.grown = Some(scaled(whole, backoff.factor));
        whole.saturating_sub(scaled(whole, backoff.jitter * self.random.unit()))
    }

    /// Back to the first delay.
    pub(super) const fn reset(&mut self) {
        self.grown = None;
    }
}

fn scaled(span: Duration, by: f64) -> Duration {
    Duration::try_from_secs_f64(span.as_secs_f64() * by).unwrap_or(Duration::MAX)
}

/// Sebastiano Vigna's SplitMix64: a counter and two rounds of mixing. Every seed is as good as any other, which is
/// all that spreading out retries asks for; nothing secret may come from it.
#[derive(Debug)]
struct SplitMix64(u64);

impl SplitMix64 {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// At least 0 and less than 1: the 53 bits that a double holds.
    const fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::config::Backoff;

    fn delays(retry: &Retry, count: usize) -> Vec<u64> {
        let mut pace = Pace::new(retry);
        let micros = core::iter::repeat_with(|| pace.next(retry).as_micros());
        micros.take(count).map(|micros| u64::try_from(micros).unwrap()).collect()
    }

    fn backoff() -> Backoff {
        Backoff::default().max_delay(Duration::from_secs(1)).jitter(0.0)
    }

    fn retry(backoff: Backoff) -> Retry {
        Retry::every(Duration::from_millis(100)).backoff(backoff)
    }

    #[test]
    fn without_backoff_every_delay_is_the_same() {
        assert_eq!(delays(&Retry::default(), 4), [500_000; 4]);
    }

    #[test]
    fn delays_grow_up_to_the_cap() {
        let growing = [100_000, 200_000, 400_000, 800_000, 1_000_000, 1_000_000];
        assert_eq!(delays(&retry(backoff()), 6), growing);
        assert_eq!(delays(&retry(backoff().factor(1.0)), 3), [100_000; 3]);
        let boundless = retry(backoff().max_delay(Duration::MAX).factor(f64::MAX));
        let mut pace = Pace::new(&boundless);
        assert_eq!([(); 3].map(|()| pace.next(&boundless)), [boundless.delay, Duration::MAX, Duration::MAX]);
    }

    #[test]
    fn a_seed_gives_its_delays() {
        let half = retry(backoff().jitter(0.5).seed(7));
        assert_eq!(delays(&half, 6), [80_508, 198_321, 219_847, 566_827, 773_779, 875_284]);
        assert_eq!(delays(&half, 6), delays(&half, 6));
        assert_ne!(delays(&half, 6), delays(&retry(backoff().jitter(0.5).seed(8)), 6));
        let all = delays(&retry(backoff().jitter(1.0).seed(7)), 1000);
        assert!(all.iter().all(|&micros| micros <= 1_000_000));
        assert!(all.iter().any(|&micros| micros < 50_000), "all of a delay may be taken off");
    }

    #[test]
    fn a_reset_starts_over() {
        let retry = retry(backoff());
        let mut pace = Pace::new(&retry);
        assert_eq!([(); 3].map(|()| pace.next(&retry).as_millis()), [100, 200, 400]);
        pace.reset();
        assert_eq!([(); 2].map(|()| pace.next(&retry).as_millis()), [100, 200]);
    }

    #[test]
    fn the_generator_is_splitmix64() {
        // The first numbers of Vigna's C code for the seed 1234567.
        let mut random = SplitMix64(1_234_567);
        assert_eq!([(); 2].map(|()| random.next()), [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }
}

#[cfg(test)]
mod properties {
    use proptest::prelude::*;

    use super::*;
    use crate::config::Backoff;

    proptest! {
        /// Against the closed form: the delay times the factor's power, no more than the cap, less the random part.
        #[test]
        fn delays_lie_within_the_jitter_below_the_power_of_the_factor(
            first in 1..2000_u64,
            factor in 1.0..4.0_f64,
            cap in 2000..100_000_u64,
            jitter in 0.0..=1.0_f64,
            seed in any::<u64>(),
            resets in prop::collection::vec(any::<bool>(), 1..30),
        ) {
            let cap = Duration::from_millis(cap);
            let backoff = Backoff::default().factor(factor).max_delay(cap).jitter(jitter).seed(seed);
            let retry = Retry::every(Duration::from_millis(first)).backoff(backoff);
            let (mut pace, mut grown) = (Pace::new(&retry), 0);
            for resets in resets {
                if resets {
                    pace.reset();
                    grown = 0;
                }
                let whole = (retry.delay.as_secs_f64() * factor.powi(grown)).min(cap.as_secs_f64());
                let delay = pace.next(&retry).as_secs_f64();
                grown += 1;
                // Each step rounds to nanoseconds, which the following ones multiply.
                let slack = 1e-8 * whole.max(1.0);
                prop_assert!(delay <= whole + slack, "{delay} after {whole}");
                prop_assert!(delay >= whole * (1.0 - jitter) - slack, "{delay} after {whole}");
                prop_assert!(jitter > 0.0 || delay >= whole - slack);
            }
        }
    }
}
