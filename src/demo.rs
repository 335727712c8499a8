//! `postern demo`: the main job from end to end, with real parts, and a count at the end that cannot be talked round.
//!
//! 1,000 contacts of several accounts, half of the jobs over REST and followed over SSE, half over gRPC and followed by its stream. Then the
//! shard databases are asked how many rows they have. Then all of it again: the same jobs, and not one row more.

mod grpc;
mod input;
mod rest;
mod timeline;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, ensure};
use futures::future::try_join_all;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Settings};
use crate::console::say;
use crate::stack::Stack;
use input::Import;
use timeline::{Seen, Timeline};

/// Far more than a slow machine needs: a job that never ends is a failure, not a wait.
const TIME_MAX: Duration = Duration::from_mins(2);

/// How one job went.
#[derive(Debug, Clone)]
struct Done {
    account: String,
    job_id: String,
    inserted: i64,
    skipped: i64,
}

/// Runs the demo in a temporary folder, or in one that is kept.
///
/// # Errors
/// When anything is not as it must be, or the token is cancelled before all of it was shown.
pub async fn run(data_dir: Option<PathBuf>, until: CancellationToken) -> anyhow::Result<()> {
    let temporary = tempfile::tempdir()?;
    let folder = data_dir.unwrap_or_else(|| temporary.path().to_owned());
    let began = Instant::now();
    let stack = Stack::start(&config(&folder)?, true).await?;
    say(&format!(
        "postern is ready after {} ms at http://{}",
        began.elapsed().as_millis(),
        stack.addresses.edge
    ));
    let result = tokio::select! {
        biased;
        () = until.cancelled() => Err(anyhow!("stopped before all of it was shown")),
        shown = tokio::time::timeout(TIME_MAX, show(&stack)) => {
            shown.unwrap_or_else(|_elapsed| Err(anyhow!("not done after {} s", TIME_MAX.as_secs())))
        }
    };
    stack.stop().await?;
    result?;
    say(&format!(
        "all of it holds; {:.1} s",
        began.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// Free ports, so that it does not matter what else runs.
fn config(folder: &Path) -> anyhow::Result<Config> {
    let any = || Some("127.0.0.1:0".to_owned());
    Ok(Config::from_settings(Settings {
        edge_listen: any(),
        grpc_listen: any(),
        sqs_listen: any(),
        admin_listen: any(),
        data_dir: Some(
            folder
                .to_str()
                .context("the folder's name is no text")?
                .to_owned(),
        ),
        ..Settings::default()
    })?)
}

async fn show(stack: &Stack) -> anyhow::Result<()> {
    let imports = input::read()?;
    let before = rows(stack).await?;
    say(&format!(
        "\n{} contacts for {} accounts, half of the jobs over REST, half over gRPC:\n",
        input::contacts(&imports),
        imports.len()
    ));
    let first = round(stack, &imports).await?;
    let after = rows(stack).await?;
    say(&timeline::table(&first, &after));
    for import in &imports {
        let rows = after.get(&import.account).copied().unwrap_or_default();
        ensure!(
            rows == import.distinct,
            "account {} has {rows} rows instead of {}",
            import.account,
            import.distinct
        );
    }
    let (inserted, new) = (
        first.iter().map(|done| done.inserted).sum::<i64>(),
        total(&after) - total(&before),
    );
    // On a folder of an earlier run the jobs are its jobs, and their results say what was inserted then.
    ensure!(
        total(&before) > 0 || inserted == new,
        "the jobs say {inserted} rows, the databases have {new} more"
    );

    say("the same again, with the same idempotency keys:\n");
    let second = round(stack, &imports).await?;
    let ids = |round: &[Done]| round.iter().map(|done| done.job_id.clone()).collect::<Vec<_>>();
    ensure!(ids(&first) == ids(&second), "the second round made new jobs");
    ensure!(rows(stack).await? == after, "the second round added rows");
    say(&format!(
        "the same {} jobs, still {} rows: nothing was done twice\n",
        second.len(),
        total(&after)
    ));
    Ok(())
}

/// Submits every import and follows it to its end, all at once.
async fn round(stack: &Stack, imports: &[Import]) -> anyhow::Result<Vec<Done>> {
    let timeline = Timeline::new(input::contacts(imports));
    let rest = rest::Client::connect(stack.addresses.edge).await?;
    let grpc = grpc::Client::connect(stack.addresses.edge, rest.token()).await?;
    let jobs = imports.iter().enumerate().map(|(index, import)| {
        let (rest, grpc, timeline) = (&rest, grpc.clone(), &timeline);
        async move {
            let told = |seen: Seen| timeline.tell(import, &seen);
            let last = if index % 2 == 0 {
                rest.import(import, told).await?
            } else {
                grpc.import(import, told).await?
            };
            ensure!(
                last.state == "SUCCEEDED",
                "job {} of {} is {}",
                last.job_id,
                import.account,
                last.state
            );
            Ok(Done {
                account: import.account.clone(),
                job_id: last.job_id,
                inserted: last.inserted,
                skipped: last.skipped,
            })
        }
    });
    let done = try_join_all(jobs).await?;
    timeline.finish();
    Ok(done)
}

async fn rows(stack: &Stack) -> anyhow::Result<BTreeMap<String, u64>> {
    Ok(contacts_import::count(&stack.addresses.shards).await?)
}

fn total(rows: &BTreeMap<String, u64>) -> i64 {
    i64::try_from(rows.values().sum::<u64>()).unwrap_or(i64::MAX)
}
