//! Reading certificates anew.

use alloc::{
    sync::{Arc, Weak},
    vec::Vec,
};
use std::sync::Mutex;

use super::{Error, lock};
use crate::drive::Reload;

/// Everything of one process that has certificates to read anew, as long as it lives.
#[derive(Default)]
pub(super) struct Reloads {
    known: Mutex<Vec<Weak<dyn Reload>>>,
}

impl Reloads {
    pub(super) fn add(&self, reloads: &[Arc<dyn Reload>]) {
        let mut known = lock(&self.known);
        known.retain(|reload| reload.strong_count() > 0);
        known.extend(reloads.iter().map(Arc::downgrade));
    }

    pub(super) fn reload(&self) -> Result<(), Error> {
        let alive: Vec<_> = lock(&self.known).iter().filter_map(Weak::upgrade).collect();
        reload_all(&alive)
    }
}

/// Reloads all of them, whether or not one fails, and reports the first failure.
pub(super) fn reload_all(reloads: &[Arc<dyn Reload>]) -> Result<(), Error> {
    let results: Vec<_> = reloads.iter().map(|reload| reload.reload()).collect();
    Ok(results.into_iter().collect::<Result<(), _>>()?)
}
