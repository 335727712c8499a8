//! Finds the queues, or makes them. What is wrong with one for good is told at the start; that SQS does not answer is no reason not to start.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use futures::{StreamExt as _, stream};

use super::census::Census;
use super::client::connect;
use super::inbox::Inbox;
use super::place::Place;
use super::{DeadLetters, Error, Jobs, Results, sqs_error};
use crate::meters::Requests;

/// A message that was received this often goes to the dead letters.
const RECEIVES_MAX: u32 = 5;
const VISIBILITY_SECONDS: u32 = 30;
/// As long as SQS keeps messages, which jobs may wait for: four days are the default, and queue timeouts are longer.
const RETENTION_SECONDS: u32 = 14 * 24 * 60 * 60;
/// So long a start waits for SQS.
const START_WAIT: Duration = Duration::from_secs(5);
/// Queues that are asked for at once.
const FINDING_MAX: usize = 8;

/// Where the queues are.
#[derive(Debug, Clone)]
pub struct Config {
    /// The SQS endpoint; AWS when there is none.
    pub endpoint: Option<String>,
    /// Name or URL of the queue of tasks, but for those of job types that name another.
    pub jobs: String,
    /// Name or URL of the queue of outcomes.
    pub results: String,
}

/// The queues of a server.
#[derive(Debug, Clone)]
pub struct Queues {
    /// Tasks go out here.
    pub jobs: Jobs,
    /// Outcomes come in here.
    pub results: Results,
    /// Tasks that were received too often end here.
    pub dead_letters: DeadLetters,
    /// What lies in them.
    pub census: Census,
    /// What was asked of SQS.
    pub requests: Requests,
}

/// Finds the queues and reads their limits; `named` are those of job types, by name or URL. Where SQS does not answer, they are found once it
/// does.
///
/// # Errors
/// When a queue does not exist, may not be used, or is of a kind that cannot serve.
pub async fn open<'a>(config: &'a Config, named: impl IntoIterator<Item = &'a str>) -> Result<Queues, Error> {
    let requests = Requests::default();
    let client = connect(config.endpoint.as_deref(), &requests).await;
    let tasks: Result<Vec<_>, _> = names(config, named)
        .into_iter()
        .map(|queue| Place::new(client.clone(), queue))
        .collect();
    let (tasks, results) = (tasks?, Place::new(client, &config.results)?);
    let dead_letters = DeadLetters::new(tasks.clone());
    let census = Census::new(&config.jobs, &tasks, Some(&results));
    match tokio::time::timeout(START_WAIT, check(&tasks, &results, &dead_letters)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) if error.may_pass() => tracing::warn!(
            error = &error as &dyn std::error::Error,
            "sqs does not answer: jobs are taken in, and their tasks are sent once it does"
        ),
        Ok(Err(error)) => return Err(error),
        Err(_elapsed) => {
            tracing::warn!(
                "sqs does not answer in time: jobs are taken in, and their tasks are sent once it does"
            );
        }
    }
    Ok(Queues {
        jobs: Jobs::new(&config.jobs, tasks),
        results: Results::new(Inbox::new(results)),
        dead_letters,
        census,
        requests,
    })
}

/// Makes the queues, each with its dead-letter queue, where they are missing, as development and one-machine installs need them.
///
/// # Errors
/// When SQS does not answer, or refuses.
pub async fn create<'a>(config: &'a Config, named: impl IntoIterator<Item = &'a str>) -> Result<(), Error> {
    let client = connect(config.endpoint.as_deref(), &Requests::default()).await;
    let mut queues = names(config, named);
    queues.insert(&config.results);
    for queue in queues {
        match Place::new(client.clone(), queue)?.found().await {
            // Which queue a URL would become is not ours to say.
            Err(Error::Missing(name)) if !name.contains("://") => {
                create_with_dead_letters(&client, &name).await?;
            }
            found => drop(found?),
        }
    }
    Ok(())
}

/// The queues of tasks, each once.
pub(super) fn names<'a>(config: &'a Config, named: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
    named.into_iter().chain([config.jobs.as_str()]).collect()
}

/// Finds every queue. What is wrong for good with one comes before that SQS does not answer for another.
async fn check(tasks: &[Place], results: &Place, dead_letters: &DeadLetters) -> Result<(), Error> {
    let found: Vec<_> = stream::iter(tasks.iter().chain([results]))
        .map(Place::found)
        .buffered(FINDING_MAX)
        .collect()
        .await;
    let (lasting, passing): (Vec<_>, Vec<_>) = found
        .into_iter()
        .filter_map(Result::err)
        .partition(|error| !error.may_pass());
    if let Some(error) = lasting.into_iter().chain(passing).next() {
        return Err(error);
    }
    let outcomes = results.found().await?.identity();
    for place in tasks {
        if place.found().await?.identity() == outcomes {
            return Err(Error::Shared(place.name().to_owned()));
        }
    }
    dead_letters.queues().await.map(drop)
}

async fn create_with_dead_letters(client: &Client, name: &str) -> Result<(), Error> {
    let dead_letters = client
        .create_queue()
        .queue_name(format!("{name}-dlq"))
        .attributes(Attribute::MessageRetentionPeriod, RETENTION_SECONDS.to_string())
        .send()
        .await
        .map_err(sqs_error)?;
    let url = dead_letters.queue_url().unwrap_or_default();
    let redrive =
        serde_json::json!({"deadLetterTargetArn": arn(client, url).await?, "maxReceiveCount": RECEIVES_MAX});
    client
        .create_queue()
        .queue_name(name)
        .attributes(Attribute::VisibilityTimeout, VISIBILITY_SECONDS.to_string())
        .attributes(Attribute::MessageRetentionPeriod, RETENTION_SECONDS.to_string())
        .attributes(Attribute::RedrivePolicy, redrive.to_string())
        .send()
        .await
        .map_err(sqs_error)?;
    Ok(())
}

async fn arn(client: &Client, url: &str) -> Result<String, Error> {
    let reply = client
        .get_queue_attributes()
        .queue_url(url)
        .attribute_names(Attribute::QueueArn)
        .send()
        .await
        .map_err(sqs_error)?;
    let attributes = reply.attributes.unwrap_or_default();
    attributes
        .get(&Attribute::QueueArn)
        .cloned()
        .ok_or_else(|| Error::Attribute {
            queue: url.to_owned(),
            attribute: "QueueArn",
        })
}
