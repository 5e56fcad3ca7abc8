//! Configurations that can be read anew while they are in use.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use ipc_proto::{ConfigError, drive::Reload};

type Load<T> = Box<dyn Fn() -> Result<Arc<T>, ConfigError> + Send + Sync>;

/// What is in use now, and how to read it anew.
pub struct Reloadable<T> {
    current: Mutex<Arc<T>>,
    load: Load<T>,
}

impl<T> Reloadable<T> {
    /// Loads for the first time.
    ///
    /// # Errors
    ///
    /// What `load` fails with.
    pub fn new(load: impl Fn() -> Result<Arc<T>, ConfigError> + Send + Sync + 'static) -> Result<Self, ConfigError> {
        Ok(Self { current: Mutex::new(load()?), load: Box::new(load) })
    }

    /// What is in use now.
    #[must_use]
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T: Send + Sync> Reload for Reloadable<T> {
    fn reload(&self) -> Result<(), ConfigError> {
        // Not under the lock: it may block on files.
        let loaded = (self.load)()?;
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = loaded;
        Ok(())
    }
}

impl<T> fmt::Debug for Reloadable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloadable").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn a_failed_reload_leaves_what_was() {
        let count = AtomicU32::new(0);
        let load = move || match count.fetch_add(1, Ordering::Relaxed) {
            1 => Err(ConfigError::new("tls.private", "", "gone")),
            n => Ok(Arc::new(n)),
        };
        let reloadable = Reloadable::new(load).unwrap();
        let held = reloadable.get();
        assert_eq!(reloadable.reload().unwrap_err().option(), "tls.private");
        assert_eq!(*reloadable.get(), 0);
        reloadable.reload().unwrap();
        assert_eq!((*held, *reloadable.get()), (0, 2));
    }
}
