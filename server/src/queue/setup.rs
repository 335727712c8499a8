//! Finds the queues, or makes them, and reads what the server must know of them.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName as Attribute;

use super::client::connect;
use super::inbox::Inbox;
use super::{DeadLetters, Error, Jobs, Results, sqs_error};
use crate::meters::Requests;

/// A message that was received this often goes to the dead letters.
const RECEIVES_MAX: u32 = 5;
const VISIBILITY_SECONDS: u32 = 30;

/// Where the queues are.
#[derive(Debug, Clone)]
pub struct Config {
    /// The SQS endpoint; AWS when there is none.
    pub endpoint: Option<String>,
    /// Name or URL of the queue of tasks.
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
    /// Tasks that were received too often end here, where the queue of tasks has such a queue.
    pub dead_letters: Option<DeadLetters>,
    /// What was asked of SQS.
    pub requests: Requests,
}

/// Finds the queues and reads their limits.
///
/// # Errors
/// When SQS does not answer, a queue does not exist, or is of a kind that cannot serve.
pub async fn open(config: &Config) -> Result<Queues, Error> {
    let requests = Requests::default();
    let client = connect(config.endpoint.as_deref(), &requests).await;
    let jobs_url = find(&client, &config.jobs).await?;
    let results_url = find(&client, &config.results).await?;
    let message_bytes_max = attribute(
        &client,
        &jobs_url,
        &Attribute::MaximumMessageSize,
        "MaximumMessageSize",
    )
    .await?;
    let dead_letters = dead_letters(&client, &jobs_url).await?;
    Ok(Queues {
        dead_letters,
        jobs: Jobs::new(client.clone(), jobs_url, message_bytes_max),
        results: Results::new(client, results_url),
        requests,
    })
}

/// Makes both queues and their dead-letter queues where they are missing, as development and one-machine installs need them.
///
/// # Errors
/// When SQS does not answer, or refuses.
pub async fn create(config: &Config) -> Result<(), Error> {
    let client = connect(config.endpoint.as_deref(), &Requests::default()).await;
    for name in [&config.jobs, &config.results] {
        match find(&client, name).await {
            Err(Error::Missing(_)) => create_with_dead_letters(&client, name).await?,
            found => drop(found?),
        }
    }
    Ok(())
}

async fn create_with_dead_letters(client: &Client, name: &str) -> Result<(), Error> {
    let dead_letters = client
        .create_queue()
        .queue_name(format!("{name}-dlq"))
        .send()
        .await
        .map_err(sqs_error)?;
    let url = dead_letters.queue_url().unwrap_or_default();
    let arn: String = attribute(client, url, &Attribute::QueueArn, "QueueArn").await?;
    let redrive = serde_json::json!({"deadLetterTargetArn": arn, "maxReceiveCount": RECEIVES_MAX});
    client
        .create_queue()
        .queue_name(name)
        .attributes(Attribute::VisibilityTimeout, VISIBILITY_SECONDS.to_string())
        .attributes(Attribute::RedrivePolicy, redrive.to_string())
        .send()
        .await
        .map_err(sqs_error)?;
    Ok(())
}

/// Where the tasks of a queue end that were received too often. Without such a queue they are received for ever, and with one that cannot
/// be found nobody learns of them: their jobs then expire.
async fn dead_letters(client: &Client, jobs_url: &str) -> Result<Option<DeadLetters>, Error> {
    let Some(policy) = optional_attribute(client, jobs_url, &Attribute::RedrivePolicy).await? else {
        tracing::warn!(
            queue = jobs_url,
            "the queue of tasks has no dead-letter queue: a task that kills its consumers comes again until its job expires"
        );
        return Ok(None);
    };
    let Some((account, name)) = dead_letter_target(&policy) else {
        return Err(Error::Attribute {
            queue: jobs_url.to_owned(),
            attribute: "RedrivePolicy",
        });
    };
    match find_of(client, &name, Some(account)).await {
        Ok(url) => Ok(Some(DeadLetters::new(Inbox::new(client.clone(), url)))),
        Err(Error::Missing(queue)) => {
            tracing::warn!(
                queue,
                "the dead-letter queue of the queue of tasks does not exist"
            );
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Account and name of the queue that a redrive policy names by its ARN, `arn:aws:sqs:<region>:<account>:<name>`.
fn dead_letter_target(policy: &str) -> Option<(String, String)> {
    let policy: serde_json::Value = serde_json::from_str(policy).ok()?;
    let mut parts = policy.get("deadLetterTargetArn")?.as_str()?.rsplit(':');
    let (name, account) = (parts.next()?, parts.next()?);
    Some((account.to_owned(), name.to_owned()))
}

async fn find(client: &Client, queue: &str) -> Result<String, Error> {
    let name = queue.rsplit('/').next().unwrap_or(queue);
    if std::path::Path::new(name)
        .extension()
        .is_some_and(|extension| extension == "fifo")
    {
        return Err(Error::Fifo(queue.to_owned()));
    }
    if queue.contains("://") {
        return Ok(queue.to_owned());
    }
    find_of(client, queue, None).await
}

/// The queue of this name, of another account where one is given.
async fn find_of(client: &Client, queue: &str, account: Option<String>) -> Result<String, Error> {
    let found = client
        .get_queue_url()
        .queue_name(queue)
        .set_queue_owner_aws_account_id(account)
        .send()
        .await
        .map_err(|error| {
            let missing = error.as_service_error().is_some_and(
                aws_sdk_sqs::operation::get_queue_url::GetQueueUrlError::is_queue_does_not_exist,
            );
            if missing {
                Error::Missing(queue.to_owned())
            } else {
                sqs_error(error)
            }
        })?;
    found.queue_url.ok_or_else(|| Error::Missing(queue.to_owned()))
}

async fn attribute<T: std::str::FromStr>(
    client: &Client,
    url: &str,
    attribute: &Attribute,
    name: &'static str,
) -> Result<T, Error> {
    let value = optional_attribute(client, url, attribute).await?;
    value
        .and_then(|value| value.parse().ok())
        .ok_or_else(|| Error::Attribute {
            queue: url.to_owned(),
            attribute: name,
        })
}

async fn optional_attribute(
    client: &Client,
    url: &str,
    attribute: &Attribute,
) -> Result<Option<String>, Error> {
    let read = client
        .get_queue_attributes()
        .queue_url(url)
        .attribute_names(attribute.clone())
        .send()
        .await
        .map_err(sqs_error)?;
    Ok(read
        .attributes
        .and_then(|mut attributes| attributes.remove(attribute)))
}
