//! Who runs the tasks.

use std::fmt;

use ipc_proto::facade::Task;

/// An executor that is there without being given.
pub trait Executor: Clone + fmt::Debug + Send + Sync + Unpin + 'static {
    /// Runs `task` in the background.
    fn spawn(task: Task);
}

/// smol's executor: [`smol::spawn`].
#[cfg(feature = "smol")]
#[derive(Clone, Copy, Debug)]
pub enum SmolExecutor {}

#[cfg(feature = "smol")]
impl Executor for SmolExecutor {
    fn spawn(task: Task) {
        smol::spawn(task).detach();
    }
}

/// async-std's executor: [`async_std::task::spawn`].
#[cfg(feature = "async-std")]
#[derive(Clone, Copy, Debug)]
pub enum AsyncStdExecutor {}

#[cfg(feature = "async-std")]
impl Executor for AsyncStdExecutor {
    fn spawn(task: Task) {
        drop(async_std::task::spawn(task));
    }
}

/// No executor: one has to be given, to [`Ipc::with_spawner`](crate::Ipc::with_spawner) or
/// [`AsyncIo::with_spawner`](crate::AsyncIo::with_spawner). Without one there is no way to an `Ipc`:
///
/// ```compile_fail,E0599
/// use ipc_async_std::{AsyncIo, Config, NoExecutor, proto::facade::Ipc};
///
/// let ipc = Ipc::<AsyncIo<NoExecutor>>::new(Config::default());
/// ```
#[derive(Clone, Copy, Debug)]
pub enum NoExecutor {}
