//! The example consumer as a program of its own, until Ctrl-C or SIGTERM. Settings come from the environment:
//!
//!     POSTERN_SQS_ENDPOINT     URL of an SQS endpoint; AWS, unless given
//!     POSTERN_JOBS_QUEUE       name or URL; postern-jobs
//!     POSTERN_RESULTS_QUEUE    name or URL; postern-results
//!     POSTERN_DATA_DIR         where the folder `shards` is; ./.postern
//!     POSTERN_WORK_URL         URL of an edge, to use the server's work service; none, unless given, and with it:
//!     POSTERN_WORK_TOKEN_URL, POSTERN_WORK_CLIENT_ID, POSTERN_WORK_CLIENT_SECRET    where access tokens come from, and for whom

use std::path::PathBuf;

use anyhow::Context as _;
use postern_worker::{Builder, ClientCredentials, sqs_client};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();

    let client = sqs_client(variable("POSTERN_SQS_ENDPOINT").as_deref()).await;
    let jobs_queue = variable("POSTERN_JOBS_QUEUE").unwrap_or_else(|| "postern-jobs".to_owned());
    let results_queue = variable("POSTERN_RESULTS_QUEUE").unwrap_or_else(|| "postern-results".to_owned());
    let data_dir = variable("POSTERN_DATA_DIR").map_or_else(|| PathBuf::from(".postern"), PathBuf::from);
    let builder = contacts_import::builder(client, &jobs_queue, &results_queue, data_dir.join("shards"));
    let consumer = with_work_service(builder)?.build().await?;

    let shutdown = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be listened for")?;
    let stop = async {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        shutdown.cancel();
    };
    tokio::join!(consumer.run(shutdown.clone()), stop);
    Ok(())
}

fn with_work_service(builder: Builder) -> anyhow::Result<Builder> {
    let Some(edge_url) = variable("POSTERN_WORK_URL") else {
        return Ok(builder);
    };
    let required = |name| variable(name).with_context(|| format!("POSTERN_WORK_URL needs {name}"));
    let tokens = ClientCredentials::new(
        required("POSTERN_WORK_TOKEN_URL")?,
        &required("POSTERN_WORK_CLIENT_ID")?,
        &required("POSTERN_WORK_CLIENT_SECRET")?,
    );
    Ok(builder.work_service(edge_url, tokens))
}

/// A variable of the environment; an empty one counts as not set.
#[allow(
    clippy::disallowed_methods,
    reason = "this is the program's one place for settings"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
