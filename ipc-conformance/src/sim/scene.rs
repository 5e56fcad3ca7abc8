//! What all parties of a simulation share: time, wire, model, and the first thing that went wrong.

use std::{cell::RefCell, rc::Rc};

use super::{
    clock::Time,
    ledger::Ledger,
    net::{Link, Net, Shared},
    random::Random,
    totals::Totals,
};

/// Nobody is handed so many events at one moment.
const MANY_EVENTS: usize = 100_000;

#[derive(Debug)]
pub(super) struct Scene {
    pub(super) time: Time,
    pub(super) net: Shared<Net>,
    pub(super) ledger: Ledger,
    pub(super) totals: Totals,
    /// The first check that failed.
    pub(super) failure: Option<String>,
    /// What happened, where somebody wants to read it.
    pub(super) trace: Option<Vec<String>>,
    /// The last part: every message is answered, and nothing goes wrong.
    pub(super) calm: bool,
    last: u64,
}

impl Scene {
    pub(super) fn new(time: &Time, net: &Shared<Net>, traced: bool) -> Self {
        Self {
            time: time.clone(),
            net: Rc::clone(net),
            ledger: Ledger::default(),
            totals: Totals::default(),
            failure: None,
            trace: traced.then(Vec::new),
            calm: false,
            last: 0,
        }
    }

    /// One that nobody is in.
    pub(super) fn empty() -> Self {
        let time = Time::default();
        let net = Rc::new(RefCell::new(Net::new(&time, Random::new(0))));
        Self::new(&time, &net, false)
    }

    /// A number that no message has.
    pub(super) const fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    pub(super) fn check(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds && self.failure.is_none() {
            let what = what();
            self.say(|| format!("VIOLATION {what}"));
            self.failure = Some(what);
        }
    }

    /// Whether somebody who was handed `events` at one moment is to be handed more.
    pub(super) fn goes_on(&mut self, events: usize) -> bool {
        self.check(events < MANY_EVENTS, || "events come without end".to_owned());
        self.failure.is_none()
    }

    /// As [`check`](Self::check), for what the model says.
    pub(super) fn require<T>(&mut self, result: Result<T, String>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(what) => {
                self.check(false, || what);
                None
            }
        }
    }

    pub(super) fn say(&mut self, what: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            let millis = self.time.now().since_epoch().as_secs_f64() * 1000.0;
            trace.push(format!("{millis:>9} ms  {}", what()));
        }
    }

    pub(super) fn link(&self, number: usize) -> Link {
        self.net.borrow().links[number].clone()
    }
}
