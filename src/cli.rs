//! The command line: one subcommand a role. Knows what may be asked, and nothing of how it is done.

#[cfg(feature = "operator")]
mod access;
#[cfg(feature = "operator")]
mod act;
#[cfg(feature = "server")]
mod catalog;
mod completions;
#[cfg(feature = "server")]
mod doctor;
#[cfg(feature = "edge")]
mod edge;
#[cfg(feature = "operator")]
mod filter;
#[cfg(feature = "operator")]
mod jobs;
#[cfg(feature = "operator")]
mod quarantine;
#[cfg(feature = "operator")]
mod queues;
#[cfg(feature = "operator")]
mod token;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

#[cfg(feature = "operator")]
pub use access::Access;
#[cfg(feature = "operator")]
pub use act::{Act, End, Ending};
#[cfg(feature = "server")]
pub use catalog::{Catalog, CatalogCommand};
pub use completions::Completions;
#[cfg(feature = "server")]
pub use doctor::Doctor;
#[cfg(feature = "edge")]
pub use edge::{Edge, EdgeCommand};
#[cfg(feature = "operator")]
pub use filter::Filter;
#[cfg(feature = "operator")]
pub use jobs::{Jobs, JobsCommand};
#[cfg(feature = "operator")]
pub use quarantine::{Letters, Quarantine, QuarantineCommand};
#[cfg(feature = "operator")]
pub use queues::{Actions, Queues, QueuesCommand, Subject};
#[cfg(feature = "operator")]
pub use token::Token;

/// A partner API for asynchronous jobs: gRPC, gRPC-Web and REST in front, SQL and SQS behind.
#[derive(Debug, Parser)]
#[command(name = "postern", version, disable_help_subcommand = true)]
pub struct Cli {
    /// Settings; without one, postern.toml if it is there. Every key can be set by environment: POSTERN_ and the key in capitals.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to run; `dev` when nothing is said.
    #[command(subcommand)]
    pub role: Option<Role>,
}

/// What to run.
#[derive(Debug, Subcommand)]
pub enum Role {
    /// The whole stack on embedded defaults, until Ctrl-C.
    #[cfg(feature = "dev")]
    Dev(Dev),
    /// Submits real jobs over REST and gRPC in a temporary folder, shows the watch, counts the rows.
    #[cfg(feature = "dev")]
    Demo(Demo),
    /// The gRPC server and its loops.
    #[cfg(feature = "server")]
    Server,
    /// The edge: REST, SSE, gRPC and gRPC-Web in front of any gRPC service.
    #[cfg(feature = "edge")]
    Edge(Edge),
    /// The embedded SQS endpoint alone.
    #[cfg(feature = "sqs")]
    Sqs,
    /// Applies migrations. Servers one version older keep working.
    #[cfg(feature = "server")]
    Migrate,
    /// Says what is wrong with the settings of a server and with everything that it needs, and what to do about it.
    #[cfg(feature = "server")]
    Doctor(Doctor),
    /// The job types of a catalog, without a server.
    #[cfg(feature = "server")]
    Catalog(Catalog),
    /// The jobs of all partners, for operators: seen, followed, acted on.
    #[cfg(feature = "operator")]
    Jobs(Jobs),
    /// Messages that could not be used, for operators: looked at, collected again, dropped.
    #[cfg(feature = "operator")]
    Quarantine(Quarantine),
    /// How the queues stand and what waits, for operators; pauses and resumes.
    #[cfg(feature = "operator")]
    Queues(Queues),
    /// What operators did, newest first.
    #[cfg(feature = "operator")]
    Actions(Actions),
    /// Prints a token: of the configured issuer, or else of the development issuer.
    #[cfg(feature = "operator")]
    Token(Token),
    /// Prints what completes these commands in a shell.
    Completions(Completions),
}

impl Role {
    /// Whether a person watches what it prints, not its log.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        match self {
            Self::Completions(_) => true,
            #[cfg(feature = "operator")]
            Self::Jobs(_) | Self::Quarantine(_) | Self::Queues(_) | Self::Actions(_) | Self::Token(_) => true,
            #[cfg(feature = "dev")]
            Self::Demo(_) => true,
            #[cfg(feature = "dev")]
            Self::Dev(_) => false,
            #[cfg(feature = "server")]
            Self::Server | Self::Migrate => false,
            #[cfg(feature = "server")]
            Self::Catalog(_) | Self::Doctor(_) => true,
            #[cfg(feature = "edge")]
            Self::Edge(edge) => edge.command == Some(EdgeCommand::Check),
            #[cfg(feature = "sqs")]
            Self::Sqs => false,
        }
    }
}

/// How to run `dev`.
#[derive(Debug, Default, Args)]
pub struct Dev {
    /// Without the example consumer, for those who bring their own.
    #[arg(long)]
    pub no_worker: bool,
}

/// How to run `demo`.
#[derive(Debug, Default, Args)]
pub struct Demo {
    /// Keep everything in this folder; a second run on it shows that nothing is done twice.
    #[arg(long, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }
}
