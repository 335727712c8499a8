//! The dead letters of the queues of tasks: messages that were received too often without being deleted.
//!
//! A queue of dead letters may be shared, and anybody may put anything into it: what is no task of ours is told apart here, as far as its
//! body shows.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::OnceCell;

use super::Error;
use super::body::{Members, Unreadable, object};
use super::inbox::{Inbox, Received};
use super::place::{Arn, Place};
use super::subject::Subject;

const WAIT: Duration = Duration::from_secs(20);

/// The queues of dead tasks, of all queues of tasks that have one. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    tasks: Vec<Place>,
    found: Arc<OnceCell<Vec<DeadLetterQueue>>>,
}

/// A queue of dead tasks. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DeadLetterQueue(Inbox);

impl DeadLetters {
    pub(super) fn new(tasks: Vec<Place>) -> Self {
        Self {
            tasks,
            found: Arc::default(),
        }
    }

    /// Each queue once, however many queues of tasks share it.
    ///
    /// # Errors
    /// When SQS does not answer, or one of the queues of tasks cannot be found.
    pub async fn queues(&self) -> Result<&[DeadLetterQueue], Error> {
        let found = self.found.get_or_try_init(|| self.find());
        Ok(found.await?.as_slice())
    }

    /// Without such a queue tasks are received for ever, and with one that cannot be found nobody learns of them: their jobs then expire.
    async fn find(&self) -> Result<Vec<DeadLetterQueue>, Error> {
        let (mut queues, mut seen): (_, Vec<&Arn>) = (Vec::new(), Vec::new());
        for tasks in &self.tasks {
            let Some(arn) = &tasks.found().await?.dead_letters else {
                tracing::warn!(
                    queue = tasks.name(),
                    "a queue of tasks has no dead-letter queue: a task that kills its consumers comes again until its job expires"
                );
                continue;
            };
            if seen.contains(&arn) {
                continue;
            }
            seen.push(arn);
            match Place::of(tasks.client().clone(), arn).await {
                Ok(place) => queues.push(DeadLetterQueue(Inbox::new(place))),
                Err(Error::Missing(queue)) => {
                    tracing::warn!(queue, "the dead-letter queue of a queue of tasks does not exist")
                }
                Err(error) => return Err(error),
            }
        }
        Ok(queues)
    }
}

impl DeadLetterQueue {
    /// At most ten messages; waits up to 20 s for the first.
    ///
    /// # Errors
    /// When SQS does not answer.
    pub async fn receive(&self) -> Result<Vec<Received>, Error> {
        self.0.receive(WAIT).await
    }

    /// Deletes messages. Those that SQS keeps come again: it returns how many.
    ///
    /// # Errors
    /// When SQS does not answer.
    pub async fn delete(&self, receipts: &[String]) -> Result<usize, Error> {
        self.0.delete(receipts).await
    }
}

/// The task that the body of a dead letter is. Whether it is authentic, its token says.
///
/// # Errors
/// When it cannot be a task.
pub fn read_dead_letter(body: &str) -> Result<Subject, Unreadable> {
    let object = object(body)?;
    let members = Members(&object);
    // Outcomes carry the same token, and may end in the same queue.
    if members.get("event").is_some_and(Value::is_string) {
        return Err(Unreadable::NoTask);
    }
    Subject::of(&members)
}
