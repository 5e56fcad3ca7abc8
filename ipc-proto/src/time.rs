//! Time as an argument.
//!
//! No machine of this crate reads a clock: every `handle_*` method is told what time it is, and every
//! `poll_timeout` answers with a point on that same scale.

use core::time::Duration;

/// A point in time: the span since an epoch that the driver picked once and keeps.
///
/// Only differences mean anything, so any monotonic clock will do (`Instant::now() - start` is the usual one).
/// Timestamps of different drivers cannot be compared. A machine that sees time go backwards treats the
/// earlier value as the latest one it has seen; nothing panics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(Duration);

impl Timestamp {
    /// The epoch itself.
    pub const ZERO: Self = Self(Duration::ZERO);

    /// The point `since_epoch` after the epoch.
    #[must_use]
    pub const fn new(since_epoch: Duration) -> Self {
        Self(since_epoch)
    }

    /// The point `millis` milliseconds after the epoch.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// The span since the epoch.
    #[must_use]
    pub const fn since_epoch(self) -> Duration {
        self.0
    }

    /// How long after `earlier` this is; zero when it is not after it.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// The point `span` later, or `None` where that is past the end of the scale.
    #[must_use]
    pub fn checked_add(self, span: Duration) -> Option<Self> {
        self.0.checked_add(span).map(Self)
    }

    /// The point `span` later, or the last point of the scale.
    #[must_use]
    pub const fn saturating_add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn going_backwards_saturates() {
        let early = Timestamp::from_millis(5);
        let late = Timestamp::from_millis(9);
        assert_eq!(late.saturating_since(early), Duration::from_millis(4));
        assert_eq!(early.saturating_since(late), Duration::ZERO);
        assert_eq!(early.checked_add(Duration::from_millis(4)), Some(late));
        assert_eq!(Timestamp::new(Duration::MAX).checked_add(Duration::from_nanos(1)), None);
        assert_eq!(Timestamp::new(Duration::MAX).saturating_add(Duration::from_nanos(1)).since_epoch(), Duration::MAX);
    }
}

#[cfg(test)]
mod properties {
    use proptest::prelude::*;

    use super::*;

    fn span() -> impl Strategy<Value = Duration> {
        prop_oneof![
            (0..3_u64, 0..1_000_000_000_u32).prop_map(|(secs, nanos)| Duration::new(secs, nanos)),
            (any::<u64>(), 0..1_000_000_000_u32).prop_map(|(secs, nanos)| Duration::new(secs, nanos)),
            Just(Duration::MAX),
        ]
    }

    proptest! {
        /// Against counting nanoseconds.
        #[test]
        fn points_and_spans_are_nanoseconds(one in span(), other in span()) {
            let (point, nanos) = (Timestamp::new(one), one.as_nanos());
            let sum = Some(nanos + other.as_nanos()).filter(|sum| *sum <= Duration::MAX.as_nanos());
            let later = point.checked_add(other);
            prop_assert_eq!(later.map(|later| later.since_epoch().as_nanos()), sum);
            prop_assert_eq!(point.saturating_add(other), later.unwrap_or(Timestamp::new(Duration::MAX)));
            let since = point.saturating_since(Timestamp::new(other));
            prop_assert_eq!(since.as_nanos(), nanos.saturating_sub(other.as_nanos()));
            prop_assert_eq!(point.cmp(&Timestamp::new(other)), nanos.cmp(&other.as_nanos()));
        }
    }
}
