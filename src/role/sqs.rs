//! `postern sqs`: the embedded SQS endpoint alone.

use postern_localsqs::Endpoint;
use tokio_util::sync::CancellationToken;

use super::bind;
use crate::config::Config;
use crate::console::say;

/// Serves until the token is cancelled.
///
/// # Errors
/// When the port is taken, or the data folder in use.
pub async fn run(config: Config, until: CancellationToken) -> anyhow::Result<()> {
    let endpoint = open(&config).await?;
    let listener = bind("sqs", config.sqs_listen).await?;
    say(&format!("sqs    http://{}", listener.local_addr()?));
    Ok(endpoint.serve(listener, until).await?)
}

/// The endpoint of this data folder.
pub(crate) async fn open(config: &Config) -> anyhow::Result<Endpoint> {
    let folder = config.data_dir.join("sqs");
    std::fs::create_dir_all(&folder)?;
    Ok(Endpoint::open(postern_localsqs::Config::new(folder)).await?)
}
