//! The executors that every test runs on, and what tests wait with.
#![allow(dead_code, clippy::unwrap_used, reason = "these are tests, and each uses what it needs")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ipc_async_std::{AsyncIo, Config, Event, Executor, Message, PeerId, Retry, Task, proto::facade};

/// Long enough for the slowest machine; a test that needs it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) type Ipc<E> = facade::Ipc<AsyncIo<E>>;
pub(crate) type Client<E> = facade::Client<AsyncIo<E>>;
pub(crate) type Server<E> = facade::Server<AsyncIo<E>>;

/// An executor that can run a test.
pub(crate) trait Host: Executor {
    fn block_on<F: Future>(test: F) -> F::Output;
}

/// smol.
#[derive(Clone, Debug)]
pub(crate) enum OnSmol {}

impl Executor for OnSmol {
    fn spawn(task: Task) {
        smol::spawn(task).detach();
    }
}

impl Host for OnSmol {
    fn block_on<F: Future>(test: F) -> F::Output {
        smol::block_on(test)
    }
}

/// async-std.
#[derive(Clone, Debug)]
pub(crate) enum OnAsyncStd {}

impl Executor for OnAsyncStd {
    fn spawn(task: Task) {
        drop(async_std::task::spawn(task));
    }
}

impl Host for OnAsyncStd {
    fn block_on<F: Future>(test: F) -> F::Output {
        async_std::task::block_on(test)
    }
}

/// Makes a test under each executor of functions that are generic in it.
#[macro_export]
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod on_smol {
            $(#[test] fn $name() { super::$name::<super::support::OnSmol>() })*
        }
        mod on_async_std {
            $(#[test] fn $name() { super::$name::<super::support::OnAsyncStd>() })*
        }
    };
}

/// What `future` gives, which had better come.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    let late = async {
        smol::Timer::after(PATIENCE).await;
        panic!("nothing came")
    };
    smol::future::or(future, late).await
}

pub(crate) struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    /// A config whose sockets are all in this folder.
    pub(crate) fn config(&self) -> Config {
        Config::default().id("world").socket_root(self.path("root/")).retry(Retry::every(Duration::from_millis(20)))
    }
}

pub(crate) async fn message<E: Host>(client: &mut Client<E>) -> Message {
    loop {
        match soon(client.next()).await.expect("the client is over") {
            Event::Message(message) => return message,
            other => drop(other),
        }
    }
}

pub(crate) async fn heard<E: Host>(server: &mut Server<E>) -> (PeerId, Message) {
    loop {
        match soon(server.next()).await.expect("the server is over") {
            (peer, Event::Message(message)) => return (peer, message),
            other => drop(other),
        }
    }
}

/// Counts something that lives.
#[derive(Clone, Debug, Default)]
pub(crate) struct Count(Arc<AtomicUsize>);

impl Count {
    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// One more, until what this gives is dropped.
    pub(crate) fn hold(&self) -> Held {
        self.add();
        Held(self.clone())
    }
}

pub(crate) struct Held(Count);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}
