//! Reads the command line and the settings, and runs one role.

use std::process::ExitCode;

use clap::Parser as _;
use postern::cli::{Cli, Role};
use postern::config::Config;
use postern::{console, role, shutdown};

/// A request is many small allocations that die together, on whichever thread: the C library's own costs the edge a tenth more CPU
/// (`make bench-edge`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    console::log_to_stderr(cli.role.as_ref().is_some_and(Role::is_quiet));
    rustls::crypto::ring::default_provider()
        .install_default()
        .expect("nobody installed another before");
    match run(cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console::fail(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    let config = Config::load(cli.config.as_deref())?;
    let until = shutdown::on_signal()?;
    match cli.role {
        #[cfg(feature = "dev")]
        None => role::dev::run(config, true, until).await,
        #[cfg(not(feature = "dev"))]
        None => anyhow::bail!("this build has no `dev`: name a role, see --help"),
        #[cfg(feature = "dev")]
        Some(Role::Dev(dev)) => role::dev::run(config, !dev.no_worker, until).await,
        #[cfg(feature = "dev")]
        Some(Role::Demo(demo)) => postern::demo::run(demo.data_dir, until).await,
        #[cfg(feature = "server")]
        Some(Role::Server) => role::server::run(config, until).await,
        #[cfg(feature = "edge")]
        Some(Role::Edge(edge)) => role::edge::run(config, edge, until).await,
        #[cfg(feature = "sqs")]
        Some(Role::Sqs) => role::sqs::run(config, until).await,
        #[cfg(feature = "server")]
        Some(Role::Migrate) => role::server::migrate(config).await,
        #[cfg(feature = "server")]
        Some(Role::Catalog(catalog)) => role::catalog::run(&config, &catalog.command),
        #[cfg(feature = "dev")]
        Some(Role::Token(token)) => role::token::run(&config, &token),
    }
}
