//! A queue by its name or URL, and what SQS tells of it: asked once, when it is first needed, so that a server can start while SQS is away.

use std::path::Path;
use std::sync::Arc;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use tokio::sync::OnceCell;

use super::{Error, queue_error};

/// Where a queue is. Cheap to clone: what one clone finds, all know.
#[derive(Debug, Clone)]
pub(super) struct Place {
    client: Client,
    name: Arc<str>,
    found: Arc<OnceCell<Found>>,
}

/// What SQS tells of a queue.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) url: String,
    /// Where SQS tells.
    arn: Option<String>,
    /// How large a message may be, where SQS tells.
    pub(super) message_bytes_max: Option<usize>,
    /// Where its messages go that were received too often.
    pub(super) dead_letters: Option<Arn>,
}

/// The ARN of a queue, `arn:aws:sqs:<region>:<account>:<name>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Arn {
    text: String,
    account: String,
    name: String,
}

impl Place {
    /// The queue of this name or URL, which nobody has asked for yet.
    pub(super) fn new(client: Client, queue: &str) -> Result<Self, Error> {
        let extension = Path::new(queue).extension();
        if extension.is_some_and(|extension| extension == "fifo") {
            return Err(Error::Fifo(queue.to_owned()));
        }
        Ok(Self {
            client,
            name: queue.into(),
            found: Arc::default(),
        })
    }

    /// The name or URL that it was given.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// For what is asked of the queue.
    pub(super) const fn client(&self) -> &Client {
        &self.client
    }

    /// The URL of the queue.
    pub(super) async fn url(&self) -> Result<&str, Error> {
        Ok(&self.found().await?.url)
    }

    /// What SQS tells, if it was asked before.
    pub(super) fn known(&self) -> Option<&Found> {
        self.found.get()
    }

    /// What SQS tells.
    pub(super) async fn found(&self) -> Result<&Found, Error> {
        self.found.get_or_try_init(|| self.find()).await
    }

    async fn find(&self) -> Result<Found, Error> {
        let url = match self.name.contains("://") {
            true => self.name.to_string(),
            false => find(&self.client, &self.name, None).await?,
        };
        let reply = self
            .client
            .get_queue_attributes()
            .queue_url(&url)
            .attribute_names(Attribute::QueueArn)
            .attribute_names(Attribute::MaximumMessageSize)
            .attribute_names(Attribute::RedrivePolicy)
            .send()
            .await
            .map_err(|error| queue_error(&self.name, error))?;
        let mut attributes = reply.attributes.unwrap_or_default();
        let policy = attributes.remove(&Attribute::RedrivePolicy);
        let dead_letters = policy.map(|policy| {
            target(&policy).ok_or_else(|| Error::Attribute {
                queue: self.name.to_string(),
                attribute: "RedrivePolicy",
            })
        });
        let bytes_max = attributes.remove(&Attribute::MaximumMessageSize);
        Ok(Found {
            url,
            arn: attributes.remove(&Attribute::QueueArn),
            message_bytes_max: bytes_max.and_then(|bytes| bytes.parse().ok()),
            dead_letters: dead_letters.transpose()?,
        })
    }

    /// The queue that an ARN names.
    pub(super) async fn of(client: Client, arn: &Arn) -> Result<Self, Error> {
        let url = find(&client, &arn.name, Some(arn.account.clone())).await?;
        let found = Found {
            url,
            arn: Some(arn.text.clone()),
            message_bytes_max: None,
            dead_letters: None,
        };
        Ok(Self {
            client,
            name: arn.name.as_str().into(),
            found: Arc::new(OnceCell::new_with(Some(found))),
        })
    }
}

impl Found {
    /// What a queue has for itself: names and URLs of one may differ.
    pub(super) fn identity(&self) -> &str {
        self.arn.as_ref().unwrap_or(&self.url)
    }
}

/// The URL of the queue of this name, of another account where one is given.
async fn find(client: &Client, name: &str, account: Option<String>) -> Result<String, Error> {
    let reply = client
        .get_queue_url()
        .queue_name(name)
        .set_queue_owner_aws_account_id(account)
        .send()
        .await
        .map_err(|error| queue_error(name, error))?;
    reply.queue_url.ok_or_else(|| Error::Missing(name.to_owned()))
}

/// The queue that a redrive policy names.
fn target(policy: &str) -> Option<Arn> {
    let policy: serde_json::Value = serde_json::from_str(policy).ok()?;
    let text = policy.get("deadLetterTargetArn")?.as_str()?;
    let mut parts = text.rsplit(':');
    let (name, account) = (parts.next()?, parts.next()?);
    Some(Arn {
        text: text.to_owned(),
        account: account.to_owned(),
        name: name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redrive_policy_names_a_queue_by_its_arn() {
        let policy =
            r#"{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:000000000000:dead","maxReceiveCount":5}"#;
        let arn = target(policy).unwrap();
        assert_eq!(
            (arn.account.as_str(), arn.name.as_str()),
            ("000000000000", "dead")
        );
        for none in ["", "{}", r#"{"deadLetterTargetArn":"dead"}"#, "[]"] {
            assert_eq!(target(none), None, "{none}");
        }
    }
}
