//! SIGINT and SIGTERM: the first asks the command to stop, the second ends it.

use std::{io, process, thread};

use tokio::{
    runtime::{Builder, Runtime},
    sync::watch,
};

use crate::failure::Failure;

/// Whether the command was asked to stop.
pub(crate) struct Signals {
    asked: watch::Receiver<bool>,
}

impl Signals {
    /// Listens from now on, in a thread of its own: a command that hangs on its output still hears the second
    /// signal.
    pub(crate) fn install() -> Result<Self, Failure> {
        let (ask, asked) = watch::channel(false);
        let runtime = Builder::new_current_thread().enable_io().build().map_err(Failure::system)?;
        let mut source = Self::source(&runtime).map_err(Failure::system)?;
        thread::spawn(move || {
            runtime.block_on(async {
                source.next().await;
                // Without a receiver the command is about to end anyway.
                let _ = ask.send(true);
                process::exit(source.next().await);
            });
        });
        Ok(Self { asked })
    }

    fn source(runtime: &Runtime) -> io::Result<Source> {
        let _context = runtime.enter();
        Source::new()
    }

    /// Waits for the first signal; ready at once when it has come before.
    pub(crate) async fn stop(&mut self) {
        if self.asked.wait_for(|asked| *asked).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(unix)]
struct Source {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Source {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// The next signal, as the exit code a shell gives to a process that it kills.
    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => 130,
            _ = self.terminate.recv() => 143,
        }
    }
}

#[cfg(windows)]
struct Source {
    interrupt: tokio::signal::windows::CtrlC,
}

#[cfg(windows)]
impl Source {
    fn new() -> io::Result<Self> {
        Ok(Self { interrupt: tokio::signal::windows::ctrl_c()? })
    }

    async fn next(&mut self) -> i32 {
        self.interrupt.recv().await;
        130
    }
}
