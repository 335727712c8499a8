//! Exit codes: what a script can tell apart.

use std::process::ExitCode;

use crate::config;
#[cfg(feature = "operator")]
use crate::operator;

/// What the exit codes mean, for the help of commands whose callers go by them.
pub const HELP: &str = "\
Exit codes:
  0  done
  1  it failed or was refused, or what was watched ended badly
  2  the command line or the settings are wrong
  3  the server, or the issuer, cannot be reached or is not available
  4  not authenticated, or not permitted
  5  not found";

/// How a command ended that did not do what it was asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It failed or was refused, or what was watched ended badly.
    Failed = 1,
    /// The command line or the settings are wrong.
    Usage = 2,
    /// Somebody who is needed cannot be reached or is not available: the same may go well later.
    Unavailable = 3,
    /// Not authenticated, or not permitted.
    Denied = 4,
    /// What it is about is not there.
    NotFound = 5,
}

impl Exit {
    /// What an error that reached `main` stands for.
    #[must_use]
    pub fn of(error: &anyhow::Error) -> Self {
        #[cfg(feature = "operator")]
        if let Some(error) = error.downcast_ref::<operator::Error>() {
            return error.exit();
        }
        if error.is::<config::Errors>() {
            return Self::Usage;
        }
        Self::Failed
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
