//! The executors of ipc-async-std.
//!
//! They are given to it as any executor of a user's would be, so that its own features stay as they are built.

use std::future::Future;

use ipc_async_std::{AsyncIo, Executor, Task};

use super::Host;

/// An executor that can run a program to its end.
pub trait BlockOn: Executor {
    /// As it is called on a command line.
    const NAME: &'static str;

    /// What `main` gives, with the calling thread waiting for it.
    fn block_on<F: Future>(main: F) -> F::Output;
}

impl<E: BlockOn> Host for AsyncIo<E> {
    const NAME: &'static str = E::NAME;

    fn run<F: Future>(main: impl FnOnce(Self) -> F) -> F::Output {
        E::block_on(async { main(Self::default()).await })
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
}
