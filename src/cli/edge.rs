//! The command line of `postern edge`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

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

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Role};

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
}
