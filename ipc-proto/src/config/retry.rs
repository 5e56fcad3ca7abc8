//! When a client dials again.

use alloc::string::ToString;
use core::time::Duration;

use crate::error::ConfigError;

/// When and how often a client dials again.
///
/// The defaults are node-ipc's: every 500 ms, without end.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Retry {
    /// From the end of one attempt to the start of the next. Default 500 ms.
    pub delay: Duration,
    /// How many attempts may follow the first one before the client gives up; `None` (the default) is no end.
    /// A successful connect makes the budget full again.
    pub max: Option<u32>,
    /// Set: give up at the next disconnect, whatever `max` says. Default off.
    pub stop: bool,
    /// Longer and longer delays, for servers that many clients come back to. `None` (the default): every delay
    /// is `delay` exactly, as in node-ipc.
    pub backoff: Option<Backoff>,
}

impl Default for Retry {
    fn default() -> Self {
        Self { delay: Duration::from_millis(500), max: None, stop: false, backoff: None }
    }
}

impl Retry {
    /// Every `delay`, without end.
    #[must_use]
    pub fn every(delay: Duration) -> Self {
        Self { delay, ..Self::default() }
    }

    /// At most `max` further attempts after a failed one.
    #[must_use]
    pub const fn max(mut self, max: u32) -> Self {
        self.max = Some(max);
        self
    }

    /// No further attempt.
    #[must_use]
    pub fn never() -> Self {
        Self { max: Some(0), ..Self::default() }
    }

    /// Longer and longer delays, see [`Backoff`].
    #[must_use]
    pub const fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = Some(backoff);
        self
    }

    /// Checks the back-off, if there is one.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the option that cannot be.
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let Some(backoff) = &self.backoff else { return Ok(()) };
        backoff.check_numbers()?;
        if backoff.max_delay < self.delay {
            let hint = "use at least the retry delay, from which it grows";
            return Err(ConfigError::new("backoff.max_delay", millis(backoff.max_delay), hint));
        }
        Ok(())
    }
}

fn millis(span: Duration) -> alloc::string::String {
    alloc::format!("{} ms", span.as_millis())
}

/// How the delays of a [`Retry`] grow from one failed attempt to the next.
///
/// The first is the retry's `delay`, each further one is the one before times `factor`, up to `max_delay`; then
/// up to the part `jitter` of it is taken off at random. A successful connect starts over.
///
/// ```
/// use std::time::Duration;
/// use ipc_proto::{Backoff, Config, Retry};
///
/// let patient = Backoff::default().max_delay(Duration::from_secs(60)).jitter(0.2);
/// let config = Config::default().retry(Retry::every(Duration::from_secs(1)).backoff(patient));
/// assert!(config.validate().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Backoff {
    /// What each delay is multiplied by, at least 1. Default 2.
    pub factor: f64,
    /// No delay is longer. Default 30 s.
    pub max_delay: Duration,
    /// Which part of a delay is random, from 0 (none) to 1 (all of it). Default 0.5.
    pub jitter: f64,
    /// Where the randomness comes from: the same seed gives the same delays. `None` (the default): the facade
    /// picks one for each client, so that they do not come back together; a bare [`Client`](crate::Client)
    /// takes 0.
    pub seed: Option<u64>,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { factor: 2.0, max_delay: Duration::from_secs(30), jitter: 0.5, seed: None }
    }
}

impl Backoff {
    /// Sets [`factor`](Self#structfield.factor).
    #[must_use]
    pub const fn factor(mut self, factor: f64) -> Self {
        self.factor = factor;
        self
    }

    /// Sets [`max_delay`](Self#structfield.max_delay).
    #[must_use]
    pub const fn max_delay(mut self, span: Duration) -> Self {
        self.max_delay = span;
        self
    }

    /// Sets [`jitter`](Self#structfield.jitter).
    #[must_use]
    pub const fn jitter(mut self, part: f64) -> Self {
        self.jitter = part;
        self
    }

    /// Sets [`seed`](Self#structfield.seed).
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    pub(super) fn check_numbers(&self) -> Result<(), ConfigError> {
        if !(self.factor.is_finite() && self.factor >= 1.0) {
            return Err(ConfigError::new("backoff.factor", self.factor.to_string(), "use 1 or more"));
        }
        if !(0.0..=1.0).contains(&self.jitter) {
            return Err(ConfigError::new("backoff.jitter", self.jitter.to_string(), "use a part from 0 to 1"));
        }
        Ok(())
    }
}
