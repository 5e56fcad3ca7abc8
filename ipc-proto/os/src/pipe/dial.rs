//! Connecting to a named pipe.

use std::{fs::OpenOptions, future::poll_fn, io, os::windows::fs::OpenOptionsExt, time::Duration};

use ipc_proto::{IoError, drive::Clock, endpoint::Endpoint};

use super::{is_pipe_busy, pipe_to_dial};

/// How long a client looks again for an instance that is free.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it looks.
const PACE: Duration = Duration::from_millis(10);

/// `SECURITY_IDENTIFICATION`: a server may ask who its client is, and cannot act as it.
const IDENTIFICATION: u32 = 1 << 16;

/// How a pipe is opened for reading and writing, by a client whom the server may know and not act as.
#[must_use]
pub fn pipe_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).security_qos_flags(IDENTIFICATION);
    options
}

/// Connects to the pipe at `endpoint` by `open`, which opens a full name. For five seconds a pipe whose instances are all
/// taken is tried again.
///
/// # Errors
///
/// Those of [`pipe_to_dial`] and of `open`.
pub async fn dial_pipe<T>(
    endpoint: &Endpoint,
    mut clock: impl Clock,
    open: impl Fn(&str) -> io::Result<T>,
) -> Result<T, IoError> {
    let name = &pipe_to_dial(endpoint)?;
    let until = clock.now().saturating_add(PATIENCE);
    loop {
        match open(name) {
            Err(error) if is_pipe_busy(&error) && clock.now() < until => {
                let again = clock.now().saturating_add(PACE);
                poll_fn(|cx| clock.poll_until(cx, again)).await;
            }
            result => return result.map_err(IoError::from),
        }
    }
}
