//! What lies in the queues and in their dead-letter queues, by SQS' own account, which is rough. Asks anew each time, but for where they are.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::place::Place;
use super::{Error, sqs_error};

/// Whoever looks at a queue that does not answer looks at others, too.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Reads how queues stand. Cheap to clone; by default there are none.
#[derive(Debug, Clone, Default)]
pub struct Census {
    queues: Arc<[Watched]>,
    /// Where tasks go that name no queue.
    usual: Arc<str>,
}

#[derive(Debug)]
struct Watched {
    role: Role,
    place: Place,
    /// Where messages end that were received too often, once it was found.
    dead: OnceCell<Place>,
}

/// What a queue is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Tasks go out there.
    Tasks,
    /// Outcomes come in there.
    Outcomes,
}

/// How a queue stands.
#[derive(Debug)]
pub struct Counted {
    /// Its name, without account and address.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// What could be read of it.
    pub depth: Result<Depth, Error>,
}

/// What lies in a queue, roughly, and how it is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Depth {
    /// Messages that somebody may receive.
    pub visible: i64,
    /// Messages that somebody has received, and not yet deleted.
    pub in_flight: i64,
    /// Messages that nobody may receive yet.
    pub delayed: i64,
    /// Where messages end that were received too often.
    pub dead: Option<Dead>,
    /// After so long a message that was received, and not deleted, comes again.
    pub visibility_timeout_seconds: i32,
    /// How large a message may be.
    pub message_bytes_max: i32,
    /// A message that nobody deletes is gone after so long.
    pub retention_seconds: i64,
}

/// What lies in a queue of dead letters, roughly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dead {
    /// Its name.
    pub queue: String,
    /// Whether somebody has received them or not.
    pub messages: i64,
    /// How often a message is received before it comes here.
    pub receives_max: i32,
    /// A message that nobody deletes is gone after so long, counted from its first sending.
    pub retention_seconds: i64,
}

impl Census {
    /// Of these queues; `usual` is the one of tasks that name none.
    pub(super) fn new(usual: &str, tasks: &[Place], results: Option<&Place>) -> Self {
        let watched = |role, place: &Place| Watched {
            role,
            place: place.clone(),
            dead: OnceCell::new(),
        };
        let tasks = tasks.iter().map(|place| watched(Role::Tasks, place));
        Self {
            queues: tasks
                .chain(results.map(|place| watched(Role::Outcomes, place)))
                .collect(),
            usual: usual.into(),
        }
    }

    /// How each queue stands now: those of tasks, then that of outcomes.
    pub async fn count(&self) -> Vec<Counted> {
        let counted = self.queues.iter().map(async |queue| Counted {
            name: short(queue.place.name()).to_owned(),
            role: queue.role,
            depth: match tokio::time::timeout(ANSWER_MAX, queue.depth()).await {
                Ok(depth) => depth,
                Err(_elapsed) => Err(Error::Sqs("no answer in time".to_owned())),
            },
        });
        futures::future::join_all(counted).await
    }

    /// The queue of tasks that name this one, or none, as [`Counted`] calls it.
    #[must_use]
    pub fn name<'a>(&'a self, queue: Option<&'a str>) -> &'a str {
        short(queue.unwrap_or(&self.usual))
    }
}

/// A name, or the end of a URL.
fn short(queue: &str) -> &str {
    queue.rsplit('/').next().unwrap_or(queue)
}

impl Watched {
    async fn depth(&self) -> Result<Depth, Error> {
        let read = attributes(&self.place).await?;
        Ok(Depth {
            visible: number(&read, &Attribute::ApproximateNumberOfMessages),
            in_flight: number(&read, &Attribute::ApproximateNumberOfMessagesNotVisible),
            delayed: number(&read, &Attribute::ApproximateNumberOfMessagesDelayed),
            dead: self.dead(&read).await?,
            visibility_timeout_seconds: number(&read, &Attribute::VisibilityTimeout),
            message_bytes_max: number(&read, &Attribute::MaximumMessageSize),
            retention_seconds: number(&read, &Attribute::MessageRetentionPeriod),
        })
    }

    /// None where there is no such queue, be it that one is named.
    async fn dead(&self, attributes_of_queue: &HashMap<Attribute, String>) -> Result<Option<Dead>, Error> {
        let Some(arn) = &self.place.found().await?.dead_letters else {
            return Ok(None);
        };
        let found = Place::of(self.place.client().clone(), arn);
        let place = match self.dead.get_or_try_init(|| found).await {
            Ok(place) => place,
            Err(Error::Missing(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let read = attributes(place).await?;
        let messages = [
            Attribute::ApproximateNumberOfMessages,
            Attribute::ApproximateNumberOfMessagesNotVisible,
            Attribute::ApproximateNumberOfMessagesDelayed,
        ];
        let policy = attributes_of_queue.get(&Attribute::RedrivePolicy);
        Ok(Some(Dead {
            queue: place.name().to_owned(),
            messages: messages.iter().map(|count| number::<i64>(&read, count)).sum(),
            receives_max: policy.map_or(0, |policy| receives_max(policy)),
            retention_seconds: number(&read, &Attribute::MessageRetentionPeriod),
        }))
    }
}

async fn attributes(place: &Place) -> Result<HashMap<Attribute, String>, Error> {
    let asked = place
        .client()
        .get_queue_attributes()
        .queue_url(place.url().await?)
        .attribute_names(Attribute::All);
    let reply = asked.send().await.map_err(sqs_error)?;
    Ok(reply.attributes.unwrap_or_default())
}

/// Zero where the queue does not tell: not every server knows all attributes.
fn number<T: FromStr + Default>(attributes: &HashMap<Attribute, String>, name: &Attribute) -> T {
    let value = attributes.get(name).and_then(|value| value.parse().ok());
    value.unwrap_or_default()
}

/// A number, or, as some servers have it, a text.
fn receives_max(policy: &str) -> i32 {
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    let value = &policy["maxReceiveCount"];
    let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
    number
        .and_then(|number| i32::try_from(number).ok())
        .unwrap_or_default()
}
