//! What was measured, and what it should have been.

use crate::rows::Row;

/// Whose value, and the value.
pub(crate) type Samples = Vec<(String, f64)>;

/// What a value, or its ratio to another one's, should be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) who: &'static str,
    /// Whose value it is divided by; none: it stands for itself.
    pub(crate) of: Option<&'static str>,
    pub(crate) bound: Bound,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

/// A row's runs.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) row: &'static Row,
    pub(crate) runs: Vec<Samples>,
}

/// What became of a target.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verdict {
    pub(crate) target: Target,
    pub(crate) value: f64,
    pub(crate) met: bool,
}

impl Measured {
    pub(crate) const fn new(row: &'static Row) -> Self {
        Self { row, runs: Vec::new() }
    }

    /// Everybody's median, in the order in which they were measured.
    pub(crate) fn medians(&self) -> Vec<(&str, f64)> {
        let names = self.runs.first().into_iter().flatten().map(|(name, _)| name.as_str());
        names.filter_map(|name| Some((name, self.median(name)?))).collect()
    }

    pub(crate) fn median(&self, who: &str) -> Option<f64> {
        median(self.runs.iter().filter_map(|run| value(run, who)).collect())
    }

    /// The median of the runs' own ratios: what slows a run slows both.
    pub(crate) fn ratio(&self, who: &str, of: &str) -> Option<f64> {
        median(self.runs.iter().filter_map(|run| Some(value(run, who)? / value(run, of)?)).collect())
    }

    pub(crate) fn verdicts(&self) -> Vec<Verdict> {
        self.row.targets.iter().filter_map(|target| self.verdict(*target)).collect()
    }

    /// None where one of both took no part.
    fn verdict(&self, target: Target) -> Option<Verdict> {
        let value = match target.of {
            Some(of) => self.ratio(target.who, of)?,
            None => self.median(target.who)?,
        };
        let met = match target.bound {
            Bound::AtMost(most) => value <= most,
            Bound::AtLeast(least) => value >= least,
        };
        Some(Verdict { target, value, met })
    }
}

fn value(run: &Samples, who: &str) -> Option<f64> {
    run.iter().find(|(name, _)| name == who).map(|(_, value)| *value)
}

pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len().checked_sub(1)? / 2).copied()
}
