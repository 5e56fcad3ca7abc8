//! What simulations met, by name.

use std::{collections::BTreeMap, fmt};

/// How often things happened, over one simulation or many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    counts: BTreeMap<&'static str, u64>,
}

impl Totals {
    pub(super) fn count(&mut self, name: &'static str) {
        self.add(name, 1);
    }

    pub(super) fn add(&mut self, name: &'static str, n: u64) {
        *self.counts.entry(name).or_default() += n;
    }

    /// Adds what another simulation met.
    pub fn merge(&mut self, other: &Self) {
        for (name, n) in other.iter() {
            self.add(name, n);
        }
    }

    /// How often `name` happened.
    #[must_use]
    pub fn get(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or(0)
    }

    /// Everything, by name. A name is a group and what happened: `fault: reset`.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.counts.iter().map(|(name, n)| (*name, *n))
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|(name, n)| writeln!(f, "{n:>12}  {name}"))
    }
}
