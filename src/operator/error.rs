//! Why a command did not do what it was asked to.

use crate::exit::Exit;

/// What went wrong, by what whoever asked can do about it. Texts may be of strangers.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It makes no sense: ask otherwise.
    #[error("{0}")]
    Usage(String),
    /// Somebody who is needed cannot be reached or is not available: ask again later.
    #[error("{0}")]
    Unavailable(String),
    /// Not authenticated, or not permitted: come with another token.
    #[error("{0}")]
    Denied(String),
    /// What it is about is not there.
    #[error("{0}")]
    NotFound(String),
    /// It was refused, or failed.
    #[error("{0}")]
    Failed(String),
}

impl Error {
    /// What a script is told.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Unavailable(_) => Exit::Unavailable,
            Self::Denied(_) => Exit::Denied,
            Self::NotFound(_) => Exit::NotFound,
            Self::Failed(_) => Exit::Failed,
        }
    }
}
