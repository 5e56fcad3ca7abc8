//! SIGINT and SIGTERM: the first asks the command to stop, the second ends it.

use std::{convert::Infallible, future::Future, pin::pin, process};

use async_channel::{Receiver, bounded};
use futures_util::future::{Either, select};

use crate::failure::Failure;

/// Whether the command was asked to stop.
pub(crate) struct Signals {
    /// Closed when it was. Nothing ever comes.
    asked: Receiver<Infallible>,
}

/// The command was asked to stop.
#[derive(Debug)]
pub(crate) struct Asked;

impl Signals {
    /// Listens from now on, in a thread of its own: a command that hangs on its output still hears the second
    /// signal.
    pub(crate) fn install() -> Result<Self, Failure> {
        let (ask, asked) = bounded(1);
        let note = move |code| {
            if !ask.close() {
                process::exit(code);
            }
        };
        listen(note)?;
        Ok(Self { asked })
    }

    /// Waits for the first signal; ready at once when it has come before.
    pub(crate) async fn stop(&self) {
        // An error is what says it.
        self.asked.recv().await.ok();
    }

    /// What `future` gives, unless a signal comes first.
    pub(crate) async fn unless<T>(&self, future: impl Future<Output = T>) -> Result<T, Asked> {
        match select(pin!(self.stop()), pin!(future)).await {
            Either::Left(_) => Err(Asked),
            Either::Right((output, _)) => Ok(output),
        }
    }
}

/// Calls `note` at each signal, with the exit code that a shell gives to a process which that signal kills.
#[cfg(unix)]
fn listen(note: impl Fn(i32) + Send + 'static) -> Result<(), Failure> {
    use signal_hook::{
        consts::{SIGINT, SIGTERM},
        iterator::Signals,
    };
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(Failure::system)?;
    std::thread::spawn(move || signals.forever().for_each(|signal| note(128 + signal)));
    Ok(())
}

/// Calls `note` at each Ctrl-C.
#[cfg(windows)]
fn listen(note: impl Fn(i32) + Send + 'static) -> Result<(), Failure> {
    ctrlc::set_handler(move || note(130)).map_err(|error| Failure::system(std::io::Error::other(error)))
}
