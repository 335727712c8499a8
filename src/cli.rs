//! The command line: one subcommand a role.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

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
    /// The job types of a catalog, without a server.
    #[cfg(feature = "server")]
    Catalog(Catalog),
    /// Prints a token of the development issuer.
    #[cfg(feature = "dev")]
    Token(Token),
}

impl Role {
    /// Whether a person watches what it prints, not its log.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        match self {
            #[cfg(feature = "dev")]
            Self::Demo(_) | Self::Token(_) => true,
            #[cfg(feature = "dev")]
            Self::Dev(_) => false,
            #[cfg(feature = "server")]
            Self::Server | Self::Migrate => false,
            #[cfg(feature = "server")]
            Self::Catalog(_) => true,
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

/// How to run `edge`.
#[derive(Debug, Default, Args)]
pub struct Edge {
    /// Where to listen, instead of `POSTERN_EDGE_LISTEN`.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// The gRPC servers behind, several by comma, instead of `POSTERN_EDGE_UPSTREAM`.
    #[arg(long, value_name = "URL", global = true)]
    pub upstream: Option<String>,
    /// What they serve, as an encoded google.protobuf.FileDescriptorSet with imports; Postern's own API when not given.
    /// Read again on SIGHUP.
    #[arg(long, value_name = "FILE", global = true)]
    pub descriptor_set: Option<PathBuf>,
    /// HTTP rules beside the .proto: a google.api.Service in YAML, of which `http` is read; a rule takes the place of its
    /// method's annotation. Instead of `POSTERN_EDGE_SERVICE_CONFIG`. Read again on SIGHUP.
    #[arg(long, value_name = "FILE", global = true)]
    pub service_config: Option<PathBuf>,
    /// Asks the servers what they serve, by gRPC reflection, instead of reading a file.
    #[arg(long, conflicts_with = "descriptor_set", global = true)]
    pub reflection: bool,
    /// What to do instead of serving.
    #[command(subcommand)]
    pub command: Option<EdgeCommand>,
}

/// What an edge does besides serving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum EdgeCommand {
    /// Prints the route table and every problem; exit code 1 when there is a problem.
    Check,
}

/// What to do with a catalog.
#[derive(Debug, Args)]
pub struct Catalog {
    /// What to do.
    #[command(subcommand)]
    pub command: CatalogCommand,
}

/// What can be done with a catalog.
#[derive(Debug, Subcommand)]
pub enum CatalogCommand {
    /// Prints tasks as their consumers get them, one for each example of a job type: each a line of JSON that is a request of SQS's
    /// `SendMessage` without its queue. Their outcome tokens are no server's.
    Example {
        /// Of which job type; of every one when not given.
        job_type: Option<String>,
    },
}

/// Which token.
#[derive(Debug, Args)]
pub struct Token {
    /// Whose: acme, globex, worker or operator.
    #[arg(long, default_value = "acme")]
    pub client: String,
    /// Which scopes, separated by spaces; all that the client may have when not given.
    #[arg(long)]
    pub scope: Option<String>,
    /// How long it holds: a number with s, m or h.
    #[arg(long, default_value = "1h", value_parser = duration)]
    pub expires_in: Duration,
}

fn duration(text: &str) -> Result<Duration, String> {
    let refused = || format!("{text:?} is not a number with s, m or h");
    let (number, unit) = text
        .split_at_checked(text.len().saturating_sub(1))
        .ok_or_else(refused)?;
    let number: u64 = number.parse().map_err(|_invalid| refused())?;
    let seconds = match unit {
        "s" => Some(number),
        "m" => number.checked_mul(60),
        "h" => number.checked_mul(60 * 60),
        _ => None,
    };
    seconds.map(Duration::from_secs).ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn files_may_stand_on_either_side_of_check() {
        for line in [
            "postern edge check --descriptor-set x --service-config y",
            "postern edge --descriptor-set x --service-config y check",
        ] {
            let Some(Role::Edge(edge)) = Cli::try_parse_from(line.split(' ')).unwrap().role else {
                panic!("{line}");
            };
            assert_eq!(edge.command, Some(EdgeCommand::Check));
            assert_eq!(edge.descriptor_set, Some(PathBuf::from("x")));
            assert_eq!(edge.service_config, Some(PathBuf::from("y")));
        }
        let line = "postern edge check --upstream http://x --reflection";
        let Some(Role::Edge(edge)) = Cli::try_parse_from(line.split(' ')).unwrap().role else {
            panic!("{line}");
        };
        assert!(edge.reflection && edge.command == Some(EdgeCommand::Check));
    }

    #[test]
    fn durations_are_a_number_and_a_unit() {
        assert_eq!(duration("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("2h"), Ok(Duration::from_hours(2)));
        for text in ["", "s", "5", "5d", "-5s", "é", "18446744073709551615h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
