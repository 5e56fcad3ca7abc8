//! How the command ends, and what it says when it ends badly.

use std::{fmt, io, process::ExitCode};

use ipc_proto::{BindError, ConfigError, facade::Error};

use crate::warn;

/// The exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It did what it was asked to.
    Done = 0,
    /// It did not.
    Failed = 1,
    /// It was asked for something that cannot be.
    Usage = 2,
    /// It took too long.
    TimedOut = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why the command cannot go on.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    message: String,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self { exit, message: message.to_string() }
    }

    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// The system refused something that is not about a peer or an endpoint.
    pub(crate) fn system(error: io::Error) -> Self {
        Self::new(Exit::Failed, error)
    }

    /// The output cannot be written. When its reader has gone away there is nobody to tell.
    pub(crate) fn output(error: &io::Error) -> Self {
        let gone = error.kind() == io::ErrorKind::BrokenPipe;
        let message = if gone { String::new() } else { format!("cannot write the output: {error}") };
        Self { exit: Exit::Failed, message }
    }

    /// Says what went wrong, on stderr.
    pub(crate) fn report(&self) {
        if !self.message.is_empty() {
            warn(&self.message);
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let exit = match error {
            // The other errors of binding come from how the machine is.
            Error::Config(_) | Error::Bind(BindError::Assured { .. }) => Exit::Usage,
            _ => Exit::Failed,
        };
        Self::new(exit, error)
    }
}
