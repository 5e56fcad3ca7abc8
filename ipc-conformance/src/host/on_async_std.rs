//! async-std, which is discontinued: behind a feature in the crate, and a file that tests include.

use std::future::Future;

use ipc_async_std::{AsyncIo, Executor, Task};
use ipc_conformance::host::BlockOn;

/// async-std, as a runtime.
pub type AsyncStd = AsyncIo<OnAsyncStd>;

/// async-std's executor.
#[derive(Clone, Debug)]
pub enum OnAsyncStd {}

impl Executor for OnAsyncStd {
    fn spawn(task: Task) {
        drop(async_std::task::spawn(task));
    }
}

impl BlockOn for OnAsyncStd {
    const NAME: &'static str = "async-std";

    fn block_on<F: Future>(main: F) -> F::Output {
        async_std::task::block_on(main)
    }
}
