//! What is really there in the end: the databases of the example consumer, read past everybody.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Context as _;
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

/// What one job left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rows {
    /// The email addresses of its contacts, in order.
    pub(crate) contacts: Vec<String>,
    /// What it recorded as inserted and skipped, if it did.
    pub(crate) record: Option<(i64, i64)>,
}

/// The rows of every job that left some.
///
/// # Errors
/// When a shard cannot be read.
pub(crate) async fn read(folder: &Path) -> anyhow::Result<HashMap<String, Rows>> {
    let mut rows = HashMap::new();
    let Ok(files) = std::fs::read_dir(folder) else {
        // Nothing was imported.
        return Ok(rows);
    };
    for file in files {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == "sqlite") {
            read_one(&path, &mut rows)
                .await
                .with_context(|| path.display().to_string())?;
        }
    }
    for job in rows.values_mut() {
        job.contacts.sort();
    }
    Ok(rows)
}

async fn read_one(path: &Path, rows: &mut HashMap<String, Rows>) -> anyhow::Result<()> {
    let options = SqliteConnectOptions::new().filename(path);
    let mut shard = SqliteConnection::connect_with(&options).await?;
    let contacts: Vec<(String, String)> = sqlx::query_as("SELECT job_id, email FROM contacts")
        .fetch_all(&mut shard)
        .await?;
    for (job_id, email) in contacts {
        rows.entry(job_id).or_default().contacts.push(email);
    }
    let records: Vec<(String, i64, i64)> = sqlx::query_as("SELECT job_id, inserted, skipped FROM imports")
        .fetch_all(&mut shard)
        .await?;
    for (job_id, inserted, skipped) in records {
        rows.entry(job_id).or_default().record = Some((inserted, skipped));
    }
    Ok(shard.close().await?)
}
