//! The executors of ipc-async-std.
//!
//! They are given to it as any executor of a user's would be, so that its own features stay as they are built.

use std::{future::Future, sync::Arc};

use ipc_async_std::{AsyncIo, Executor, Task};

use super::{Host, is_one_core};

/// An executor that can run a program to its end.
pub trait BlockOn: Executor {
    /// As it is called on a command line.
    const NAME: &'static str;

    /// What `main` gives, with the calling thread waiting for it.
    fn block_on<F: Future>(main: F) -> F::Output;

    /// As [`block_on`](Self::block_on), with the runtime.
    fn host<F: Future>(main: impl FnOnce(AsyncIo<Self>) -> F) -> F::Output
    where
        Self: Sized,
    {
        Self::block_on(async { main(AsyncIo::default()).await })
    }
}

impl<E: BlockOn> Host for AsyncIo<E> {
    const NAME: &'static str = E::NAME;

    fn run<F: Future>(main: impl FnOnce(Self) -> F) -> F::Output {
        E::host(main)
    }
}

/// smol, as a runtime.
pub type Smol = AsyncIo<OnSmol>;

/// smol's executor.
#[derive(Clone, Debug)]
pub enum OnSmol {}

impl Executor for OnSmol {
    fn spawn(task: Task) {
        smol::spawn(task).detach();
    }
}

impl BlockOn for OnSmol {
    const NAME: &'static str = "smol";

    fn block_on<F: Future>(main: F) -> F::Output {
        smol::block_on(main)
    }

    /// On one core, as on tokio, all runs on the calling thread: smol's own threads would hand every wake-up from one to
    /// another.
    fn host<F: Future>(main: impl FnOnce(AsyncIo<Self>) -> F) -> F::Output {
        if !is_one_core() {
            return Self::block_on(async { main(AsyncIo::default()).await });
        }
        let executor = Arc::new(smol::Executor::new());
        let spawner = Arc::downgrade(&executor);
        let spawn = move |task| {
            if let Some(executor) = spawner.upgrade() {
                executor.spawn(task).detach();
            }
        };
        let runtime = AsyncIo::with_spawner(spawn);
        smol::block_on(executor.run(async { main(runtime).await }))
    }
}
