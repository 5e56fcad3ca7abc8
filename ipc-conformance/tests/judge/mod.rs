//! Counts verdicts, and says the counts and the reasons at the end.

use std::collections::BTreeMap;
use std::sync::Mutex;

use ipc_conformance::replay::{Tally, Verdict};

/// The verdicts so far.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    state: Mutex<(Tally, BTreeMap<String, usize>)>,
}

impl Judge {
    /// Counts a verdict; a failed one is the test's error.
    pub(crate) fn take(&self, verdict: Verdict) -> Result<(), String> {
        let mut state = self.state.lock().expect("no test panics while it counts");
        state.0.count(&verdict);
        match verdict {
            Verdict::Passed => Ok(()),
            Verdict::Failed(how) => Err(how),
            Verdict::Differs(reason) => {
                *state.1.entry(format!("differs: {reason}")).or_default() += 1;
                Ok(())
            }
            Verdict::Skipped(reason) => {
                *state.1.entry(format!("skipped: {reason}")).or_default() += 1;
                Ok(())
            }
        }
    }

    /// Says how many there were of each, and why they are not all passed.
    pub(crate) fn print(&self, what: &str) {
        let state = self.state.lock().expect("no test panics while it counts");
        println!("{what}: {}", state.0);
        for (reason, count) in &state.1 {
            println!("{count:6} {reason}");
        }
    }
}
