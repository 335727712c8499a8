//! `postern catalog`: the job types of a catalog, without a server.

use anyhow::{Context as _, anyhow, ensure};
use postern_server::catalog::{Catalog, JobType, Source};
use postern_server::job::{Job, JobId, PartnerId, Timeouts, Timestamp, millis};
use postern_server::json;
use postern_server::queue::{Task, TaskParts};
use postern_server::seal::Seal;
use serde_json::Value;

use crate::cli::CatalogCommand;
use crate::config::Config;
use crate::console::say;

/// The built-in examples, for those who have no catalog yet.
const EXAMPLES: [(&str, &[u8]); 3] = [
    (
        "contacts.import.yaml",
        include_bytes!("../../catalog/contacts.import.yaml"),
    ),
    (
        "contacts.import.schema.json",
        include_bytes!("../../catalog/contacts.import.schema.json"),
    ),
    (
        "contacts.import.example.json",
        include_bytes!("../../catalog/contacts.import.example.json"),
    ),
];

/// Does what was asked for with the catalog of these settings.
///
/// # Errors
/// When the catalog has faults, or lacks what is to be shown.
pub fn run(config: &Config, command: &CatalogCommand) -> anyhow::Result<()> {
    let catalog = Catalog::load(&source(config))?;
    match command {
        CatalogCommand::Example { job_type } => examples(&catalog, job_type.as_deref()),
    }
}

/// The catalog of these settings.
pub(crate) fn source(config: &Config) -> Source {
    match &config.catalog {
        Some(folder) => Source::Folder(folder.clone()),
        None => Source::Files(
            EXAMPLES
                .map(|(name, bytes)| (name.to_owned(), bytes.to_vec()))
                .to_vec(),
        ),
    }
}

/// A task for each example of a job type, or of all: a type without one would go untested, and nobody would know.
fn examples(catalog: &Catalog, name: Option<&str>) -> anyhow::Result<()> {
    let job_types: Vec<&JobType> = match name {
        Some(name) => vec![
            catalog
                .get(name)
                .with_context(|| format!("there is no job type {name}"))?,
        ],
        None => catalog.iter().collect(),
    };
    for job_type in job_types {
        let name = job_type.name();
        ensure!(
            !job_type.examples().is_empty(),
            "{name}: has no `examples` to make a task of"
        );
        for payload in job_type.examples() {
            say(&task(job_type, payload)?.as_request());
        }
    }
    Ok(())
}

/// A task of a job that nobody submitted. Its token has a key that nobody else knows, so no server takes outcomes of it.
fn task(job_type: &JobType, payload: &Value) -> anyhow::Result<Task> {
    let now = Timestamp::now();
    let id = JobId::new(u64::try_from(now.millis()).unwrap_or_default());
    let timeouts = Timeouts {
        queue_millis: millis(job_type.queue_timeout()),
        execution_millis: millis(job_type.execution_timeout()),
        retention_millis: millis(job_type.retention()),
    };
    let mut job = Job::new(id, PartnerId::new("example"), timeouts, now);
    job.job_type = job_type.name().to_owned();
    job.job_type_version = job_type.version().to_owned();
    let key = Seal::generate().map_err(|_unspecified| anyhow!("the system has no randomness to give"))?;
    let parts = TaskParts {
        payload: &json::travelled(payload).to_string(),
        outcome_token: &Seal::parse(&key)?.outcome_token(job.id, job.dispatch),
        traceparent: "",
        tracestate: "",
    };
    Ok(Task::new(&job, job_type.consumer_type().to_owned(), parts)?)
}
