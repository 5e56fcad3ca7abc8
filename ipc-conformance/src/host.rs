//! The runtimes that the suite and the command run on, behind one trait.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    thread,
    time::Duration,
};

use ipc_proto::{Timestamp, drive::Clock, facade::Runtime};
use ipc_tokio::Tokio;
use tokio::runtime::Builder;

mod async_io;
#[cfg(feature = "async-std")]
mod on_async_std;

pub use async_io::{BlockOn, OnSmol, Smol};
#[cfg(feature = "async-std")]
pub use on_async_std::{AsyncStd, OnAsyncStd};

/// A runtime that a program can be run on.
pub trait Host: Runtime {
    /// As it is called on a command line.
    const NAME: &'static str;

    /// Runs a program to its end, on a runtime that is made for it.
    fn run<F: Future>(main: impl FnOnce(Self) -> F) -> F::Output;

    /// As [`run`](Self::run), for a program with one connection, which other cores would only keep waiting: on one
    /// thread where `run` takes more.
    fn run_alone<F: Future>(main: impl FnOnce(Self) -> F) -> F::Output {
        Self::run(main)
    }

    /// Ready after `time` on this runtime's clock.
    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send {
        let mut clock = self.clock();
        let until = Timestamp::new(clock.now().since_epoch().saturating_add(time));
        poll_fn(move |cx| clock.poll_until(cx, until))
    }

    /// What `future` gives; `None` when `time` is over before.
    fn timeout<F: Future>(&self, time: Duration, future: F) -> impl Future<Output = Option<F::Output>> {
        let sleep = self.sleep(time);
        async move {
            let (mut future, mut sleep) = (pin!(future), pin!(sleep));
            poll_fn(|cx| match future.as_mut().poll(cx) {
                Poll::Ready(output) => Poll::Ready(Some(output)),
                Poll::Pending => sleep.as_mut().poll(cx).map(|()| None),
            })
            .await
        }
    }
}

/// Whether the process has one core to run on.
fn is_one_core() -> bool {
    thread::available_parallelism().is_ok_and(|cores| cores.get() == 1)
}

impl Host for Tokio {
    const NAME: &'static str = "tokio";

    fn run<F: Future>(main: impl FnOnce(Self) -> F) -> F::Output {
        // On one core a second thread only adds switches to it. Wine may tell another thread that an operation on a pipe is
        // done before its result is there, and then the result is lost.
        let alone = cfg!(windows) || is_one_core();
        run_tokio(if alone { Builder::new_current_thread() } else { Builder::new_multi_thread() }, main)
    }

    fn run_alone<F: Future>(main: impl FnOnce(Self) -> F) -> F::Output {
        run_tokio(Builder::new_current_thread(), main)
    }
}

impl Host for ipc_mio::Mio {
    const NAME: &'static str = "mio";

    fn run<F: Future>(main: impl FnOnce(Self) -> F) -> F::Output {
        let event_loop = ipc_mio::EventLoop::new();
        let mut event_loop = event_loop.expect("the system has files for a poll and its waker");
        let main = main(event_loop.runtime());
        event_loop.block_on(main).expect("only a poll that is gone cannot be waited for")
    }
}

fn run_tokio<F: Future>(mut kind: Builder, main: impl FnOnce(Tokio) -> F) -> F::Output {
    let runtime = kind.enable_all().build().expect("the system has a thread and an epoll for a runtime");
    let output = runtime.block_on(async { main(Tokio::default()).await });
    // What still blocks in the background would keep it from ending.
    runtime.shutdown_background();
    output
}
