//! Reads the command line and the settings, and runs one role.

use std::process::ExitCode;

use clap::Parser as _;
use postern::cli::{Cli, Role};
use postern::config::{Config, LogFormat};
use postern::exit::Exit;
use postern::{console, role};

/// A request is many small allocations that die together, on whichever thread: the C library's own costs the edge a tenth more CPU
/// (`make bench-edge`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let format = match LogFormat::of_environment() {
        Ok(format) => format,
        Err(error) => {
            let error = error.into();
            console::fail(&error);
            return Exit::of(&error).into();
        }
    };
    console::log_to_stderr(cli.role.as_ref().is_some_and(Role::is_quiet), format);
    rustls::crypto::ring::default_provider()
        .install_default()
        .expect("nobody installed another before");
    match Box::pin(run(cli)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console::fail(&error);
            Exit::of(&error).into()
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    let Cli { config: file, role } = cli;
    let config = || Config::load(file.as_deref());
    match role {
        #[cfg(feature = "dev")]
        None => role::dev::run(config()?, true, postern::shutdown::on_signal()?).await,
        #[cfg(not(feature = "dev"))]
        None => anyhow::bail!("this build has no `dev`: name a role, see --help"),
        #[cfg(feature = "dev")]
        Some(Role::Dev(dev)) => {
            role::dev::run(config()?, !dev.no_worker, postern::shutdown::on_signal()?).await
        }
        #[cfg(feature = "dev")]
        Some(Role::Demo(demo)) => postern::demo::run(demo.data_dir, postern::shutdown::on_signal()?).await,
        #[cfg(feature = "server")]
        Some(Role::Server) => role::server::run(config()?, postern::shutdown::on_signal()?).await,
        #[cfg(feature = "edge")]
        Some(Role::Edge(edge)) => role::edge::run(config()?, edge, postern::shutdown::on_signal()?).await,
        #[cfg(feature = "sqs")]
        Some(Role::Sqs) => role::sqs::run(config()?, postern::shutdown::on_signal()?).await,
        #[cfg(feature = "server")]
        Some(Role::Migrate) => role::server::migrate(config()?).await,
        #[cfg(feature = "server")]
        Some(Role::Doctor(doctor)) => role::doctor::run(file.as_deref(), &doctor).await,
        #[cfg(feature = "server")]
        Some(Role::Catalog(catalog)) => role::catalog::run(&config()?, &catalog.command),
        #[cfg(feature = "operator")]
        Some(Role::Jobs(jobs)) => role::jobs::run(&config()?, jobs).await,
        #[cfg(feature = "operator")]
        Some(Role::Quarantine(quarantine)) => role::quarantine::run(&config()?, quarantine).await,
        #[cfg(feature = "operator")]
        Some(Role::Queues(queues)) => role::queues::run(&config()?, queues).await,
        #[cfg(feature = "operator")]
        Some(Role::Actions(actions)) => role::queues::actions(&config()?, actions).await,
        #[cfg(feature = "operator")]
        Some(Role::Token(token)) => role::token::run(&config()?, &token).await,
        Some(Role::Completions(completions)) => {
            console::say(completions.script().trim_end());
            Ok(())
        }
    }
}
