//! Example consumer: imports contacts into one SQLite database (a shard) per account. Made to be copied: everything that
//! a consumer of one's own needs is here, and everything that knows SQS is in `postern-worker`.
//!
//! A task may come twice: a consumer can die after its commit and before its outcome is known. So each shard keeps, in
//! the same transaction as the contacts, what each job did to it; a job that is there already reports that again.

mod account;
mod shards;

use std::path::PathBuf;

use postern_worker::{Builder, Client, Code, Consumer, Context, Failure, Handler, Task};
use serde::Deserialize;

pub use account::{Account, InvalidAccount};
pub use shards::{Counts, Error, count};

use shards::Shards;

/// The account that is never there, to show what a failure looks like.
const NO_SUCH_ACCOUNT: &str = "unknown";

/// Executes `contacts.import`.
#[derive(Debug)]
pub struct ContactsImport {
    shards: Shards,
}

/// The payload of `contacts.import`, as its schema in the catalog has checked it.
#[derive(Debug, Deserialize)]
pub struct Import {
    account: Account,
    reference: String,
    contacts: Vec<Contact>,
}

/// One contact. Within an account, its email address tells it from others.
#[derive(Debug, Deserialize)]
pub struct Contact {
    email: String,
    name: String,
    phone: Option<String>,
}

impl ContactsImport {
    /// Keeps the shards in this folder, which is made when it is missing.
    pub fn new(shards_dir: impl Into<PathBuf>) -> Self {
        Self {
            shards: Shards::new(shards_dir.into()),
        }
    }
}

impl Handler for ContactsImport {
    const JOB_TYPE: &'static str = "contacts.import";
    type Payload = Import;
    type Output = Counts;

    async fn handle(&self, task: Task<Import>, context: &Context) -> Result<Counts, Failure> {
        let import = &task.payload;
        if import.account.as_str() == NO_SUCH_ACCOUNT {
            let message = format!("account {} does not exist", import.account);
            return Err(Failure::new(Code::NotFound, "ACCOUNT_UNKNOWN", message));
        }
        let shard = self.shards.open(&import.account).await?;
        let total = saturating(import.contacts.len());
        let progress = |completed| {
            context.progress(saturating(completed), total, "inserting contacts");
            !context.cancellation().is_cancelled()
        };
        shard
            .import(&task.job_id, import, progress)
            .await
            .map_err(failure)
    }
}

/// What builds a consumer of `contacts.import` tasks. The queues are given by name or URL, the shards are kept in `shards_dir`.
pub fn builder(
    client: Client,
    jobs_queue: &str,
    results_queue: &str,
    shards_dir: impl Into<PathBuf>,
) -> Builder {
    let handler = ContactsImport::new(shards_dir);
    Consumer::builder(client)
        .jobs_queue(jobs_queue)
        .results_queue(results_queue)
        .handler(handler)
}

/// Databases that are away come back; a name that is taken stays taken, and whose it is, is nobody's business.
fn failure(error: Error) -> Failure {
    match error {
        Error::OtherAccount { .. } => Failure::new(
            Code::FailedPrecondition,
            "ACCOUNT_NAME_TAKEN",
            "another account has this name but for upper and lower case",
        )
        .because(error),
        Error::Stopped => Failure::cancelled(),
        Error::Folder(_) | Error::Database(_) => error.into(),
    }
}

fn saturating(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
